use std::{path::Path, time::Duration};

use duckdb::Connection;
use warden_domain::Timestamp;
use warden_store::{
    Pending,
    schema::{Applied, Progress, Schema, SchemaError, Step},
};

use super::{apply, catalogue, file::SchemaFile, ledger, steps_of};

/// The schema of the history in a DuckDB file, for a migrator. [`DuckHistory`](crate::DuckHistory) brings its file up
/// itself when it opens it.
///
/// # Guarantees
/// - Nothing is made by looking; only [`apply`](Schema::apply) makes a file.
/// - The file's own lock keeps a supervisor and other migrators away.
///
/// # Caveats
/// - Its calls block for as long as DuckDB works.
/// - A history that a supervisor has open cannot even be looked at: [`SchemaError::InUse`].
#[derive(Debug)]
pub struct HistorySchema {
    file: SchemaFile,
}

impl HistorySchema {
    /// Names a history; touches nothing.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        Self { file: SchemaFile::new(path.to_owned(), path.with_extension("lock")) }
    }

    /// How long to wait for another process that has the history; 10 s if nothing is said.
    #[must_use]
    pub fn waiting_at_most(mut self, patience: Duration) -> Self {
        self.file.be_patient(patience);
        self
    }
}

impl Schema for HistorySchema {
    fn place(&self) -> String {
        self.file.place()
    }

    fn steps(&self) -> &[Step] {
        &HISTORY
    }

    fn lock(&mut self) -> Pending<'_, Result<(), SchemaError>> {
        Box::pin(self.file.lock())
    }

    fn unlock(&mut self) -> Pending<'_, Result<(), SchemaError>> {
        self.file.unlock();
        Box::pin(async { Ok(()) })
    }

    fn applied(&mut self) -> Pending<'_, Result<Vec<Applied>, SchemaError>> {
        Box::pin(async { Ok(self.file.look(ledger).await?.flatten().unwrap_or_default()) })
    }

    fn apply<'a>(
        &'a mut self,
        step: &'a Step,
        now: Timestamp,
        progress: &'a mut (dyn FnMut(Progress) + Send),
    ) -> Pending<'a, Result<(), SchemaError>> {
        Box::pin(async move {
            let place = self.place();
            let change = |conn: &Connection| {
                apply(conn, step, now, progress, |_| Ok(())).map_err(|failed| failed.of(place, step))
            };
            self.file.change(|| Ok(()), change).await
        })
    }

    fn differences(&mut self) -> Pending<'_, Result<Vec<String>, SchemaError>> {
        Box::pin(async { Ok(self.file.look(history_differences).await?.unwrap_or_default()) })
    }
}

fn history_differences(conn: &Connection) -> Result<Vec<String>, duckdb::Error> {
    let applied = ledger(conn)?.unwrap_or_default();
    let expected = Connection::open_in_memory()?;
    for step in steps_of(&HISTORY, &applied) {
        apply(&expected, step, Timestamp::from_millis(0), &mut |_| (), |_| Ok(()))
            .map_err(|failed| failed.source)?;
    }
    Ok(catalogue::compare(&catalogue::read(conn, &[])?, &catalogue::read(&expected, &[])?))
}

/// The steps of the history.
pub(crate) static HISTORY: [Step; 1] = [Step {
    version: 1,
    name: "history",
    sql: include_str!("../../../../migrations/duckdb/history/0001_history.sql"),
}];
