//! C11, C12: the process dies between two durable steps of the export, and what it does next is the same again.

use std::{
    fs,
    sync::Arc,
    sync::atomic::{AtomicBool, Ordering},
};

use warden_domain::{IncidentKind, Timestamp, TradeServer};
use warden_policy::{Event, Outcome, Phase, StateStoreEvent};
use warden_store::{Journal as _, JournalId, Record, history::Range};

use super::{
    bench::Bench,
    stores::Fate,
    walk::{SESSION, Walk, disconnected, fine},
};
use crate::rig::id;

/// So many records of an instance that loses its connection and the hot-state store again and again.
fn records(walk: &mut Walk, count: usize) -> Vec<Record> {
    (0..count).map(|_| next(walk)).collect()
}

fn next(walk: &mut Walk) -> Record {
    let lost = walk.state.incident(IncidentKind::StateStoreLost).map(|incident| incident.attempt);
    match walk.state.phase() {
        Phase::Up if lost.is_none() => walk.give(Event::StateStore(StateStoreEvent::Lost { attempts: 0 })),
        Phase::Up if lost == Some(0) => walk.give(Event::StateStore(StateStoreEvent::Lost { attempts: 1 })),
        // A session that has not lasted counts against REC-1.
        Phase::Up if walk.state.next_deadline().is_some() => walk.tick(),
        Phase::Up => walk.give(Event::Report(disconnected())),
        Phase::Recovering(_) => walk.end(Outcome::Done, fine()),
        Phase::Confirming if lost.is_some() => walk.give(Event::StateStore(StateStoreEvent::Back)),
        Phase::Confirming => walk.end(SESSION, fine()),
        Phase::Stopped { .. }
        | Phase::LoginDue
        | Phase::LoggingIn
        | Phase::Waiting(_)
        | Phase::Closing(_) => walk.tick(),
    }
}

/// A journal of two full ranges and a half, and what goes on writing it.
async fn written() -> (Bench, Walk) {
    let mut bench = Bench::new();
    let (mut walk, up) = Walk::up(0);
    let count = up.len();
    bench.append(up).await;
    bench.append(records(&mut walk, 25 - count)).await;
    (bench, walk)
}

fn of(bench: &Bench, first: u64, last: u64) -> Range {
    Range { journal: bench.journal.id(), first, last }
}

/// Where the process dies while it sees a range through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    /// The intent is durable, and nothing has arrived (C11).
    Intended,
    /// Half of it has arrived (C11).
    Arriving,
    /// All of it has arrived, and nobody has heard so (C11).
    Unacknowledged,
    /// It was acknowledged, and the cursor has not moved (C12).
    Acknowledged,
    /// The cursor has moved.
    Moved,
}

const POINTS: [Point; 5] =
    [Point::Intended, Point::Arriving, Point::Unacknowledged, Point::Acknowledged, Point::Moved];

