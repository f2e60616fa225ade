use std::{
    io,
    path::PathBuf,
    time::{Duration, Instant},
};

use duckdb::{AccessMode, Connection};
use warden_store::schema::SchemaError;

use crate::{
    fault::{Meaning, meaning},
    files::{self, FileLock},
};

/// A file whose schema is looked at or brought up, and the lock that keeps others away meanwhile.
#[derive(Debug)]
pub(crate) struct SchemaFile {
    pub(crate) database: PathBuf,
    lock: PathBuf,
    patience: Duration,
    held: Option<FileLock>,
}

impl SchemaFile {
    pub(crate) fn new(database: PathBuf, lock: PathBuf) -> Self {
        const PATIENCE: Duration = Duration::from_secs(10);
        Self { database, lock, patience: PATIENCE, held: None }
    }

    pub(crate) fn be_patient(&mut self, patience: Duration) {
        self.patience = patience;
    }

    pub(crate) fn place(&self) -> String {
        self.database.display().to_string()
    }

    /// Keeps others away until [`unlock`](Self::unlock).
    pub(crate) async fn lock(&mut self) -> Result<(), SchemaError> {
        if self.held.is_none() {
            self.held = Some(self.wait_for_lock().await?);
        }
        Ok(())
    }

    pub(crate) fn unlock(&mut self) {
        self.held = None;
    }

    /// Looks at the file as it is; `None` when nothing is there.
    pub(crate) async fn look<T>(
        &mut self,
        see: impl FnOnce(&Connection) -> Result<T, duckdb::Error>,
    ) -> Result<Option<T>, SchemaError> {
        if !self.database.exists() {
            return Ok(None);
        }
        let _lock = self.lock_unless_held().await?;
        let seen = flags()
            .and_then(|flags| flags.access_mode(AccessMode::ReadOnly))
            .and_then(|flags| Connection::open_with_flags(&self.database, flags))
            .and_then(|conn| see(&conn));
        seen.map(Some).map_err(|error| self.unreachable(&error))
    }

    /// Opens the file, or a new one, to change it; `prepare` comes before.
    pub(crate) async fn change<T>(
        &mut self,
        prepare: impl FnOnce() -> Result<(), String>,
        change: impl FnOnce(&Connection) -> Result<T, SchemaError>,
    ) -> Result<T, SchemaError> {
        let _lock = self.lock_unless_held().await?;
        let prepared = prepare().and_then(|()| self.make().map_err(|error| error.to_string()));
        prepared.map_err(|what| SchemaError::Unreachable { place: self.place(), what })?;
        let conn = flags()
            .and_then(|flags| Connection::open_with_flags(&self.database, flags))
            .and_then(|conn| conn.execute_batch("PRAGMA disable_checkpoint_on_shutdown").map(|()| conn))
            .map_err(|error| self.unreachable(&error))?;
        change(&conn)
    }

    /// Makes the file when there is none.
    fn make(&self) -> io::Result<()> {
        if self.database.exists() { Ok(()) } else { files::make_database(&self.database) }
    }

    async fn lock_unless_held(&self) -> Result<Option<FileLock>, SchemaError> {
        match self.held {
            Some(_) => Ok(None),
            None => self.wait_for_lock().await.map(Some),
        }
    }

    async fn wait_for_lock(&self) -> Result<FileLock, SchemaError> {
        const PAUSE: Duration = Duration::from_millis(20);
        let failed = |error: std::io::Error| SchemaError::Unreachable {
            place: self.place(),
            what: format!("{}: {error}", self.lock.display()),
        };
        files::make_folder_of(&self.lock).map_err(failed)?;
        let deadline = Instant::now() + self.patience;
        loop {
            match FileLock::take(&self.lock).map_err(failed)? {
                Some(lock) => return Ok(lock),
                None if Instant::now() >= deadline => return Err(self.in_use()),
                None => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    fn unreachable(&self, error: &duckdb::Error) -> SchemaError {
        match meaning(error) {
            Meaning::InUse => self.in_use(),
            Meaning::DiskFull | Meaning::NotWritable | Meaning::Refused | Meaning::Damage => {
                SchemaError::Unreachable { place: self.place(), what: error.to_string() }
            }
        }
    }

    fn in_use(&self) -> SchemaError {
        SchemaError::InUse { place: self.place() }
    }
}

fn flags() -> Result<duckdb::Config, duckdb::Error> {
    duckdb::Config::default()
        .threads(1)?
        .with("checkpoint_threshold", "1000TB")? // a look changes nothing, and a program takes its own
        .with("autoinstall_known_extensions", "false")?
        .with("autoload_known_extensions", "false")
}
