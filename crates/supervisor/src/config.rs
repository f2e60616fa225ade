//! The configuration file: TOML in, typed values or every fault at once out.
//!
//! Each fault names file, line and key, says what is wrong and what to do; `docs/configuration.md` is the reference of
//! all keys and generated from [`KEYS`] and [`Params::describe`](warden_policy::Params::describe).
//!
//! ```
//! use warden_supervisor::config::Config;
//!
//! let text = "[supervisor]\ndata_folder = \"data\"\nshards = 0\n[accounts]\nfile = \"accounts.toml\"\n";
//! let faults = Config::parse(std::path::Path::new("warden.toml"), text).unwrap_err();
//! assert_eq!(faults.to_string(), "warden.toml:3: supervisor.shards: 0 is out of range; give 1 to 64");
//! ```

mod accounts;
mod auth;
mod fault;
mod history;
mod instances;
mod journal;
mod keys;
mod listen;
mod policy;
mod reader;
mod redis;
pub mod reference;
mod rules;
mod secrets;
mod supervisor;
mod trading;

use std::{
    collections::HashMap,
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use toml::de::DeTable;
use warden_policy::Params;
use warden_store::{Accounts as _, memory::MemoryAccounts};

pub use self::{
    accounts::{AccountsConfig, DatabaseConfig, DatabaseUrl, KeySource},
    auth::Auth,
    fault::{Fault, Faults},
    history::{ClickHouseConfig, HistoryConfig},
    instances::InstanceConfig,
    journal::JournalConfig,
    keys::{KEYS, Key},
    listen::ListenConfig,
    redis::RedisConfig,
    rules::{GivenRules, GroupConfig},
    supervisor::SupervisorConfig,
    trading::TradingConfig,
};
use self::{keys::SECTIONS, reader::Reader};

/// A supervisor's configuration. `Debug` shows no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `[supervisor]`
    pub supervisor: SupervisorConfig,
    /// `[listen]`
    pub listen: ListenConfig,
    /// `[journal]`
    pub journal: JournalConfig,
    /// `[redis]`; `None` keeps hot state in memory.
    pub redis: Option<RedisConfig>,
    /// `[accounts]`
    pub accounts: AccountsConfig,
    /// `[history]`
    pub history: HistoryConfig,
    /// `[trading]`
    pub trading: TradingConfig,
    /// `[[group]]`
    pub groups: Vec<GroupConfig>,
    /// `[[instance]]`; empty stands for every account.
    pub instances: Vec<InstanceConfig>,
    /// `[policy]`
    pub params: Params,
}

/// A configuration with what stands in the other files it names.
#[derive(Debug)]
pub struct Loaded {
    /// What the file says.
    pub config: Config,
    /// The accounts and their credentials, from `accounts.file`; `None` when they are in a database.
    pub accounts: Option<MemoryAccounts>,
    /// Who the supervisor is to PostgreSQL, from `accounts.auth_file`.
    pub accounts_auth: Option<Auth>,
    /// Who the supervisor is to ClickHouse, from `history.auth_file`.
    pub history_auth: Option<Auth>,
    /// Who the supervisor is to Redis, from `redis.auth_file`.
    pub redis_auth: Option<Auth>,
    /// Where each key stands.
    pub places: Places,
}

impl Loaded {
    /// Makes the data folder, for its user alone, when it is missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make_data_folder(&self) -> Result<(), Faults> {
        let folder = &self.config.supervisor.data_folder;
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|fault| {
            let what = format!(
                "{} cannot be made: {fault}; give the supervisor's user permission or name another",
                folder.display()
            );
            self.places.fault("supervisor.data_folder", what)
        })
    }
}

/// Where the keys of a configuration stand, for faults that show only when it is used, such as a port in use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    file: PathBuf,
    lines: HashMap<String, usize>,
}

impl Places {
    /// A fault of a dotted key, at its line when the file gives it.
    #[must_use]
    pub fn fault(&self, key: &str, what: impl Into<String>) -> Faults {
        Faults::new(vec![self.one(key, what)])
    }

    fn one(&self, key: &str, what: impl Into<String>) -> Fault {
        let (file, line) = (self.file.clone(), self.lines.get(key).copied());
        Fault { file, line, key: key.to_owned(), what: what.into() }
    }
}

impl Config {
    /// Reads a configuration and the files with accounts, users and passwords that it names.
    ///
    /// # Errors
    /// Everything that is wrong in all of them.
    pub async fn load(file: &Path) -> Result<Loaded, Faults> {
        let text = read(file)?;
        let mut draft = Draft::read(file, &text);
        let mut faults = std::mem::take(&mut draft.faults);
        let places = Places { file: file.to_owned(), lines: std::mem::take(&mut draft.lines) };
        let folder = draft.supervisor.as_ref().and_then(|it| supervisor::folder_fault(&it.data_folder));
        faults.extend(folder.map(|what| places.one("supervisor.data_folder", what)));
        let redis_auth = draft.redis.as_ref().and_then(|redis| redis.auth_file.as_deref());
        let redis_auth = redis_auth.and_then(|path| auth::read("redis.auth_file", path, &mut faults));
        let history_auth = draft.history.clickhouse.as_ref().and_then(|it| it.auth_file.as_deref());
        let history_auth = history_auth.and_then(|path| auth::read("history.auth_file", path, &mut faults));
        let (accounts, accounts_auth) = match &draft.accounts {
            Some(AccountsConfig::File(path)) => (accounts::read(path, &mut faults), None),
            Some(AccountsConfig::Database(DatabaseConfig { auth_file: Some(path), .. })) => {
                (None, auth::read("accounts.auth_file", path, &mut faults))
            }
            Some(AccountsConfig::Database(_)) | None => (None, None),
        };
        let Some(config) = draft.finish().filter(|_| faults.is_empty()) else {
            return Err(Faults::new(faults));
        };
        if let Some(accounts) = &accounts {
            let registered = accounts.registered().await.expect("memory always answers");
            config.specs(&registered, &places)?;
        }
        Ok(Loaded { config, accounts, accounts_auth, history_auth, redis_auth, places })
    }

