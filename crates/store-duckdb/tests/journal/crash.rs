use std::io::{BufRead, BufReader};

use warden_store::{Journal, conformance::journal::assert_goes_on};

use crate::{child, open, text};

/// A writer with four callers and a checkpoint every few commits is killed at some moment, again and again.
#[tokio::test]
async fn whatever_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut from = 1;
    for round in 0..10_u64 {
        let mut writer = child(&["write", text(folder.path()), &from.to_string()]);
        let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let mut acknowledged = 0;
        for (count, line) in lines.enumerate() {
            acknowledged = acknowledged.max(line.unwrap().parse().unwrap());
            if count as u64 == 40 + round * 37 {
                writer.kill().unwrap(); // what is still in the pipe was acknowledged, too
            }
        }
        writer.wait().unwrap();
        assert!(acknowledged > from, "the writer wrote");

        let journal = open(folder.path());
        let head = journal.head();
        assert!(head.seq >= acknowledged, "round {round}: {} of {acknowledged} rows are there", head.seq);
        assert_eq!(head.seq % 7, 0, "batches are whole");
        assert_eq!(journal.verify().await.unwrap(), head);
        let newest = journal.latest().await.unwrap();
        assert_eq!(newest.len(), 7);
        assert_eq!(newest.iter().map(|row| row.seq).max(), Some(head.seq));
        for row in &newest {
            let (version, name) = (row.version, row.instance.as_str().trim_start_matches("account-"));
            assert_eq!(row.payload, format!("step {version} of {name}").into_bytes());
        }
        from = head.seq;
    }
}

/// A writer that forgets what it has written, a few rows a transaction, is killed at some moment, again and again.
#[tokio::test]
async fn rec_4_trading_goes_on_after_a_kill_while_rows_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let mut before = 0;
    for round in 0..10_usize {
        let mut writer = child(&["forget", text(folder.path())]);
        let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let mut acknowledged = 0;
        for (count, line) in lines.enumerate() {
            acknowledged = line.unwrap().parse().unwrap();
            if count == 9 + round * 3 {
                writer.kill().unwrap();
            }
        }
        writer.wait().unwrap();
        assert!(acknowledged > before, "the writer wrote");
        let journal = open(folder.path());
        assert!(journal.head().seq >= acknowledged);
        assert_eq!(journal.verify().await.unwrap(), journal.head());
        assert_goes_on(&journal).await;
        before = acknowledged;
    }
    let oldest = open(folder.path()).read(0, 1).await.unwrap()[0].seq;
    assert!(oldest + 400 > before && oldest > 1, "rows up to {oldest} of {before} were forgotten");
}

#[tokio::test]
async fn a_drop_without_close_keeps_what_was_handed_over() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    crate::fill(&journal, 3, 10).await;
    drop(journal);
    assert!(crate::holds_all(&open(folder.path()), 30).await);
}
