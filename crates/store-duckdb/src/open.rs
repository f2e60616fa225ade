use std::time::SystemTime;

use duckdb::Connection;
use warden_store::{
    Head, JournalId,
    schema::{SchemaError, plan},
};

use crate::{
    columns::ReadError,
    config::Config,
    fault::{Fault, Meaning, meaning},
    files::{FileLock, Files},
    head::HeadFile,
    keeper, probe,
    proof::{self, Trouble},
    schema::{self, Failed},
    segment::{self, Place},
    trades,
};

/// A journal that was opened and believed.
pub(crate) struct Opened {
    pub(crate) conn: Connection,
    pub(crate) id: JournalId,
    pub(crate) head: Head,
    pub(crate) place: Place,
    pub(crate) head_file: HeadFile,
    pub(crate) lock: FileLock,
}

/// Locks the folder, tries the file out, opens it and proves it. What cannot be believed is set aside.
pub(crate) fn open(config: &Config, files: &Files) -> Result<Opened, Fault> {
    let lock = files.lock()?;
    if files.database().exists() && !files.head().exists() {
        return Err(files.set_aside("its head is missing".to_owned()));
    }
    let (mut head_file, claimed) =
        HeadFile::open(&files.head()).map_err(|error| Fault::io("open", files.folder(), error))?;
    let claimed = claimed.ok_or_else(|| files.set_aside("no slot of its head is valid".to_owned()))?;
    if claimed.seq > 0 && !files.database().exists() {
        return Err(files.set_aside(format!("the file is missing; its head names row {}", claimed.seq)));
    }
    let suspect = files.is_suspect();
    let proven = if suspect { u64::MAX } else { config.proven.get() };
    let Examined { conn, id, head, place } = examine(config, files, claimed, proven)?;
    if head != claimed {
        tracing::warn!(
            head = claimed.seq,
            newest = head.seq,
            "rows were committed and not acknowledged; they are kept"
        );
        head_file.write(head).map_err(|error| Fault::io("open", files.folder(), error))?;
    }
    if suspect {
        files.clear_suspect();
    }
    Ok(Opened { conn, id, head, place, head_file, lock })
}

/// A file that was opened and believed.
pub(crate) struct Examined {
    pub(crate) conn: Connection,
    /// Its name.
    pub(crate) id: JournalId,
    /// Its newest row.
    pub(crate) head: Head,
    /// Where its next row goes.
    pub(crate) place: Place,
}

/// Opens the file and proves its newest rows; the newest one may be newer than `claimed`.
pub(crate) fn examine(config: &Config, files: &Files, claimed: Head, proven: u64) -> Result<Examined, Fault> {
    if let Some(probe) = config.probe.as_ref().filter(|_| files.database().exists()) {
        let died = probe::run(probe, &files.database()).map_err(|error| Fault::storage("probe", error))?;
        died.map_or(Ok(()), |reason| Err(files.set_aside(reason)))?;
    }
    let flags = flags(config).map_err(|error| Fault::storage("open", error))?;
    let examined = connect(files, flags).map_err(Refusal::from).and_then(|conn| {
        bring_up(&conn, files)?;
        let id = id(&conn)?;
        let head = proof::prove(&conn, claimed, proven)?;
        keeper::latest(&conn, u64::MAX).map_err(Trouble::Read)?; // whatever a supervisor starts from is readable
        trades::newest(&conn).map_err(Trouble::Read)?;
        let place = segment::newest(&conn).map_err(Trouble::from)?;
        let place = place.ok_or_else(|| Trouble::Broken("it has no segment".to_owned()))?;
        Ok(Examined { conn, id, head, place })
    });
    examined.map_err(|refusal| refusal.into_fault(files))
}

enum Refusal {
    Trouble(Trouble),
    Schema(SchemaError),
    Step(duckdb::Error),
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl Refusal {
    fn into_fault(self, files: &Files) -> Fault {
        match self {
            Self::Schema(error) => Fault::schema(error),
            Self::Step(error) => Fault::duckdb("bring up", files.folder(), error),
            Self::Trouble(Trouble::Broken(reason)) => files.set_aside(reason),
            Self::Trouble(Trouble::Read(ReadError::Unreadable(error))) => files.set_aside(error.to_string()),
            Self::Trouble(Trouble::Read(ReadError::Engine(error))) => match meaning(&error) {
                Meaning::Damage => files.set_aside(error.to_string()),
                Meaning::DiskFull | Meaning::NotWritable | Meaning::InUse | Meaning::Refused => {
                    Fault::duckdb("open", files.folder(), error)
                }
            },
        }
    }
}

fn flags(config: &Config) -> Result<duckdb::Config, duckdb::Error> {
    duckdb::Config::default()
        .threads(1)? // every connection works on the thread that calls it
        .max_memory(&format!("{}B", config.memory))?
        .with("checkpoint_threshold", "1000TB")? // checkpoints are ours to take
        .with("autoinstall_known_extensions", "false")?
        .with("autoload_known_extensions", "false")
}

fn connect(files: &Files, flags: duckdb::Config) -> Result<Connection, Trouble> {
    let conn = Connection::open_with_flags(files.database(), flags)?;
    conn.execute_batch("PRAGMA disable_checkpoint_on_shutdown")?;
    Ok(conn)
}

/// Applies the steps that the file lacks.
fn bring_up(conn: &Connection, files: &Files) -> Result<(), Refusal> {
    let applied = schema::applied_to_journal(conn).map_err(Trouble::from)?;
    let place = files.database().display().to_string();
    for step in plan(&place, &schema::JOURNAL, &applied).map_err(Refusal::Schema)? {
        schema::apply_to_journal(conn, step, SystemTime::now().into(), &mut |_| ())
            .map_err(|Failed { statement: _, source }| Refusal::Step(source))?;
        tracing::info!(%step, "the journal's schema was brought up");
    }
    Ok(())
}

fn id(conn: &Connection) -> Result<JournalId, Trouble> {
    let sql = "SELECT number FROM meta WHERE name = 'id'";
    Ok(JournalId(conn.query_row(sql, [], |row| row.get(0))?))
}
