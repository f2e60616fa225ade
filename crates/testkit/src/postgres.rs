//! A PostgreSQL cluster of one's own.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::error::{Doing, Error, Result};
use crate::locate::Tool;
use crate::poll::poll_until;
use crate::ports::free_port;
use crate::process::{Process, Signal, send};

/// How long a server may take to start (crash recovery included) and to end. Generous: a busy machine is no reason to
/// fail.
const START: Duration = Duration::from_secs(60);
const END: Duration = Duration::from_secs(60);

/// Seconds in which a server must take a connection: a paused one never does.
const CONNECT: &str = "60";

/// Ports tried before giving up: another process may take one between the choice and the start.
const PORTS_TRIED: usize = 5;

/// Who runs the server when root runs the test: PostgreSQL refuses root.
const SERVER_USER: &str = "postgres";

/// Who may do everything inside the cluster.
const SUPERUSER: &str = "postgres";

/// The database every cluster has.
const MAINTENANCE: &str = "postgres";

/// What makes a server of a test quick and keeps it from leaving anything behind. A process that is killed loses
/// nothing without `fsync`: what it wrote is with the operating system.
const SETTINGS: [(&str, &str); 5] = [
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("shared_buffers", "16MB"),
    ("dynamic_shared_memory_type", "mmap"),
    ("timezone", "UTC"),
];

/// A running PostgreSQL cluster on loopback in a temporary folder, ended when the handle is dropped.
///
/// It is made anew by `initdb`, which takes about a second: share one cluster among the tests of a file and give each
/// test a [database](Postgres::database) of its own. Passwords are checked (SCRAM); none is ever part of a URL.
///
/// # Example
///
/// ```
/// let postgres = warden_testkit::Postgres::start()?;
/// let database = postgres.database()?;
/// postgres.psql(&database, "CREATE TABLE accounts (login bigint)")?;
/// postgres.psql(&database, "INSERT INTO accounts VALUES (1001)")?;
/// assert_eq!(postgres.psql(&database, "SELECT login FROM accounts")?, "1001");
/// # Ok::<(), warden_testkit::Error>(())
/// ```
#[derive(Debug)]
pub struct Postgres {
    process: Option<Process>,
    programs: PathBuf,
    folder: TempDir,
    server_user: Option<(u32, u32)>,
    settings: Vec<String>,
    password: String,
    port: u16,
    databases: AtomicU32,
}

impl Postgres {
    /// Makes a cluster, starts it, and waits until it takes connections.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when PostgreSQL is not installed, else why it did not start.
    pub fn start() -> Result<Self> {
        Self::start_with(&[])
    }

    /// [`Postgres::start`] with settings of `postgresql.conf`, such as `("log_statement", "all")`.
    ///
    /// # Errors
    ///
    /// As [`Postgres::start`].
    pub fn start_with(settings: &[(&str, &str)]) -> Result<Self> {
        let initdb = Tool::Initdb.find().ok_or(Error::Missing(Tool::Initdb))?;
        // what lies on the `PATH` may be but a link to where the others lie
        let programs = initdb.canonicalize().doing("find the programs beside initdb")?.with_file_name("");
        let folder = tempfile::tempdir().doing("create a folder for postgres")?;
        let server_user = hand_over(folder.path())?;
        let settings = SETTINGS.iter().chain(settings).map(|(name, value)| format!("{name}={value}"));
        let mut postgres = Self {
            process: None,
            programs,
            settings: settings.collect(),
            folder,
            server_user,
            password: generated_password(),
            port: 0,
            databases: AtomicU32::new(0),
        };
        postgres.make_cluster()?;
        let mut outcome = Ok(());
        for _ in 0..PORTS_TRIED {
            postgres.port = free_port()?;
            outcome = postgres.launch();
            match outcome {
                Err(Error::Ended { .. }) => {} // most likely the port: the next one
                Ok(()) | Err(_) => break,
            }
        }
        outcome.map(|()| postgres)
    }

    /// Makes an empty database and gives its name.
    ///
    /// # Errors
    ///
    /// Why the server did not make it.
    pub fn database(&self) -> Result<String> {
        let name = format!("warden_{}", self.databases.fetch_add(1, Ordering::Relaxed) + 1);
        self.psql(MAINTENANCE, &format!("CREATE DATABASE {name}"))?;
        Ok(name)
    }

    /// `postgres://postgres@127.0.0.1:<port>/<database>`: the superuser, without the password.
    pub fn url(&self, database: &str) -> String {
        self.url_as(SUPERUSER, database)
    }

    /// [`Postgres::url`] for another user.
    pub fn url_as(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@{}/{database}", self.address())
    }

