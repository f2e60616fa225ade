//! A ClickHouse of one's own: the real engine (chdb-core) behind a small HTTP front.

mod http;

use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::error::{Doing, Error, Result};
use crate::poll::poll_until;
use crate::ports::free_port;
use crate::process::{Process, Signal};

/// How long it may take to start, and an answer to come. Generous: a busy machine is no reason to fail.
const START: Duration = Duration::from_secs(60);
const ANSWER: Duration = Duration::from_secs(60);

/// Ports tried before giving up: another process may take one between the choice and the start.
const PORTS_TRIED: usize = 5;

/// The front; Python, because that is what the engine comes as a library for.
const FRONT: &str = include_str!("clickhouse/front.py");

/// A ClickHouse engine that answers over HTTP on loopback, ended when the handle is dropped.
///
/// What is acknowledged survives [`kill`](Self::kill) and [`restart`](Self::restart). Settings are those of a server
/// where the library's differ: no asynchronous inserts, and insert deduplication where a table has a window for it.
///
/// # Caveats
///
/// One query runs at a time. It ends within seconds of a test process that was killed. There is no cluster, no `system.query_log`, and answers are not compressed.
///
/// # Example
///
/// ```
/// let mut clickhouse = warden_testkit::ClickHouse::start()?;
/// clickhouse.query("CREATE TABLE status (id UInt64) ENGINE = MergeTree ORDER BY id")?;
/// clickhouse.query("INSERT INTO status VALUES (7)")?;
/// clickhouse.kill()?;
/// clickhouse.restart()?;
/// assert_eq!(clickhouse.query("SELECT id FROM status")?, "7");
/// # Ok::<(), warden_testkit::Error>(())
/// ```
#[derive(Debug)]
pub struct ClickHouse {
    process: Option<Process>,
    library: PathBuf,
    folder: TempDir,
    user: String,
    password: String,
    port: u16,
}

/// How an insert fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InsertFault {
    /// It is answered with HTTP 500 and "too many parts"; nothing of it is kept.
    InternalError,
    /// It is answered with HTTP 503 by something in front of the server; nothing of it is kept.
    Unavailable,
    /// The connection is cut in the middle of the body; nothing of it is kept.
    CutBefore,
    /// The connection is cut instead of an answer; all of it is kept.
    CutAfter,
    /// No answer ever comes; nothing of it is kept.
    Hang,
}

impl InsertFault {
    fn name(self) -> &'static str {
        match self {
            Self::InternalError => "500",
            Self::Unavailable => "503",
            Self::CutBefore => "cut-before",
            Self::CutAfter => "cut-after",
            Self::Hang => "hang",
        }
    }
}

impl ClickHouse {
    /// Starts an empty one with the user `default`, who has no password, and waits until it answers.
    ///
    /// # Errors
    ///
    /// [`Error::NoChdb`] when the engine is not installed, else why it did not start.
    pub fn start() -> Result<Self> {
        Self::start_as("default", "")
    }

