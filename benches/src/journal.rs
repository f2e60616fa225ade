//! The journal beside a bare DuckDB appender, and its commit times under a steady load.

use std::{
    error::Error,
    num::NonZeroU32,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use duckdb::{
    Connection,
    arrow::{
        array::{ArrayRef, BinaryBuilder, BooleanBuilder, Int64Builder, StringBuilder, UInt64Builder},
        datatypes::{DataType, Field, Schema},
        record_batch::RecordBatch,
    },
};
use tokio::{runtime::Builder, task::JoinSet, time};
use warden_domain::{Epoch, InstanceId, OpId, Timestamp, Version};
use warden_store::{Journal, Record, chain::Mark};
use warden_store_duckdb::{Config, DuckJournal};

use crate::figure::Figure;

/// Rows a commit and commits in each throughput run.
const SIZES: [(usize, usize); 4] = [(64, 1_200), (256, 800), (1_024, 400), (4_096, 100)];
/// Callers that append at once: while one batch is committed the next is prepared, as shards do it.
const CALLERS: usize = 4;
/// Runs of each kind, in turn; the best one counts, because the machine's other work only ever slows.
const RUNS: usize = 3;
/// Bytes of an encoded step.
const PAYLOAD: usize = 200;

const PACE: u64 = 10_000; // events/s
const PACED_FOR: Duration = Duration::from_secs(8);

/// Every figure of the journal.
///
/// # Errors
/// When the journal or the bare appender fails.
pub fn figures() -> Result<Vec<Figure>, Box<dyn Error + Send + Sync>> {
    let mut figures = Vec::new();
    for (rows, commits) in SIZES {
        figures.push(throughput(rows, commits)?);
    }
    figures.extend(commits()?);
    Ok(figures)
}

/// Rows a second in commits of `rows`, beside the bare appender with the same rows. No checkpoint falls into either.
fn throughput(rows: usize, commits: usize) -> Result<Figure, Box<dyn Error + Send + Sync>> {
    let batch = batch(rows);
    let (mut ours, mut floor) = (Duration::MAX, Duration::MAX);
    for _ in 0..RUNS {
        floor = floor.min(bare(&batch, commits)?);
        ours = ours.min(journal(&batch, commits)?);
    }
    let per_second = |took: Duration| (rows * commits) as f64 / took.as_secs_f64();
    let name = format!("journal.rows.{rows}");
    Ok(Figure::at_least_of_floor(name, per_second(ours), "rows/s", per_second(floor), 0.7))
}

fn journal(batch: &[Record], commits: usize) -> Result<Duration, Box<dyn Error + Send + Sync>> {
    let folder = tempfile::tempdir()?;
    let mut config = Config::new(folder.path());
    config.commit = NonZeroU32::new(u32::try_from(batch.len())?).ok_or("an empty batch")?;
    config.checkpoints.when_steady = u64::MAX;
    let journal: Arc<dyn Journal> = Arc::new(DuckJournal::open(config)?);
    let runtime = Builder::new_multi_thread().worker_threads(1).build()?;
    let began = Instant::now();
    runtime.block_on(async {
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let (journal, batch) = (Arc::clone(&journal), batch.to_vec());
            callers.spawn(async move {
                for _ in 0..commits / CALLERS {
                    journal.append(batch.clone()).await?;
                }
                Ok::<_, warden_store::JournalError>(())
            });
        }
        while let Some(done) = callers.join_next().await {
            done??;
        }
        Ok::<_, Box<dyn Error + Send + Sync>>(())
    })?;
    let took = began.elapsed();
    assert_eq!(journal.head().seq, (batch.len() * commits) as u64, "every row was committed");
    Ok(took)
}

/// The same rows by one thread that does nothing else: build the columns, append, commit.
pub(crate) fn bare(batch: &[Record], commits: usize) -> Result<Duration, Box<dyn Error + Send + Sync>> {
    let folder = tempfile::tempdir()?;
    let conn = open_bare(&folder.path().join("bare.duckdb"))?;
    let schema = bare_schema();
    let began = Instant::now();
    for commit in 0..commits {
        let rows = bare_rows(batch, (commit * batch.len()) as u64, &schema)?;
        conn.execute_batch("BEGIN")?;
        let mut appender = conn.appender("journal")?;
        appender.append_record_batch(rows)?;
        appender.flush()?;
        drop(appender);
        conn.execute_batch("COMMIT")?;
    }
    Ok(began.elapsed())
}

fn open_bare(path: &Path) -> Result<Connection, duckdb::Error> {
    let flags = duckdb::Config::default().threads(1)?.with("checkpoint_threshold", "10GB")?;
    let conn = Connection::open_with_flags(path, flags)?;
    let columns = bare_columns().map(|(name, sql, _)| format!("{name} {sql}"));
    conn.execute_batch(&format!(
        "PRAGMA disable_checkpoint_on_shutdown; CREATE TABLE journal ({})",
        columns.join(", ")
    ))?;
    Ok(conn)
}

/// The columns of the journal, with DuckDB's and Arrow's types.
fn bare_columns() -> [(&'static str, &'static str, DataType); 15] {
    let number = |name| (name, "UBIGINT", DataType::UInt64);
    let text = |name| (name, "VARCHAR", DataType::Utf8);
    let bytes = |name| (name, "BLOB", DataType::Binary);
    [
        number("seq"),
        text("instance"),
        number("epoch"),
        number("version"),
        number("op_id"),
        ("at_ms", "BIGINT", DataType::Int64),
        text("kind"),
        text("rule"),
        bytes("payload"),
        bytes("prev_hash"),
        bytes("hash"),
        number("trade"),
        text("client_key"),
        number("key_digest"),
        ("trade_ended", "BOOLEAN", DataType::Boolean),
    ]
}

