use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    path::PathBuf,
    time::Duration,
};

use tempfile::TempDir;
use warden_policy::{Instance, Phase};
use warden_store::Snapshot;
use warden_testkit::{Finished, Program, Redis, free_port, poll_until};

use crate::{Plan, Story, keys, must};

/// Longer than anything takes that is awaited once; a test that waits so long has failed.
pub const SOON: Duration = Duration::from_secs(25);

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

/// Redis, a supervisor and a simulator on loopback, in a folder of their own.
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
    supervisor: Option<Program>,
    simulator: Option<Program>,
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

    /// Lays the files out and starts Redis alone.
    #[must_use]
    pub fn prepare(plan: Plan) -> Self {
        let folder = must(tempfile::tempdir(), "make a folder");
        let redis = must(Redis::start(), "start redis");
        let (gateways, metrics) = (free_address(), free_address());
        let world = Self { folder, plan, gateways, metrics, redis, supervisor: None, simulator: None };
        let addresses = (world.gateways.to_string(), world.metrics.to_string());
        let config = world.plan.config(&addresses.0, &addresses.1, &world.redis.url());
        world.put("warden.toml", &config, 0o644);
        world.put("accounts.toml", &world.plan.accounts(), 0o600);
        world.put("faults.toml", world.plan.script(), 0o644);
        world
    }

    fn put(&self, name: &str, text: &str, mode: u32) {
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
        let text = self.plan.config(&elsewhere[0], &elsewhere[1], &self.redis.url());
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
        let config = self.arg("warden.toml");
        let program = Program::start(SUPERVISOR, &["run", "--config", &config]);
        let mut program = must(program, "start the supervisor");
        must(
            program.wait_for_line(SOON, |line| line.text.starts_with("ready: ")),
            "see the supervisor ready",
        );
        self.supervisor = Some(program);
    }

    /// Ends the supervisor as a crash would.
    pub fn kill_supervisor(&mut self) {
        let mut program = self.supervisor.take().expect("the test started the supervisor");
        must(program.kill9(), "kill the supervisor");
    }

    /// Ends the supervisor in order, and checks that it said so.
    pub fn drain(&mut self) -> Finished {
        let mut program = self.supervisor.take().expect("the test started the supervisor");
        let finished = must(program.terminate(SOON), "drain the supervisor");
        assert_eq!(
            finished.code,
            Some(0),
            "a drained supervisor ends with 0; it said:\n{}",
            finished.stderr.join("\n")
        );
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
        let args = [
            ("--supervisor", self.gateways.to_string()),
            ("--accounts", self.arg("accounts.toml")),
            ("--script", self.arg("faults.toml")),
            ("--seed", "7".to_owned()),
            ("--ledger", self.arg("ledger.jsonl")),
            ("--control", self.arg("sim.sock")),
            ("--gateways", gateways),
        ];
        let program = Program::start_with(SIMULATOR, |command| {
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

    /// Runs the supervisor's program with other arguments and `--config`, to its end.
    #[must_use]
    pub fn cli(&self, words: &[&str]) -> Finished {
        let config = self.arg("warden.toml");
        let mut args = words.to_vec();
        args.extend(["--config", &config]);
        run(&args)
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

    /// The value of a series as Prometheus scrapes it, named as it is written, labels included.
    #[must_use]
    pub fn metric(&self, series: &str) -> Option<f64> {
        let mut stream = must(TcpStream::connect(self.metrics), "reach the metrics");
        must(stream.set_read_timeout(Some(SOON)), "limit a read");
        must(stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: loopback\r\n\r\n"), "ask for the metrics");
        let mut answer = String::new();
        must(stream.read_to_string(&mut answer), "read the metrics");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
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

fn free_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], must(free_port(), "find a free port")))
}

/// Runs the supervisor's program with these arguments, to its end.
#[must_use]
pub fn run(args: &[&str]) -> Finished {
    let mut program = must(Program::start(SUPERVISOR, args), "start the supervisor's program");
    must(program.finish(SOON), "wait for the supervisor's program")
}
