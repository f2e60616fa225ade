use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    path::PathBuf,
    process::Command,
    time::Duration,
};

use tempfile::TempDir;
use warden_policy::{Instance, Phase};
use warden_store::Snapshot;
use warden_testkit::{FaultProxy, Finished, Line, Program, Redis, free_port, poll_until};

use crate::{
    AccountsServer, HistoryServer, Plan, Stores, Story, keys, must,
    servers::{
        PEOPLE, PEOPLE_PASSWORD, POSTGRES_PASSWORD, REDIS_PASSWORD, REDIS_USER, SUPERVISOR as AT_POSTGRES,
    },
};

/// Longer than anything takes that is awaited once; a test that waits so long has failed.
pub const SOON: Duration = Duration::from_secs(60);

/// How a terminal and its account really stand, as the simulator knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truth {
    /// The gateway beside it is up.
    pub gateway_up: bool,
    /// The terminal process runs.
    pub terminal_alive: bool,
    /// The account it is bound to is logged in, over a connection that stands.
    pub logged_in: bool,
    /// Orders would be taken.
    pub trade_permitted: bool,
}

const SUPERVISOR: &str = "warden-supervisor";
const SIMULATOR: &str = "warden-simulator";
const MIGRATOR: &str = "warden-migrator";

/// Redis, a supervisor and a simulator on loopback, in a folder of their own; PostgreSQL and ClickHouse where the plan
/// has them.
///
/// # Expected flow
/// [`World::start`], then faults, wishes and waits, then [`World::judge`], which ends the supervisor in order and
/// compares journal, Redis and the simulator's truth.
#[derive(Debug)]
pub struct World {
    folder: TempDir,
    plan: Plan,
    gateways: SocketAddr,
    metrics: SocketAddr,
    /// The server, to be killed and looked into.
    pub redis: Redis,
    /// The network between gateways and supervisor, where the plan trades.
    pub net: Option<FaultProxy>,
    accounts: Option<AccountsServer>,
    history: Option<HistoryServer>,
    supervisor: Option<Program>,
    simulator: Option<Program>,
    said: Vec<Line>,
}

impl World {
    /// Lays the files out and starts all three.
    #[must_use]
    pub fn start(plan: Plan) -> Self {
        let mut world = Self::prepare(plan);
        world.start_supervisor();
        world.start_simulator();
        world
    }

    /// [`World::start`], and waits until every instance is connected.
    #[must_use]
    pub fn connected(plan: Plan) -> Self {
        let world = Self::start(plan);
        world.wait_until_all_are_connected();
        world
    }

    /// Lays the files out and starts the servers, with their schemas and the accounts in them.
    #[must_use]
    pub fn prepare(plan: Plan) -> Self {
        let folder = must(tempfile::tempdir(), "make a folder");
        let redis = must(Redis::start_with(plan.persistence()), "start redis");
        let (gateways, metrics) = (free_address(), free_address());
        let net = plan.fleet().map(|_| must(FaultProxy::start(gateways), "start a proxy"));
        let accounts = plan.stores().has_postgres().then(AccountsServer::start);
        let history = plan.stores().has_clickhouse().then(HistoryServer::start);
        let (supervisor, simulator, said) = (None, None, Vec::new());
        let world = Self {
            folder,
            plan,
            gateways,
            metrics,
            redis,
            net,
            accounts,
            history,
            supervisor,
            simulator,
            said,
        };
        let addresses = (world.gateways.to_string(), world.metrics.to_string());
        let config = |auth| world.plan.config(&addresses.0, &addresses.1, &world.sections(auth));
        world.put("warden.toml", &config("postgres.auth"), 0o644);
        world.put("admin.toml", &config("people.auth"), 0o644);
        world.put("accounts.toml", &world.plan.accounts(), 0o600);
        world.put("faults.toml", world.plan.script(), 0o644);
        world.set_up();
        world
    }

