mod trading;

use std::{collections::BTreeMap, fmt::Write as _};

use warden::sim::FleetPlan;
use warden_testkit::Persistence;

/// The accounts and the numbers of a world.
///
/// ```
/// use warden_tests::Plan;
///
/// let plan = Plan::quick(&["a", "b"]).set("broker.down.attempts", "2");
/// let file = plan.config("127.0.0.1:7401", "127.0.0.1:9464", "[accounts]\nfile = \"accounts.toml\"\n");
/// assert!(file.contains("attempts = 2"));
/// ```
#[derive(Clone, Debug)]
pub struct Plan {
    seats: Vec<Seat>,
    policy: BTreeMap<String, String>,
    faults: String,
    gateways: usize,
    stores: Stores,
    log: &'static str,
    trading: Option<Trading>,
}

/// What a world has more when it trades.
#[derive(Clone, Debug)]
struct Trading {
    /// The accounts, as the simulator draws them by itself.
    fleet: FleetPlan,
    /// Sections of the configuration behind the others.
    sections: String,
    redis: Persistence,
}

/// Where a supervisor keeps what it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stores {
    /// Accounts in their file, hot state in Redis, history in the data folder.
    File,
    /// As without any configuration: all in the data folder, hot state in memory.
    Embedded,
    /// Accounts in PostgreSQL, hot state in Redis, history in the data folder.
    Postgres,
    /// Accounts in PostgreSQL, hot state in Redis, history in ClickHouse.
    Four,
}

impl Stores {
    /// Whether hot state is in Redis.
    #[must_use]
    pub const fn has_redis(self) -> bool {
        match self {
            Self::File | Self::Postgres | Self::Four => true,
            Self::Embedded => false,
        }
    }

    /// Whether accounts are in PostgreSQL.
    #[must_use]
    pub const fn has_postgres(self) -> bool {
        match self {
            Self::Postgres | Self::Four => true,
            Self::File | Self::Embedded => false,
        }
    }

    /// Whether the history is in ClickHouse.
    #[must_use]
    pub const fn has_clickhouse(self) -> bool {
        match self {
            Self::Four => true,
            Self::File | Self::Embedded | Self::Postgres => false,
        }
    }
}

/// One account.
#[derive(Clone, Debug)]
struct Seat {
    instance: String,
    server: String,
    login: u64,
}

/// The first account's number: long enough to be found nowhere by chance.
const FIRST_LOGIN: u64 = 770_151_001;

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
        let seat = |(login, name): (u64, &&str)| Seat {
            instance: (*name).to_owned(),
            server: format!("Broker-{name}"),
            login,
        };
        Self {
            seats: (FIRST_LOGIN..).zip(instances).map(seat).collect(),
            policy: BTreeMap::new(),
            faults: String::new(),
            gateways: 1,
            stores: Stores::File,
            log: "info",
            trading: None,
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

    /// Keeps accounts in PostgreSQL and the history in ClickHouse.
    #[must_use]
    pub fn on_four_stores(mut self) -> Self {
        self.stores = Stores::Four;
        self
    }

    /// Keeps accounts in PostgreSQL.
    #[must_use]
    pub fn on_postgres(mut self) -> Self {
        self.stores = Stores::Postgres;
        self
    }

    /// Configures no store at all.
    #[must_use]
    pub fn embedded(mut self) -> Self {
        self.stores = Stores::Embedded;
        self
    }

    /// Logs at this level.
    #[must_use]
    pub fn log(mut self, level: &'static str) -> Self {
        self.log = level;
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

    /// Which stores there are.
    #[must_use]
    pub fn stores(&self) -> Stores {
        self.stores
    }

    /// The number of an instance's account.
    ///
    /// # Panics
    /// When there is no such instance.
    #[must_use]
    pub fn login(&self, instance: &str) -> u64 {
        let seat = self.seats.iter().find(|seat| seat.instance == instance);
        seat.unwrap_or_else(|| panic!("{instance} is not planned")).login
    }

    /// The password of an instance's account, found nowhere by chance.
    #[must_use]
    pub fn password(instance: &str) -> String {
        format!("canary-of-account-{instance}")
    }

    /// The supervisor's configuration file; `stores` are the sections of the stores.
    #[must_use]
    pub fn config(&self, gateways: &str, metrics: &str, stores: &str) -> String {
        let mut text = format!(
            "[supervisor]\nname = \"test\"\ndata_folder = \"data\"\nlog = \"{}\"\n\n\
             [listen]\ngateways = \"{gateways}\"\nmetrics = \"{metrics}\"\n\n{stores}\n[policy]\n",
            self.log
        );
        for (key, value) in &self.policy {
            let _ = writeln!(text, "{key} = {value}");
        }
        if let Some(trading) = &self.trading {
            text.push_str(&trading.sections);
        }
        text
    }

    /// The accounts file, for the simulator and for whoever imports it.
    #[must_use]
    pub fn accounts(&self) -> String {
        if let Some(trading) = &self.trading {
            return trading.fleet.accounts_file();
        }
        let mut text = String::new();
        for Seat { instance, server, login } in &self.seats {
            let password = Self::password(instance);
            let _ = write!(
                text,
                "[accounts.{instance}]\nlogin = {login}\nserver = \"{server}\"\npassword = \"{password}\"\n\n"
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
