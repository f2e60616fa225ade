use std::{
    io::{BufRead, BufReader},
    process::Command,
};

use warden_store::{History, conformance::history::JOURNAL};

use crate::{CHILD, all, child, config, events, open, range};

/// An export is killed at some moment, again and again: ranges are whole, once, and what was acknowledged is there.
#[tokio::test]
async fn a_killed_export_leaves_whole_ranges_and_goes_on() {
    const PIECE: u64 = 700;
    let folder = tempfile::tempdir().unwrap();
    let file = config(folder.path()).file;
    let mut before = 0;
    for round in 0..8 {
        let mut exporter = child(&["export", file.to_str().unwrap()]);
        let lines = BufReader::new(exporter.stdout.take().unwrap()).lines();
        let mut acknowledged = 0;
        for (count, line) in lines.enumerate() {
            acknowledged = line.unwrap().parse().unwrap();
            if count == round {
                exporter.kill().unwrap(); // what is still in the pipe was acknowledged, too
            }
        }
        exporter.wait().unwrap();
        assert!(acknowledged > before, "the export went on");

        let history = open(folder.path());
        let exported = history.exported(JOURNAL).await.unwrap().unwrap();
        assert!(exported >= acknowledged, "round {round}: {exported} of {acknowledged} rows are there");
        assert_eq!(exported % PIECE, 0, "ranges are whole");
        let last = range(exported - PIECE + 1, exported);
        history.insert(last, &events(last)).await.unwrap(); // its acknowledgement may have been lost
        let seqs: Vec<u64> = all(&history).await.iter().map(|event| event.origin.seq).collect();
        assert_eq!(seqs, (1..=exported).collect::<Vec<_>>());
        before = exported;
    }
}

/// A file that may not grow fails a write as a full disk does.
#[test]
fn a_full_disk_refuses_a_range_and_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let file = config(folder.path()).file;
    let script = r#"trap '' XFSZ; ulimit -S -f 65536; exec "$@""#;
    let mut filler = Command::new("sh");
    filler.args(["-c", script, "sh", CHILD, "fill-history", file.to_str().unwrap()]);
    let done = filler.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{said}");
    assert!(said.contains("refused after"), "{said}");
}