    /// The sections of the stores; `auth_file` says who one is to PostgreSQL.
    fn sections(&self, auth_file: &str) -> String {
        let mut text = String::new();
        if self.plan.stores().has_redis() {
            let auth = if self.accounts.is_some() { "auth_file = \"redis.auth\"\n" } else { "" };
            text.push_str(&format!("[redis]\nurl = \"{}\"\n{auth}\n", self.redis.url()));
        }
        match (self.plan.stores(), &self.accounts) {
            (Stores::Embedded, _) => {}
            (Stores::File | Stores::Postgres | Stores::Four, Some(accounts)) => {
                text.push_str(&accounts.section(auth_file));
            }
            (Stores::File | Stores::Postgres | Stores::Four, None) => {
                text.push_str("[accounts]\nfile = \"accounts.toml\"\n\n");
            }
        }
        if let Some(history) = &self.history {
            text.push_str(&history.section());
        }
        text
    }

    /// What an operator does once: users, key, schemas, accounts.
    fn set_up(&self) {
        let Some(accounts) = &self.accounts else { return };
        self.let_into_redis();
        let root = (accounts.server.superuser(), accounts.server.password());
        for (name, (user, password)) in [
            ("redis.auth", (REDIS_USER, REDIS_PASSWORD)),
            ("postgres.auth", (AT_POSTGRES, POSTGRES_PASSWORD)),
            ("people.auth", (PEOPLE, PEOPLE_PASSWORD)),
            ("root.auth", root),
        ] {
            self.put(name, &format!("{user}:{password}\n"), 0o600);
        }
        if self.history.is_some() {
            self.put("clickhouse.auth", &HistoryServer::auth(), 0o600);
        }
        succeeded(&self.migrate());
        accounts.let_in();
        succeeded(&run(&["accounts", "new-key", &self.arg("accounts.key")]));
        succeeded(&self.people(&["accounts", "import", &self.arg("accounts.toml")]));
    }

    fn let_into_redis(&self) {
        let words = ["ACL", "SETUSER", REDIS_USER, "on", &format!(">{REDIS_PASSWORD}"), "~*", "&*", "+@all"];
        must(self.redis.cli(&words), "make a user of redis");
    }

    /// Redis loses everything but its users.
    pub fn empty_redis(&mut self) {
        must(self.redis.restart_empty(), "empty redis");
        self.let_into_redis();
    }

    /// Brings all schemas up, as the superuser of PostgreSQL.
    #[must_use]
    pub fn migrate(&self) -> Finished {
        let (config, root) = (self.arg("warden.toml"), self.arg("root.auth"));
        let args = ["--config", &config, "--accounts-auth", &root, "up"];
        let mut program = must(Program::start(MIGRATOR, &args), "start the migrator");
        must(program.finish(SOON), "wait for the migrator")
    }

    /// Writes a file of the world.
    pub fn put(&self, name: &str, text: &str, mode: u32) {
        let path = self.path(name);
        must(fs::write(&path, text), "write a file");
        must(fs::set_permissions(&path, fs::Permissions::from_mode(mode)), "set a file's mode");
    }

    /// A file of the world.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn arg(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// A second configuration over the same data folder, listening elsewhere; its path.
    #[must_use]
    pub fn second_config(&self) -> String {
        let elsewhere = [free_address(), free_address()].map(|address| address.to_string());
        let text = self.plan.config(&elsewhere[0], &elsewhere[1], &self.sections("postgres.auth"));
        self.put("second.toml", &text.replace("[listen]", "control = \"second.sock\"\n\n[listen]"), 0o644);
        self.arg("second.toml")
    }

    /// Where gateways dial in.
    #[must_use]
    pub fn gateways(&self) -> SocketAddr {
        self.gateways
    }

    // -- the processes

    /// Starts the supervisor and waits until it says that it is ready.
    pub fn start_supervisor(&mut self) {
        self.spawn_supervisor(|_| {});
        self.wait_until_ready();
    }