    /// Reads a configuration without the accounts: for those who only want to know where things are.
    ///
    /// # Errors
    /// Everything that is wrong in it.
    pub fn open(file: &Path) -> Result<Self, Faults> {
        Self::parse(file, &read(file)?)
    }

    /// Reads the text of a configuration without opening any other file; `file` names it in faults, and relative paths
    /// count from its folder.
    ///
    /// # Errors
    /// Everything that is wrong in it.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Faults> {
        let mut draft = Draft::read(file, text);
        let faults = std::mem::take(&mut draft.faults);
        draft.finish().filter(|_| faults.is_empty()).ok_or_else(|| Faults::new(faults))
    }
}

fn read(file: &Path) -> Result<String, Faults> {
    fs::read_to_string(file).map_err(|fault| {
        let what = if fault.kind() == io::ErrorKind::NotFound {
            "does not exist; give the path of a configuration file".to_owned()
        } else if fault.kind() == io::ErrorKind::InvalidData {
            "is not UTF-8 text; save it as such".to_owned()
        } else {
            format!("cannot be read: {fault}; check its path and permissions")
        };
        Faults::new(vec![Fault { file: file.to_owned(), line: None, key: String::new(), what }])
    })
}

/// What could be read of a configuration, and its faults so far.
struct Draft {
    faults: Vec<Fault>,
    supervisor: Option<SupervisorConfig>,
    listen: ListenConfig,
    journal: JournalConfig,
    redis: Option<RedisConfig>,
    accounts: Option<AccountsConfig>,
    history: HistoryConfig,
    trading: TradingConfig,
    groups: Vec<GroupConfig>,
    instances: Vec<(InstanceConfig, usize)>,
    params: Params,
    lines: HashMap<String, usize>,
}

impl Draft {
    fn read(file: &Path, text: &str) -> Self {
        let mut reader = Reader::new(file, text);
        // Of the parser's errors only message and place are used: their display quotes the line.
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let what = format!("is not TOML: {}; correct the line", error.message());
            reader.fault(&error.span().unwrap_or(0..0), "", what);
        }
        reader.partial = !errors.is_empty();
        let document = document.get_ref();
        unknown_sections(&mut reader, document);
        secrets::refuse(&mut reader, document);
        let supervisor = supervisor::read(&mut reader, document);
        let data_folder = supervisor.as_ref().map(|it| it.data_folder.clone());
        let groups = rules::groups(&mut reader, document);
        let instances = instances::read(&mut reader, document);
        let params = policy::read(&mut reader, document);
        let redis = redis::read(&mut reader, document);
        let name = supervisor.as_ref().map_or("warden", |it| it.options.owner.as_str());
        let trading = trading::read(&mut reader, document, name, redis.is_some(), params.signal.valid_for);
        let mut lines = lines(&reader, document);
        lines.extend(instances.iter().map(|(it, line)| (format!("instance {}", it.id), *line)));
        Self {
            supervisor,
            listen: listen::read(&mut reader, document),
            journal: journal::read(&mut reader, document),
            redis,
            accounts: accounts::section(&mut reader, document, data_folder.as_deref()),
            history: history::read(&mut reader, document),
            trading,
            groups,
            instances,
            params,
            lines,
            faults: reader.faults,
        }
    }

    /// The configuration, when everything that must be given was.
    fn finish(self) -> Option<Config> {
        let mut supervisor = self.supervisor?;
        supervisor.options.installation = self.trading.installation;
        supervisor.options.distribution = self.trading.distribution.clone();
        Some(Config {
            supervisor,
            listen: self.listen,
            journal: self.journal,
            redis: self.redis,
            accounts: self.accounts?,
            history: self.history,
            trading: self.trading,
            groups: self.groups,
            instances: self.instances.into_iter().map(|(instance, _)| instance).collect(),
            params: self.params,
        })
    }
}

/// The line of every key of every section.
fn lines(reader: &Reader<'_>, document: &DeTable<'_>) -> HashMap<String, usize> {
    let tables = document.iter().filter_map(|(name, value)| Some((name, value.get_ref().as_table()?)));
    let keys = tables.flat_map(|(name, table)| table.keys().map(move |key| (name, key)));
    keys.map(|(name, key)| (format!("{}.{}", name.get_ref(), key.get_ref()), reader.line(key.span().start)))
        .collect()
}

fn unknown_sections(reader: &mut Reader<'_>, document: &DeTable<'_>) {
    for key in document.keys() {
        let name = key.get_ref().as_ref();
        if SECTIONS.contains(&name) || secrets::is_secret(name) {
            continue; // a secret is refused by its own rule
        }
        let what = match keys::like(name, SECTIONS.into_iter()) {
            Some(meant) => format!("is unknown; did you mean [{meant}]?"),
            None => format!("is unknown; the sections are {}", SECTIONS.join(", ")),
        };
        reader.fault(&key.span(), name, what);
    }
}

#[cfg(test)]
mod tests;
