//! The servers of a world beside Redis, and who one is to each of them.

use warden_testkit::{ClickHouse, FaultProxy, Postgres};

use crate::must;

/// The supervisor's password at PostgreSQL; like the others, found nowhere by chance.
pub const POSTGRES_PASSWORD: &str = "canary-of-postgres";
/// The supervisor's password at Redis.
pub const REDIS_PASSWORD: &str = "canary-of-redis";
/// The supervisor's password at ClickHouse.
pub const CLICKHOUSE_PASSWORD: &str = "canary-of-clickhouse";
/// The administrator's password at PostgreSQL.
pub const PEOPLE_PASSWORD: &str = "canary-of-people";

pub(crate) const SUPERVISOR: &str = "warden_one";
pub(crate) const PEOPLE: &str = "people";
pub(crate) const REDIS_USER: &str = "warden";

const CLICKHOUSE_USER: &str = "warden";

/// PostgreSQL with the accounts of a world, behind a network that can be cut.
#[derive(Debug)]
pub struct AccountsServer {
    /// The cluster, to be killed and paused.
    pub server: Postgres,
    /// The network between it and the programs.
    pub net: FaultProxy,
    database: String,
}

impl AccountsServer {
    pub(crate) fn start() -> Self {
        let server = must(Postgres::start(), "start postgres");
        let database = must(server.database(), "make a database");
        let net = must(FaultProxy::start(server.address()), "start a proxy");
        Self { server, net, database }
    }

    /// Makes the two who may log in; their roles come with the schema.
    pub(crate) fn let_in(&self) {
        for (user, password, role) in
            [(SUPERVISOR, POSTGRES_PASSWORD, "warden_supervisor"), (PEOPLE, PEOPLE_PASSWORD, "warden_admin")]
        {
            must(self.server.create_user(user, password, &[role]), "make a user of postgres");
        }
    }

    pub(crate) fn section(&self, auth_file: &str) -> String {
        let (net, database) = (self.net.address(), &self.database);
        format!(
            "[accounts]\nurl = \"postgres://{net}/{database}\"\nauth_file = \"{auth_file}\"\n\
             key_file = \"accounts.key\"\ntimeout = \"3s\"\n\n"
        )
    }

    /// What the superuser is answered: a line for each row, `|` between its columns.
    #[must_use]
    pub fn sql(&self, sql: &str) -> String {
        must(self.server.psql(&self.database, sql), "ask postgres")
    }

    /// The whole database as SQL.
    #[must_use]
    pub fn dump(&self) -> String {
        must(self.server.pg_dump(&self.database), "dump the database")
    }

    /// What the audit log says was done about an instance, in order.
    #[must_use]
    pub fn audit(&self, instance: &str) -> Vec<String> {
        let found = self.sql(&format!("SELECT action FROM audit WHERE instance = '{instance}' ORDER BY seq"));
        found.lines().map(str::to_owned).collect()
    }

    /// What is stored of an instance's password, in hexadecimal: the encrypted password and its wrapped key.
    #[must_use]
    pub fn sealed(&self, instance: &str) -> Vec<String> {
        let columns = "encode(ciphertext, 'hex'), encode(wrapped, 'hex')";
        let found = self.sql(&format!("SELECT {columns} FROM credentials WHERE instance = '{instance}'"));
        found.split('|').filter(|text| !text.is_empty()).map(str::to_owned).collect()
    }
}

/// ClickHouse with the history of a world.
#[derive(Debug)]
pub struct HistoryServer {
    /// The server, to be killed and paused.
    pub server: ClickHouse,
}

/// The database of the history.
pub const HISTORY: &str = "warden";

impl HistoryServer {
    pub(crate) fn start() -> Self {
        Self { server: must(ClickHouse::start_as(CLICKHOUSE_USER, CLICKHOUSE_PASSWORD), "start clickhouse") }
    }

    pub(crate) fn auth() -> String {
        format!("{CLICKHOUSE_USER}:{CLICKHOUSE_PASSWORD}\n")
    }

    pub(crate) fn section(&self) -> String {
        format!(
            "[history]\nurl = \"{}\"\ndatabase = \"{HISTORY}\"\nauth_file = \"clickhouse.auth\"\n\
             linger = \"100ms\"\ntimeout = \"5s\"\n\n",
            self.server.url()
        )
    }

    /// What it answers; nothing while it is away.
    #[must_use]
    pub fn ask(&self, sql: &str) -> Option<String> {
        self.server.query(sql).ok()
    }

    /// The newest row, of an instance or of a trade, that it has of the journal that, as far as it knows, was written to
    /// last; nothing while it is away.
    #[must_use]
    pub fn newest(&self) -> Option<u64> {
        let last =
            format!("SELECT journal FROM {HISTORY}.instance_events ORDER BY at DESC, seq DESC LIMIT 1");
        let rows = ["instance_events", "trade_events"]
            .map(|table| format!("SELECT seq FROM {HISTORY}.{table} WHERE journal = ({last})"));
        self.ask(&format!("SELECT max(seq) FROM ({})", rows.join(" UNION ALL ")))?.parse().ok()
    }

    /// How many steps it has, how many of them differ, and the first and the last; nothing while it is away.
    #[must_use]
    pub fn counts(&self) -> Option<[u64; 4]> {
        let sql = "SELECT count(), uniqExact((instance_id, seq)), min(seq), max(seq)";
        let told = self.ask(&format!("{sql} FROM {HISTORY}.instance_events FINAL"))?;
        let numbers: Vec<u64> = told.split('\t').filter_map(|number| number.parse().ok()).collect();
        numbers.try_into().ok()
    }
}