    /// Starts the supervisor, its command line changed by `prepare`, and does not wait.
    pub fn spawn_supervisor(&mut self, prepare: impl FnOnce(&mut Command)) {
        let config = self.arg("warden.toml");
        let program = Program::start_with(SUPERVISOR, |command| {
            command.args(["run", "--config", &config]);
            prepare(command);
        });
        self.supervisor = Some(must(program, "start the supervisor"));
    }

    /// Waits until the supervisor says that it is ready.
    pub fn wait_until_ready(&mut self) {
        self.wait_until_it_says("ready: ");
    }

    /// Waits until the supervisor says something that holds this.
    pub fn wait_until_it_says(&mut self, part: &str) {
        let program = self.supervisor.as_mut().expect("the test started the supervisor");
        must(program.wait_for_line(SOON, |line| line.text.contains(part)), "hear the supervisor");
    }

    /// Everything that the supervisors said so far, and what the simulator says.
    #[must_use]
    pub fn said(&self) -> Vec<String> {
        let now = [&self.supervisor, &self.simulator].into_iter().flatten().flat_map(Program::lines);
        self.said.iter().cloned().chain(now).map(|line| line.text).collect()
    }

    /// Ends the supervisor as a crash would.
    pub fn kill_supervisor(&mut self) {
        let mut program = self.supervisor.take().expect("the test started the supervisor");
        must(program.kill9(), "kill the supervisor");
        self.said.extend(program.lines());
    }

    /// Waits until the supervisor has ended, whoever ended it.
    pub fn wait_until_ended(&mut self) -> Finished {
        let mut program = self.supervisor.take().expect("the test started the supervisor");
        let finished = must(program.finish(SOON), "wait for the end of the supervisor");
        self.said.extend(program.lines());
        finished
    }

    /// Ends the supervisor in order, and checks that it said so.
    pub fn drain(&mut self) -> Finished {
        let mut program = self.supervisor.take().expect("the test started the supervisor");
        let finished = must(program.terminate(SOON), "drain the supervisor");
        self.said.extend(program.lines());
        succeeded(&finished);
        finished
    }

    /// The process id of the supervisor.
    #[must_use]
    pub fn supervisor_pid(&self) -> u32 {
        self.supervisor.as_ref().expect("the test started the supervisor").pid()
    }

    /// Starts the simulator.
    pub fn start_simulator(&mut self) {
        let gateways = self.plan.gateway_count().to_string();
        let accounts = match self.plan.fleet() {
            Some(count) => ("--fleet", count.to_string()),
            None => ("--accounts", self.arg("accounts.toml")),
        };
        let dialled = self.net.as_ref().map_or(self.gateways, FaultProxy::address);
        let args = [
            ("--supervisor", dialled.to_string()),
            accounts,
            ("--script", self.arg("faults.toml")),
            ("--seed", Plan::SEED.to_string()),
            ("--ledger", self.arg("ledger.jsonl")),
            ("--control", self.arg("sim.sock")),
            ("--gateways", gateways),
        ];
        let program = Program::start_with(SIMULATOR, |command| {
            command.arg("--json");
            if self.plan.fleet().is_some() {
                command.arg("--epochs").arg(self.path("gateways"));
            }
            for (name, value) in &args {
                command.arg(name).arg(value);
            }
        });
        self.simulator = Some(must(program, "start the simulator"));
    }

    /// Ends the simulator, gateways and terminals, as a crash would.
    pub fn kill_simulator(&mut self) {
        let mut program = self.simulator.take().expect("the test started the simulator");
        must(program.kill9(), "kill the simulator");
    }

    /// Ends the simulator in order: the whole ledger is written then, and what it says last is its summary.
    pub fn end_simulator(&mut self) -> serde_json::Value {
        let mut program = self.simulator.take().expect("the test started the simulator");
        let finished = must(program.terminate(SOON), "end the simulator");
        succeeded(&finished);
        let last = finished.stdout.last().map(String::as_str).unwrap_or_default();
        must(serde_json::from_str(last), "read the simulator's summary")
    }

