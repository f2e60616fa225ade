//! The other process in the journal's tests: tries a file out, writes until it is killed, holds a journal open, fills a
//! disk. Not part of the product.

use std::{
    env,
    error::Error,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use tokio::runtime::Builder;
use warden_domain::{Epoch, InstanceId, OpId, Timestamp, Version};
use warden_store::{
    History, HistoryError, HistoryRows, Journal, JournalError, Record,
    conformance::{
        history::{JOURNAL, event, origin},
        journal::steps,
    },
    history::{InstanceEvent, Period, Range},
    schema::up,
};
use warden_store_duckdb::{
    Config, DuckHistory, DuckJournal, HistoryConfig, HistorySchema, JournalSchema, probe_main,
};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args.as_slice() {
        ["probe", file] => return probe_main(Path::new(file)),
        ["abort", _file] => std::process::abort(),
        ["write", folder, from] => write(folder, from),
        ["forget", folder] => forget(folder),
        ["hold", folder] => hold(folder),
        ["hold-file", file] => hold_file(file),
        ["open", folder] => open(folder),
        ["fill", folder, how] => fill(folder, how),
        ["up", folder] => bring_up(folder),
        ["export", file] => export(file),
        ["fill-history", file] => fill_history(file),
        ["hold-history", file] => hold_history(file),
        other => Err(format!("{other:?} is nothing this program does").into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

type Done = Result<(), Box<dyn Error>>;

/// Appends batches of 7 rows from four callers at once and prints each acknowledged last row, until it is killed.
/// Checkpoints and new segments come all the time.
fn write(folder: &str, from: &str) -> Done {
    let mut config = Config::new(folder);
    config.checkpoints.when_steady = 100_000;
    config.checkpoints.steady = u64::MAX;
    config.segment = 1_000.try_into()?;
    let journal = DuckJournal::open(config)?;
    let from: u64 = from.parse()?;
    let runtime = Builder::new_current_thread().build()?;
    runtime.block_on(async {
        for version in from.. {
            let batch = || (0..7).map(|index| record(version, index)).collect();
            let (a, b, c, d) = tokio::join!(
                journal.append(batch()),
                journal.append(batch()),
                journal.append(batch()),
                journal.append(batch())
            );
            for commit in [a, b, c, d] {
                println!("{}", commit?.last);
            }
        }
        Ok(())
    })
}

/// Appends steps of instances and trades and forgets the older ones all the time, in small transactions, and prints the
/// newest row after each time, until it is killed. Checkpoints and new segments come all the time.
fn forget(folder: &str) -> Done {
    const KEPT: u64 = 150;
    let mut config = Config::new(folder);
    config.checkpoints.when_steady = 50_000;
    config.checkpoints.steady = u64::MAX;
    config.segment = 200.try_into()?;
    config.forgotten = 7.try_into()?;
    let journal = DuckJournal::open(config)?;
    Builder::new_current_thread().build()?.block_on(async {
        loop {
            let head = journal.head().seq;
            let commit = journal.append(steps(head + 1, head + 20)).await?;
            journal.retain(Timestamp::MAX, commit.last.saturating_sub(KEPT)).await?;
            println!("{}", commit.last);
        }
    })
}

/// Holds a journal open until its standard input ends.
fn hold(folder: &str) -> Done {
    let _journal = DuckJournal::open(Config::new(folder))?;
    until_told()
}

/// Holds the DuckDB file open as a program does that knows nothing of the journal's lock.
fn hold_file(file: &str) -> Done {
    let _connection = duckdb::Connection::open(file)?;
    until_told()
}

fn until_told() -> Done {
    println!("open");
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Opens a journal and prints why it could not.
fn open(folder: &str) -> Done {
    DuckJournal::open(Config::new(folder))?;
    Ok(())
}

/// Exports ranges of [`PIECE`] rows, from what is there on, and prints each acknowledged last row, until it is killed.
fn export(file: &str) -> Done {
    let history = DuckHistory::open(HistoryConfig::new(file))?;
    Builder::new_current_thread().build()?.block_on(async {
        loop {
            let last = history.exported(JOURNAL).await?.unwrap_or(0);
            let range = Range { journal: JOURNAL, first: last + 1, last: last + PIECE };
            let events = (range.first..=range.last).map(|seq| event(origin("account-1", seq, millis(seq))));
            let rows = HistoryRows { events: events.collect(), ..HistoryRows::default() };
            history.insert(range, &rows).await?;
            println!("{}", range.last);
        }
    })
}

/// Exports until a file has reached the limit that this process was started with, takes it off, and goes on.
fn fill_history(file: &str) -> Done {
    const NEWEST: u32 = 100;
    let runtime = Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let history = DuckHistory::open(HistoryConfig::new(file))?;
        let mut last = 0;
        let refused = loop {
            match export_large(&history, last).await {
                Ok(()) => last += PIECE,
                Err(error) => break error.to_string(),
            }
        };
        println!("refused after {last} rows: {refused}");
        check(refused.contains("is full; free space there"), "the error names the full disk")?;
        check(export_large(&history, last).await.is_err(), "it is still full")?;
        check(history.exported(JOURNAL).await?.unwrap_or(0) == last, "nothing of the refused range counts")?;

        make_room("limit", Path::new(""))?;
        for _ in 0..3 {
            export_large(&history, last).await?;
            last += PIECE;
        }
        drop(history);
        let history = DuckHistory::open(HistoryConfig::new(file))?;
        check(history.exported(JOURNAL).await? == Some(last), "every acknowledged range is there")?;
        let always = Period { from: millis(0), until: Timestamp::MAX };
        let instance = InstanceId::new("account-1")?;
        let events = history.timeline(&instance, always, NEWEST).await?;
        let whole = (last + 1 - u64::from(NEWEST)..=last)
            .zip(&events)
            .all(|(seq, event)| event.origin.seq == seq && event.payload == large(seq % 100).payload);
        check(whole && events.len() == NEWEST as usize, "the newest rows are as they were")
    })
}

/// The range after `last`, with payloads that cannot be compressed.
async fn export_large(history: &DuckHistory, last: u64) -> Result<(), HistoryError> {
    let range = Range { journal: JOURNAL, first: last + 1, last: last + PIECE };
    let step = |seq| InstanceEvent {
        payload: large(seq % 100).payload,
        ..event(origin("account-1", seq, millis(seq)))
    };
    let events = (range.first..=range.last).map(step).collect();
    history.insert(range, &HistoryRows { events, ..HistoryRows::default() }).await
}

/// Rows of one exported range.
const PIECE: u64 = 700;

fn millis(seq: u64) -> Timestamp {
    Timestamp::from_millis(seq.cast_signed())
}

/// Holds a history open until its standard input ends.
fn hold_history(file: &str) -> Done {
    let _history = DuckHistory::open(HistoryConfig::new(file))?;
    until_told()
}

/// Says that it begins, then brings the journal and the history of a folder up.
fn bring_up(folder: &str) -> Done {
    println!("open");
    let now = Timestamp::from_millis(0);
    Builder::new_current_thread().enable_time().build()?.block_on(async {
        up(&mut JournalSchema::open(Path::new(folder)), now, &mut |_| ()).await?;
        up(&mut HistorySchema::open(&Path::new(folder).join("history.duckdb")), now, &mut |_| ()).await?;
        Ok(())
    })
}

/// Appends until the disk is full, makes room, and goes on. The room is a ballast file on a small disk (`disk`) or a
/// limit on the size of every file (`limit`), which this process was started with and takes off itself.
fn fill(folder: &str, how: &str) -> Done {
    let ballast = PathBuf::from(folder).join("ballast");
    if how == "disk" {
        leave(3 << 20, &ballast)?;
    }
    let runtime = Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let journal = DuckJournal::open(config(folder))?;
        let mut version = 1;
        let refused = loop {
            match journal.append(vec![large(version)]).await {
                Ok(_) => version += 1,
                Err(error) => break error,
            }
        };
        println!("refused after {} rows: {refused}", version - 1);
        check(matches!(refused, JournalError::DiskFull { .. }), "the error names the full disk")?;
        check(journal.head().seq == version - 1, "nothing of the failed commit counts")?;
        let again = journal.append(vec![large(version)]).await;
        check(again.is_err(), "it is still full")?;

        make_room(how, &ballast)?;
        for _ in 0..5 {
            let commit = journal.append(vec![large(version)]).await?;
            check(commit.last == version, "the same batch takes the refused one's place")?;
            version += 1;
        }
        check(journal.verify().await?.seq == version - 1, "the chain holds")?;
        drop(journal); // without a checkpoint: what counts is what a replay finds

        let journal = DuckJournal::open(config(folder))?;
        check(journal.head().seq == version - 1, "every acknowledged row is there")?;
        let rows = journal.read(0, u32::MAX).await?;
        let whole = rows.iter().zip(1..).all(|(row, version)| row.payload == large(version).payload);
        check(whole && rows.len() as u64 == version - 1, "every acknowledged row is as it was")?;
        journal.close().await?;
        Ok(())
    })
}

