//! A Redis server of one's own.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::error::{Doing, Error, Result};
use crate::locate::Tool;
use crate::poll::poll_until;
use crate::ports::free_port;
use crate::process::{Process, Signal};
use crate::resp::{Reply, ask};

/// How long a server may take to start, and an answer to come. Generous: a busy machine is no reason to fail.
const START: Duration = Duration::from_secs(60);
const ANSWER: Duration = Duration::from_secs(20);

/// Ports tried before giving up: another process may take one between the choice and the start.
const PORTS_TRIED: usize = 5;

/// What survives a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Persistence {
    /// Nothing.
    #[default]
    None,
    /// Every acknowledged write, through the append-only file.
    AppendOnly,
}

/// A running `redis-server` on loopback in a temporary folder, ended when the handle is dropped.
///
/// # Example
///
/// ```
/// let mut redis = warden_testkit::Redis::start()?;
/// redis.cli(&["SET", "status", "CONNECTED"])?;
/// assert_eq!(redis.cli(&["GET", "status"])?, "CONNECTED");
/// redis.restart_empty()?;
/// assert_eq!(redis.cli(&["EXISTS", "status"])?, "0");
/// # Ok::<(), warden_testkit::Error>(())
/// ```
#[derive(Debug)]
pub struct Redis {
    process: Option<Process>,
    program: PathBuf,
    folder: TempDir,
    persistence: Persistence,
    port: u16,
}

impl Redis {
    /// Starts a server that keeps nothing, and waits until it answers.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when `redis-server` is not installed, else why it did not start.
    pub fn start() -> Result<Self> {
        Self::start_with(Persistence::None)
    }

    /// Starts a server with the given persistence, and waits until it answers.
    ///
    /// # Errors
    ///
    /// As [`Redis::start`].
    pub fn start_with(persistence: Persistence) -> Result<Self> {
        let program = Tool::RedisServer.find().ok_or(Error::Missing(Tool::RedisServer))?;
        let folder = tempfile::tempdir().doing("create a folder for redis")?;
        let mut redis = Self { process: None, program, folder, persistence, port: 0 };
        let mut outcome = Ok(());
        for _ in 0..PORTS_TRIED {
            redis.port = free_port()?;
            outcome = redis.launch();
            match outcome {
                Err(Error::Ended { .. }) => {} // most likely the port: the next one
                Ok(()) | Err(_) => break,
            }
        }
        outcome.map(|()| redis)
    }

    /// `redis://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// Where it listens; the same over restarts.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The port it listens on; the same over restarts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Process id, or nothing after [`Redis::kill`].
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Ends it as a crash would (SIGKILL). The port stays unused until a restart.
    ///
    /// # Errors
    ///
    /// [`Error::NotRunning`] when it was killed before.
    pub fn kill(&mut self) -> Result<()> {
        let mut process = self.process.take().ok_or_else(Self::not_running)?;
        process.kill().map(drop)
    }

    /// Makes it hang: connections stay, nothing is answered (SIGSTOP).
    ///
    /// # Errors
    ///
    /// [`Error::NotRunning`] after [`Redis::kill`].
    pub fn pause(&mut self) -> Result<()> {
        self.running()?.signal(Signal::Stop)
    }

    /// Ends a [`Redis::pause`] (SIGCONT).
    ///
    /// # Errors
    ///
    /// [`Error::NotRunning`] after [`Redis::kill`].
    pub fn resume(&mut self) -> Result<()> {
        self.running()?.signal(Signal::Continue)
    }

    /// Kills it if it runs and starts it again on the same port, with whatever its persistence kept.
    ///
    /// # Errors
    ///
    /// Why it did not start.
    pub fn restart(&mut self) -> Result<()> {
        drop(self.process.take());
        self.launch()
    }

    /// Kills it if it runs and starts it again on the same port without any data, functions included.
    ///
    /// # Errors
    ///
    /// Why it did not start.
    pub fn restart_empty(&mut self) -> Result<()> {
        drop(self.process.take());
        let data = self.data();
        fs::remove_dir_all(&data).doing("remove the data of redis")?;
        self.launch()
    }

    /// Sends one command over a connection of its own and gives the answer as `redis-cli --raw` would print it.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the server's words, or why no answer came.
    pub fn cli(&self, words: &[&str]) -> Result<String> {
        self.command(words).map(|reply| reply.text())
    }

    /// [`Redis::cli`], with the difference between an empty and a missing value.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the server's words, or why no answer came.
    pub fn command(&self, words: &[&str]) -> Result<Reply> {
        match ask(self.address(), ANSWER, words)? {
            Reply::Error(refusal) => Err(Error::Refused(refusal)),
            reply @ (Reply::Simple(_) | Reply::Integer(_) | Reply::Bulk(_) | Reply::Array(_)) => Ok(reply),
        }
    }

    fn launch(&mut self) -> Result<()> {
        fs::create_dir_all(self.data()).doing("create a folder for redis")?;
        let mut process = Process::start("redis-server", &mut self.command_line())?;
        poll_until(START, "redis-server to answer", || self.has_started(&mut process).transpose())??;
        self.process = Some(process);
        Ok(())
    }

    /// Started means: this very process answers. Another server on the same port would, too.
    fn has_started(&self, process: &mut Process) -> Result<Option<()>> {
        if let Some(status) = process.ended()? {
            let said = fs::read_to_string(self.log()).unwrap_or_default();
            return Err(Error::Ended { program: "redis-server".into(), status, said: last_lines(&said) });
        }
        let ready = self.cli(&["PING"]).is_ok_and(|answer| answer == "PONG");
        let mine = format!("process_id:{}", process.id());
        Ok((ready && self.cli(&["INFO", "server"])?.lines().any(|line| line == mine)).then_some(()))
    }

    fn command_line(&self) -> Command {
        let mut command = Command::new(&self.program);
        let port = self.port.to_string();
        let append_only = match self.persistence {
            Persistence::None => "no",
            Persistence::AppendOnly => "yes",
        };
        command.args(["--port", &port, "--bind", "127.0.0.1", "--daemonize", "no", "--save", ""]);
        // a process that is killed loses nothing that was written; behind a sync that takes long, the write itself would
        // be put off until after the answer
        command.args(["--appendonly", append_only, "--appendfsync", "no"]);
        command.arg("--dir").arg(self.data()).arg("--logfile").arg(self.log());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> PathBuf {
        Path::new(self.folder.path()).join("redis.log")
    }

    fn running(&mut self) -> Result<&mut Process> {
        self.process.as_mut().ok_or_else(Self::not_running)
    }

    fn not_running() -> Error {
        Error::NotRunning("redis-server".to_owned())
    }
}

fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("; ")
}
