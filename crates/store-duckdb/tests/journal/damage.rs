use std::{
    fs,
    path::{Path, PathBuf},
};

use warden_store::{Journal, JournalError};
use warden_store_duckdb::{DuckJournal, Probe};

use crate::{config, copy, fill, holds_all, open, refusal, without_checkpoints};

const ROWS: u64 = 300;

/// A journal of [`ROWS`] rows in 30 commits, all in the write-ahead log or all in the file.
async fn journal(in_file: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let journal = DuckJournal::open(without_checkpoints(folder.path())).unwrap();
    fill(&journal, 30, ROWS / 30).await;
    if in_file {
        journal.close().await.unwrap();
    }
    drop(journal);
    let wal = fs::metadata(folder.path().join("journal.duckdb.wal")).map_or(0, |about| about.len());
    assert_eq!(wal == 0, in_file);
    folder
}

/// Damage is set aside whole, the error says where, and the next start is a fresh one.
fn assert_set_aside(folder: &Path) -> String {
    let error = refusal(config(folder));
    let JournalError::Damaged(reason, quarantine) = error else {
        panic!("{error}: {:?}", std::error::Error::source(&error));
    };
    assert!(quarantine.starts_with(folder.join("quarantine")), "{}", quarantine.display());
    let left: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let expected = [folder.join("journal.lock"), folder.join("quarantine")];
    assert!(left.len() == 2 && expected.iter().all(|path| left.contains(path)), "{left:?}");
    assert_eq!(open(folder).head().seq, 0);
    reason
}

/// Flips one bit every `step` bytes of a file. Either the damage is found and set aside, or it hit nothing that matters
/// and every row is as it was. The process that opens survives all of it.
async fn flip_everywhere(in_file: bool, name: &str, step: usize) -> (u32, u32) {
    let original = journal(in_file).await;
    let good = fs::read(original.path().join(name)).unwrap();
    let (mut found, mut harmless) = (0, 0);
    for position in (0..good.len()).step_by(step) {
        let folder = copy(original.path());
        let mut bad = good.clone();
        bad[position] ^= 1 << (position % 8);
        fs::write(folder.path().join(name), bad).unwrap();
        match DuckJournal::open(config(folder.path())) {
            Ok(journal) => {
                assert!(holds_all(&journal, ROWS).await, "byte {position} of {name} changed what is read");
                journal.verify().await.unwrap();
                harmless += 1;
            }
            Err(JournalError::Damaged(_, quarantine)) => {
                assert!(quarantine.join(name).exists());
                found += 1;
            }
            Err(other) => {
                panic!("byte {position} of {name}: {other}: {:?}", std::error::Error::source(&other))
            }
        }
    }
    (found, harmless)
}

#[tokio::test]
async fn acc_6_a_flipped_bit_in_the_log_is_found() {
    let (found, harmless) = flip_everywhere(false, "journal.duckdb.wal", 997).await;
    assert!(found > 30 && harmless == 0, "{found} found, {harmless} harmless");
}

#[tokio::test]
async fn acc_6_a_flipped_bit_in_the_file_is_found_or_harmless() {
    let (found, harmless) = flip_everywhere(true, "journal.duckdb", 16_411).await;
    assert!(found > 10, "{found} found, {harmless} harmless");
}

#[tokio::test]
async fn acc_6_a_flipped_bit_in_the_head_leaves_the_other_slot() {
    let (found, harmless) = flip_everywhere(true, "journal.head", 149).await;
    assert!(found == 0 && harmless > 50, "{found} found, {harmless} harmless");
}

#[tokio::test]
async fn acc_6_a_cut_log_is_a_lost_tail() {
    let original = journal(false).await;
    let wal = "journal.duckdb.wal";
    let whole = fs::metadata(original.path().join(wal)).unwrap().len();
    for left in [whole - 1, whole - 100, whole / 2, whole / 10, 1] {
        let folder = copy(original.path());
        fs::File::options().write(true).open(folder.path().join(wal)).unwrap().set_len(left).unwrap();
        assert_set_aside(folder.path());
    }
    let folder = copy(original.path());
    fs::remove_file(folder.path().join(wal)).unwrap();
    assert_set_aside(folder.path());
}

#[tokio::test]
async fn acc_6_a_lost_tail_says_which_rows_are_gone() {
    let folder = journal(true).await;
    change(folder.path(), "DELETE FROM journal_1_a WHERE seq > 280");
    assert_eq!(assert_set_aside(folder.path()), "rows 281 to 300 are gone");
}

#[tokio::test]
async fn acc_6_a_changed_row_is_found() {
    let folder = journal(true).await;
    change(folder.path(), "UPDATE journal_1_a SET rule = 'NET-5' WHERE seq = 7");
    assert_eq!(assert_set_aside(folder.path()), "row 7 does not agree with the hash chain");
}

