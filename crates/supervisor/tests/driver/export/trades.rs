//! What a trade's row says in the history, and that nothing of it is taken for a step of its instance.

use std::{collections::HashMap, sync::Arc};

use warden_domain::{Lots, Magic, Side, Ticket, Timestamp, TradeServer};
use warden_policy::{
    Event,
    trade::{
        AccountMode, Findings, Goal, Inbox, Owner, PositionSeen, Protection, SnapshotId, Target, TradeEvent,
    },
};
use warden_store::{
    History as _, HistoryRows, Journal as _, JournalId, Record,
    history::{Period, TradeEvent as TradeRow},
};
use warden_supervisor::{Derived, Deriver};

use super::{
    bench::Bench,
    rows::row,
    trade_walk::{TradeWalk, opening, price},
    walk::{Walk, ready},
};
use crate::rig::id;

/// What one row makes; a deriver that knows nothing says the same as any other.
fn told(record: Record) -> TradeRow {
    let (derived, told) = try_told(record);
    assert_eq!(derived, Derived::Whole);
    told
}

fn try_told(record: Record) -> (Derived, TradeRow) {
    let servers = HashMap::from([(id(0), TradeServer::new("Broker-Live").unwrap())]);
    let mut deriver = Deriver::new(JournalId(7), Arc::new(servers));
    let mut rows = HistoryRows::default();
    let derived = deriver.add(row(record, 5), &mut rows);
    let HistoryRows { events, mut trades, incidents, alerts, notifications } = rows;
    assert_eq!((events.len(), incidents.len(), alerts.len(), notifications.len()), (0, 0, 0, 0));
    assert_eq!(trades.len(), 1, "each row makes one");
    (derived, trades.remove(0))
}

/// Kind, retcode, volume, prices, slippage and latency.
fn short(event: &TradeRow) -> (&str, u32, f64, f64, f64, Option<i64>, u32) {
    let TradeRow { kind, retcode, volume, requested, filled, slippage, latency_ms, .. } = event;
    (kind, *retcode, *volume, *requested, *filled, *slippage, *latency_ms)
}

#[test]
fn an_order_that_leaves_and_is_filled_is_told_with_slippage_and_latency() {
    let mut walk = TradeWalk::new(0, 9, opening(Side::Buy, "0.10"));
    let accepted = told(walk.accept());
    assert_eq!(short(&accepted), ("SENDING", 0, 0.0, 1.1001, 0.0, None, 0));
    assert_eq!((accepted.magic, accepted.part), (walk.magic().number(), 0));
    assert_eq!((accepted.symbol.as_str(), accepted.side.as_str()), ("EURUSD", "BUY"));
    assert_eq!((accepted.origin.seq, accepted.origin.server.as_str()), (5, "Broker-Live"));

    let filled = told(walk.answer(37, 10_009, "0.10", "1.10014"));
    assert_eq!(short(&filled), ("FILLED", 10_009, 0.1, 1.1001, 1.10014, Some(4), 37));
    assert_eq!(filled.origin.at, walk.now);
}

#[test]
fn slippage_is_above_zero_where_the_fill_is_worse_whichever_way_it_goes() {
    for (side, requested, at, expected) in [
        (Side::Buy, 1.1001, "1.10005", -5),
        (Side::Sell, 1.1, "1.09993", 7),
        (Side::Sell, 1.1, "1.10020", -20),
    ] {
        let mut walk = TradeWalk::new(0, 1, opening(side, "0.10"));
        walk.accept();
        let filled = told(walk.answer(1, 10_009, "0.10", at));
        assert_eq!((filled.requested, filled.slippage), (requested, Some(expected)), "{side:?} at {at}");
    }
}

#[test]
fn trd_2_a_fill_beyond_the_threshold_is_told_as_the_fill_it_is_and_what_flattens_it_after_it() {
    let mut walk = TradeWalk::new(0, 1, opening(Side::Buy, "0.10"));
    walk.accept();
    let slipped = told(walk.answer(5, 10_009, "0.10", "1.20010"));
    assert_eq!(short(&slipped), ("FILLED", 10_009, 0.1, 1.1001, 1.2001, Some(10_000), 5));
    let flattened = told(walk.answer(8, 10_009, "0.10", "1.10000"));
    assert_eq!(
        short(&flattened),
        ("CANCELLING", 10_009, 0.1, 1.1001, 1.1, None, 8),
        "no slippage is judged of a close"
    );
}