fn bare_schema() -> Arc<Schema> {
    let field = |(name, _, kind)| Field::new(name, kind, false);
    Arc::new(Schema::new(bare_columns().map(field).to_vec()))
}

fn bare_rows(
    batch: &[Record],
    after: u64,
    schema: &Arc<Schema>,
) -> Result<RecordBatch, Box<dyn Error + Send + Sync>> {
    let mut seq = UInt64Builder::new();
    let [mut instance, mut kind, mut rule, mut key] = [(); 4].map(|()| StringBuilder::new());
    let [mut epoch, mut version, mut op, mut trade, mut digest] = [(); 5].map(|()| UInt64Builder::new());
    let (mut at, mut ended) = (Int64Builder::new(), BooleanBuilder::new());
    let [mut payload, mut before, mut hash] = [(); 3].map(|()| BinaryBuilder::new());
    for (record, place) in batch.iter().zip(after + 1..) {
        seq.append_value(place);
        instance.append_value(record.instance.as_str());
        epoch.append_value(record.epoch.0);
        version.append_value(record.version.0);
        op.append_value(record.op.0);
        at.append_value(record.at.as_millis());
        kind.append_value(record.kind);
        rule.append_value(record.rule);
        payload.append_value(&record.payload);
        before.append_value(&record.payload[..32]);
        hash.append_value(&record.payload[32..64]);
        let mark = record.trade.as_ref().map(Mark::from).unwrap_or_default();
        trade.append_value(mark.magic);
        key.append_value(mark.key);
        digest.append_value(mark.digest);
        ended.append_value(mark.ended);
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(seq.finish()),
        Arc::new(instance.finish()),
        Arc::new(epoch.finish()),
        Arc::new(version.finish()),
        Arc::new(op.finish()),
        Arc::new(at.finish()),
        Arc::new(kind.finish()),
        Arc::new(rule.finish()),
        Arc::new(payload.finish()),
        Arc::new(before.finish()),
        Arc::new(hash.finish()),
        Arc::new(trade.finish()),
        Arc::new(key.finish()),
        Arc::new(digest.finish()),
        Arc::new(ended.finish()),
    ];
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// Commit times at a steady pace, checkpoints included, of the run with the shortest longest one.
fn commits() -> Result<[Figure; 2], Box<dyn Error + Send + Sync>> {
    let mut best = paced()?;
    for _ in 1..RUNS {
        best = best.min(paced()?);
    }
    let (longest, p99) = best;
    let millis = |took: Duration| took.as_secs_f64() * 1e3;
    Ok([
        Figure::at_most("journal.commit.p99".to_owned(), millis(p99), "ms", 5.0),
        Figure::at_most("journal.commit.longest".to_owned(), millis(longest), "ms", 25.0),
    ])
}

/// The longest and the 99th percentile of the commits of one run: as a shard does it, what came during a commit is the
/// next batch.
fn paced() -> Result<(Duration, Duration), Box<dyn Error + Send + Sync>> {
    let folder = tempfile::tempdir()?;
    let journal = DuckJournal::open(Config::new(folder.path()))?;
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let mut took = runtime.block_on(async {
        let (began, mut took) = (Instant::now(), Vec::new());
        let mut ticks = time::interval(Duration::from_millis(1));
        while began.elapsed() < PACED_FOR {
            let due = u64::try_from(began.elapsed().as_millis())? * PACE / 1_000;
            let waiting = usize::try_from(due - journal.head().seq)?;
            if waiting == 0 {
                ticks.tick().await;
                continue;
            }
            let batch = batch(waiting);
            let began = Instant::now();
            journal.append(batch).await?;
            took.push(began.elapsed());
        }
        Ok::<_, Box<dyn Error + Send + Sync>>(took)
    })?;
    let wanted = PACE * PACED_FOR.as_secs();
    assert!(journal.head().seq > wanted * 99 / 100, "the journal kept the pace");
    took.sort_unstable();
    let at = |share: usize| took.get(took.len() * share / 1_000).or(took.last()).copied();
    Ok((at(1_000).ok_or("nothing was committed")?, at(990).ok_or("nothing was committed")?))
}

fn batch(rows: usize) -> Vec<Record> {
    let record = |index: usize| Record {
        trade: None,
        instance: InstanceId::new(&format!("account-{}", index % 1_000)).expect("a valid name"),
        epoch: Epoch(3),
        version: Version(index as u64),
        op: OpId(index as u64),
        at: Timestamp::from_millis(1_700_000_000_000 + index as i64),
        kind: "connection_lost",
        rule: "NET-4",
        payload: (0..PAYLOAD).map(|byte| (byte * 31 + index * 7) as u8).collect(),
    };
    (0..rows).map(record).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bare_appender_writes_the_columns_of_the_journal() {
        let folder = tempfile::tempdir().unwrap();
        drop(DuckJournal::open(Config::new(folder.path())).unwrap());
        let conn = Connection::open(folder.path().join("journal.duckdb")).unwrap();
        let sql = "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'journal_row'
                   ORDER BY column_index";
        let mut statement = conn.prepare(sql).unwrap();
        let columns = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let columns: Vec<(String, String)> = columns.collect::<Result<_, _>>().unwrap();
        assert_eq!(columns, bare_columns().map(|(name, sql, _)| (name.to_owned(), sql.to_owned())));
    }
}
