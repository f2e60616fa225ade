//! The DuckDB journal in the hands of crashes, damage, full disks and other processes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod conformance;
mod crash;
mod damage;
mod disk;
mod identity;
mod keeping;
mod opening;
mod schema;
mod trades;

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use warden_domain::{ClientTradeId, Epoch, InstanceId, Magic, OpId, Timestamp, Version};
use warden_store::{Journal, JournalError, Record, Row, SignalKey, TradeMark};
use warden_store_duckdb::{Config, DuckJournal, Probe};

/// The program that plays the other process.
const CHILD: &str = env!("CARGO_BIN_EXE_journal-child");

/// The defaults, with a trial of the file in a child before it is opened.
fn config(folder: &Path) -> Config {
    let mut config = Config::new(folder);
    config.probe = Some(Probe { program: CHILD.into(), args: vec!["probe".into()] });
    config
}

/// Never takes a checkpoint by itself.
fn without_checkpoints(folder: &Path) -> Config {
    let mut config = config(folder);
    config.checkpoints.when_steady = u64::MAX;
    config.checkpoints.when_quiet = u64::MAX;
    config
}

fn open(folder: &Path) -> DuckJournal {
    DuckJournal::open(config(folder)).unwrap()
}

fn refusal(config: Config) -> JournalError {
    match DuckJournal::open(config) {
        Ok(_) => panic!("the journal should not have opened"),
        Err(error) => error,
    }
}

fn record(name: &str, version: u64) -> Record {
    Record {
        instance: InstanceId::new(name).unwrap(),
        trade: None,
        epoch: Epoch(1),
        version: Version(version),
        op: OpId(version),
        at: Timestamp::from_millis(version.cast_signed()),
        kind: "connection_lost",
        rule: "NET-4",
        payload: format!("{name} at {version}").into_bytes(),
    }
}

/// A step of the trade with this counter.
fn step(name: &str, trade: u64, version: u64, ended: bool) -> Record {
    let mark = TradeMark { magic: Magic::new(1, trade).unwrap(), ended, key: None };
    Record { trade: Some(mark), kind: "REPLIED", ..record(name, version) }
}

/// The first step of the trade with this counter.
fn accepted(name: &str, trade: u64, version: u64) -> Record {
    let id = ClientTradeId::new(&format!("signal-{trade}")).unwrap();
    let mut record = step(name, trade, version, false);
    record.trade.as_mut().unwrap().key = Some(SignalKey { id, digest: version });
    record
}

/// `commits` commits of `rows` rows each, spread over ten instances, the version rising with every row.
async fn fill(journal: &DuckJournal, commits: u64, rows: u64) {
    for _ in 0..commits {
        let next = journal.head().seq + 1;
        let batch = (next..next + rows).map(|seq| record(&format!("account-{}", seq % 10), seq)).collect();
        journal.append(batch).await.unwrap();
    }
}

/// Whether the rows are exactly what [`fill`] wrote up to `last`.
async fn holds_all(journal: &DuckJournal, last: u64) -> bool {
    let rows = journal.read(0, u32::MAX).await.unwrap();
    let as_written = |(row, seq): (&Row, u64)| {
        let written = record(&format!("account-{}", seq % 10), seq);
        row.seq == seq
            && row.version.0 == seq
            && row.payload == written.payload
            && row.instance == written.instance
    };
    rows.len() as u64 == last && rows.iter().zip(1..).all(as_written)
}

/// A copy of a closed journal's files.
fn copy(from: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
    }
    folder
}

/// The other process, with pipes on both ends.
fn child(args: &[&str]) -> Child {
    Command::new(CHILD).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