    /// The superuser's name.
    pub fn superuser(&self) -> &'static str {
        SUPERUSER
    }

    /// The superuser's password, another one in each cluster.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Where it listens; the same over restarts.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The port it listens on; the same over restarts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Process id of the postmaster, or nothing after [`Postgres::kill`] and [`Postgres::stop`].
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Where its files are, those of its log included.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Everything the server has logged so far.
    ///
    /// # Errors
    ///
    /// When the log cannot be read.
    pub fn log(&self) -> Result<String> {
        fs::read_to_string(self.log_file()).doing("read the log of postgres")
    }

    /// Makes a user who may log in, and a member of the roles named.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the server's words, such as that there is no such role.
    pub fn create_user(&self, name: &str, password: &str, member_of: &[&str]) -> Result<()> {
        let mut sql = format!("CREATE ROLE {} LOGIN PASSWORD {}", identifier(name), literal(password));
        if !member_of.is_empty() {
            let roles: Vec<String> = member_of.iter().map(|role| identifier(role)).collect();
            sql.push_str(&format!(" IN ROLE {}", roles.join(", ")));
        }
        self.psql(MAINTENANCE, &sql).map(drop)
    }

    /// Runs SQL as the superuser and gives what comes: a line for each row, `|` between its columns.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the server's words; [`Error::Ended`] when it could not be reached.
    pub fn psql(&self, database: &str, sql: &str) -> Result<String> {
        self.psql_as(SUPERUSER, &self.password, database, sql)
    }

    /// [`Postgres::psql`] as another user.
    ///
    /// # Errors
    ///
    /// As [`Postgres::psql`]; a wrong password is an [`Error::Ended`], too: there is no connection.
    pub fn psql_as(&self, user: &str, password: &str, database: &str, sql: &str) -> Result<String> {
        let mut psql = self.client("psql", user, password, database);
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        let output = psql.output().doing("run psql")?;
        // psql ends with 2 when there is no connection or it was lost
        if output.status.success() || output.status.code() == Some(2) {
            return said_by("psql", &output);
        }
        Err(Error::Refused(text(&output.stderr)))
    }

    /// The whole database as SQL, schema and rows. Two dumps of the same database are the same text.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] with the words of `pg_dump`.
    pub fn pg_dump(&self, database: &str) -> Result<String> {
        let output = self.client("pg_dump", SUPERUSER, &self.password, database).output();
        let dump = said_by("pg_dump", &output.doing("run pg_dump")?)?;
        // recent releases frame their dumps with a key that is drawn anew each time
        let lines =
            dump.lines().filter(|line| !line.starts_with(r"\restrict") && !line.starts_with(r"\unrestrict"));
        Ok(lines.collect::<Vec<_>>().join("\n"))
    }

    /// Ends it in order: connections are cut, everything is written (a fast shutdown).
    ///
    /// # Errors
    ///
    /// [`Error::NotRunning`] when it was ended before; [`Error::Timeout`] when it does not end.
    pub fn stop(&mut self) -> Result<()> {
        let mut process = self.process.take().ok_or_else(not_running)?;
        process.signal(Signal::Interrupt)?;
        process.wait(END).map(drop)
    }

    /// Ends it as a crash of the machine would (SIGKILL to the postmaster and all its children). None is left when this
    /// returns; the port stays unused until a restart.
    ///
    /// # Errors
    ///
    /// [`Error::NotRunning`] when it was ended before.
    pub fn kill(&mut self) -> Result<()> {
        self.pause()?;
        let mut process = self.process.take().ok_or_else(not_running)?;
        // nobody reaps a child of a stopped postmaster: its id cannot have become another's
        let children = children_of(process.id());
        send(Signal::Kill, &children, "the children of postgres")?;
        let dead = |id: &u32| state_of(*id).is_none_or(|state| state == "Z");
        poll_until(END, "the end of the children of postgres", || children.iter().all(dead).then_some(()))?;
        process.kill().map(drop)
    }

    /// Makes it hang: connections stay, nothing is answered (SIGSTOP to the postmaster and all its children).
    ///
    /// # Errors
    ///
    /// [`Error::NotRunning`] after [`Postgres::kill`] and [`Postgres::stop`].
    pub fn pause(&mut self) -> Result<()> {
        let process = self.process.as_mut().ok_or_else(not_running)?;
        process.signal(Signal::Stop)?;
        stands_still(&[process.id()])?;
        // a stopped postmaster has no further children and reaps none
        let children = children_of(process.id());
        send(Signal::Stop, &children, "the children of postgres")?;
        stands_still(&children)
    }

    /// Ends a [`Postgres::pause`] (SIGCONT).
    ///
    /// # Errors
    ///
    /// [`Error::NotRunning`] after [`Postgres::kill`] and [`Postgres::stop`].
    pub fn resume(&mut self) -> Result<()> {
        let process = self.process.as_mut().ok_or_else(not_running)?;
        let mut children = children_of(process.id());
        // one that runs may end at any moment, and needs no signal
        children.retain(|child| state_of(*child).as_deref() == Some("T"));
        send(Signal::Continue, &children, "the children of postgres")?;
        process.signal(Signal::Continue)
    }

    /// Kills it if it runs and starts it again on the same port: it recovers what was committed.
    ///
    /// # Errors
    ///
    /// Why it did not start.
    pub fn restart(&mut self) -> Result<()> {
        if self.process.is_some() {
            self.kill()?;
        }
        self.launch()
    }

    fn make_cluster(&self) -> Result<()> {
        let secret = self.folder.path().join("password");
        fs::write(&secret, &self.password).doing("write a password for initdb")?;
        if let Some((user, group)) = self.server_user {
            chown(&secret, Some(user), Some(group)).doing("hand the password to initdb")?;
        }
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o400)).doing("hide the password")?;
        let mut command = self.server_program("initdb");
        command.args(["--no-sync", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "-U", SUPERUSER]);
        command.arg("--pwfile").arg(&secret).arg("-D").arg(self.data()).stdin(Stdio::null());
        said_by("initdb", &command.output().doing("run initdb")?)?;
        fs::remove_file(secret).doing("remove the password of initdb")
    }

    fn launch(&mut self) -> Result<()> {
        let log = File::options().create(true).append(true).open(self.log_file());
        let log = log.doing("open the log of postgres")?;
        let again = log.try_clone().doing("open the log of postgres twice")?;
        let mut command = self.server_program("postgres");
        command.arg("-D").arg(self.data()).arg("-k").arg(self.folder.path());
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        let process = Process::start("postgres", command.stdout(log).stderr(again))?;
        let process = self.process.insert(process);
        let (data, id) = (self.folder.path().join("data"), process.id());
        let started = poll_until(START, "postgres to take connections", || {
            process
                .ended()
                .map(|ended| ended.map(Err).or_else(|| is_ready(&data, id).then_some(Ok(()))))
                .transpose()
        });
        match started?? {
            Ok(()) => Ok(()),
            Err(status) => {
                self.process = None;
                Err(Error::Ended { program: "postgres".into(), status, said: last_lines(&self.log()?) })
            }
        }
    }

    /// A program that refuses root, as the user who has the folder.
    fn server_program(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.folder.path());
        if let Some((user, group)) = self.server_user {
            command.uid(user).gid(group);
        }
        command
    }

    fn client(&self, program: &str, user: &str, password: &str, database: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-w", "-U", user, "-d", database]);
        command.env("PGPASSWORD", password).env("PGCONNECT_TIMEOUT", CONNECT).stdin(Stdio::null());
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("postgres.log")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // an immediate shutdown gives shared memory back, which a kill does not; it must be awake to hear of it
        let asked = self.resume().and_then(|()| {
            let process = self.process.as_mut().ok_or_else(not_running)?;
            process.signal(Signal::Quit)?;
            process.wait(END)
        });
        if asked.is_err() {
            // an error means that it has already ended, which is all that is wanted
            let _ = self.kill();
        }
    }
}