/// Dies at this point of the range with this number, from 0.
async fn die(bench: &mut Bench, point: Point, range: usize) {
    let fate = match point {
        Point::Intended => Fate::Lost,
        Point::Arriving => Fate::Half,
        Point::Unacknowledged => Fate::Unacknowledged,
        Point::Acknowledged | Point::Moved => Fate::Taken,
    };
    bench.history.does_first(std::iter::repeat_n(Fate::Taken, range));
    bench.history.does_first([fate]);
    let in_the_way = bench.folder.path().join("history.cursor.new");
    if point == Point::Acknowledged {
        let (mut acks, path) = (0, in_the_way.clone());
        bench.history.before_ack(move || {
            if acks == range {
                fs::create_dir(&path).unwrap();
            }
            acks += 1;
        });
    }
    let sent = bench.history.ranges().len();
    bench.start();
    bench.sent(sent + range + 1).await;
    let acked = match point {
        Point::Moved => [10, 20, 25][range],
        Point::Intended | Point::Arriving | Point::Unacknowledged | Point::Acknowledged => 10 * range as u64,
    };
    bench.until("so far", 10, |bench| bench.exporter().exported() >= acked).await;
    if point == Point::Acknowledged {
        bench.until("acknowledged", 10, |_| in_the_way.exists()).await;
    }
    bench.crash().await;
    bench.history.before_ack(|| ());
    if point == Point::Acknowledged {
        fs::remove_dir(in_the_way).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn c11_c12_a_range_that_may_have_been_sent_is_sent_again_as_it_was() {
    for point in POINTS {
        for range in 0..3 {
            let (mut bench, mut walk) = written().await;
            die(&mut bench, point, range).await;
            let before = bench.history.ranges();
            // More rows are there, and ranges are cut otherwise now: the one under way is not.
            bench.append(records(&mut walk, 13)).await;
            bench.config.rows = 7;
            bench.history.does(Fate::Taken);
            bench.start();
            bench.caught_up().await;
            let after = bench.history.ranges();
            if point != Point::Moved {
                let under_way = of(&bench, 10 * range as u64 + 1, (10 * range as u64 + 10).min(25));
                assert_eq!(before.last(), Some(&under_way), "{point:?} of {range}");
                assert_eq!(after.get(before.len()), Some(&under_way), "{point:?} of {range}");
            }
            bench.assert_exact().await;
            assert_eq!(bench.stop().await, 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn c11_dying_again_and_again_at_the_same_point_changes_nothing() {
    for point in POINTS {
        let (mut bench, _) = written().await;
        for _ in 0..4 {
            die(&mut bench, point, 0).await;
            if point == Point::Moved {
                break;
            }
        }
        bench.history.does(Fate::Taken);
        bench.start();
        bench.caught_up().await;
        bench.assert_exact().await;
    }
}

#[tokio::test(start_paused = true)]
async fn c11_nothing_is_sent_before_its_intent_is_durable() {
    let (mut bench, _) = written().await;
    bench.start();
    bench.crash().await; // it has written its cursor and nothing else
    let in_the_way = bench.folder.path().join("history.cursor.new");
    fs::create_dir(&in_the_way).unwrap();
    bench.start();
    tokio::time::sleep(std::time::Duration::from_secs(200)).await;
    assert_eq!(bench.history.ranges(), []);
    assert!(bench.lag() >= 199.0, "{}", bench.lag());
    fs::remove_dir(in_the_way).unwrap();
    bench.caught_up().await;
    bench.assert_exact().await;
}

#[tokio::test(start_paused = true)]
async fn c11_the_cursor_on_disk_always_names_what_was_sent() {
    let (mut bench, mut walk) = written().await;
    let (cursor, seen) = (bench.folder.path().join("history.cursor"), Arc::new(AtomicBool::new(false)));
    let (watched, all) = (bench.history.clone(), seen.clone());
    bench.history.before_ack(move || {
        let text = fs::read_to_string(&cursor).unwrap();
        let range = *watched.ranges().last().unwrap();
        assert!(text.contains(&format!("\nacked {}\nsending {}\n", range.first - 1, range.last)), "{text}");
        all.store(true, Ordering::SeqCst);
    });
    bench.start();
    bench.caught_up().await;
    bench.append(records(&mut walk, 31)).await;
    bench.caught_up().await;
    assert!(seen.load(Ordering::SeqCst));
    assert_eq!(bench.stop().await, 0);
    let text = fs::read_to_string(bench.folder.path().join("history.cursor")).unwrap();
    assert!(text.contains("\nacked 56\nblake3 "), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_range_under_way_keeps_the_servers_it_was_derived_with() {
    for point in [Point::Intended, Point::Arriving, Point::Unacknowledged, Point::Acknowledged] {
        let (mut bench, _) = written().await;
        die(&mut bench, point, 0).await;
        bench.servers.insert(id(0), TradeServer::new("Broker-Live2").unwrap());
        bench.history.does_first([Fate::Unacknowledged]);
        bench.start();
        bench.sent(2).await;
        bench.crash().await; // the old servers must still be known
        bench.start();
        bench.caught_up().await;
        bench.history.assert_identical();
        let held = bench.history.inner.rows();
        let servers: Vec<_> = held.events.iter().map(|event| event.origin.server.as_str()).collect();
        assert_eq!(servers[..10], ["Broker-Live"; 10], "{point:?}");
        assert_eq!(servers[10..], ["Broker-Live2"; 15], "{point:?}");
        // From now on the new ones are kept.
        bench.crash().await;
        bench.start();
        bench.caught_up().await;
        assert_eq!(bench.stop().await, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_replaces_a_damaged_one_is_exported_from_its_first_row() {
    let (mut bench, _) = written().await;
    bench.start();
    bench.caught_up().await;
    bench.crash().await;
    let old = bench.journal.id();
    bench.replace_journal();
    let (mut walk, up) = Walk::up(1);
    bench.append(up).await;
    bench.append(records(&mut walk, 4)).await;
    bench.start();
    assert_eq!(bench.exporter().exported(), 0);
    bench.caught_up().await;
    let count = |journal: JournalId| {
        bench.history.inner.rows().events.iter().filter(|event| event.origin.journal == journal).count()
    };
    assert_eq!((count(old), count(bench.journal.id())), (25, bench.log.len()));
}

#[tokio::test(start_paused = true)]
async fn another_history_is_given_all_that_the_journal_holds() {
    let (mut bench, _) = written().await;
    bench.start();
    bench.caught_up().await;
    bench.crash().await;
    bench.history = Arc::default();
    bench.target = "another".to_owned();
    bench.start();
    assert_eq!(bench.exporter().exported(), 0, "nothing may be forgotten that this one has not");
    bench.caught_up().await;
    bench.assert_exact().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_journal_has_forgotten_is_not_waited_for_and_what_it_said_is_known() {
    let mut bench = Bench::new();
    let (mut walk, up) = Walk::up(0);
    bench.append(up).await;
    bench.append(vec![walk.give(Event::Report(disconnected()))]).await;
    let forgotten = bench.log.len() as u64;
    bench.start();
    bench.caught_up().await;
    assert_eq!(bench.retain().await, forgotten);
    bench.crash().await;
    for record in [walk.tick(), walk.end(Outcome::Done, fine()), walk.end(SESSION, fine())] {
        bench.append(vec![record]).await;
    }
    bench.history = Arc::default();
    bench.target = "another".to_owned();
    bench.start();
    bench.caught_up().await;
    assert_eq!(bench.history.ranges(), [of(&bench, forgotten + 1, forgotten + 3)]);
    let (mut held, mut all) = (bench.history.inner.rows(), bench.derived());
    all.events.retain(|event| event.origin.seq > forgotten);
    assert_eq!(held.events, all.events);
    all.incidents.retain(|incident| incident.origin.seq > forgotten);
    let (ended, expected) = (held.incidents.pop().unwrap(), all.incidents.pop().unwrap());
    assert_eq!(ended, expected, "it was opened before");
    assert!(ended.recovered && ended.opened_at > Timestamp::from_millis(0));
    assert_eq!(bench.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_cursor_is_no_loss() {
    let (mut bench, _) = written().await;
    bench.start();
    bench.caught_up().await;
    bench.crash().await;
    fs::write(bench.folder.path().join("history.cursor"), "acked a lot").unwrap();
    bench.start();
    bench.caught_up().await;
    assert_eq!(bench.history.ranges().len(), 6);
    bench.assert_exact().await;
}