/// No checkpoint before the end: what is full is the write-ahead log's disk.
fn config(folder: &str) -> Config {
    let mut config = Config::new(folder);
    config.checkpoints.when_steady = u64::MAX;
    config.checkpoints.when_quiet = u64::MAX;
    config
}

fn leave(bytes: usize, ballast: &Path) -> Done {
    let mut file = File::create(ballast)?;
    let piece = vec![0; 1 << 16];
    while file.write_all(&piece).is_ok() {}
    let written = usize::try_from(file.metadata()?.len())?;
    file.set_len(u64::try_from(written.saturating_sub(bytes))?)?;
    Ok(())
}

fn make_room(how: &str, ballast: &Path) -> Done {
    if how == "disk" {
        fs::remove_file(ballast)?;
        return Ok(());
    }
    let pid = std::process::id().to_string();
    let done = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited:unlimited"]).status()?;
    check(done.success(), "prlimit takes the limit off")
}

fn check(holds: bool, what: &str) -> Done {
    if holds { Ok(()) } else { Err(format!("not so: {what}").into()) }
}

fn record(version: u64, index: u64) -> Record {
    Record {
        instance: InstanceId::new(&format!("account-{index}")).expect("a valid name"),
        trade: None,
        epoch: Epoch(1),
        version: Version(version),
        op: OpId(version),
        at: Timestamp::from_millis(version.cast_signed()),
        kind: "connection_lost",
        rule: "NET-4",
        payload: format!("step {version} of {index}").into_bytes(),
    }
}

fn large(version: u64) -> Record {
    let noise = (0..40_000_u64).map(|index| (index.wrapping_mul(version * 2 + 1) >> 3) as u8);
    Record { payload: noise.collect(), ..record(version, 0) }
}
