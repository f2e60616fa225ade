use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use duckdb::Connection;
use warden_store::{
    HistoryError,
    schema::{SchemaError, plan},
};

use super::HistoryConfig;
use crate::{
    columns::ReadError,
    fault::{Meaning, meaning},
    files::{self, FileLock},
    probe,
    schema::{self, HISTORY},
};

/// The file in the hands of the thread.
pub(super) struct Store {
    config: HistoryConfig,
    conn: Option<Connection>, // none after something failed: what is in the file is known again when it was opened again
    _lock: FileLock,
}

/// Why the thread did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The caller asks for what must not be.
    #[error("{0}")]
    Refused(String),
}

impl From<duckdb::Error> for Trouble {
    fn from(error: duckdb::Error) -> Self {
        Self::Read(error.into())
    }
}

/// Why the file was not opened.
enum Refusal {
    Damaged(String),
    Other(HistoryError),
}

impl Store {
    pub(super) fn open(config: HistoryConfig) -> Result<Self, HistoryError> {
        let file = &config.file;
        let lock = files::make_folder_of(file).and_then(|_| FileLock::take(&file.with_extension("lock")));
        let lock = lock.map_err(|error| refused(file, &error))?.ok_or_else(|| in_use(file))?;
        let mut store = Self { config, conn: None, _lock: lock };
        let conn = match store.connect() {
            Err(Refusal::Damaged(reason)) => {
                store.set_aside(&reason)?;
                store.connect()
            }
            tried @ (Ok(_) | Err(Refusal::Other(_))) => tried,
        };
        store.conn = Some(conn.map_err(|refusal| refusal.into_error(&store.config.file))?);
        Ok(store)
    }

    /// Runs `work` on the file.
    pub(super) fn run<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, Trouble>,
    ) -> Result<T, HistoryError> {
        let done = work(self.connection()?);
        if let Err(error) = files::keep_private(&self.beside(".wal")) {
            tracing::warn!(%error, "could not keep the history's log from other users");
        }
        done.map_err(|trouble| match trouble {
            Trouble::Refused(why) => HistoryError::Refused(why),
            Trouble::Read(ReadError::Unreadable(error)) => {
                HistoryError::Refused(format!("{} is damaged: {error}", self.config.file.display()))
            }
            Trouble::Read(ReadError::Engine(error)) => {
                self.conn = None;
                of_engine(&self.config.file, &error)
            }
        })
    }

    /// The connection. What is found damaged now stays where it is: the export goes on from its place, and would leave
    /// a gap in a new file.
    fn connection(&mut self) -> Result<&Connection, HistoryError> {
        let conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.connect().map_err(|refusal| refusal.into_error(&self.config.file))?,
        };
        Ok(self.conn.insert(conn))
    }

    fn connect(&self) -> Result<Connection, Refusal> {
        let file = &self.config.file;
        if !file.exists() {
            files::make_database(file).map_err(|error| Refusal::Other(refused(file, &error)))?;
        } else if let Some(probe) = &self.config.probe {
            let died = probe::run(probe, file).map_err(|error| Refusal::Other(refused(file, &error)))?;
            died.map_or(Ok(()), |reason| Err(Refusal::Damaged(reason)))?;
        }
        let conn = self.attach().map_err(|error| Refusal::of_opening(file, &error))?;
        self.bring_up(&conn)?;
        Ok(conn)
    }

    /// Attaches the file to a connection of no file, because only then the size of its row groups can be said. DuckDB
    /// holds whole groups in memory while it writes them out, and fails when that is beyond the limit: groups are as
    /// small as they can be, so that even steps of 64 KiB fit.
    fn attach(&self) -> Result<Connection, duckdb::Error> {
        const ROW_GROUP: u32 = 2_048; // one vector
        let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', "''"));
        let file = &self.config.file;
        let flags = duckdb::Config::default()
            .threads(1)? // the machine is for orders
            .max_memory(&format!("{}B", self.config.memory))?
            .with("autoinstall_known_extensions", "false")?
            .with("autoload_known_extensions", "false")?;
        let conn = Connection::open_in_memory_with_flags(flags)?;
        conn.execute_batch(&format!(
            "SET temp_directory = {}; ATTACH {} AS history (ROW_GROUP_SIZE {ROW_GROUP}); USE history",
            quoted(&self.beside(".tmp")),
            quoted(file)
        ))?;
        Ok(conn)
    }

    /// Applies the steps that the file lacks.
    fn bring_up(&self, conn: &Connection) -> Result<(), Refusal> {
        let file = &self.config.file;
        let applied = schema::ledger(conn).map_err(|error| Refusal::of_opening(file, &error))?;
        let place = file.display().to_string();
        let steps = plan(&place, &HISTORY, &applied.unwrap_or_default()).map_err(Refusal::of_schema)?;
        for step in steps {
            schema::apply(conn, step, SystemTime::now().into(), &mut |_| (), |_| Ok(()))
                .map_err(|failed| Refusal::Other(of_engine(file, &failed.source)))?;
            tracing::info!(%step, "the history's schema was brought up");
        }
        Ok(())
    }

    fn set_aside(&self, reason: &str) -> Result<(), HistoryError> {
        let file = &self.config.file;
        let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
            return Err(HistoryError::Refused(format!("{} is no file in a folder", file.display())));
        };
        let (name, further) = (name.to_string_lossy(), format!("{}.", name.to_string_lossy()));
        let ours = |found: &str| (*found == *name || found.starts_with(&further)).then_some(*found == *name);
        let quarantine = files::quarantine(folder, ours).map_err(|error| refused(file, &error))?;
        tracing::error!(
            reason,
            quarantine = %quarantine.display(),
            "the history is damaged and was set aside; a new one begins, and what the journal holds is exported again"
        );
        Ok(())
    }

    /// A file of DuckDB's own beside ours.
    fn beside(&self, ending: &str) -> PathBuf {
        let mut path = self.config.file.clone().into_os_string();
        path.push(ending);
        path.into()
    }
}