#[test]
fn trd_1_each_part_of_a_fill_is_told_with_its_own_volume_and_price() {
    let mut walk = TradeWalk::new(0, 1, opening(Side::Buy, "0.30"));
    walk.accept();
    let first = told(walk.answer(5, 10_010, "0.10", "1.10012"));
    assert_eq!(short(&first), ("PARTIALLY_FILLED", 10_010, 0.1, 1.1001, 1.10012, Some(2), 5));
    assert_eq!(walk.trade.holdings().filled, "0.1".parse::<Lots>().unwrap());
}

#[test]
fn a_refusal_is_told_with_its_code_and_no_slippage() {
    let mut walk = TradeWalk::new(0, 1, opening(Side::Buy, "0.10"));
    walk.accept();
    let refused = told(walk.answer(12, 10_019, "0", "0"));
    assert_eq!(short(&refused), ("REJECTED", 10_019, 0.0, 1.1001, 0.0, None, 12));
}

/// What was found was executed long ago: how long its answer took nobody knows.
#[test]
fn trd_9_a_lost_answer_is_told_as_unknown_and_then_as_what_was_found() {
    let mut walk = TradeWalk::new(0, 1, opening(Side::Buy, "0.10"));
    walk.accept();
    walk.pass(500);
    assert_eq!(short(&told(walk.give(TradeEvent::Lost))), ("UNKNOWN", 0, 0.0, 1.1001, 0.0, None, 0));
    walk.pass(4_000);
    let volume: Lots = "0.10".parse().unwrap();
    let ticket = Ticket::of(77).unwrap();
    let found = Findings {
        snapshot: Some(SnapshotId(walk.now)),
        attempt: walk.trade.attempt(),
        inbox: Inbox::Interrupted,
        queue_empty: true,
        orders: 1,
        order: None,
        extra_order: None,
        filled: volume,
        price: price("1.10013"),
        closed: Lots::ZERO,
        position: Some(PositionSeen { ticket, side: Side::Buy, volume, protection: Protection::default() }),
        extra_position: None,
        untagged: false,
        lookalike: None,
    };
    let adopted = told(walk.give(TradeEvent::Found(found)));
    assert_eq!(short(&adopted), ("FILLED", 0, 0.1, 1.1001, 1.10013, Some(3), 0));
}

#[test]
fn a_close_is_told_with_what_it_closed_and_no_side() {
    let position = Ticket::of(500).unwrap();
    let mut walk = TradeWalk::new(0, 1, Goal::Close { position, volume: None, of: None });
    let seen = PositionSeen {
        ticket: position,
        side: Side::Sell,
        volume: "0.20".parse().unwrap(),
        protection: Protection::default(),
    };
    walk.context.target =
        Some(Target::Position { position: seen, owner: Owner::Ours(Magic::new(1, 77).unwrap()) });
    walk.context.mode = AccountMode::Hedging;
    let sent = told(walk.accept());
    assert_eq!((sent.kind.as_str(), sent.side.as_str(), sent.requested), ("SENDING", "", 0.0));
    let closed = told(walk.answer(20, 10_009, "0.20", "1.10010"));
    assert_eq!(short(&closed), ("CLOSED", 10_009, 0.2, 0.0, 1.1001, None, 20));
}

#[test]
fn a_row_that_cannot_be_read_is_told_by_what_stands_beside_it() {
    let mut walk = TradeWalk::new(0, 3, opening(Side::Buy, "0.10"));
    walk.accept();
    let (derived, bare) = try_told(walk.damaged());
    assert!(matches!(derived, Derived::Unreadable(_)));
    assert_eq!(short(&bare), ("RESUME", 0, 0.0, 0.0, 0.0, None, 0));
    assert_eq!((bare.magic, bare.origin.instance), (walk.magic().number(), id(0)));
}