    /// Runs the supervisor's program with other arguments and `--config`, to its end.
    #[must_use]
    pub fn cli(&self, words: &[&str]) -> Finished {
        self.cli_with("warden.toml", words, "")
    }

    /// [`World::cli`] as the administrator.
    #[must_use]
    pub fn people(&self, words: &[&str]) -> Finished {
        self.cli_with("admin.toml", words, "")
    }

    /// [`World::cli`] with another configuration file, and with standard input.
    #[must_use]
    pub fn cli_with(&self, config: &str, words: &[&str], input: &str) -> Finished {
        let config = self.arg(config);
        let mut args = words.to_vec();
        args.extend(["--config", &config]);
        let program = Program::start_with_input(SUPERVISOR, &args, input);
        must(
            must(program, "start the supervisor's program").finish(SOON),
            "wait for the supervisor's program",
        )
    }

    // -- the stores

    /// The number of an instance's account.
    #[must_use]
    pub fn login(&self, instance: &str) -> u64 {
        self.plan.login(instance)
    }

    /// What the world was made by.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// PostgreSQL.
    ///
    /// # Panics
    /// When the plan has none.
    #[must_use]
    pub fn accounts(&self) -> &AccountsServer {
        self.accounts.as_ref().expect("the plan has PostgreSQL")
    }

    /// PostgreSQL, to be killed and paused.
    ///
    /// # Panics
    /// When the plan has none.
    pub fn accounts_mut(&mut self) -> &mut AccountsServer {
        self.accounts.as_mut().expect("the plan has PostgreSQL")
    }

    /// ClickHouse.
    ///
    /// # Panics
    /// When the plan has none.
    #[must_use]
    pub fn history(&self) -> &HistoryServer {
        self.history.as_ref().expect("the plan has ClickHouse")
    }

    /// ClickHouse, to be killed and paused.
    ///
    /// # Panics
    /// When the plan has none.
    pub fn history_mut(&mut self) -> &mut HistoryServer {
        self.history.as_mut().expect("the plan has ClickHouse")
    }

    /// Waits until the history holds every step that the journal holds now, and says how many it holds.
    #[must_use]
    pub fn wait_until_exported(&self) -> u64 {
        let told = self.cli(&["status", "--json"]).stdout.join("\n");
        let told: serde_json::Value = must(serde_json::from_str(&told), "read the status");
        let head =
            told["supervisor"]["journal_seq"].as_u64().unwrap_or_else(|| panic!("no journal_seq in {told}"));
        self.wait(&format!("the history has step {head}"), || {
            (self.history().newest()? >= head).then_some(())
        });
        let [count, ..] = self.history().counts().expect("ClickHouse answers");
        count
    }

    /// What an instance stands at, as the supervisor says: the answer of `status`.
    #[must_use]
    pub fn status(&self, instance: &str) -> String {
        self.cli(&["status", instance, "--json"]).stdout.join("\n")
    }

    // -- what happens

    /// Says one line to the simulator's control socket and gives its answer.
    pub fn control(&self, line: &str) -> String {
        let path = self.path("sim.sock");
        let stream = poll_until(SOON, "the simulator's control socket", || UnixStream::connect(&path).ok());
        let stream = must(stream, "reach the simulator");
        must(stream.set_read_timeout(Some(SOON)), "limit a read");
        must((&stream).write_all(format!("{line}\n").as_bytes()), "speak to the simulator");
        let mut answer = String::new();
        must(BufReader::new(&stream).read_line(&mut answer), "hear the simulator");
        answer.trim().to_owned()
    }

    /// Something goes wrong for an instance, or whoever `who` names: once or for ever, as fits the kind.
    pub fn fault(&self, who: &str, what: &str) {
        self.inject(&format!("{{ who = \"{who}\", what = \"{what}\" }}"));
    }

