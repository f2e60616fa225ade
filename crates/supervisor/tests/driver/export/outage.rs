//! The history is away, slow or wrong; the journal is silent; the export is stopped.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use warden_domain::{Span, Timestamp};
use warden_policy::{Event, StateStoreEvent};
use warden_store::{Journal as _, Record};
use warden_supervisor::{ExportEnded, Exporter};

use super::{bench::Bench, stores::Fate, walk::Walk};
use crate::rig::pass;

/// Steps of one instance, all of this moment.
struct Steps {
    walk: Walk,
    attempts: u8,
}

impl Steps {
    fn new() -> Self {
        Self { walk: Walk::new(0), attempts: 0 }
    }

    fn at(&mut self, bench: &Bench) {
        self.walk.now = warden_supervisor::Clock::now(&*bench.clock);
    }

    fn records(&mut self, count: usize) -> Vec<Record> {
        let next = |_| {
            self.attempts = self.attempts.wrapping_add(1);
            self.walk.give(Event::StateStore(StateStoreEvent::Lost { attempts: self.attempts }))
        };
        (0..count).map(next).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_hours_is_caught_up_in_full_ranges() {
    let (mut bench, mut steps) = (Bench::new(), Steps::new());
    bench.history.does(Fate::Unreachable);
    bench.start();
    for _ in 0..300 {
        bench.append(steps.records(5)).await;
        pass(60).await;
    }
    let tries = bench.history.ranges();
    let first = tries[0];
    assert!(tries.iter().all(|range| *range == first), "one range is tried all the time");
    assert_eq!(bench.failures(), tries.len() as u64);
    assert!((bench.backlog() - 1_500.0).abs() < f64::EPSILON, "{}", bench.backlog());
    assert!(bench.lag() > 17_900.0, "{}", bench.lag());
    bench.history.does(Fate::Taken);
    let began = Instant::now();
    bench.caught_up().await;
    assert!(began.elapsed() <= Duration::from_secs(91), "{:?}", began.elapsed());
    let sent = bench.history.ranges()[tries.len()..].to_vec();
    assert!(sent.len() <= 152, "{} ranges for 1,500 rows", sent.len());
    assert!(sent[2..sent.len() - 1].iter().all(|range| range.last - range.first == 9), "{sent:?}");
    assert!(bench.lag().abs() < f64::EPSILON && bench.backlog().abs() < f64::EPSILON);
    assert_eq!(bench.exported_rows(), 1_500);
    bench.assert_exact().await;
}

/// The waits between attempts, in whole seconds.
fn waits(bench: &Bench) -> Vec<u64> {
    bench.history.moments().windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect()
}

#[tokio::test(start_paused = true)]
async fn failed_inserts_are_tried_after_growing_waits_and_no_sooner() {
    for fate in [Fate::Unreachable, Fate::Refused] {
        let (mut bench, mut steps) = (Bench::new(), Steps::new());
        bench.history.does(fate);
        bench.append(steps.records(3)).await;
        bench.start();
        bench.until("tried nine times", 600, |bench| bench.history.ranges().len() >= 9).await;
        for (wait, least) in waits(&bench).into_iter().zip([1, 2, 4, 8, 16, 32, 60, 60]) {
            assert!((least..=least + least / 2 + 1).contains(&wait), "{wait} s instead of {least} s");
        }
        bench.history.does(Fate::Taken);
        bench.caught_up().await;
        bench.assert_exact().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_only_a_person_mends_is_tried_slowly() {
    for fate in [Fate::Schema, Fate::Denied] {
        let (mut bench, mut steps) = (Bench::new(), Steps::new());
        bench.history.does(fate);
        bench.append(steps.records(3)).await;
        bench.start();
        bench.until("tried four times", 600, |bench| bench.history.ranges().len() >= 4).await;
        assert!(waits(&bench).into_iter().all(|wait| (60..=90).contains(&wait)), "{:?}", waits(&bench));
        bench.history.does(Fate::Taken);
        bench.caught_up().await;
        bench.assert_exact().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_insert_that_hangs_counts_as_unanswered() {
    for fate in [Fate::Lost, Fate::Half, Fate::Unacknowledged] {
        let (mut bench, mut steps) = (Bench::new(), Steps::new());
        bench.config.insert_within = Span::from_secs(20);
        bench.history.does_first([fate]);
        bench.append(steps.records(23)).await;
        bench.start();
        bench.caught_up().await;
        assert_eq!(bench.failures(), 1);
        bench.assert_exact().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_lag_grows_while_the_history_is_away_although_nothing_happens() {
    let (mut bench, mut steps) = (Bench::new(), Steps::new());
    bench.start();
    pass(10).await;
    assert!(bench.lag().abs() < f64::EPSILON, "nothing waits");
    bench.history.does(Fate::Unreachable);
    steps.at(&bench);
    bench.append(steps.records(1)).await;
    for secs in [20.0, 40.0, 60.0] {
        pass(20).await;
        assert!((bench.lag() - secs).abs() <= 1.5, "{} after {secs} s", bench.lag());
    }
    bench.history.does(Fate::Taken);
    bench.caught_up().await;
    assert!(bench.lag().abs() < f64::EPSILON);
}

#[tokio::test(start_paused = true)]
async fn the_lag_grows_while_the_journal_does_not_answer() {
    let (mut bench, mut steps) = (Bench::new(), Steps::new());
    bench.start();
    bench.journal.be_silent(true);
    steps.at(&bench);
    bench.append(steps.records(4)).await;
    pass(100).await;
    assert!((bench.lag() - 100.0).abs() <= 2.5, "{}", bench.lag());
    bench.journal.be_silent(false);
    bench.caught_up().await;
    assert!(bench.lag().abs() < f64::EPSILON);
    bench.assert_exact().await;
}

#[tokio::test(start_paused = true)]
async fn rows_linger_so_that_a_burst_makes_few_ranges() {
    let (mut bench, mut steps) = (Bench::new(), Steps::new());
    bench.config.rows = 1_000;
    bench.config.piece = 128;
    bench.start();
    for _ in 0..500 {
        bench.append(steps.records(1)).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    pass(2).await;
    let ranges = bench.history.ranges();
    assert!((5..=7).contains(&ranges.len()), "{ranges:?}");
    assert_eq!(bench.exporter().exported(), 500);
    bench.assert_exact().await;
}

#[tokio::test(start_paused = true)]
async fn the_next_range_is_ready_when_the_last_is_acknowledged_and_no_more_than_one() {
    let (mut bench, mut steps) = (Bench::new(), Steps::new());
    bench.append(steps.records(50)).await;
    bench.history.does_first([Fate::Unacknowledged]);
    bench.start();
    bench.sent(1).await;
    pass(5).await;
    // The second range was read while the first was under way: without the journal it is sent all the same.
    bench.journal.be_silent(true);
    bench.until("the first taken", 600, |bench| bench.exporter().exported() >= 20).await;
    pass(30).await;
    assert_eq!(bench.exporter().exported(), 20, "the third was not read yet");
    bench.journal.be_silent(false);
    bench.caught_up().await;
    bench.assert_exact().await;
}

#[tokio::test(start_paused = true)]
async fn a_range_ends_early_when_its_payloads_are_large() {
    let (mut bench, mut steps) = (Bench::new(), Steps::new());
    bench.append(steps.records(40)).await;
    bench.config.rows = 1_000;
    bench.config.bytes = 1;
    bench.start();
    bench.caught_up().await;
    assert!(bench.history.ranges().iter().all(|range| range.last - range.first == 3), "one piece each");
    bench.assert_exact().await;
}

#[tokio::test(start_paused = true)]
async fn retention_never_passes_what_was_exported() {
    let (mut bench, mut steps) = (Bench::new(), Steps::new());
    bench.history.does(Fate::Unreachable);
    bench.start();
    bench.append(steps.records(35)).await;
    pass(30).await;
    assert_eq!(bench.retain().await, 0, "nothing was acknowledged");
    bench.history.does_first([Fate::Taken, Fate::Taken]);
    bench.until("two ranges exported", 100, |bench| bench.exporter().exported() == 20).await;
    assert_eq!(bench.retain().await, 20);
    bench.history.does(Fate::Taken);
    bench.caught_up().await;
    assert_eq!(bench.retain().await, 15);
    bench.assert_exact().await;
}

#[tokio::test(start_paused = true)]
async fn stopping_sends_what_is_there_without_lingering() {
    let (mut bench, mut steps) = (Bench::new(), Steps::new());
    bench.config.linger = Span::from_secs(3_600);
    bench.start();
    pass(1).await;
    bench.append(steps.records(33)).await;
    let began = Instant::now();
    assert_eq!(bench.stop().await, 0);
    assert!(began.elapsed() < Duration::from_secs(1));
    bench.assert_exact().await;
}

#[tokio::test(start_paused = true)]
async fn stopping_does_not_wait_for_a_history_that_is_away() {
    for (fate, most) in [(Fate::Unreachable, 1), (Fate::Denied, 1), (Fate::Lost, 6)] {
        let (mut bench, mut steps) = (Bench::new(), Steps::new());
        bench.history.does(fate);
        bench.start();
        bench.append(steps.records(33)).await;
        pass(5).await;
        let began = Instant::now();
        assert_eq!(bench.stop().await, 33, "{fate:?}");
        assert!(began.elapsed() <= Duration::from_secs(most), "{fate:?}: {:?}", began.elapsed());
        bench.history.does(Fate::Taken);
        bench.start();
        bench.caught_up().await;
        bench.assert_exact().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_is_closed_ends_the_export_in_order() {
    let (mut bench, mut steps) = (Bench::new(), Steps::new());
    bench.history.does_first([Fate::Unreachable, Fate::Unreachable]);
    bench.append(steps.records(33)).await;
    bench.start();
    bench.sent(2).await;
    bench.journal.close().await.unwrap();
    assert_eq!(bench.exporter().wait_caught_up().await, Err(ExportEnded));
    assert_eq!(bench.exporter().exported(), 20, "what was read was sent");
    assert_eq!(bench.stop().await, 13);
}

#[tokio::test(start_paused = true)]
async fn steps_that_cannot_be_read_are_exported_and_counted() {
    let (mut bench, mut steps) = (Bench::new(), Steps::new());
    bench.append(steps.records(9)).await;
    bench.append(vec![steps.walk.damaged(&[255, 1]), steps.walk.damaged(&[])]).await;
    bench.append(steps.records(9)).await;
    // It dies where the unreadable step is the newest that the next one knows of.
    bench.history.does_first([Fate::Unacknowledged]);
    bench.start();
    bench.sent(1).await;
    bench.crash().await;
    bench.start();
    bench.caught_up().await;
    assert_eq!(bench.unreadable(), 4, "each was derived twice: the second range was ready when it died");
    bench.assert_exact().await;
}

/// In real time: the thread of its own is what is tried.
#[tokio::test]
async fn an_export_runs_on_a_thread_of_its_own_until_it_is_stopped_or_dropped() {
    let (mut bench, mut steps) = (Bench::new(), Steps::new());
    bench.config.linger = Span::from_millis(20);
    bench.append(steps.records(95)).await;
    let exporter = Exporter::start(bench.parts()).unwrap();
    exporter.wait_caught_up().await.unwrap();
    #[cfg(target_os = "linux")]
    assert_eq!(
        niceness_of("history-export"),
        Some((own_niceness() + 10).min(19)),
        "it steps back for the order path"
    );
    bench.append(steps.records(12)).await;
    assert_eq!(exporter.stop().await, 0);
    bench.assert_exact().await;

    let exporter = Exporter::start(bench.parts()).unwrap();
    assert_eq!(exporter.exported(), 107);
    let ends = bench.parts().history;
    drop(exporter);
    let ended = tokio::time::timeout(Duration::from_secs(60), async {
        while Arc::strong_count(&ends) > 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    assert!(ended.await.is_ok(), "the thread holds the history still");
    assert_eq!(bench.journal.retain(Timestamp::MAX, 107).await.unwrap(), 107);
}

/// By how much a thread of this process steps back for others.
#[cfg(target_os = "linux")]
fn niceness_of(thread: &str) -> Option<i64> {
    std::fs::read_dir("/proc/self/task").unwrap().find_map(|task| {
        let about = std::fs::read_to_string(task.unwrap().path().join("stat")).ok()?;
        let (name, niceness) = name_and_niceness(&about)?;
        (name == thread).then_some(niceness)
    })
}

/// By how much this process was told to step back when it was started.
#[cfg(target_os = "linux")]
fn own_niceness() -> i64 {
    name_and_niceness(&std::fs::read_to_string("/proc/self/stat").unwrap()).unwrap().1
}

#[cfg(target_os = "linux")]
fn name_and_niceness(about: &str) -> Option<(&str, i64)> {
    // The name stands in brackets; niceness is the 19th field, the 17th after it.
    let (name, rest) = about.split_once('(')?.1.rsplit_once(") ")?;
    Some((name, rest.split(' ').nth(16)?.parse().ok()?))
}
