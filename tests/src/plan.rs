use std::{collections::BTreeMap, fmt::Write as _};

/// The accounts and the numbers of a world.
///
/// ```
/// use warden_tests::Plan;
///
/// let plan = Plan::quick(&["a", "b"]).set("broker.down.attempts", "2");
/// assert!(plan.config("127.0.0.1:7401", "127.0.0.1:9464", "redis://127.0.0.1:6379").contains("attempts = 2"));
/// ```
#[derive(Clone, Debug)]
pub struct Plan {
    seats: Vec<Seat>,
    policy: BTreeMap<String, String>,
    faults: String,
    gateways: usize,
}

/// One account.
#[derive(Clone, Debug)]
struct Seat {
    instance: String,
    server: String,
}

/// Numbers short enough for a test, each still apart from the others.
const QUICK: [(&str, &str); 16] = [
    ("login.waits", r#"["300ms", "400ms", "500ms", "600ms"]"#),
    ("login.cooldown", r#""2s""#),
    ("login.throttle_interval", r#""200ms""#),
    ("login.network_wait", r#""500ms""#),
    ("session.again_after", r#""200ms""#),
    ("broker.down.reconnect_after", r#""1s""#),
    ("broker.rate_limit.pause", r#""2s""#),
    ("broker.rate_limit.pause_cap", r#""8s""#),
    ("broker.rate_limit.quiet", r#""2s""#),
    ("network.drop.waits", r#"["300ms", "400ms", "500ms", "600ms", "700ms"]"#),
    ("network.crash.waits", r#"["1s", "1s", "1s"]"#),
    ("network.state_store.reconnect_after", r#""500ms""#),
    ("account.closure.proof_interval", r#""2s""#),
    ("account.closure.retry_after", r#""500ms""#),
    ("account.permissions.reconnect_after", r#""1s""#),
    ("recovery.healthy", r#""500ms""#),
];

impl Plan {
    /// These instances, each at a trade server of its own, with every number of the rules as it is by default.
    #[must_use]
    pub fn by_default(instances: &[&str]) -> Self {
        let seat = |name: &&str| Seat { instance: (*name).to_owned(), server: format!("Broker-{name}") };
        Self {
            seats: instances.iter().map(seat).collect(),
            policy: BTreeMap::new(),
            faults: String::new(),
            gateways: 1,
        }
    }

    /// These instances, each at a trade server of its own, with short waits.
    #[must_use]
    pub fn quick(instances: &[&str]) -> Self {
        QUICK.iter().fold(Self::by_default(instances), |plan, (key, value)| plan.set(key, value))
    }

    /// Gives a number of a rule, by its key below `[policy]`, the value as TOML writes it.
    #[must_use]
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.policy.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Puts every instance at one trade server (BRK-5).
    #[must_use]
    pub fn at_one_server(mut self) -> Self {
        for seat in &mut self.seats {
            seat.server = "Broker-All".to_owned();
        }
        self
    }

    /// Shares the terminals out among so many gateways.
    #[must_use]
    pub fn gateways(mut self, count: usize) -> Self {
        self.gateways = count;
        self
    }

    /// A fault that stands from the simulator's beginning, or so much later: the rest of an inline table.
    #[must_use]
    pub fn fault(mut self, at: &str, who: &str, what: &str) -> Self {
        let _ = write!(self.faults, "[[fault]]\nat = \"{at}\"\nwho = \"{who}\"\nwhat = \"{what}\"\n\n");
        self
    }

    /// The names of the instances.
    pub fn instances(&self) -> impl Iterator<Item = &str> {
        self.seats.iter().map(|seat| seat.instance.as_str())
    }

    /// How many gateways the simulator plays.
    #[must_use]
    pub fn gateway_count(&self) -> usize {
        self.gateways
    }

    /// The supervisor's configuration file.
    #[must_use]
    pub fn config(&self, gateways: &str, metrics: &str, redis: &str) -> String {
        let mut text = format!(
            "[supervisor]\nname = \"test\"\ndata_folder = \"data\"\n\n[listen]\ngateways = \"{gateways}\"\n\
             metrics = \"{metrics}\"\n\n\
             [redis]\nurl = \"{redis}\"\n\n[accounts]\nfile = \"accounts.toml\"\n\n[policy]\n"
        );
        for (key, value) in &self.policy {
            let _ = writeln!(text, "{key} = {value}");
        }
        text
    }

    /// The accounts file, for supervisor and simulator.
    #[must_use]
    pub fn accounts(&self) -> String {
        let mut text = String::new();
        for (number, Seat { instance, server }) in (5_001..).zip(&self.seats) {
            let _ = write!(
                text,
                "[accounts.{instance}]\nlogin = {number}\nserver = \"{server}\"\npassword = \"of-{instance}\"\n\n"
            );
        }
        text
    }

    /// The simulator's script.
    #[must_use]
    pub fn script(&self) -> &str {
        &self.faults
    }
}