    /// Something goes wrong for so long.
    pub fn fault_for(&self, who: &str, what: &str, lasts: &str) {
        self.inject(&format!("{{ who = \"{who}\", what = \"{what}\", for = \"{lasts}\" }}"));
    }

    fn inject(&self, line: &str) {
        let answer = self.control(line);
        assert!(answer.starts_with("ok"), "the simulator took {line} badly: {answer}");
    }

    /// What Prometheus scrapes.
    #[must_use]
    pub fn metrics(&self) -> String {
        let mut stream = must(TcpStream::connect(self.metrics), "reach the metrics");
        must(stream.set_read_timeout(Some(SOON)), "limit a read");
        must(stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: loopback\r\n\r\n"), "ask for the metrics");
        let mut answer = String::new();
        must(stream.read_to_string(&mut answer), "read the metrics");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer
    }

    /// The value of a series as Prometheus scrapes it, named as it is written, labels included.
    #[must_use]
    pub fn metric(&self, series: &str) -> Option<f64> {
        let answer = self.metrics();
        let line = answer.lines().find_map(|line| line.strip_prefix(series))?;
        Some(must(line.trim().parse(), "read a value"))
    }

    /// Whether the condition of an alert holds for an instance, as Prometheus sees it.
    #[must_use]
    pub fn alerts(&self, alert: &str, instance: &str) -> bool {
        self.metric(&format!("warden_alert_active{{alert=\"{alert}\",instance=\"{instance}\"}}")) == Some(1.0)
    }

    // -- what is awaited

    /// Waits until a documented key holds a text.
    pub fn wait_for_key(&self, instance: &str, suffix: &str, wanted: &str) {
        self.wait(&format!("{instance}:{suffix} = {wanted}"), || {
            (keys::text(&self.redis, instance, suffix)? == wanted).then_some(())
        });
    }

    /// Waits until the status and the last failure are these at once.
    pub fn wait_for(&self, instance: &str, status: &str, reason: &str) {
        self.wait(&format!("{instance}: {status}/{reason}"), || {
            let found = keys::documented(&self.redis, instance);
            (found.get("status")? == status && found.get("last_failure_reason")? == reason).then_some(())
        });
    }

    /// [`World::wait_for`], but up to so many seconds.
    pub fn wait_for_within(&self, instance: &str, status: &str, reason: &str, secs: u64) {
        let what = format!("{instance}: {status}/{reason}");
        let seen = poll_until(Duration::from_secs(secs), &what, || {
            let found = keys::documented(&self.redis, instance);
            (found.get("status")? == status && found.get("last_failure_reason")? == reason).then_some(())
        });
        seen.unwrap_or_else(|fault| panic!("{fault}\n{}", self.standing()));
    }

    /// Waits until the stored state is as wanted, and gives it.
    pub fn wait_for_state(&self, instance: &str, what: &str, is: impl Fn(&Instance) -> bool) -> Instance {
        self.wait(&format!("{instance}: {what}"), || {
            keys::snapshot(&self.redis, instance).map(|(_, state)| state).filter(&is)
        })
    }

    /// Waits until every instance is connected.
    pub fn wait_until_all_are_connected(&self) {
        for instance in self.plan.instances() {
            self.wait_for_key(instance, "status", "CONNECTED");
        }
    }

    /// Waits for anything; a wait in vain tells how everything stands.
    pub fn wait<T>(&self, what: &str, look: impl FnMut() -> Option<T>) -> T {
        poll_until(SOON, what, look).unwrap_or_else(|fault| panic!("{fault}\n{}", self.standing()))
    }

    /// The snapshot of an instance.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn snapshot(&self, instance: &str) -> (Snapshot, Instance) {
        keys::snapshot(&self.redis, instance)
            .unwrap_or_else(|| panic!("{instance} has no snapshot\n{}", self.standing()))
    }

