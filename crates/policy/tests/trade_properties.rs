//! Every event in every state of a trade, long random lives of one, and what must hold after every step.

mod trade_numbers;
mod trade_world;

use std::collections::{BTreeMap, BTreeSet};

use trade_world::{Budget, Ending, Move, World, closing, opening, small};
use warden_domain::{Facts, Lots, Span, Ticket, TradeState};
use warden_policy::{
    Params, Stepped,
    trade::{
        Attempt, Decision, Findings, Inbox, Lookalike, PositionSeen, Protection, Reply, SnapshotId, Trade,
        TradeEffect, TradeEffects, TradeEvent, TradePhase, decode_trade, decode_trade_step, encode_trade,
        encode_trade_step, step,
    },
};

/// SplitMix64: the same seed makes the same life.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((bits ^ (bits >> 31)) % sides as u64).expect("fewer than its sides")
    }
}

fn life(seed: u64, params: &Params) -> World {
    let goal = if seed.is_multiple_of(3) { closing() } else { opening() };
    let budget = Budget { losses: 4, repeats: 3, gateway: 2, supervisor: 3, odd_endings: 4 };
    let valid_for = Span::from_secs(if seed.is_multiple_of(2) { 600 } else { 60 });
    let mut world = World::new(goal, budget, params);
    world.set_valid_for(valid_for);
    world
}

/// What may happen next. Every fourth adversary kills the gateway as soon as it has begun an order, and half of them are
/// patient: what a dead gateway had started reaches the broker only once the trade believes that it did not.
fn moves(world: &World, seed: u64) -> Vec<Move> {
    let mut moves = world.moves();
    let believed = world.sends > 1 || world.trade.end().is_some();
    if seed % 4 > 1 && !believed {
        moves.retain(|what| !matches!(what, Move::Linger(_)));
    }
    if seed % 4 == 3 && world.budget.gateway > 0 {
        if world.is_in_progress() {
            return vec![Move::GatewayDies];
        }
        moves.retain(|what| *what != Move::GatewayDies);
    }
    moves
}

/// Whether the worst that a dead gateway can do makes a machine with these parameters execute its intent twice: it had
/// begun the order, nothing is seen of it, and it reaches the broker as soon as the trade was sent again.
fn is_caught(params: &Params) -> bool {
    let mut world = life(1, params);
    world.set_valid_for(Span::from_secs(600));
    world.lingers = Params::default().unknown.window;
    let _ = world.give(&TradeEvent::Tick, params);
    for what in [Move::Leave, Move::Arrive(0), Move::GatewayDies, Move::GatewayReturns] {
        world.make(what, params);
    }
    for _ in 0..100 {
        let moves = world.moves();
        let linger = moves.iter().find(|what| matches!(what, Move::Linger(_)));
        let kinds: [fn(&Move) -> bool; 6] = [
            |what| matches!(what, Move::Leave),
            |what| matches!(what, Move::Arrive(_)),
            |what| matches!(what, Move::End(_, Ending::Done)),
            |what| matches!(what, Move::Hear(_)),
            |what| matches!(what, Move::Look),
            |what| matches!(what, Move::Deadline),
        ];
        let next = kinds.iter().find_map(|kind| moves.iter().find(|what| kind(what)));
        match (linger, next) {
            (Some(linger), _) if world.sends > 1 => world.make(*linger, params),
            (_, Some(next)) => world.make(*next, params),
            (_, None) => break,
        }
        if !world.is_executed_once() {
            return true;
        }
    }
    false
}

#[test]
fn trd_7_only_the_whole_proof_keeps_a_dead_gateway_from_executing_twice() {
    assert!(!is_caught(&Params::default()), "the defaults are sound");
    let mut hasty = Params::default();
    hasty.unknown.window = Span::ZERO;
    hasty.unknown.probes = 1;
    assert!(is_caught(&hasty), "one look right away proves nothing, and that is seen");
    let mut impatient = Params::default();
    impatient.unknown.window = Span::from_secs(5);
    assert!(is_caught(&impatient), "what a dead gateway had begun comes later than that, and that is seen");
}

#[test]
fn trd_7_no_life_executes_an_intent_twice_and_every_one_is_proven_after_the_faults() {
    let mut states = BTreeMap::new();
    for seed in 0..4_000 {
        let params = if seed % 5 == 0 { small() } else { Params::default() };
        let (mut world, mut dice) = (life(seed, &params), Dice(seed));
        let mut log = Vec::new();
        for _ in 0..60 {
            let moves = moves(&world, seed);
            if moves.is_empty() {
                break;
            }
            let what = moves[dice.roll(moves.len())];
            log.push(what);
            world.make(what, &params);
            assert!(world.is_executed_once(), "seed {seed}: {log:#?}\n{world:#?}");
            *states.entry(world.trade.state()).or_insert(0_u32) += 1;
        }
        match world.heals(&params) {
            Ok(healed) => assert!(healed.is_executed_once(), "seed {seed}: {log:#?}\n{healed:#?}"),
            Err(stuck) => panic!("seed {seed} is not proven: {log:#?}\n{stuck:#?}"),
        }
    }
    let met = |state| states.get(&state).copied().unwrap_or(0) > 100;
    for state in [TradeState::Submitting, TradeState::Unknown, TradeState::Pending, TradeState::Filled] {
        assert!(met(state), "{state} is hardly met: {states:?}");
    }
    for state in [TradeState::PartiallyFilled, TradeState::Cancelling, TradeState::Failed, TradeState::Closed]
    {
        assert!(met(state), "{state} is hardly met: {states:?}");
    }
}

