//! The export of the history beside a bare `clickhouse` client, its parts, and the history in a DuckDB file.

pub mod backlog;
mod bare;
pub mod elsewhere;
pub mod rig;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::runtime::{Builder, Runtime};
use warden_store::{HistoryRows, Journal, history::Range};
use warden_store_clickhouse::ClickHouseHistory;
use warden_store_duckdb::{DuckHistory, HistoryConfig};
use warden_supervisor::{Deriver, ExportConfig};

use self::rig::{Fault, Filled, Target};
use crate::{Figures, figure::Figure, fleet, steps};

/// Rows of the journal that is exported.
const ROWS: u64 = 1_500_000;
/// Runs of each kind, in turn; the best one counts, because the machine's other work only ever slows.
const RUNS: usize = 3;

/// Every figure of the export but those of a backlog.
///
/// # Errors
/// When a store fails.
pub fn figures() -> Figures {
    let runtime = runtime()?;
    let filled = Filled::new(ROWS, &runtime)?;
    let journal = filled.open()?;
    let rate = |took: Duration| ROWS as f64 / took.as_secs_f64();
    let (mut derived, mut floor, mut ours, mut embedded) =
        (Duration::MAX, Duration::MAX, Duration::MAX, Duration::MAX);
    for _ in 0..RUNS {
        let (derive, insert) = runtime.block_on(apart(&*journal))?;
        derived = derived.min(derive);
        floor = floor.min(insert);
        ours = ours.min(runtime.block_on(to_clickhouse(&journal))?);
        embedded = embedded.min(runtime.block_on(to_duckdb(&journal))?);
    }
    runtime.block_on(journal.close())?;
    Ok(vec![
        Figure::at_least("history.derive".to_owned(), rate(derived), "rows/s", 500_000.0),
        Figure::at_least("history.export".to_owned(), rate(ours), "rows/s", 200_000.0),
        Figure::at_least_of_floor("history.export.share".to_owned(), rate(ours), "rows/s", rate(floor), 0.7),
        Figure::noted("history.duckdb".to_owned(), rate(embedded), "rows/s"),
    ])
}

/// What the export's own runtime is: one thread.
fn runtime() -> Result<Runtime, Fault> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// The parts of the export one after the other, without anything around them: the time to derive all rows, and that of
/// a bare client to insert them, in equally long ranges.
async fn apart(journal: &dyn Journal) -> Result<(Duration, Duration), Fault> {
    let target = Target::start().await?;
    let client = bare::client(target.config());
    let mut deriver = Deriver::new(journal.id(), fleet::servers(steps::INSTANCES));
    let together = ExportConfig::default().rows;
    let (mut deriving, mut inserting, mut after) = (Duration::ZERO, Duration::ZERO, 0);
    while after < ROWS {
        let read = journal.read(after, together).await?;
        after = read.last().ok_or("the journal ends too early")?.seq;
        let began = Instant::now();
        let mut rows = HistoryRows::default();
        for row in read {
            rig::whole(deriver.add(row, &mut rows))?;
        }
        deriving += began.elapsed();
        let began = Instant::now();
        bare::insert(&client, &rows).await?;
        inserting += began.elapsed();
    }
    target.holds(ROWS)?;
    Ok((deriving, inserting))
}

async fn to_clickhouse(journal: &Arc<dyn Journal>) -> Result<Duration, Fault> {
    let target = Target::start().await?;
    let history = Arc::new(ClickHouseHistory::connect(target.config())?);
    let took = rig::export(journal, history).await?;
    target.holds(ROWS)?;
    Ok(took)
}

async fn to_duckdb(journal: &Arc<dyn Journal>) -> Result<Duration, Fault> {
    let folder = tempfile::tempdir()?;
    let history = DuckHistory::open(HistoryConfig::new(folder.path().join("history.duckdb")))?;
    let history = Arc::new(history);
    let took = rig::export(journal, Arc::clone(&history) as _).await?;
    let range = Range { journal: journal.id(), first: 1, last: ROWS };
    if history.exported(range.journal).await? != Some(range.last) {
        return Err("the history does not hold every row".into());
    }
    Ok(took)
}
