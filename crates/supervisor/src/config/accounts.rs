use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use toml::de::DeTable;
use warden_distribution::AccountRules;
use warden_domain::Span;
use warden_store::{
    Registered,
    address::is_loopback,
    memory::{MemoryAccounts, MemoryAccountsError},
};

use super::{
    Auth, Config, Fault, Faults, GivenRules, InstanceConfig, Places,
    reader::{Reader, Section},
};
use crate::InstanceSpec;

/// `[accounts]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountsConfig {
    /// `file`: the accounts in memory, from a file with their passwords.
    File(PathBuf),
    /// A database; without any key of the section, an SQLite file in the data folder.
    Database(DatabaseConfig),
}

/// A database with encrypted credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseConfig {
    /// `url`: which one.
    pub url: DatabaseUrl,
    /// `auth_file`: holds `user:password` or `password` for PostgreSQL.
    pub auth_file: Option<PathBuf>,
    /// `key_file`: the key that encrypts the credentials.
    pub key: KeySource,
    /// `previous_key_file`: the key before it, while a rotation is under way.
    pub previous_key: Option<KeySource>,
    /// `timeout`: how long one statement may take.
    pub timeout: Span,
    /// `connections`: open at the same time at most.
    pub connections: u32,
}

/// Which database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL server: the address without a password.
    Postgres(String),
}

impl DatabaseConfig {
    /// The address as a driver takes it: with the user that `auth_file` names in place of the one it may hold.
    #[must_use]
    pub fn address(&self, auth: Option<&Auth>) -> String {
        match &self.url {
            DatabaseUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
            DatabaseUrl::Postgres(url) => auth
                .and_then(|auth| auth.user.as_deref())
                .map_or_else(|| url.clone(), |user| with_user(url, user)),
        }
    }
}

fn with_user(url: &str, user: &str) -> String {
    let rest = url.strip_prefix("postgres://").unwrap_or(url);
    let authority = rest.find(['/', '?']).unwrap_or(rest.len());
    let place = rest[..authority].rfind('@').map_or(rest, |at| &rest[at + 1..]);
    format!("postgres://{}@{place}", percent_encoded(user))
}

/// Everything but letters and digits as URLs write it.
fn percent_encoded(text: &str) -> String {
    let encoded = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(encoded).collect()
}

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A file of mode 0400.
    File(PathBuf),
    /// A systemd credential of this name (`LoadCredential=`).
    Credential(String),
}

/// The file names of the embedded default, in the data folder.
const DATABASE: &str = "accounts.db";
const KEY: &str = "accounts.key";
const TIMEOUT: Span = Span::from_secs(5);
const CONNECTIONS: u32 = 4;

/// The section; `None` when it has a fault, or when the data folder is missing that the default is in.
pub(super) fn section(
    reader: &mut Reader<'_>,
    document: &DeTable<'_>,
    data_folder: Option<&Path>,
) -> Option<AccountsConfig> {
    let mut section = reader.section("accounts", document);
    if section.value("file").is_some() {
        for key in ["url", "auth_file", "key_file", "previous_key_file", "timeout", "connections"] {
            if section.value(key).is_some() {
                section.fault_at(
                    key,
                    "is for a database, and accounts.file keeps the accounts in memory; remove one of them",
                );
            }
        }
        return section.path("file").map(AccountsConfig::File);
    }
    database(&mut section, data_folder).map(AccountsConfig::Database)
}

