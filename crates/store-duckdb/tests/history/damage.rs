use std::{
    fs,
    path::{Path, PathBuf},
};

use warden_domain::{InstanceId, Timestamp};
use warden_store::{History, HistoryError, conformance::history::JOURNAL, history::Period};
use warden_store_duckdb::{DuckHistory, HistoryConfig, Probe};

use crate::{CHILD, all, config, insert, open};

fn quarantined(folder: &Path) -> Vec<PathBuf> {
    let moments = fs::read_dir(folder.join("quarantine")).unwrap().map(|entry| entry.unwrap().path());
    moments.flat_map(|moment| fs::read_dir(moment).unwrap().map(|entry| entry.unwrap().path())).collect()
}

/// The damaged file is kept as it is, a new one begins, and the export begins anew.
async fn assert_begun_anew(config: HistoryConfig, damaged: &[u8]) {
    let folder = config.file.parent().unwrap().to_owned();
    let history = DuckHistory::open(config).unwrap();
    assert_eq!(history.exported(JOURNAL).await.unwrap(), None);
    insert(&history, 1, 10).await;
    assert_eq!(all(&history).await.len(), 10);
    let kept = quarantined(&folder);
    let kept = kept.iter().find(|path| path.ends_with("history.duckdb")).unwrap();
    assert_eq!(fs::read(kept).unwrap(), damaged);
    drop(history);
    assert_eq!(open(&folder).exported(JOURNAL).await.unwrap(), Some(10));
}

async fn filled() -> (tempfile::TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    insert(&open(folder.path()), 1, 100).await;
    let bytes = fs::read(config(folder.path()).file).unwrap();
    (folder, bytes)
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_set_aside_and_a_new_one_begins() {
    let (_, good) = filled().await;
    let mut flipped = good.clone();
    flipped[100] ^= 1;
    for damaged in [&b"no database"[..], &[], &flipped] {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        fs::write(&config.file, damaged).unwrap();
        fs::write(folder.path().join("history.cursor"), "not ours").unwrap();
        assert_begun_anew(config, damaged).await;
        assert!(folder.path().join("history.cursor").exists());
    }
}

/// Wherever its log is cut or damaged: what is there is whole ranges, `exported` knows which, and going on from there
/// completes them.
#[tokio::test]
async fn what_a_damaged_log_loses_is_exported_again() {
    const RANGES: u64 = 10;
    const PIECE: u64 = 30;
    let original = tempfile::tempdir().unwrap();
    let running = open(original.path());
    for range in 0..RANGES {
        insert(&running, range * PIECE + 1, (range + 1) * PIECE).await;
    }
    let log = fs::read(original.path().join("history.duckdb.wal")).unwrap();
    let damaged = (0..log.len()).step_by(log.len() / 25).map(|position| {
        let mut damaged = log.clone();
        damaged[position] ^= 1 << (position % 8);
        damaged
    });
    let cut = [log.len() - 1, log.len() / 2, log.len() / 10, 0].map(|left| log[..left].to_vec());
    let mut lost = 0;
    for log in damaged.chain(cut) {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(original.path().join("history.duckdb"), folder.path().join("history.duckdb")).unwrap();
        fs::write(folder.path().join("history.duckdb.wal"), log).unwrap();
        let mut config = config(folder.path());
        config.probe = Some(Probe { program: CHILD.into(), args: vec!["probe".into()] });
        let history = DuckHistory::open(config).unwrap();
        let exported = history.exported(JOURNAL).await.unwrap().unwrap_or(0);
        assert_eq!(seqs(&history).await, (1..=exported).collect::<Vec<_>>());
        lost += u64::from(exported < RANGES * PIECE);
        for range in exported / PIECE..RANGES {
            insert(&history, range * PIECE + 1, (range + 1) * PIECE).await;
        }
        assert_eq!(seqs(&history).await, (1..=RANGES * PIECE).collect::<Vec<_>>());
    }
    assert!(lost > 10, "{lost} logs lost a range");
    assert_eq!(seqs(&running).await.len() as u64, RANGES * PIECE);
}

async fn seqs(history: &DuckHistory) -> Vec<u64> {
    all(history).await.iter().map(|event| event.origin.seq).collect()
}

#[tokio::test]
async fn a_trial_that_ends_its_process_sets_the_file_aside() {
    let (folder, good) = filled().await;
    let mut config = config(folder.path());
    config.probe = Some(Probe { program: CHILD.into(), args: vec!["abort".into()] });
    assert_begun_anew(config.clone(), &good).await;

    config.probe = Some(Probe { program: CHILD.into(), args: vec!["probe".into()] });
    let history = DuckHistory::open(config).unwrap();
    assert_eq!(
        history.exported(JOURNAL).await.unwrap(),
        Some(10),
        "a trial that is survived changes nothing"
    );
}

/// What is damaged inside a file that opens fails what reads it, and nothing else.
#[tokio::test]
async fn a_damaged_block_is_named_by_what_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(folder.path());
    for first in (1..=150_000).step_by(50_000) {
        insert(&history, first, first + 49_999).await;
    }
    drop(history);
    let file = config(folder.path()).file;
    let mut bytes = fs::read(&file).unwrap();
    for byte in &mut bytes[20_000..270_000] {
        *byte ^= 0x40;
    }
    fs::write(&file, bytes).unwrap();
    let history = open(folder.path());
    assert_eq!(history.exported(JOURNAL).await.unwrap(), Some(150_000));
    let always = Period { from: Timestamp::from_millis(0), until: Timestamp::MAX };
    let instance = InstanceId::new("account-1").unwrap();
    let refused = history.timeline(&instance, always, u32::MAX).await.unwrap_err();
    let HistoryError::Refused(why) = refused else { panic!("{refused}") };
    assert!(why.starts_with(&format!("{}: ", file.display())) && why.contains("Corrupt"), "{why}");
    insert(&history, 150_001, 150_010).await;
    assert_eq!(history.exported(JOURNAL).await.unwrap(), Some(150_010));
}
