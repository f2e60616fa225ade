use std::path::PathBuf;

use toml::de::DeTable;
use warden_domain::Span;
use warden_store::address::is_loopback;

use super::reader::{Reader, Section};

/// `[history]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryConfig {
    /// `retention_days`: rows older than this are forgotten.
    pub retention: Span,
    /// `rows`: journal rows that are exported together at most.
    pub rows: u32,
    /// `linger`: how long rows may wait for more before they are exported.
    pub linger: Span,
    /// `url` and what belongs to it; `None` keeps the history in a DuckDB file in the data folder.
    pub clickhouse: Option<ClickHouseConfig>,
}

/// A ClickHouse server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClickHouseConfig {
    /// `url`: where the server is; holds no user and no password.
    pub url: String,
    /// `database`: holds our tables.
    pub database: String,
    /// `auth_file`: holds `user:password`.
    pub auth_file: Option<PathBuf>,
    /// `cluster`: the cluster that every table is made on, replicated; `None` for one server.
    pub cluster: Option<String>,
    /// `timeout`: how long one call may take.
    pub timeout: Span,
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self { retention: days(RETENTION), rows: 50_000, linger: Span::from_secs(1), clickhouse: None }
    }
}

/// Days that rows are kept.
const RETENTION: u32 = 365;
const TIMEOUT: Span = Span::from_secs(30);

pub(super) fn read(reader: &mut Reader<'_>, document: &DeTable<'_>) -> HistoryConfig {
    let mut section = reader.section("history", document);
    let default = HistoryConfig::default();
    HistoryConfig {
        retention: section.number("retention_days", &(1..=36_500)).map_or(default.retention, days),
        rows: section.number("rows", &(1_000..=100_000)).unwrap_or(default.rows),
        linger: section.span("linger", &(Span::ZERO..=Span::from_secs(60))).unwrap_or(default.linger),
        clickhouse: clickhouse(&mut section),
    }
}

fn days(count: u32) -> Span {
    Span::from_secs(u64::from(count) * 86_400)
}

fn clickhouse(section: &mut Section<'_, '_, '_>) -> Option<ClickHouseConfig> {
    let database = section.parsed("database", name);
    let auth_file = section.path("auth_file");
    let cluster = section.parsed("cluster", name);
    let timeout = section.span("timeout", &(Span::from_millis(100)..=Span::from_secs(600)));
    if section.value("url").is_none() {
        for key in ["database", "auth_file", "cluster", "timeout"] {
            if section.value(key).is_some() {
                section.fault_at(
                    key,
                    "needs history.url; give it, or remove the key to keep the history in the data folder",
                );
            }
        }
        return None;
    }
    let url = section.parsed("url", url)?;
    let database = database.unwrap_or_else(|| "warden".to_owned());
    Some(ClickHouseConfig { url, database, auth_file, cluster, timeout: timeout.unwrap_or(TIMEOUT) })
}

/// A name that stands in statements as it is.
fn name(text: &str) -> Result<String, String> {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if first && text.len() <= 64 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{text:?} is no name of 1 to 64 letters, digits and _; give one that begins with a letter"
        ))
    }
}

/// Checks the form and repeats nothing of it: it may hold a password.
fn url(text: &str) -> Result<String, String> {
    const FORM: &str = "write it like \"http://127.0.0.1:8123\"";
    if text.contains('@') || text.contains('?') {
        return Err("holds a user, a password or settings; move user and password to the file that history.auth_file names".to_owned());
    }
    let (secure, rest) = match text.split_once("://") {
        Some(("http", rest)) => (false, rest),
        Some(("https", rest)) => (true, rest),
        Some(_) | None => return Err(format!("is no http:// or https:// address; {FORM}")),
    };
    let place = rest.trim_end_matches('/');
    let (host, port) = place.rsplit_once(':').unwrap_or((place, "8123"));
    if host.is_empty() || place.contains('/') || port.parse::<u16>().is_err() {
        return Err(format!("names no host and port; {FORM}"));
    }
    if !secure && !is_loopback(host) {
        return Err("is beyond loopback without TLS; write https://".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_on_loopback_and_tls_beyond_it_are_taken() {
        for text in
            ["http://127.0.0.1:8123", "http://localhost", "http://[::1]:8123/", "https://ch.example:8443"]
        {
            assert_eq!(url(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_faulty_address_is_named_without_being_shown() {
        for text in [
            "hunter2",
            "http://me:hunter2@127.0.0.1",
            "http://127.0.0.1/?password=hunter2",
            "http://127.0.0.1:hunter2",
            "http://127.0.0.1/hunter2",
            "tcp://hunter2",
            "http://hunter2.example:8123",
        ] {
            let fault = url(text).unwrap_err();
            assert!(!fault.contains("hunter2"), "{fault}");
        }
    }

    #[test]
    fn names_stand_in_statements_and_so_are_plain() {
        assert_eq!(name("warden_2").as_deref(), Ok("warden_2"));
        for text in ["2warden", "a-b", "a;b", "a b", "ä", &"x".repeat(65)] {
            assert!(name(text).is_err(), "{text}");
        }
    }
}
