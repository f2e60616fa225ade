use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use warden_domain::Timestamp;
use warden_store::{Journal, JournalError};
use warden_store_duckdb::{Config, DuckJournal};

use crate::{config, fill, open, record};

/// Long enough for a busy machine.
const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn forgotten_rows_stay_forgotten_and_the_chain_starts_after_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.forgotten = 70.try_into().unwrap(); // several transactions
    let journal = DuckJournal::open(config).unwrap();
    journal.append(vec![record("quiet", 1)]).await.unwrap();
    fill(&journal, 50, 10).await;
    let newest = latest(&journal).await;
    assert_eq!(journal.retain(Timestamp::from_millis(301), 1_000).await.unwrap(), 300);
    assert_eq!(latest(&journal).await, newest);
    assert_eq!(journal.verify().await.unwrap(), journal.head());
    drop(journal);

    let journal = open(folder.path());
    assert_eq!(journal.head().seq, 501);
    assert_eq!(latest(&journal).await, newest);
    assert_eq!(newest["quiet"], 1, "its only row was forgotten");
    assert_eq!(journal.read(0, 1).await.unwrap()[0].seq, 301);
    journal.close().await.unwrap();
    let journal = open(folder.path());
    fill(&journal, 1, 10).await;
    assert_eq!(journal.verify().await.unwrap(), journal.head());
    assert_eq!(journal.retain(Timestamp::MAX, u64::MAX).await.unwrap(), 211);
    drop(journal);
    let journal = open(folder.path());
    assert_eq!((journal.head().seq, journal.read(0, 10).await.unwrap()), (511, Vec::new()));
}

async fn latest(journal: &DuckJournal) -> BTreeMap<String, u64> {
    let rows = journal.latest().await.unwrap();
    rows.into_iter().map(|row| (row.instance.as_str().to_owned(), row.seq)).collect()
}

#[tokio::test]
async fn the_newest_of_100_000_rows_are_found_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    for batch in 0..20 {
        let rows =
            (0..5_000).map(|row| record(&format!("account-{}", row % 1_000), batch * 5_000 + row)).collect();
        journal.append(rows).await.unwrap();
    }
    let began = Instant::now();
    let rows = journal.latest().await.unwrap();
    let took = began.elapsed();
    assert_eq!(rows.len(), 1_000);
    assert!(rows.iter().all(|row| row.seq > 99_000));
    assert!(took < SOON, "{took:?}"); // milliseconds when optimised
}

/// Checkpoints are taken beside the load, again and again.
#[tokio::test]
async fn checkpoints_under_load_keep_the_log_small() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::new(folder.path());
    config.checkpoints.when_quiet = u64::MAX;
    config.checkpoints.when_steady = 200_000;
    config.checkpoints.steady = u64::MAX;
    let journal = DuckJournal::open(config).unwrap();
    let (deadline, mut before, mut checkpoints) = (Instant::now() + SOON, 0, 0);
    while checkpoints < 10 {
        fill(&journal, 1, 100).await;
        let now = wal(folder.path());
        checkpoints += u32::from(now < before);
        before = now;
        assert!(Instant::now() < deadline, "{now} bytes of log after {checkpoints} checkpoints");
    }
    assert!(crate::holds_all(&journal, journal.head().seq).await);
    assert_eq!(journal.verify().await.unwrap(), journal.head());
}

/// A checkpoint is taken when no batch came for a while.
#[tokio::test]
async fn checkpoints_in_quiet_moments_empty_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::new(folder.path());
    config.checkpoints.quiet = Duration::from_millis(5);
    config.checkpoints.when_quiet = 1;
    config.checkpoints.when_steady = u64::MAX;
    let journal = DuckJournal::open(config).unwrap();
    for round in 1..=3 {
        fill(&journal, 20, 100).await;
        let deadline = Instant::now() + SOON;
        while wal(folder.path()) > 0 {
            assert!(Instant::now() < deadline, "{} bytes of log in a quiet moment", wal(folder.path()));
            std::thread::yield_now();
        }
        assert!(crate::holds_all(&journal, round * 2_000).await);
    }
    assert_eq!(journal.verify().await.unwrap(), journal.head());
}