fn database(section: &mut Section<'_, '_, '_>, data_folder: Option<&Path>) -> Option<DatabaseConfig> {
    let auth_file = section.path("auth_file");
    let key = key_source(section, "key_file");
    let previous_key = key_source(section, "previous_key_file");
    let timeout = section.span("timeout", &(Span::from_millis(100)..=Span::from_secs(60)));
    let connections = section.number("connections", &(1..=64));
    let url = match section.text("url") {
        Some((text, place)) => match url(text) {
            Ok(Kind::Sqlite(path)) => Some(DatabaseUrl::Sqlite(section.reader.path(path))),
            Ok(Kind::Postgres) => Some(DatabaseUrl::Postgres(text.to_owned())),
            Err(what) => {
                section.fault("url", &place, what);
                None
            }
        },
        None if section.value("url").is_some() => None,
        None => data_folder.map(|folder| DatabaseUrl::Sqlite(folder.join(DATABASE))),
    }?;
    if auth_file.is_some() && matches!(url, DatabaseUrl::Sqlite(_)) {
        section.fault_at("auth_file", "is for PostgreSQL, and SQLite knows no users; remove it");
    }
    let key = match key {
        None if section.value("key_file").is_none() && matches!(url, DatabaseUrl::Postgres(_)) => {
            section.fault_at(
                "key_file",
                "is missing; make a key with `warden-supervisor accounts new-key FILE` and name it",
            );
            None
        }
        None if section.value("key_file").is_some() => None,
        None => data_folder.map(|folder| KeySource::File(folder.join(KEY))),
        given @ Some(_) => given,
    }?;
    Some(DatabaseConfig {
        url,
        auth_file,
        key,
        previous_key,
        timeout: timeout.unwrap_or(TIMEOUT),
        connections: connections.unwrap_or(CONNECTIONS),
    })
}

fn key_source(section: &mut Section<'_, '_, '_>, key: &'static str) -> Option<KeySource> {
    let (text, place) = section.text(key)?;
    let Some(name) = text.strip_prefix("credential:") else {
        return Some(KeySource::File(section.reader.path(text)));
    };
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        section.fault(key, &place, "names no systemd credential; write it like \"credential:warden-key\"");
        return None;
    }
    Some(KeySource::Credential(name.to_owned()))
}

enum Kind<'t> {
    Sqlite(&'t str),
    Postgres,
}

/// Checks the form and repeats nothing of it: it may hold a password.
fn url(text: &str) -> Result<Kind<'_>, String> {
    const FORM: &str =
        "write it like \"sqlite:accounts.db\" or \"postgres://warden@db.example/warden?sslmode=verify-full\"";
    if let Some(path) = text.strip_prefix("sqlite:") {
        let plain = !path.is_empty() && !path.starts_with("//") && !path.contains('?');
        return if plain { Ok(Kind::Sqlite(path)) } else { Err(format!("names no file; {FORM}")) };
    }
    let Some(rest) = text.strip_prefix("postgres://") else {
        return Err(format!("is no sqlite: or postgres:// address; {FORM}"));
    };
    let (place, settings) = rest.split_once('?').unwrap_or((rest, ""));
    let (user, host) = place.rsplit_once('@').unwrap_or(("", place));
    if user.contains(':') || settings.contains("password") {
        return Err("holds a password; move it to the file that accounts.auth_file names".to_owned());
    }
    let Some((host, database)) = host.split_once('/').filter(|(_, database)| !database.is_empty()) else {
        return Err(format!("names no database; {FORM}"));
    };
    let secure = settings.split('&').any(|it| matches!(it, "sslmode=verify-full" | "sslmode=verify-ca"));
    let host =
        host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(host, _)| host);
    if !secure && !host.is_empty() && !is_loopback(host) {
        return Err("is beyond loopback without TLS; add ?sslmode=verify-full".to_owned());
    }
    if database.contains('/') {
        return Err(format!("names no database; {FORM}"));
    }
    Ok(Kind::Postgres)
}

/// Reads the accounts file; what is wrong with it goes to the faults.
pub(super) fn read(path: &Path, faults: &mut Vec<Fault>) -> Option<MemoryAccounts> {
    let fault = match MemoryAccounts::from_file(path) {
        Ok(accounts) => return Some(accounts),
        Err(fault) => fault,
    };
    let whole = |what: String| Fault { file: path.to_owned(), line: None, key: String::new(), what };
    match fault {
        MemoryAccountsError::Faulty { faults: of_file, .. } => {
            faults.extend(of_file.into_iter().map(|fault| Fault {
                file: path.to_owned(),
                line: Some(fault.line),
                key: fault.key,
                what: fault.what,
            }));
        }
        MemoryAccountsError::Unreadable { source, .. } => {
            faults.push(whole(format!(
                "cannot be read: {source}; check accounts.file and the file's permissions"
            )));
        }
        MemoryAccountsError::Exposed { mode, .. } => {
            let what = format!("can be read by others (mode {mode:04o}); run: chmod 600 {}", path.display());
            faults.push(whole(what));
        }
        fault @ (MemoryAccountsError::Damaged { .. } | MemoryAccountsError::Randomness(_)) => {
            faults.push(whole(fault.to_string()));
        }
    }
    None
}