    /// Starts an empty one that lets in this user alone, and waits until it answers.
    ///
    /// # Errors
    ///
    /// As [`ClickHouse::start`].
    pub fn start_as(user: &str, password: &str) -> Result<Self> {
        let library = library().ok_or(Error::NoChdb)?;
        let folder = tempfile::tempdir().doing("create a folder for clickhouse")?;
        fs::write(folder.path().join("front.py"), FRONT).doing("write the front of clickhouse")?;
        let (user, password) = (user.to_owned(), password.to_owned());
        let mut clickhouse = Self { process: None, library, folder, user, password, port: 0 };
        let mut outcome = Ok(());
        for _ in 0..PORTS_TRIED {
            clickhouse.port = free_port()?;
            outcome = clickhouse.launch();
            match outcome {
                Err(Error::Ended { .. }) => {} // most likely the port: the next one
                Ok(()) | Err(_) => break,
            }
        }
        outcome.map(|()| clickhouse)
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Where it listens; the same over restarts.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The port it listens on; the same over restarts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its files are, those of its log included.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Process id, or nothing after [`ClickHouse::kill`].
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Ends it as a crash would (SIGKILL). The port stays unused until a restart.
    ///
    /// # Errors
    ///
    /// [`Error::NotRunning`] when it was killed before.
    pub fn kill(&mut self) -> Result<()> {
        let mut process = self.process.take().ok_or_else(not_running)?;
        process.kill().map(drop)
    }

    /// Makes it hang: connections stay, nothing is answered (SIGSTOP).
    ///
    /// # Errors
    ///
    /// [`Error::NotRunning`] after [`ClickHouse::kill`].
    pub fn pause(&mut self) -> Result<()> {
        self.process.as_mut().ok_or_else(not_running)?.signal(Signal::Stop)
    }

    /// Ends a [`ClickHouse::pause`] (SIGCONT).
    ///
    /// # Errors
    ///
    /// [`Error::NotRunning`] after [`ClickHouse::kill`].
    pub fn resume(&mut self) -> Result<()> {
        self.process.as_mut().ok_or_else(not_running)?.signal(Signal::Continue)
    }

    /// Kills it if it runs and starts it again on the same port with the same data. Faults are over.
    ///
    /// # Errors
    ///
    /// Why it did not start.
    pub fn restart(&mut self) -> Result<()> {
        drop(self.process.take());
        self.launch()
    }

    /// Runs one statement and gives what it answers: rows as lines, columns with tabs between, no line end at the end.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the engine's words, or why no answer came.
    pub fn query(&self, sql: &str) -> Result<String> {
        let said = self.post("/", sql)?;
        Ok(said.trim_end_matches('\n').to_owned())
    }

    /// Lets inserts fail: the first `after` ones still succeed, the next `times` fail like this, those behind succeed.
    /// Replaces what was asked before.
    ///
    /// # Errors
    ///
    /// Why it did not answer.
    pub fn fail_inserts(&self, fault: InsertFault, after: u32, times: u32) -> Result<()> {
        self.post(&format!("/fault?kind={}&after={after}&times={times}", fault.name()), "").map(drop)
    }

    fn post(&self, path: &str, body: &str) -> Result<String> {
        let (status, said) = http::post(self.address(), ANSWER, path, [&self.user, &self.password], body)?;
        if status == 200 { Ok(said) } else { Err(Error::Refused(said)) }
    }

    fn launch(&mut self) -> Result<()> {
        let mut process = Process::start("clickhouse", &mut self.command_line()?)?;
        poll_until(START, "clickhouse to answer", || self.has_started(&mut process).transpose())??;
        self.process = Some(process);
        Ok(())
    }

    /// Started means: this very process answers. Another server on the same port would, too.
    fn has_started(&self, process: &mut Process) -> Result<Option<()>> {
        if let Some(status) = process.ended()? {
            let said = fs::read_to_string(self.log()).unwrap_or_default();
            return Err(Error::Ended { program: "clickhouse".into(), status, said });
        }
        let mine = process.id().to_string();
        Ok(self.post("/pid", "").is_ok_and(|id| id == mine).then_some(()))
    }

    fn command_line(&self) -> Result<Command> {
        let log = fs::File::create(self.log()).doing("create the log of clickhouse")?;
        let mut command = Command::new("python3");
        command.arg(self.folder.path().join("front.py")).arg(self.port.to_string()).arg(self.folder.path());
        command.env("PYTHONPATH", &self.library);
        command.env("WARDEN_FRONT_USER", &self.user).env("WARDEN_FRONT_PASSWORD", &self.password);
        command.stdout(Stdio::null()).stderr(log);
        Ok(command)
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("front.log")
    }
}

/// The folder with the Python packages: the one that `WARDEN_CHDB` names, which is believed, else `.tools/python` of
/// the checkout.
fn library() -> Option<PathBuf> {
    let holds = |folder: &PathBuf| folder.join("chdb").join("__init__.py").is_file();
    if let Some(named) = env::var_os("WARDEN_CHDB") {
        return Some(PathBuf::from(named)).filter(holds);
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().map(|folder| folder.join(".tools").join("python")).find(holds)
}

fn not_running() -> Error {
    Error::NotRunning("clickhouse".to_owned())
}