/// Gives the folder to the user who runs the server, and says who that is when it is not the one who runs the test.
fn hand_over(folder: &Path) -> Result<Option<(u32, u32)>> {
    let root = folder.metadata().doing("look at the folder of postgres")?.uid() == 0;
    if !root {
        return Ok(None);
    }
    let (user, group) = (id_of("-u")?, id_of("-g")?);
    chown(folder, Some(user), Some(group)).doing("give the folder to postgres")?;
    Ok(Some((user, group)))
}

/// The number of the server's user, or with `-g` of its group.
fn id_of(which: &str) -> Result<u32> {
    let doing = "find the user `postgres`, who must run the server when root runs the test";
    let output = Command::new("id").args([which, SERVER_USER]).output().doing(doing)?;
    let number = text(&output.stdout).parse();
    number.map_err(|_| io::Error::other(text(&output.stderr))).doing(doing)
}

/// Started means: the cluster's own file says that this very process takes connections.
fn is_ready(data: &Path, id: u32) -> bool {
    let about = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    let line = |number: usize| about.lines().nth(number).unwrap_or_default().trim();
    line(0) == id.to_string() && line(7) == "ready"
}

/// Waits until a signal to stop has been obeyed; who has ended stands still as well.
fn stands_still(processes: &[u32]) -> Result<()> {
    let still = |id: &u32| state_of(*id).is_none_or(|state| matches!(state.as_str(), "T" | "Z"));
    poll_until(END, "postgres to stand still", || processes.iter().all(still).then_some(()))
}

fn state_of(id: u32) -> Option<String> {
    stat(id).map(|(state, _)| state)
}

fn children_of(id: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten();
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|process| stat(*process).is_some_and(|(_, parent)| parent == id))
        .collect()
}

/// State and parent of a process.
fn stat(id: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // the name stands in brackets before and may hold anything
    let mut words = stat.rsplit(')').next()?.split_whitespace();
    Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
}

fn generated_password() -> String {
    let random = RandomState::new();
    format!("pg-{:016x}{:016x}", random.hash_one(1), random.hash_one(2))
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

fn said_by(program: &str, output: &Output) -> Result<String> {
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let said = last_lines(&text(&output.stderr));
    Err(Error::Ended { program: program.to_owned(), status: output.status, said })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("; ")
}

fn not_running() -> Error {
    Error::NotRunning("postgres".to_owned())
}
