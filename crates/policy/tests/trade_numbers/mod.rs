//! The numbers of the trade rules, for any parameters: how often, after how long, and never sooner.

use crate::trade_world::{Budget, World, opening};
use proptest::prelude::*;
use warden_domain::{Facts, Span, TradeState};
use warden_policy::{
    Params, Stepped,
    params::{Value, Waits},
    trade::{End, Reply, TradeEvent, TradePhase},
};

const NONE: Budget = Budget { losses: 0, repeats: 0, gateway: 0, supervisor: 0, odd_endings: 0 };

/// A trade whose order is on its way, valid for a day.
fn sent(params: &Params) -> World {
    let mut world = World::new(opening(), NONE, params);
    world.set_valid_for(Span::from_secs(86_400));
    let _ = world.give(&TradeEvent::Tick, params);
    assert_eq!(world.trade.state(), TradeState::Submitting);
    world
}

fn reply(world: &World, retcode: u32) -> TradeEvent {
    let facts = Facts { retcode: Some(retcode), ..Facts::default() };
    TradeEvent::Replied { attempt: world.trade.attempt(), reply: Reply { facts, ..Reply::default() } }
}

/// A look that finds nothing, after so long.
fn look(world: &mut World, after: Span, params: &Params) -> Stepped {
    world.now = world.now.after(after);
    let findings = world.findings();
    world.give(&TradeEvent::Found(findings), params)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_proof_takes_as_many_looks_and_as_long_as_configured(
        probes in 2_u8..8,
        window in 1_000_u64..200_000,
        apart in 1_u64..60_000,
    ) {
        let mut params = Params::default();
        params.unknown.probes = probes;
        params.unknown.window = Span::from_millis(window);
        let mut world = sent(&params);
        let lost = reply(&world, 10_012);
        let _ = world.give(&lost, &params);
        // The first look that counts begins when the order can no longer be started.
        let _ = look(&mut world, params.signal.start_within, &params);
        let mut looks = 1_u64;
        while world.trade.state() == TradeState::Unknown {
            looks += 1;
            let _ = look(&mut world, Span::from_millis(apart), &params);
        }
        let needed = window.div_ceil(apart).max(u64::from(probes) - 1) + 1;
        prop_assert_eq!(looks, needed);
        prop_assert_eq!(world.sends, 1, "nothing is sent again in the step of the proof");
    }

    #[test]
    fn net_1_and_trd_6_retries_are_as_many_and_as_far_apart_as_configured(
        attempts in 1_u8..7,
        waits in prop::collection::vec(1_u64..200_000, 1..=8),
    ) {
        let mut params = Params::default();
        let texts: Vec<String> = waits.iter().map(|millis| format!("{millis}ms")).collect();
        let items: Vec<Value<'_>> = texts.iter().map(|text| Value::Text(text)).collect();
        params.set("trade.pending.waits", &Value::List(&items)).expect("a list of spans");
        params.pending.attempts = attempts;
        let mut world = sent(&params);
        for retry in 1..=attempts {
            let not_sent = TradeEvent::NotSent { attempt: world.trade.attempt() };
            let _ = world.give(&not_sent, &params);
            let due = world.trade.next_deadline().expect("it is tried again");
            prop_assert_eq!(due.since(world.now), params.pending.waits.after(retry));
            world.now = due;
            let _ = world.give(&TradeEvent::Tick, &params);
            let _ = look(&mut world, Span::from_millis(1), &params);
            prop_assert_eq!(world.sends, retry + 1);
        }
        let not_sent = TradeEvent::NotSent { attempt: world.trade.attempt() };
        let _ = world.give(&not_sent, &params);
        prop_assert_eq!(world.trade.end(), Some(End::NeverSent));
    }

    #[test]
    fn trd_9_fresh_prices_are_as_many_as_configured(requotes in 1_u8..20) {
        let mut params = Params::default();
        params.retry.requotes = requotes;
        let mut world = sent(&params);
        for count in 1..=requotes {
            world.judged = false;
            let again = reply(&world, 10_004);
            let _ = world.give(&again, &params);
            prop_assert_eq!(world.sends, count + 1);
        }
        let again = reply(&world, 10_004);
        let _ = world.give(&again, &params);
        prop_assert_eq!(world.trade.end(), Some(End::Refused(10_004)));
    }

    #[test]
    fn trd_3_and_trd_7_an_order_is_verified_in_time_and_a_late_one_is_never_sent(
        within in 1_u64..100_000,
        valid_for in 1_u64..100_000,
    ) {
        let mut params = Params::default();
        params.timeout.execute_within = Span::from_millis(within);
        params.unknown.waits = Waits::secs(&[1]);
        let mut world = sent(&params);
        prop_assert_eq!(world.trade.next_deadline().map(|at| at.since(world.now)), Some(Span::from_millis(within)));
        world.now = world.now.after(Span::from_millis(within));
        let _ = world.give(&TradeEvent::Tick, &params);
        prop_assert_eq!(world.trade.state(), TradeState::Unknown);

        let mut late = World::new(opening(), NONE, &params);
        late.set_valid_for(Span::from_millis(valid_for));
        late.now = late.now.after(Span::from_millis(valid_for));
        let _ = late.give(&TradeEvent::Tick, &params);
        prop_assert_eq!(late.sends, 0);
        prop_assert!(matches!(late.trade.phase(), TradePhase::Ended(TradeState::Failed, End::Expired)));
    }

    #[test]
    fn trd_2_the_slips_in_a_row_that_stop_are_as_many_as_configured(stop_after in 1_u8..10) {
        let mut params = Params::default();
        params.slippage.stop_after = stop_after;
        let mut tally = warden_policy::trade::Tally::default();
        for count in 1..=stop_after {
            let mut world = World::new(opening(), NONE, &params);
            world.tally = tally;
            let _ = world.give(&TradeEvent::Tick, &params);
            let attempt = world.trade.attempt();
            let order = warden_domain::Ticket::of(100);
            let facts = Facts { retcode: Some(10_009), ticket: true, ..Facts::default() };
            let (volume, price) = ("0.10".parse().expect("a volume"), "1.5".parse().expect("a price"));
            let reply = Reply { facts, order, deal: order, volume, price };
            world.judged = false;
            let _ = world.give(&TradeEvent::Replied { attempt, reply }, &params);
            tally = world.tally;
            prop_assert_eq!(tally.slippages, count);
            let stopped = world.gate != warden_domain::Gate::Open;
            prop_assert_eq!(stopped, count == stop_after);
        }
    }
}