impl Refusal {
    fn of_opening(file: &Path, error: &duckdb::Error) -> Self {
        match meaning(error) {
            Meaning::Damage => Self::Damaged(error.to_string()),
            Meaning::DiskFull | Meaning::NotWritable | Meaning::InUse | Meaning::Refused => {
                Self::Other(of_engine(file, error))
            }
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "it stands where a function of an error is asked for")]
    fn of_schema(error: SchemaError) -> Self {
        Self::Other(HistoryError::Schema(error.to_string()))
    }

    fn into_error(self, file: &Path) -> HistoryError {
        match self {
            Self::Damaged(reason) => HistoryError::Refused(format!(
                "{} is damaged: {reason}; start the supervisor again, which sets it aside",
                file.display()
            )),
            Self::Other(error) => error,
        }
    }
}

fn of_engine(file: &Path, error: &duckdb::Error) -> HistoryError {
    let file_name = file.display();
    match meaning(error) {
        Meaning::DiskFull => HistoryError::Refused(format!(
            "the disk of {file_name} is full; free space there, then it goes on by itself"
        )),
        Meaning::NotWritable => HistoryError::Refused(format!(
            "{file_name} cannot be written; give the supervisor's user write permission to it and its folder"
        )),
        Meaning::InUse => in_use(file),
        Meaning::Refused | Meaning::Damage => HistoryError::Refused(format!("{file_name}: {error}")),
    }
}

fn refused(file: &Path, error: &std::io::Error) -> HistoryError {
    HistoryError::Refused(format!("{}: {error}", file.display()))
}

fn in_use(file: &Path) -> HistoryError {
    HistoryError::Unreachable(format!("{} is open in another process; stop that one", file.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A new file in the middle of an export would begin with a gap that nobody notices.
    #[test]
    fn only_opening_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let config = HistoryConfig::new(folder.path().join("history.duckdb"));
        let mut store = Store::open(config.clone()).unwrap();
        store.conn = None;
        fs::write(&config.file, "no database").unwrap();
        let refused = store.run(|_| Ok(())).unwrap_err().to_string();
        assert!(refused.contains("start the supervisor again, which sets it aside"), "{refused}");
        assert!(!folder.path().join("quarantine").exists());
        drop(store);
        Store::open(config).unwrap().run(|_| Ok(())).unwrap();
        assert!(folder.path().join("quarantine").exists());
    }
}
