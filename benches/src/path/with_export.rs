//! The path while the backlog that full speed left behind is exported to a ClickHouse elsewhere.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use warden_store_clickhouse::ClickHouseHistory;

use super::{Bench, millis};
use crate::{
    Figures,
    figure::Figure,
    history::{elsewhere::Elsewhere, rig},
};

/// Events a second with and without the export.
const RATES: [u64; 2] = [1_000, 10_000];

/// The delays at each rate while an export drains the whole journal, beside those right before it.
///
/// # Errors
/// When a store fails, or the journal is drained before the measuring ends.
pub(super) async fn figures(bench: &mut Bench, journal_folder: &Path) -> Figures {
    let mut figures = Vec::new();
    for rate in RATES {
        written_out(journal_folder).await?;
        let without = bench.paced(rate).await?;
        let target = Elsewhere::start()?;
        let folder = tempfile::tempdir()?;
        let journal = &bench.rig.journal;
        let (backlog, history) = (journal.head().seq, ClickHouseHistory::connect(target.config())?);
        let exporter = rig::start(journal, Arc::new(history), folder.path())?;
        let with = bench.paced(rate).await?;
        let exported = exporter.exported();
        if exported == 0 || exported >= backlog {
            return Err(format!("{exported} of {backlog} rows were exported meanwhile").into());
        }
        let name = |share: usize| format!("path.with_export.at_{}k.p{share}", rate / 1_000);
        for share in [50, 99] {
            let late = millis(&with, share);
            let figure = match (rate, share) {
                (1_000, 50) => Figure::at_most(name(share), late, "ms", 3.0),
                _ => Figure::noted(name(share), late, "ms"),
            };
            figures.push(figure.beside(millis(&without, share)));
        }
    }
    Ok(figures)
}

/// Waits until the journal's log was written into its file, as that of a backlog has been long before a history is back.
async fn written_out(journal_folder: &Path) -> Result<(), String> {
    const SMALL: u64 = 1 << 20;
    let log = journal_folder.join("journal.duckdb.wal");
    let until = Instant::now() + Duration::from_secs(60);
    while log.metadata().is_ok_and(|about| about.len() >= SMALL) {
        if Instant::now() >= until {
            return Err(format!("{} is not written out", log.display()));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