#[test]
fn a_fill_whose_point_was_not_known_has_no_slippage() {
    let mut walk = TradeWalk::new(0, 1, opening(Side::Buy, "0.10"));
    walk.accept();
    walk.context.symbol = None;
    let filled = told(walk.answer(3, 10_009, "0.10", "1.10014"));
    assert_eq!((filled.kind.as_str(), filled.filled, filled.slippage), ("FILLED", 1.10014, None));
}

/// Steps of two instances with those of their trades between them, exported in ranges of ten.
#[tokio::test(start_paused = true)]
async fn every_row_of_the_journal_is_a_step_or_a_row_of_a_trade_in_the_history() {
    let mut bench = Bench::new();
    let mut journalled = Vec::new();
    for number in 0..2 {
        let (_, mut steps) = Walk::up(number);
        let last = steps.pop().unwrap();
        journalled.extend(steps);
        for counter in 0..20 {
            let mut walk = TradeWalk::new(number, counter, opening(Side::Buy, "0.10"));
            journalled.push(walk.accept());
            journalled.push(walk.answer(9, 10_009, "0.10", if number == 0 { "1.10012" } else { "1.10009" }));
        }
        journalled.push(last);
        let mut walk = TradeWalk::new(number, 99, opening(Side::Sell, "0.10"));
        journalled.push(walk.accept());
        journalled.push(walk.damaged());
    }
    let steps = journalled.iter().filter(|record| record.trade.is_none()).count();
    bench.start();
    bench.append(journalled).await;
    bench.caught_up().await;
    bench.assert_exact().await;
    assert_eq!(bench.unreadable(), 2);

    let rows = bench.history.inner.rows();
    let of_trades = rows.trades.iter().filter(|event| event.magic != 0).count();
    assert_eq!((rows.events.len(), of_trades), (steps, 84));
    assert_eq!((rows.events.len() + of_trades) as u64, bench.journal.head().seq);

    let instances = [id(0), id(1)];
    let latest = bench.history.inner.latest(&instances).await.unwrap();
    let own = bench.journal.inner.latest().await.unwrap();
    for (instance, event) in instances.iter().zip(latest) {
        let event = event.expect("it has one");
        let row = own.iter().find(|row| row.instance == *instance).unwrap();
        assert_eq!(
            (event.origin.seq, &event.payload),
            (row.seq, &row.payload),
            "no row of a trade is its state"
        );
    }
    let always = Period { from: Timestamp::from_millis(0), until: Timestamp::MAX };
    let slippage = bench.history.inner.slippage(always).await.unwrap();
    let found: Vec<_> = slippage.iter().map(|it| (it.symbol.as_str(), it.fills, it.mean, it.worst)).collect();
    assert_eq!(found, [("EURUSD", 40, 0.5, 2)]);
    assert_eq!(bench.stop().await, 0);
}

/// In milliseconds: a client's key is kept for one.
const TWO_DAYS: i64 = 2 * 24 * 3_600_000;

/// A restarted export knows instances by their own newest rows, whatever trades did after them.
#[tokio::test(start_paused = true)]
async fn c11_c12_an_export_that_dies_between_rows_of_trades_goes_on_exactly() {
    let mut bench = Bench::new();
    let (mut walk, steps) = Walk::up(0);
    let mut trade = TradeWalk::new(0, 1, opening(Side::Buy, "0.10"));
    bench.append(steps).await;
    bench.append(vec![trade.accept()]).await;
    walk.pass(TWO_DAYS);
    trade.pass(TWO_DAYS);
    let mut forgotten = 0;
    for round in 0..12 {
        bench.start();
        bench.append(vec![walk.give(Event::GatewayDown), trade.damaged()]).await;
        bench.append(vec![walk.give(Event::GatewayUp(ready())), trade.damaged()]).await;
        if round % 3 == 0 {
            bench.caught_up().await;
            forgotten += bench.retain().await;
        }
        bench.crash().await;
    }
    assert!(forgotten > 10, "{forgotten} rows were forgotten between two runs");
    bench.start();
    bench.caught_up().await;
    bench.assert_exact().await;
    assert_eq!(bench.stop().await, 0);
}
