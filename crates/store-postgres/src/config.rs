use std::{fmt, path::Path, str::FromStr as _, time::Duration};

use sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgSslMode},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use thiserror::Error;
use warden_domain::Span;
use warden_store::{Password, address::is_loopback};

/// What of a PostgreSQL URL may stand behind its `?`.
const PARAMETERS: [&str; 5] = ["host", "sslmode", "sslrootcert", "sslcert", "sslkey"];

/// Where the accounts are and how much to ask of the place. [`AccountsConfig::new`] gives the defaults.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountsConfig {
    /// `postgres://user@host:port/database` or `sqlite:path`. A PostgreSQL server beyond this machine needs
    /// `?sslmode=verify-full` (or `verify-ca`), with `&sslrootcert=path` when the system does not know its authority;
    /// `sslcert` and `sslkey` log in by certificate, `host=/folder` names a socket.
    pub url: String,
    /// The password of the PostgreSQL user. It stands here and not in the URL, which ends up in logs.
    pub password: Option<Password>,
    /// Connections at most, 1 to 64. Default 8.
    pub connections: u32,
    /// How long a connection may take to come about, 10 ms to 1 h. Default 5 s.
    pub connect_timeout: Span,
    /// How long one statement may take, waiting for others included, until the store counts as unreachable, 10 ms to
    /// 1 h. Default 10 s. The steps of a migration may take as long as they take.
    pub answer_timeout: Span,
    /// How long a migrator waits for another one to end, 10 ms to 1 h. Default 1 min.
    pub migration_wait: Span,
}

/// The place, read and found to be allowed. Never shown: it holds the password.
pub(crate) enum Place {
    Postgres(Box<PgConnectOptions>),
    Sqlite(Box<SqliteConnectOptions>),
}

impl AccountsConfig {
    /// The place at `url`, without a password, everything else as it is by default.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            password: None,
            connections: 8,
            connect_timeout: Span::from_secs(5),
            answer_timeout: Span::from_secs(10),
            migration_wait: Span::from_secs(60),
        }
    }

    /// Says whether everything is in its range and the URL can be used.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.place().map(drop)
    }

    pub(crate) fn place(&self) -> Result<Place, ConfigError> {
        if !(1..=64).contains(&self.connections) {
            return Err(ConfigError::Connections(self.connections));
        }
        for (key, span) in [
            ("connect_timeout", self.connect_timeout),
            ("answer_timeout", self.answer_timeout),
            ("migration_wait", self.migration_wait),
        ] {
            if !(Span::from_millis(10)..=Span::from_secs(3_600)).contains(&span) {
                return Err(ConfigError::Span { key, span });
            }
        }
        match self.url.split_once(':') {
            Some(("postgres" | "postgresql", rest)) => self.postgres(rest),
            Some(("sqlite", path)) => self.sqlite(path),
            Some(_) | None => Err(ConfigError::Url),
        }
    }

    fn postgres(&self, rest: &str) -> Result<Place, ConfigError> {
        let rest = rest.strip_prefix("//").ok_or(ConfigError::Url)?;
        let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let authority = place.split('/').next().unwrap_or_default();
        // A password that is not encoded may hold what ends the authority: then its rest and the @ stand behind it.
        let user = if authority.contains('@') { authority } else { place };
        if user.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')) {
            return Err(ConfigError::Secret);
        }
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let key = parameter.split('=').next().unwrap_or_default();
            match key {
                "password" => return Err(ConfigError::Secret),
                known if PARAMETERS.contains(&known) => {}
                _ if parameters.contains('@') => return Err(ConfigError::Secret),
                unknown => return Err(ConfigError::Parameter(unknown.to_owned())),
            }
        }
        // The driver's own words may quote the URL.
        let mut options = PgConnectOptions::from_str(&self.url).map_err(|_| ConfigError::Url)?;
        if options.get_database().is_none_or(str::is_empty) {
            return Err(ConfigError::Url);
        }
        if !stays_here(&options) && !is_verified(options.get_ssl_mode()) {
            return Err(ConfigError::Tls);
        }
        if let Some(password) = &self.password {
            options = options.password(password.reveal());
        }
        Ok(Place::Postgres(Box::new(options.application_name("mt5-warden").disable_statement_logging())))
    }

    fn sqlite(&self, path: &str) -> Result<Place, ConfigError> {
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.contains(['?', '#']) || path.starts_with(':') {
            return Err(ConfigError::File);
        }
        if self.password.is_some() {
            return Err(ConfigError::PasswordOfFile);
        }
        let options = SqliteConnectOptions::new()
            .filename(Path::new(path))
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .pragma("secure_delete", "ON")
            .busy_timeout(self.answer_timeout.into());
        Ok(Place::Sqlite(Box::new(options.disable_statement_logging())))
    }

    /// A statement's own time and a second, so that the server, which says more, speaks first.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from(self.answer_timeout) + Duration::from_secs(1)
    }
}

/// Whether nothing between us and the server could listen.
fn stays_here(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    options.get_socket().is_some() || host.starts_with('/') || is_loopback(host)
}

fn is_verified(mode: PgSslMode) -> bool {
    match mode {
        PgSslMode::VerifyCa | PgSslMode::VerifyFull => true,
        PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer | PgSslMode::Require => false,
    }
}

impl fmt::Debug for AccountsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountsConfig")
            .field("url", &without_secret(&self.url))
            .field("password", &self.password)
            .field("connections", &self.connections)
            .field("connect_timeout", &self.connect_timeout)
            .field("answer_timeout", &self.answer_timeout)
            .field("migration_wait", &self.migration_wait)
            .finish()
    }
}

