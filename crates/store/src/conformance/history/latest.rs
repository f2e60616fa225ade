//! The newest event of each instance: what a state is rebuilt from.

use warden_domain::InstanceId;

use super::{HOUR, JOURNAL, OTHER_JOURNAL, at, event, id, insert, origin, whole};
use crate::{
    History, HistoryRows,
    history::{InstanceEvent, Origin},
};

/// Epochs come before versions and versions before moments: a clock that was set back, or an owner that began below the
/// last version of the one before it, changes nothing.
///
/// # Panics
/// When another event is told.
pub async fn history_18_the_latest_event_is_the_highest_version_of_the_highest_epoch(store: &dyn History) {
    let step = |instance: &str, seq, millis, (epoch, version)| InstanceEvent {
        epoch,
        version,
        ..event(origin(instance, seq, at(millis)))
    };
    let earlier = vec![
        step("acct-1", 1, 0, (1, 10)),
        step("acct-1", 2, 2 * HOUR, (1, 30)),
        step("acct-2", 3, 0, (1, 7)),
        step("acct-2", 4, -HOUR, (1, 8)),
        step("acct-3", 5, 0, (2, 4)),
        step("acct-4", 6, 0, (3, 9)),
    ];
    let elsewhere = |step: InstanceEvent| {
        let origin = Origin { journal: OTHER_JOURNAL, ..step.origin };
        InstanceEvent { origin, ..step }
    };
    let later = vec![
        elsewhere(step("acct-1", 1, HOUR, (2, 20))),
        elsewhere(step("acct-3", 2, HOUR, (1, 5))),
        elsewhere(step("acct-4", 3, 1, (3, 9))),
    ];
    let expected = [later[0].clone(), earlier[3].clone(), earlier[4].clone(), later[2].clone()];
    insert(store, OTHER_JOURNAL, 1..=3, &HistoryRows { events: later, ..HistoryRows::default() }).await;
    insert(store, JOURNAL, 1..=6, &HistoryRows { events: earlier, ..HistoryRows::default() }).await;
    let found = latest(store, &["acct-1", "acct-2", "acct-3", "acct-4"]).await;
    assert_eq!(found, expected.map(Some));
}

/// Who asks puts the answers to the questions by their places.
///
/// # Panics
/// When an answer stands at another place.
pub async fn history_19_latest_events_come_in_the_order_asked(store: &dyn History) {
    assert_eq!(latest(store, &["acct-1", "acct-2"]).await, [None, None], "an empty history");
    let events: Vec<InstanceEvent> = [("acct-1", 1), ("acct-10", 2), ("acct-2", 3), ("acct-1", 4)]
        .map(|(instance, seq)| event(origin(instance, seq, at(0))))
        .into();
    insert(store, JOURNAL, 1..=4, &HistoryRows { events, ..HistoryRows::default() }).await;
    let seqs = |found: Vec<Option<InstanceEvent>>| -> Vec<Option<u64>> {
        found.into_iter().map(|event| event.map(|event| event.origin.seq)).collect()
    };
    for (asked, expected) in [
        (vec![], vec![]),
        (vec!["acct-2", "acct-1"], vec![Some(3), Some(4)]),
        (vec!["acct", "acct-10", "acct-", "ACCT-2"], vec![None, Some(2), None, None]),
        (vec!["acct-1", "nobody", "acct-1"], vec![Some(4), None, Some(4)]),
    ] {
        assert_eq!(seqs(latest(store, &asked).await), expected, "{asked:?}");
    }
}

/// As many as a fleet has, each with everything that its step holds.
///
/// # Panics
/// When one of them is missing, or a field differs.
pub async fn history_20_the_latest_events_of_many_are_found_whole(store: &dyn History) {
    const MANY: u64 = 2_345;
    let (range, whole) = whole();
    store.insert(range, &whole).await.expect("the rows are acknowledged");
    let step = |seq| {
        let origin = origin(&format!("many-{}", seq % MANY), seq, at(0));
        InstanceEvent { origin, version: seq, ..whole.events[0].clone() }
    };
    let mut newest: Vec<InstanceEvent> = Vec::new();
    for seqs in [1..=MANY, MANY + 1..=2 * MANY] {
        newest = seqs.clone().map(step).collect();
        insert(store, JOURNAL, seqs, &HistoryRows { events: newest.clone(), ..HistoryRows::default() }).await;
    }
    newest.extend(whole.events.iter().cloned());
    newest.reverse();
    let asked: Vec<InstanceId> = newest.iter().map(|event| event.origin.instance.clone()).collect();
    let found = store.latest(&asked).await.expect("the history answers");
    assert_eq!(found.len(), newest.len());
    assert!(found.iter().flatten().eq(&newest), "every field of every one");
}

async fn latest(store: &dyn History, instances: &[&str]) -> Vec<Option<InstanceEvent>> {
    let instances: Vec<InstanceId> = instances.iter().map(|instance| id(instance)).collect();
    store.latest(&instances).await.expect("the history answers")
}