/// Commits, reads, proofs, retention, checkpoints and new segments all at once; forgotten rows give their room back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_at_once_stays_whole_and_bounded() {
    const COMMITS: u64 = 400;
    const KEPT: u64 = 5_000;
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.checkpoints.when_steady = 200_000;
    config.checkpoints.steady = u64::MAX;
    config.segment = 4_000.try_into().unwrap();
    config.forgotten = 1_500.try_into().unwrap();
    let journal = Arc::new(DuckJournal::open(config).unwrap());
    let done = Arc::new(AtomicBool::new(false));

    let (reading, finished) = (Arc::clone(&journal), Arc::clone(&done));
    let reader = tokio::spawn(async move {
        let mut rounds = 0;
        while rounds < 20 || !finished.load(Ordering::Relaxed) {
            let head = reading.head().seq;
            let rows = reading.read(head.saturating_sub(100), 100).await.unwrap();
            assert!(rows.windows(2).all(|pair| pair[0].seq + 1 == pair[1].seq));
            assert!(rows.last().map_or(0, |row| row.seq) >= head, "what was committed is read");
            assert!(latest(&reading).await.values().max().is_none_or(|&newest| newest >= head));
            if rounds % 10 == 0 {
                reading.retain(Timestamp::MAX, head.saturating_sub(KEPT)).await.unwrap();
                reading.verify().await.unwrap();
            }
            rounds += 1;
        }
    });
    for _ in 0..COMMITS {
        fill(&journal, 1, 100).await;
    }
    done.store(true, Ordering::Relaxed);
    reader.await.unwrap();
    journal.retain(Timestamp::MAX, journal.head().seq - KEPT).await.unwrap();
    assert_eq!(journal.verify().await.unwrap().seq, COMMITS * 100);
    journal.close().await.unwrap();

    let conn = duckdb::Connection::open(folder.path().join("journal.duckdb")).unwrap();
    let sql = "SELECT count(*), min(regexp_extract(table_name, '[0-9]+')::UBIGINT) FROM duckdb_tables()
               WHERE table_name SIMILAR TO 'journal_[0-9]+_a'";
    let (segments, oldest): (u64, u64) =
        conn.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    // A segment ends with a checkpoint: on a busy machine the keeper comes to it late, and there are fewer of them.
    assert!(
        (1..=4).contains(&segments) && oldest > 1,
        "{segments} segments from {oldest} on for {KEPT} rows"
    );
}

fn wal(folder: &Path) -> u64 {
    std::fs::metadata(folder.join("journal.duckdb.wal")).map_or(0, |about| about.len())
}

#[tokio::test]
async fn a_full_queue_makes_callers_wait_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.queue = 10.try_into().unwrap();
    let journal = Arc::new(DuckJournal::open(config).unwrap());
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..50_u64 {
        let journal = Arc::clone(&journal);
        callers.spawn(async move {
            let rows = (0..caller % 25).map(|version| record(&format!("caller-{caller}"), version)).collect();
            journal.append(rows).await.unwrap()
        });
    }
    let mut commits: Vec<_> =
        callers.join_all().await.into_iter().filter(|done| done.last >= done.first).collect();
    commits.sort_by_key(|done| done.first);
    assert_eq!(commits.first().map(|done| done.first), Some(1));
    assert!(commits.windows(2).all(|pair| pair[0].last + 1 == pair[1].first), "no gap and no overlap");
    assert_eq!(commits.last().map(|done| done.last), Some(600));
    assert_eq!(journal.verify().await.unwrap().seq, 600);
}

#[tokio::test]
async fn a_batch_given_before_close_is_committed() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let (appended, closed) = tokio::join!(journal.append(vec![record("a", 1)]), journal.close());
    assert_eq!(appended.unwrap().last, 1);
    closed.unwrap();
    assert!(matches!(journal.append(vec![record("a", 2)]).await, Err(JournalError::Closed)));
    assert_eq!(open(folder.path()).head().seq, 1);
}