#[tokio::test]
async fn acc_6_a_changed_mark_of_a_trade_is_found() {
    for change_of_it in [
        "trade = trade + 1 WHERE seq = 7",
        "trade_ended = NOT trade_ended WHERE seq = 7",
        "client_key = 'another' WHERE seq = 7",
        "key_digest = key_digest + 1 WHERE seq = 7",
        "trade = 0, trade_ended = false, client_key = '', key_digest = 0 WHERE seq = 7",
        "trade = 274877906944 WHERE seq = 3",
        "trade_ended = true WHERE seq = 3",
        "client_key = 'a-key' WHERE seq = 3",
        "key_digest = 1 WHERE seq = 3",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        fill(&journal, 1, 6).await;
        journal.append(vec![crate::accepted("account-7", 1, 7)]).await.unwrap();
        fill(&journal, 1, 3).await;
        journal.close().await.unwrap();
        drop(journal);
        change(folder.path(), &format!("UPDATE journal_1_a SET {change_of_it}"));
        let reason = assert_set_aside(folder.path());
        assert!(reason.ends_with("does not agree with the hash chain"), "{change_of_it}: {reason}");
    }
}

#[tokio::test]
async fn acc_6_a_missing_and_a_doubled_row_are_found() {
    let folder = journal(true).await;
    change(folder.path(), "DELETE FROM journal_1_a WHERE seq = 7");
    assert_eq!(assert_set_aside(folder.path()), "299 rows stand between 0 and 300");

    let folder = journal(true).await;
    change(
        folder.path(),
        "INSERT INTO journal_1_b FROM journal_1_a WHERE seq = 7; DELETE FROM journal_1_a WHERE seq = 8",
    );
    assert_set_aside(folder.path());
}

#[tokio::test]
async fn acc_6_a_head_of_another_journal_is_found() {
    let folder = journal(true).await;
    let other = tempfile::tempdir().unwrap();
    fill(&open(other.path()), 1, 299).await;
    fs::copy(other.path().join("journal.head"), folder.path().join("journal.head")).unwrap();
    assert!(holds_all(&open(folder.path()), ROWS).await, "the same rows so far: its history is ours");

    let other = tempfile::tempdir().unwrap();
    let foreign = open(other.path());
    foreign.append(vec![crate::record("stranger", 1)]).await.unwrap();
    drop(foreign);
    fs::copy(other.path().join("journal.head"), folder.path().join("journal.head")).unwrap();
    assert_eq!(assert_set_aside(folder.path()), "row 1 is not the one its head names");
}

#[tokio::test]
async fn acc_6_a_missing_file_is_found() {
    let folder = journal(true).await;
    fs::remove_file(folder.path().join("journal.duckdb")).unwrap();
    assert_eq!(assert_set_aside(folder.path()), "the file is missing; its head names row 300");
}

#[tokio::test]
async fn acc_6_a_head_without_a_valid_slot_is_found() {
    let folder = journal(true).await;
    fs::write(folder.path().join("journal.head"), [0; 8_192]).unwrap();
    assert_eq!(assert_set_aside(folder.path()), "no slot of its head is valid");
}

#[tokio::test]
async fn acc_6_a_removed_head_is_found() {
    let folder = journal(true).await;
    fs::remove_file(folder.path().join("journal.head")).unwrap();
    assert_eq!(assert_set_aside(folder.path()), "its head is missing");
}

#[tokio::test]
async fn rows_between_commit_and_head_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    fill(&journal, 3, 10).await;
    let head = fs::read(folder.path().join("journal.head")).unwrap();
    fill(&journal, 2, 10).await;
    drop(journal);
    fs::write(folder.path().join("journal.head"), head).unwrap(); // as if the process had died before writing it
    let journal = open(folder.path());
    assert_eq!(journal.head().seq, 50);
    assert!(holds_all(&journal, 50).await);
    fill(&journal, 1, 10).await;
    drop(journal);
    assert!(holds_all(&open(folder.path()), 60).await);
}

/// Only the newest rows are proven at opening. What a later look finds has the next opening prove all of them.
#[tokio::test]
async fn acc_6_damage_in_old_rows_is_found_by_verify_and_set_aside_next_time() {
    let folder = journal(true).await;
    change(folder.path(), "UPDATE journal_1_a SET payload = 'forged' WHERE seq = 7");
    let mut config = config(folder.path());
    config.proven = 100.try_into().unwrap();
    let journal = DuckJournal::open(config.clone()).unwrap();
    let error = journal.verify().await.unwrap_err();
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "row 7 does not agree with the hash chain"
    );
    drop(journal);
    let error = refusal(config);
    assert!(matches!(error, JournalError::Damaged(..)), "{error}");
}

#[tokio::test]
async fn a_trial_that_ends_its_process_sets_the_file_aside() {
    let folder = journal(true).await;
    let mut config = config(folder.path());
    config.probe = Some(Probe { program: crate::CHILD.into(), args: vec!["abort".into()] });
    let error = refusal(config);
    assert!(matches!(error, JournalError::Damaged(..)), "{error}");
    assert!(error.to_string().contains("opening it ended its process (signal: 6"), "{error}");
}

#[tokio::test]
async fn a_missing_trial_program_is_named() {
    let folder = journal(true).await;
    let mut config = config(folder.path());
    config.probe = Some(Probe { program: "/nowhere/warden".into(), args: Vec::new() });
    let error = refusal(config);
    assert!(matches!(error, JournalError::Storage { action: "probe", .. }), "{error}");
    assert!(folder.path().join("journal.duckdb").exists(), "nothing was moved");
}

fn change(folder: &Path, sql: &str) {
    let conn = duckdb::Connection::open(folder.join("journal.duckdb")).unwrap();
    conn.execute_batch(sql).unwrap();
}
