use std::fmt;

use thiserror::Error;
use warden_domain::Span;
use warden_store::{
    Password,
    address::{is_loopback, without_secret},
};

/// How to reach ClickHouse and how it keeps the history.
#[derive(Clone, PartialEq, Eq)]
pub struct ClickHouseConfig {
    /// Where its HTTP interface is: `https://host:port`; `http://` only on loopback.
    pub url: String,
    /// The database of the history: letters, digits and `_`, at most 64.
    pub database: String,
    /// The user of ClickHouse, when it is not the default one.
    pub username: Option<String>,
    /// The password of the user. It stands here and not in the URL, which ends up in logs.
    pub password: Option<Password>,
    /// How long it may take to connect, to take the next piece of an insert, or to answer, until ClickHouse counts as
    /// unreachable; 100 ms to 1 h.
    pub timeout: Span,
    /// The cluster whose every replica holds the history; `None` for a server alone. Letters, digits, `_`, `-` and `.`.
    /// The URL then names one replica: through a balancer, a question may reach one that has not yet what another
    /// acknowledged.
    pub cluster: Option<String>,
    /// How long rows are kept, in whole days; `None` keeps them for ever. The migrator's `up` makes it so.
    pub retention: Option<Span>,
    /// How long one statement of a schema's step may take; 1 s to 24 h.
    pub statement_timeout: Span,
    /// How long to wait for another migrator; 1 s to 1 h.
    pub lock_timeout: Span,
    /// How long another migrator may give no sign of life until it counts as dead; 1 s to 1 h, by the server's clock.
    pub lease: Span,
}

/// What is wrong with a [`ClickHouseConfig`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// The URL cannot be read.
    #[error("url is no URL of ClickHouse's HTTP interface; write it like https://host:8443")]
    Url,
    /// The URL holds a user or a password.
    #[error("url holds a user or password; put them into username and the password file")]
    Secret,
    /// The URL asks for plain HTTP to another machine.
    #[error("url asks for plain http beyond loopback, where everybody could read along; use https")]
    Plain,
    /// A name holds what a name cannot.
    #[error("{key} {value:?} is no name; use letters, digits and _, at most 64")]
    Name {
        /// Which key.
        key: &'static str,
        /// What it is.
        value: String,
    },
    /// A span is out of its range.
    #[error("{key} is {span}; give {least} to {most}")]
    Span {
        /// Which key.
        key: &'static str,
        /// What it is.
        span: Span,
        /// The least it may be.
        least: Span,
        /// The most it may be.
        most: Span,
    },
    /// A user or password cannot be sent.
    #[error("{0} holds a character that HTTP cannot carry; use printable ASCII")]
    Unsendable(&'static str),
    /// The retention is not made of days.
    #[error("retention is {0}; give whole days, such as 8760h")]
    Retention(Span),
    /// No certificate authority is known to this machine.
    #[error("no root certificates are installed for https; install them (Debian: ca-certificates)")]
    Roots,
}

const DAY: u64 = 24 * 3_600_000;

/// 100 years: beyond it, the sum with a row's moment leaves what ClickHouse can hold.
const MOST_DAYS: u64 = 36_500;

impl ClickHouseConfig {
    /// A server at `url` without a password, the database `warden`, everything else as it is by default.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            database: "warden".to_owned(),
            username: None,
            password: None,
            timeout: Span::from_secs(30),
            cluster: None,
            retention: None,
            statement_timeout: Span::from_secs(3_600),
            lock_timeout: Span::from_secs(60),
            lease: Span::from_secs(20),
        }
    }

    /// Says whether everything is in its range and the URL can be used.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.plain()?;
        name("database", &self.database, "")?;
        if let Some(cluster) = &self.cluster {
            name("cluster", cluster, "-.")?;
        }
        sendable("username", self.username.as_deref())?;
        sendable("password", self.password.as_ref().map(Password::reveal))?;
        let (second, hour) = (Span::from_secs(1), Span::from_secs(3_600));
        in_range("timeout", self.timeout, Span::from_millis(100), hour)?;
        in_range("statement_timeout", self.statement_timeout, second, hour.times(24))?;
        in_range("lock_timeout", self.lock_timeout, second, hour)?;
        in_range("lease", self.lease, second, hour)?;
        self.days().map(drop)
    }

    /// Whether the server is spoken to in plain text, which it may only be on loopback.
    pub(crate) fn plain(&self) -> Result<bool, ConfigError> {
        let (scheme, rest) = self.url.split_once("://").ok_or(ConfigError::Url)?;
        if rest.contains('@') {
            return Err(ConfigError::Secret);
        }
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let host = host(authority).ok_or(ConfigError::Url)?;
        match scheme {
            "https" => Ok(false),
            "http" if is_loopback(host) => Ok(true),
            "http" => Err(ConfigError::Plain),
            _ => Err(ConfigError::Url),
        }
    }

    /// The retention in days.
    pub(crate) fn days(&self) -> Result<Option<u64>, ConfigError> {
        let Some(span) = self.retention else { return Ok(None) };
        let days = span.as_millis() / DAY;
        let whole = span.as_millis() % DAY == 0 && (1..=MOST_DAYS).contains(&days);
        if whole { Ok(Some(days)) } else { Err(ConfigError::Retention(span)) }
    }

    /// Engine and place, for people.
    pub(crate) fn place(&self) -> String {
        format!("ClickHouse database {} at {}", self.database, without_secret(&self.url))
    }
}

