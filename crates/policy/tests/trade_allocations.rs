//! The usual path of a trade allocates nothing.
//!
//! The only test of this binary: another one beside it would be counted too.

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use warden_domain::{
    Facts, Gate, Magic, OrderKind, Points, Price, Side, Span, Ticket, Timestamp, TradeState,
};
use warden_policy::{
    Params,
    trade::{
        AccountMode, Filling, FillingModes, Findings, Goal, Inbox, Intent, Opening, PositionSeen, Protection,
        Quote, Reply, Session, SnapshotId, SymbolRules, Trade, TradeContext, TradeEffects, TradeEvent,
        TradeMode, step,
    },
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn surroundings() -> TradeContext {
    let one = Price::from_units(100_000_000);
    let volume = |text: &str| text.parse().expect("a volume");
    TradeContext {
        gate: Gate::Open,
        connected: true,
        session: Session::Open,
        lane_free: true,
        symbol: Some(SymbolRules {
            point: Price::from_units(1_000),
            tick: Price::from_units(1_000),
            volume_step: volume("0.01"),
            volume_min: volume("0.01"),
            volume_max: volume("50"),
            stops_level: Points(0),
            freeze_level: Points(0),
            filling: FillingModes::of(&[Filling::FillOrKill]),
            trade_mode: TradeMode::Full,
            slippage: None,
        }),
        quote: Some(Quote { bid: one, ask: one }),
        mode: AccountMode::Hedging,
        ..TradeContext::default()
    }
}

#[test]
fn the_usual_path_of_a_trade_allocates_nothing() {
    let (params, ctx) = (Params::default(), surroundings());
    let (volume, price) = ("0.10".parse().expect("a volume"), Price::from_units(100_000_000));
    let opening = Opening {
        side: Side::Buy,
        kind: OrderKind::Market,
        volume,
        price: None,
        trigger: None,
        protection: Protection::default(),
    };
    let order = Ticket::of(100);
    let facts = Facts { retcode: Some(10_009), ticket: true, ..Facts::default() };
    let reply = Reply { facts, order, deal: order, volume, price };
    let ticket = order.expect("not zero");
    let position = PositionSeen { ticket, side: Side::Buy, volume, protection: Protection::default() };
    let mut now = Timestamp::from_millis(1_700_000_000_000);
    let mut fx = TradeEffects::default();
    let region = Region::new(ALLOCATOR);
    for counter in 0..100 {
        let magic = Magic::new(1, counter).expect("a tag");
        let mut trade = Trade::new(Intent::new(magic, Goal::Open(opening), now, None, &params));
        let _ = step(&mut trade, &TradeEvent::Tick, now, &ctx, &params, &mut fx);
        let _ = step(&mut trade, &TradeEvent::Lost, now, &ctx, &params, &mut fx);
        let attempt = trade.attempt();
        let _ = step(&mut trade, &TradeEvent::Replied { attempt, reply }, now, &ctx, &params, &mut fx);
        now = now.after(Span::from_secs(2));
        let _ = step(&mut trade, &TradeEvent::Tick, now, &ctx, &params, &mut fx);
        let found = Findings {
            snapshot: Some(SnapshotId(now)),
            attempt,
            inbox: Inbox::Unseen,
            queue_empty: true,
            orders: 1,
            order: None,
            extra_order: None,
            filled: volume,
            price,
            closed: volume,
            position: (counter % 2 == 0).then_some(position),
            extra_position: None,
            untagged: false,
            lookalike: None,
        };
        let _ = step(&mut trade, &TradeEvent::Found(found), now, &ctx, &params, &mut fx);
        assert!(matches!(trade.state(), TradeState::Filled | TradeState::Closed));
    }
    let used = region.change();
    assert_eq!((used.allocations, used.reallocations), (0, 0), "{used:?}");
    let made = std::hint::black_box(vec![0_u8; 16]);
    assert_eq!(region.change().allocations, 1, "the allocator counts, {}", made.len());
}