/// Answers, looks and wishes of every kind, with tickets and volumes that may or may not fit.
fn every(trade: &Trade, now: SnapshotId) -> Vec<TradeEvent> {
    let lots = |text: &str| text.parse::<Lots>().expect("a volume");
    let ticket = |number| Ticket::of(number);
    let price = "1.1".parse().expect("a price");
    let mut events = vec![
        TradeEvent::Tick,
        TradeEvent::Resume,
        TradeEvent::Lost,
        TradeEvent::Repeated,
        TradeEvent::Withdraw,
        TradeEvent::Revoke,
        TradeEvent::Reduced { volume: "0.05".parse().expect("lots") },
        TradeEvent::Decide(Decision::Ours),
        TradeEvent::Decide(Decision::NotOurs),
        TradeEvent::Wanted(Protection { stop_loss: Some(price), take_profit: None }),
    ];
    let attempts = [trade.attempt(), Attempt(trade.attempt().0.saturating_sub(1))];
    events.extend(attempts.map(|attempt| TradeEvent::NotSent { attempt }));
    let codes = warden_domain::retcode::RETCODES.iter().map(|entry| entry.number).chain([12_345]);
    for (at, code) in codes.enumerate() {
        let attempt = attempts[usize::from(at % 7 == 6)];
        for volume in [Lots::ZERO, lots("0.04"), lots("0.10")] {
            let order = if volume > Lots::ZERO { ticket(100) } else { None };
            let facts = Facts { retcode: Some(code), ticket: order.is_some(), ..Facts::default() };
            let reply = Reply { facts, order, deal: order, volume, price };
            events.push(TradeEvent::Replied { attempt, reply });
        }
    }
    for code in [-1, -2, -4, -6, -8, -10_004, -10_005, 1, 99] {
        let facts = Facts { last_error: Some(code), ..Facts::default() };
        let reply = Reply { facts, ..Reply::default() };
        events.push(TradeEvent::Replied { attempt: trade.attempt(), reply });
    }
    let nothing = Findings {
        snapshot: Some(now),
        attempt: trade.attempt(),
        inbox: Inbox::Unseen,
        queue_empty: true,
        orders: 0,
        order: None,
        extra_order: None,
        filled: Lots::ZERO,
        price,
        closed: Lots::ZERO,
        position: None,
        extra_position: None,
        untagged: false,
        lookalike: None,
    };
    let seen = |number, volume| PositionSeen {
        ticket: Ticket::of(number).expect("not zero"),
        side: warden_domain::Side::Buy,
        volume: lots(volume),
        protection: Protection::default(),
    };
    let lookalike = Lookalike { ticket: seen(9, "1").ticket, filled: lots("0.10"), price };
    let filled = Findings { orders: 1, filled: lots("0.10"), position: Some(seen(100, "0.10")), ..nothing };
    events.extend(
        [
            nothing,
            filled,
            Findings { snapshot: None, ..nothing },
            Findings { inbox: Inbox::InProgress, ..nothing },
            Findings { inbox: Inbox::NotStarted, ..nothing },
            Findings { inbox: Inbox::Interrupted, queue_empty: false, ..nothing },
            Findings { inbox: Inbox::Answered(Reply::default()), ..nothing },
            Findings { orders: 1, filled: lots("0.04"), position: Some(seen(100, "0.04")), ..nothing },
            Findings { orders: 255, filled: lots("9"), extra_position: Some(seen(101, "8.9")), ..filled },
            Findings { extra_order: ticket(101), ..filled },
            Findings { closed: lots("0.10"), position: None, ..filled },
            Findings { lookalike: Some(lookalike), ..nothing },
        ]
        .map(TradeEvent::Found),
    );
    events
}