/// The host of `host`, `host:port`, `[v6]` or `[v6]:port`; `None` when it is none of these.
fn host(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map(|(host, port)| (host, port.strip_prefix(':')))?,
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    let named = !host.is_empty() && host.chars().all(sound);
    let reachable = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    (named && reachable).then_some(host)
}

fn name(key: &'static str, value: &str, also: &str) -> Result<(), ConfigError> {
    let sound = |c: char| c.is_ascii_alphanumeric() || c == '_' || also.contains(c);
    if (1..=64).contains(&value.len()) && value.chars().all(sound) {
        Ok(())
    } else {
        Err(ConfigError::Name { key, value: value.to_owned() })
    }
}

fn sendable(key: &'static str, value: Option<&str>) -> Result<(), ConfigError> {
    let printable = value.unwrap_or_default().bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if printable { Ok(()) } else { Err(ConfigError::Unsendable(key)) }
}

fn in_range(key: &'static str, span: Span, least: Span, most: Span) -> Result<(), ConfigError> {
    if (least..=most).contains(&span) { Ok(()) } else { Err(ConfigError::Span { key, span, least, most }) }
}

impl fmt::Debug for ClickHouseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClickHouseConfig")
            .field("url", &without_secret(&self.url))
            .field("database", &self.database)
            .field("username", &self.username)
            .field("password", &self.password)
            .field("timeout", &self.timeout)
            .field("cluster", &self.cluster)
            .field("retention", &self.retention)
            .field("statement_timeout", &self.statement_timeout)
            .field("lock_timeout", &self.lock_timeout)
            .field("lease", &self.lease)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_url(url: &str) -> Result<(), ConfigError> {
        ClickHouseConfig::new(url).validate()
    }

    #[test]
    fn plain_http_stays_on_loopback() {
        for url in
            ["http://127.0.0.1:8123", "http://localhost:8123/", "http://[::1]:8123", "http://127.8.9.1"]
        {
            assert_eq!(with_url(url), Ok(()), "{url}");
        }
        for url in ["https://history.example:8443", "https://10.0.0.7:8443/", "https://[fd00::1]:8443"] {
            assert_eq!(with_url(url), Ok(()), "{url}");
        }
        for url in [
            "http://10.0.0.7:8123",
            "http://history.example",
            "http://[fd00::1]:8123",
            "http://127.0.0.1.evil",
        ] {
            assert_eq!(with_url(url), Err(ConfigError::Plain), "{url}");
        }
    }

    #[test]
    fn a_config_says_what_is_wrong_with_it() {
        for url in [
            "",
            "nonsense",
            "tcp://127.0.0.1:9000",
            "https://",
            "http://a:0",
            "http://a:b",
            "https://h/?database=x",
        ] {
            assert_eq!(with_url(url), Err(ConfigError::Url), "{url}");
        }
        assert_eq!(with_url("https://me:hunter2@127.0.0.1"), Err(ConfigError::Secret));
        let right = ClickHouseConfig::new("http://127.0.0.1:8123");
        for database in ["", "a b", "a`b", "a-b", &"x".repeat(65)] {
            let config = ClickHouseConfig { database: database.to_owned(), ..right.clone() };
            assert!(
                matches!(config.validate(), Err(ConfigError::Name { key: "database", .. })),
                "{database}"
            );
        }
        let cluster =
            |name: &str| ClickHouseConfig { cluster: Some(name.to_owned()), ..right.clone() }.validate();
        assert_eq!(cluster("prod-1.eu"), Ok(()));
        assert!(cluster("a'b").is_err());
        let password = Some(Password::new("line\nend".into()));
        let config = ClickHouseConfig { password, ..right.clone() };
        assert_eq!(config.validate(), Err(ConfigError::Unsendable("password")));
        let fault = ClickHouseConfig { timeout: Span::ZERO, ..right }.validate().unwrap_err();
        assert_eq!(fault.to_string(), "timeout is 0s; give 100ms to 1h");
    }

    #[test]
    fn rows_are_kept_for_whole_days() {
        let days = |span| ClickHouseConfig { retention: span, ..ClickHouseConfig::new("https://h") }.days();
        assert_eq!(days(None), Ok(None));
        assert_eq!(days(Some(Span::from_secs(86_400 * 400))), Ok(Some(400)));
        for span in [Span::ZERO, Span::from_secs(86_401), Span::from_millis(u64::MAX / DAY * DAY)] {
            assert_eq!(days(Some(span)), Err(ConfigError::Retention(span)));
        }
    }

    #[test]
    fn a_config_never_shows_a_password() {
        let config = ClickHouseConfig {
            password: Some(Password::new("hunter2".into())),
            ..ClickHouseConfig::new("https://me:hunter2@127.0.0.1")
        };
        let shown = format!("{config:?} {}", config.place());
        assert!(!shown.contains("hunter2") && shown.contains("127.0.0.1"), "{shown}");
    }
}