impl Config {
    /// The instances that this configuration wants looked after, of those that are registered: in the order of the
    /// file, or of their ids when it names none.
    ///
    /// # Errors
    /// Every instance that is named and not registered; that there is none at all.
    pub fn specs(&self, registered: &[Registered], places: &Places) -> Result<Vec<InstanceSpec>, Faults> {
        // Accounts beside each other are usually alike: they share their rules.
        let mut alike = Arc::<AccountRules>::default();
        let mut spec = |it: &Registered, config: Option<&InstanceConfig>| {
            let group = config.and_then(|config| config.group.as_ref()).map(|group| group.as_str());
            let group = group.unwrap_or(&it.group);
            let bare = GivenRules::default();
            let rules = config.map_or(&bare, |config| &config.rules).in_group(group, &self.groups);
            if rules != *alike {
                alike = Arc::new(rules);
            }
            InstanceSpec {
                id: it.instance.clone(),
                login: it.login,
                server: it.server.clone(),
                desired: config.and_then(|config| config.desired).unwrap_or(it.desired),
                group: group.to_owned(),
                rules: Arc::clone(&alike),
            }
        };
        let by_id: HashMap<_, _> = registered.iter().map(|it| (&it.instance, it)).collect();
        let mut faults = Vec::new();
        let mut specs = Vec::new();
        for instance in &self.instances {
            match by_id.get(&instance.id) {
                Some(it) => specs.push(spec(it, Some(instance))),
                None => {
                    let what =
                        format!("no account is stored for instance {}; add it to the accounts", instance.id);
                    faults.push(Fault {
                        key: "instance.id".to_owned(),
                        ..places.one(&format!("instance {}", instance.id), what)
                    });
                }
            }
        }
        if self.instances.is_empty() {
            specs.extend(registered.iter().map(|it| spec(it, None)));
        }
        if specs.is_empty() && faults.is_empty() {
            faults.push(places.one("instance", "there is no instance; add an account to the accounts"));
        }
        for spec in &specs {
            // Each well by itself, a group's and an instance's may not fit together.
            let line = format!("instance {}", spec.id);
            faults.extend(spec.rules.faults().into_iter().map(|fault| Fault {
                key: format!("instance.{}", fault.field),
                ..places.one(&line, format!("of {}: {}", spec.id, fault.what))
            }));
        }
        if faults.is_empty() { Ok(specs) } else { Err(Faults::new(faults)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_files_and_servers_are_taken() {
        for text in [
            "sqlite:accounts.db",
            "sqlite:/var/lib/warden/accounts.db",
            "postgres://warden@127.0.0.1:5432/warden",
            "postgres://localhost/warden",
            "postgres:///warden?host=/run/postgresql",
            "postgres://warden@db.example/warden?sslmode=verify-full",
        ] {
            assert!(url(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_user_of_the_file_takes_the_place_of_the_one_in_the_address() {
        for (url, expected) in [
            (
                "postgres://warden@h:5432/d?sslmode=verify-full",
                "postgres://m%2De@h:5432/d?sslmode=verify-full",
            ),
            ("postgres://h/d", "postgres://m%2De@h/d"),
            ("postgres:///d?host=/run/a@b", "postgres://m%2De@/d?host=/run/a@b"),
        ] {
            assert_eq!(with_user(url, "m-e"), expected);
        }
    }

    #[test]
    fn a_faulty_address_is_named_without_being_shown() {
        for text in [
            "hunter2",
            "sqlite:",
            "sqlite://hunter2",
            "mysql://hunter2@h/d",
            "postgres://me:hunter2@127.0.0.1/d",
            "postgres://127.0.0.1/d?password=hunter2",
            "postgres://127.0.0.1",
            "postgres://127.0.0.1/",
            "postgres://hunter2.example/warden",
            "postgres://hunter2.example/warden?sslmode=require",
        ] {
            let Err(fault) = url(text) else { panic!("{text}") };
            assert!(!fault.contains("hunter2"), "{fault}");
        }
    }
}