#[test]
fn every_event_in_every_state_is_answered() {
    let mut tried: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut most = 0;
    for seed in 0..60 {
        let params = if seed % 2 == 0 { small() } else { Params::default() };
        let (mut world, mut dice) = (life(seed, &params), Dice(seed.wrapping_mul(31)));
        if seed % 2 == 1 {
            let _ = world.give(&TradeEvent::Tick, &params);
            let (part, code) = if seed % 4 == 1 { ("0.04", 10_010) } else { ("0.10", 10_009) };
            let part = part.parse().expect("a volume");
            let facts = Facts { retcode: Some(code), ticket: true, ..Facts::default() };
            let (order, price) = (Ticket::of(100), "1".parse().expect("a price"));
            let reply = Reply { facts, order, deal: order, volume: part, price };
            let _ = world.give(&TradeEvent::Replied { attempt: Attempt(1), reply }, &params);
        }
        for _ in 0..25 {
            let events = every(&world.trade, SnapshotId(world.now.after(Span::from_millis(1))));
            for event in &events {
                let mut aside = world.clone();
                let (before, context) = (aside.trade, aside.context());
                let mut fx = TradeEffects::default();
                let stepped = step(&mut aside.trade, event, aside.now, &context, &params, &mut fx);
                most = most.max(fx.list().len());
                check(&before, event, stepped, &aside.trade, &fx);
                tried.entry(before.state().as_str()).or_default().insert(event.kind());
            }
            // Sometimes what happens is anything at all, whether it fits or not.
            let moves = world.moves();
            if dice.roll(4) == 0 || moves.is_empty() {
                let event = events[dice.roll(events.len())];
                let (context, mut fx) = (world.context(), TradeEffects::default());
                let _ = step(&mut world.trade, &event, world.now, &context, &params, &mut fx);
            } else {
                let what: Move = moves[dice.roll(moves.len())];
                world.judged = false;
                world.make(what, &params);
            }
        }
    }
    for state in [
        "NEW",
        "SUBMITTING",
        "UNKNOWN",
        "PENDING",
        "PARTIALLY_FILLED",
        "FILLED",
        "CANCELLING",
        "FAILED",
        "REJECTED",
        "CLOSED",
    ] {
        let kinds = tried.get(state).map_or(0, BTreeSet::len);
        assert_eq!(kinds, 12, "{state} met {kinds} of 12 kinds of event");
    }
    assert!(most <= 8, "{most} effects in one step");
}

/// What holds after every step, whatever came.
fn check(before: &Trade, event: &TradeEvent, stepped: Stepped, after: &Trade, fx: &TradeEffects) {
    let seen = || format!("{event:?}\nbefore {before:#?}\nafter {after:#?}\n{fx:#?}");
    let same = before == after && fx.list().is_empty();
    assert_eq!(stepped == Stepped::Unchanged, same, "{}", seen());
    let sends = fx.list().iter().filter(|(_, effect)| matches!(effect, TradeEffect::Send(_))).count();
    let sending = matches!(after.phase(), TradePhase::Sending(_)) && after.attempt() != before.attempt();
    assert_eq!(
        sends,
        usize::from(sending),
        "a send is the effect of the step that made it durable: {}",
        seen()
    );
    if before.end().is_some() {
        assert_eq!((before.state(), before.end()), (after.state(), after.end()), "{}", seen());
        assert_eq!(sends, 0, "{}", seen());
    }
    assert!(after.end().is_none() || after.next_deadline().is_none(), "{}", seen());
    assert!(!matches!(after.phase(), TradePhase::Ended(state, _) if !state.is_terminal()), "{}", seen());
    stored_form(event, after, fx, &seen);
}

fn stored_form(event: &TradeEvent, after: &Trade, fx: &TradeEffects, seen: &dyn Fn() -> String) {
    let mut bytes = Vec::new();
    encode_trade(after, &mut bytes);
    assert_eq!(decode_trade(&bytes).as_ref(), Ok(after), "{}", seen());
    bytes.clear();
    encode_trade_step(event, fx, after, &mut bytes);
    let read = decode_trade_step(&bytes).expect("what was written can be read");
    assert_eq!((read.event, &read.effects, read.trade), (*event, fx, *after), "{}", seen());
}

#[test]
fn a_spurious_tick_is_a_no_op_and_a_tick_storm_comes_to_rest() {
    for seed in 0..1_000 {
        let params = Params::default();
        let (mut world, mut dice) = (life(seed, &params), Dice(seed.wrapping_mul(77)));
        for _ in 0..40 {
            let moves = world.moves();
            if moves.is_empty() {
                break;
            }
            world.make(moves[dice.roll(moves.len())], &params);
            let mut aside = world.clone();
            let mut more = 0;
            while aside.give(&TradeEvent::Tick, &params) == Stepped::Changed {
                more += 1;
                assert!(more < 6, "does not come to rest: {:#?}", world.trade);
            }
            assert!(
                aside.trade.next_deadline().is_none_or(|at| at > aside.now),
                "a deadline that does nothing: {:#?}",
                aside.trade
            );
        }
    }
}

#[test]
fn a_trade_is_small() {
    assert!(size_of::<Trade>() <= 768, "{} bytes", size_of::<Trade>());
}