/// The place for people: what stands before an `@` and behind a `?` may be a secret that does not belong there.
pub(crate) fn without_secret(url: &str) -> String {
    let (url, parameters) = url.split_once('?').unwrap_or((url, ""));
    if let Some((scheme, place)) = url.split_once("://")
        && parameters.contains('@')
        && place.contains(':')
        && !place.contains('@')
    {
        return format!("{scheme}://[redacted]");
    }
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, place))) => format!("{scheme}://{place}"),
        (None, Some((_, place))) => place.to_owned(),
        (Some(_) | None, None) => url.to_owned(),
    }
}

/// What is wrong with an [`AccountsConfig`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// The URL names no place.
    #[error("url is not usable; write postgres://user@host:port/database or sqlite:path")]
    Url,
    /// The SQLite URL names no file.
    #[error("url names no SQLite file; write sqlite:path without parameters")]
    File,
    /// The URL holds a password.
    #[error("url holds a password; give it by the key password, because URLs end up in logs")]
    Secret,
    /// SQLite has no users.
    #[error("password is given and SQLite knows none; remove it")]
    PasswordOfFile,
    /// The URL has a parameter that is not one of ours.
    #[error("url has the parameter {0}; known are host, sslmode, sslrootcert, sslcert and sslkey")]
    Parameter(String),
    /// Credentials would cross a network that others listen on, or to a server that nobody proved.
    #[error("url names a server beyond this machine; add ?sslmode=verify-full, and sslrootcert when needed")]
    Tls,
    /// Too few or too many connections.
    #[error("connections is {0}; give 1 to 64")]
    Connections(u32),
    /// A span is out of its range.
    #[error("{key} is {span}; give 10ms to 1h")]
    Span {
        /// Which one.
        key: &'static str,
        /// What was given.
        span: Span,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(url: &str) -> Option<ConfigError> {
        AccountsConfig::new(url).validate().err()
    }

    #[test]
    fn a_url_names_a_place_without_secrets() {
        for url in [
            "postgres://me@127.0.0.1:5433/warden",
            "postgresql://me@localhost/warden",
            "postgres://me@[::1]:5433/warden",
            "postgres://me@127.8.9.1/warden?sslmode=disable",
            "postgres://me@%2Frun%2Fpostgresql/warden",
            "postgres://me@here/warden?host=/run/postgresql",
            "postgres://me@db.example/warden?sslmode=verify-full&sslrootcert=/etc/ca.pem",
            "postgres://me@db.example/warden?sslmode=verify-ca",
            "sqlite:accounts.db",
            "sqlite:///var/lib/warden/accounts.db",
        ] {
            assert_eq!(fault(url), None, "{url}");
        }
        for url in ["", "nonsense", "mysql://me@127.0.0.1/x", "postgres:me", "postgres://me@127.0.0.1"] {
            assert_eq!(fault(url), Some(ConfigError::Url), "{url}");
        }
        for url in ["sqlite:", "sqlite::memory:", "sqlite:a.db?mode=memory"] {
            assert_eq!(fault(url), Some(ConfigError::File), "{url}");
        }
        let unknown = "postgres://me@127.0.0.1/x?options=-csearch_path%3Dx";
        assert_eq!(fault(unknown), Some(ConfigError::Parameter("options".into())));
    }

    #[test]
    fn a_server_beyond_this_machine_must_prove_itself() {
        for mode in ["", "?sslmode=require", "?sslmode=prefer", "?sslmode=disable", "?sslmode=allow"] {
            for host in ["db.example", "10.0.0.7", "[2001:db8::7]", "localhost.example"] {
                let url = format!("postgres://me@{host}/warden{mode}");
                assert_eq!(fault(&url), Some(ConfigError::Tls), "{url}");
            }
        }
        let redirected = "postgres://me@localhost/warden?host=db.example";
        assert_eq!(fault(redirected), Some(ConfigError::Tls));
    }

    #[test]
    fn a_password_in_the_url_is_refused_and_never_shown() {
        for url in [
            "postgres://me:hunter2@127.0.0.1/warden",
            "postgres://me@127.0.0.1/warden?password=hunter2",
            "postgres://me:hunt@er2@127.0.0.1/warden",
            "postgres://me:hunter2?hunter2@127.0.0.1/warden",
            "postgres://me:hunter2#hunter2@127.0.0.1/warden",
            "postgres://me:hunter2/hunter2@127.0.0.1/warden",
            "postgres://me:1?hunter2@127.0.0.1/warden",
            "postgres://me:1/hunter2@127.0.0.1/warden",
            "postgres://me@127.0.0.1/warden?password=hunter2@hunter2",
        ] {
            assert_eq!(fault(url), Some(ConfigError::Secret), "{url}");
            let config = AccountsConfig {
                password: Some(Password::new("hunter2".into())),
                ..AccountsConfig::new(url)
            };
            let shown = format!("{config:?} {}", fault(url).unwrap());
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        let config = AccountsConfig {
            password: Some(Password::new("x".into())),
            ..AccountsConfig::new("sqlite:a.db")
        };
        assert_eq!(config.validate(), Err(ConfigError::PasswordOfFile));
    }

    #[test]
    fn what_is_out_of_its_range_is_named() {
        let right = AccountsConfig::new("sqlite:a.db");
        assert!(AccountsConfig { connections: 0, ..right.clone() }.validate().is_err());
        assert!(AccountsConfig { connections: 65, ..right.clone() }.validate().is_err());
        let fault = AccountsConfig { answer_timeout: Span::ZERO, ..right }.validate().unwrap_err();
        assert_eq!(fault.to_string(), "answer_timeout is 0s; give 10ms to 1h");
    }
}
