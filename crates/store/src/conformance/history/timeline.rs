//! What happened to one instance, in its order.

use super::{HOUR, JOURNAL, OTHER_JOURNAL, always, at, event, id, insert, origin, timeline};
use crate::{
    History, HistoryRows,
    history::{InstanceEvent, Origin, Period},
};

/// The newest events are told, the oldest of them first.
///
/// # Panics
/// When other ones are, or in another order.
pub async fn history_09_a_timeline_ends_with_the_newest_event(store: &dyn History) {
    let dated = (1..=8).zip(1..).map(|(seq, millis)| event(origin("acct-1", seq, at(millis))));
    let (older, newer): (Vec<_>, Vec<_>) = dated.partition(|event| event.origin.seq <= 5);
    // The later range first: the order of the inserts is not that of the steps.
    for (seqs, events) in [(6..=8, newer), (1..=5, older)] {
        insert(store, JOURNAL, seqs, &HistoryRows { events, ..HistoryRows::default() }).await;
    }
    for (limit, expected) in
        [(3, vec![6, 7, 8]), (4, vec![5, 6, 7, 8]), (1, vec![8]), (0, vec![]), (u32::MAX, (1..=8).collect())]
    {
        assert_eq!(seqs(&timeline(store, "acct-1", limit).await), expected, "at most {limit}");
    }
}

/// Steps of one millisecond are told in the order of epoch and version, across owners.
///
/// # Panics
/// When they are told in another order.
pub async fn history_10_events_of_one_moment_keep_their_order(store: &dyn History) {
    let step = |seq, version| InstanceEvent { version, ..event(origin("acct-1", seq, at(5))) };
    let before =
        HistoryRows { events: vec![step(99, 9), step(100, 10), step(101, 11)], ..Default::default() };
    let taken_over = |seq, version| {
        let step = step(seq, version);
        let origin = Origin { journal: OTHER_JOURNAL, ..step.origin };
        InstanceEvent { origin, epoch: 2, ..step }
    };
    let after = HistoryRows { events: vec![taken_over(1, 12), taken_over(2, 13)], ..Default::default() };
    insert(store, OTHER_JOURNAL, 1..=2, &after).await;
    insert(store, JOURNAL, 99..=101, &before).await;
    let versions = |events: Vec<InstanceEvent>| events.iter().map(|it| it.version).collect::<Vec<_>>();
    assert_eq!(versions(timeline(store, "acct-1", 10).await), [9, 10, 11, 12, 13]);
    assert_eq!(versions(timeline(store, "acct-1", 3).await), [11, 12, 13]);
}

/// Other instances and other times are left out.
///
/// # Panics
/// When they are not.
pub async fn history_11_a_timeline_is_that_of_one_instance_within_a_period(store: &dyn History) {
    let events = vec![
        event(origin("acct-1", 1, at(-HOUR))),
        event(origin("acct-10", 2, at(0))),
        event(origin("acct-1", 3, at(0))),
        event(origin("acct-1", 4, at(HOUR - 1))),
        event(origin("acct-1", 5, at(HOUR))),
    ];
    insert(store, JOURNAL, 1..=5, &HistoryRows { events, ..HistoryRows::default() }).await;
    let asked = async |period, limit| {
        seqs(&store.timeline(&id("acct-1"), period, limit).await.expect("the history answers"))
    };
    assert_eq!(asked(Period { from: at(0), until: at(HOUR) }, 10).await, [3, 4]);
    assert_eq!(asked(Period { from: at(0), until: at(HOUR) }, 1).await, [4]);
    assert_eq!(asked(Period { from: at(0), until: at(0) }, 10).await, []);
    assert_eq!(asked(Period { from: at(HOUR), until: at(0) }, 10).await, []);
    assert_eq!(asked(always(), 10).await, [1, 3, 4, 5]);
    assert_eq!(timeline(store, "acct", 10).await, []);
}

fn seqs(events: &[InstanceEvent]) -> Vec<u64> {
    events.iter().map(|event| event.origin.seq).collect()
}
