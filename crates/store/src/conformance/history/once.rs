//! What is inserted is there whole, and once.

use warden_domain::IncidentKind;

use super::{
    JOURNAL, OTHER_JOURNAL, always, answers, at, closed, event, insert, login, opened, origin, timeline,
    trade, whole,
};
use crate::{
    History, HistoryRows,
    history::{InstanceEvent, LoginOutcome, Origin},
};

/// No question fails on an empty history.
///
/// # Panics
/// When one does, or invents something.
pub async fn history_01_an_empty_history_answers_nothing(store: &dyn History) {
    assert_eq!(timeline(store, "nobody", 10).await, []);
    assert_eq!(answers(store, always()).await, "[]\n[]\n[]\n[]");
}

/// Every field of an event comes out as it went in, whatever it holds.
///
/// # Panics
/// When one does not.
pub async fn history_02_a_range_is_found_whole(store: &dyn History) {
    let (range, rows) = whole();
    store.insert(range, &rows).await.expect("the rows are acknowledged");
    for event in &rows.events {
        let found = timeline(store, event.origin.instance.as_str(), 10).await;
        assert_eq!(found, std::slice::from_ref(event));
    }
}

/// A range whose acknowledgement was lost is given again, and again.
///
/// # Panics
/// When a row is counted twice or lost.
pub async fn history_03_a_range_that_comes_again_changes_nothing(store: &dyn History) {
    let (range, rows) = whole();
    let mut before = None;
    for _ in 0..3 {
        store.insert(range, &rows).await.expect("the rows are acknowledged");
        let now = answers(store, always()).await;
        assert_eq!(*before.get_or_insert(now.clone()), now);
        assert_eq!(timeline(store, "acct-1", 10).await, rows.events[..1]);
    }
    let failures = store.failures_per_hour(always()).await.expect("the history answers");
    assert_eq!(failures.iter().map(|hour| hour.failures).collect::<Vec<_>>(), [1, 1]);
    let fills = store.slippage(always()).await.expect("the history answers");
    assert_eq!(fills.iter().map(|symbol| symbol.fills).collect::<Vec<_>>(), [1, 1]);
}

/// Every owner has a journal of its own, and each counts from 1.
///
/// # Panics
/// When a row of one journal replaces a row of another.
pub async fn history_04_ranges_of_two_journals_do_not_collide(store: &dyn History) {
    let first = HistoryRows {
        events: vec![login(origin("acct-1", 1, at(1)), LoginOutcome::Refused)],
        trades: vec![trade(origin("acct-1", 1, at(1)), "EURUSD", Some(2))],
        ..HistoryRows::default()
    };
    let moved = Origin { journal: OTHER_JOURNAL, ..origin("acct-1", 1, at(2)) };
    let second = HistoryRows {
        events: vec![InstanceEvent { epoch: 2, version: 2, ..login(moved.clone(), LoginOutcome::Succeeded) }],
        trades: vec![trade(moved, "EURUSD", Some(4))],
        ..HistoryRows::default()
    };
    insert(store, JOURNAL, 1..=1, &first).await;
    insert(store, OTHER_JOURNAL, 1..=1, &second).await;
    let both = [first.events, second.events].concat();
    assert_eq!(timeline(store, "acct-1", 10).await, both);
    let logins = store.login_success(always()).await.expect("the history answers");
    assert_eq!(logins.iter().map(|hour| (hour.ended, hour.succeeded)).collect::<Vec<_>>(), [(2, 1)]);
    let fills = store.slippage(always()).await.expect("the history answers");
    assert_eq!(fills.iter().map(|symbol| (symbol.fills, symbol.worst)).collect::<Vec<_>>(), [(2, 4)]);
}

/// A range of which the export has nothing to tell is acknowledged as well, and the next one is taken in.
///
/// # Panics
/// When it is not.
pub async fn history_05_a_range_without_rows_is_fine(store: &dyn History) {
    insert(store, JOURNAL, 1..=9, &HistoryRows::default()).await;
    insert(store, JOURNAL, 1..=9, &HistoryRows::default()).await;
    assert_eq!(answers(store, always()).await, "[]\n[]\n[]\n[]");
    let rows = HistoryRows { events: vec![event(origin("acct-1", 10, at(1)))], ..HistoryRows::default() };
    insert(store, JOURNAL, 10..=10, &rows).await;
    assert_eq!(timeline(store, "acct-1", 10).await, rows.events);
}

/// Ten thousand rows in one range, none of them twice and none missing.
///
/// # Panics
/// When one is.
pub async fn history_06_a_large_range_is_found_whole(store: &dyn History) {
    let dated = (1..=10_000).zip(1..).map(|(seq, millis)| origin("acct-1", seq, at(millis)));
    let events = dated.map(|origin| InstanceEvent { payload: vec![7; 100], ..event(origin) });
    let rows = HistoryRows { events: events.collect(), ..HistoryRows::default() };
    for _ in 0..2 {
        insert(store, JOURNAL, 1..=10_000, &rows).await;
        let found = timeline(store, "acct-1", u32::MAX).await;
        assert_eq!(found.len(), 10_000);
        assert!(found == rows.events, "the rows are those that were inserted, in their order");
    }
}

/// The row of an incident's end replaces that of its begin, whichever comes first.
///
/// # Panics
/// When an incident is counted twice, or the earlier row wins.
pub async fn history_07_the_last_row_of_an_incident_counts(store: &dyn History) {
    let begin = opened(origin("acct-1", 1, at(0)), IncidentKind::BrokerDown);
    let end = closed(&begin, 2, 500, true);
    let late_begin = opened(origin("acct-2", 3, at(0)), IncidentKind::BrokerDown);
    let early_end = closed(&late_begin, 4, 900, true);
    for (seq, row) in [(1, begin), (2, end), (4, early_end), (3, late_begin)] {
        let rows = HistoryRows { incidents: vec![row], ..HistoryRows::default() };
        insert(store, JOURNAL, seq..=seq, &rows).await;
    }
    let [recovery] = &store.time_to_recover(always()).await.expect("the history answers")[..] else {
        panic!("one server and one kind")
    };
    assert_eq!((recovery.opened, recovery.recovered), (2, 2));
    assert_eq!((millis(recovery.median), millis(recovery.longest)), (Some(500), Some(900)));
    let [hour] = &store.failures_per_hour(always()).await.expect("the history answers")[..] else {
        panic!("one hour")
    };
    assert_eq!(hour.failures, 2);
}

/// What one owner saw begin, the next one sees end: at a lower `seq` of its own journal, and a higher version.
///
/// # Panics
/// When the incident is two, or stays open.
pub async fn history_08_an_incident_goes_on_in_the_journal_of_the_next_owner(store: &dyn History) {
    let begin = opened(origin("acct-1", 900, at(0)), IncidentKind::NetworkLost);
    let mut end = closed(&begin, 3, 700, true);
    end.origin.journal = OTHER_JOURNAL;
    end.version = begin.version + 1;
    let one = |row| HistoryRows { incidents: vec![row], ..HistoryRows::default() };
    insert(store, JOURNAL, 900..=900, &one(begin)).await;
    insert(store, OTHER_JOURNAL, 3..=3, &one(end)).await;
    let [recovery] = &store.time_to_recover(always()).await.expect("the history answers")[..] else {
        panic!("one server and one kind")
    };
    assert_eq!((recovery.opened, recovery.recovered, millis(recovery.median)), (1, 1, Some(700)));
}

fn millis(span: Option<warden_domain::Span>) -> Option<u64> {
    span.map(warden_domain::Span::as_millis)
}
