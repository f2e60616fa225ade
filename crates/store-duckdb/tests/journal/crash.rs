use std::io::{BufRead, BufReader};

use warden_store::Journal;

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

#[tokio::test]
async fn a_drop_without_close_keeps_what_was_handed_over() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    crate::fill(&journal, 3, 10).await;
    drop(journal);
    assert!(crate::holds_all(&open(folder.path()), 30).await);
}