    /// Ends the supervisor in order and compares the simulator's truth, journal and Redis.
    pub fn judge(mut self) -> Story {
        for instance in self.plan.instances() {
            self.wait(&format!("{instance} really stands as its status says"), || {
                self.is_true(instance).then_some(())
            });
        }
        self.drain();
        let story = Story::read(&self.path("data/journal"));
        for instance in self.plan.instances() {
            self.agree(&story, instance);
        }
        story
    }

    /// Whether an instance really stands as its stored state says.
    fn is_true(&self, instance: &str) -> bool {
        let truth = self.truth(instance);
        let Some((_, state)) = keys::snapshot(&self.redis, instance) else {
            return !truth.logged_in; // its account has ended
        };
        match state.phase() {
            Phase::Up => truth.gateway_up && truth.terminal_alive && truth.logged_in && truth.trade_permitted,
            Phase::Stopped { .. } => !truth.logged_in,
            Phase::LoginDue
            | Phase::LoggingIn
            | Phase::Confirming
            | Phase::Waiting(_)
            | Phase::Recovering(_)
            | Phase::Closing(_) => true,
        }
    }

    /// How an instance really stands, whatever was reported.
    #[must_use]
    pub fn truth(&self, instance: &str) -> Truth {
        let told = self.control("truth");
        let all: serde_json::Value = must(serde_json::from_str(&told), "read the truth");
        let says = |key: &str| {
            all[instance][key]
                .as_bool()
                .unwrap_or_else(|| panic!("the truth of {instance} lacks {key}: {told}"))
        };
        Truth {
            gateway_up: says("gateway_up"),
            terminal_alive: says("terminal_alive"),
            logged_in: says("logged_in"),
            trade_permitted: says("trade_permitted"),
        }
    }

    /// Whether journal and Redis say the same of an instance.
    fn agree(&self, story: &Story, instance: &str) {
        let last = story.last(instance);
        if last.step.state.hot_state_removed() {
            assert_eq!(
                keys::names(&self.redis, instance),
                Vec::<String>::new(),
                "{instance}: nothing is left in Redis"
            );
            return;
        }
        let (snapshot, state) = self.snapshot(instance);
        assert_eq!(
            (snapshot.version, snapshot.epoch),
            (last.row.version, last.row.epoch),
            "{instance}: Redis is as new as the journal"
        );
        assert_eq!(state, last.step.state, "{instance}: Redis holds the journalled state");
        assert_eq!(
            keys::projection(&self.redis, instance),
            keys::of_state(&state),
            "{instance}: the documented keys say what the state says"
        );
    }

    /// How everything stands, for a test that failed.
    #[must_use]
    pub fn standing(&self) -> String {
        let mut told = String::new();
        for instance in self.plan.instances() {
            told.push_str(&format!("{instance}: {:?}\n", keys::documented(&self.redis, instance)));
            if self.plan.fleet().is_some() {
                told.push_str(&self.standing_of_trades(instance));
            }
        }
        for (name, program) in [(SUPERVISOR, &self.supervisor), (SIMULATOR, &self.simulator)] {
            let lines = program.as_ref().map(Program::lines).unwrap_or_default();
            told.push_str(&format!("-- {name}, the last of {} lines:\n", lines.len()));
            for line in &lines[lines.len().saturating_sub(30)..] {
                told.push_str(&format!("{}\n", line.text));
            }
        }
        told
    }
}

/// A program that ended with 0.
#[track_caller]
pub fn succeeded(finished: &Finished) {
    let said = [finished.stdout.join("\n"), finished.stderr.join("\n")].join("\n");
    assert_eq!(finished.code, Some(0), "a program that did what it was asked ends with 0; it said:\n{said}");
}

fn free_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], must(free_port(), "find a free port")))
}

/// Runs the supervisor's program with these arguments, to its end.
#[must_use]
pub fn run(args: &[&str]) -> Finished {
    let mut program = must(Program::start(SUPERVISOR, args), "start the supervisor's program");
    must(program.finish(SOON), "wait for the supervisor's program")
}
