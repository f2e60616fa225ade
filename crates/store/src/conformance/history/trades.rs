//! Rows of trades beside the steps of their instances, as the export tells them.

use super::{JOURNAL, always, at, event, id, insert, origin, timeline, trade};
use crate::{
    History, HistoryRows,
    history::{InstanceEvent, TradeEvent},
};

/// The rows of an order's life: it left, was filled so many points worse than asked for, and was looked after.
fn life(instance: &str, magic: u64, first: u64, slippage: i64) -> [TradeEvent; 3] {
    let row = |seq: u64, kind: &str, slippage| TradeEvent {
        magic,
        kind: kind.to_owned(),
        ..trade(origin(instance, seq, at(seq.cast_signed())), "EURUSD", slippage)
    };
    [row(first, "SENDING", None), row(first + 1, "FILLED", Some(slippage)), row(first + 2, "FILLED", None)]
}

/// A state is rebuilt from the newest event: never from what one of its trades did since.
///
/// # Panics
/// When a row of a trade is told as an event, or hides one.
pub async fn history_21_rows_of_trades_are_no_events_of_their_instance(store: &dyn History) {
    let step = |instance, seq: u64| event(origin(instance, seq, at(seq.cast_signed())));
    let rows = HistoryRows {
        events: vec![step("acct-1", 1), step("acct-1", 2)],
        trades: [life("acct-1", 7, 3, 1), life("acct-2", 7, 6, 2)].concat(),
        ..HistoryRows::default()
    };
    insert(store, JOURNAL, 1..=8, &rows).await;
    assert_eq!(timeline(store, "acct-1", 10).await, rows.events);
    assert_eq!(timeline(store, "acct-2", 10).await, []);
    let latest = store.latest(&[id("acct-1"), id("acct-2")]).await.expect("the history answers");
    let seqs: Vec<Option<u64>> =
        latest.into_iter().map(|event: Option<InstanceEvent>| event.map(|event| event.origin.seq)).collect();
    assert_eq!(seqs, [Some(2), None]);
}

/// Also where the range comes twice.
///
/// # Panics
/// When a row that filled nothing is counted as a fill, or a fill twice.
pub async fn history_22_of_a_trades_rows_only_fills_have_slippage(store: &dyn History) {
    let trades = [life("acct-1", 7, 1, 3), life("acct-1", 8, 4, -1), life("acct-2", 7, 7, 4)].concat();
    let rows = HistoryRows { trades, ..HistoryRows::default() };
    for _ in 0..2 {
        insert(store, JOURNAL, 1..=9, &rows).await;
        let slippage = store.slippage(always()).await.expect("the history answers");
        let found: Vec<_> =
            slippage.iter().map(|it| (it.symbol.as_str(), it.fills, it.mean, it.worst)).collect();
        assert_eq!(found, [("EURUSD", 3, 2.0, 4)]);
    }
}
