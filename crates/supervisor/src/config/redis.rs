use std::{fmt, os::unix::fs::PermissionsExt as _, path::Path};

use toml::de::DeTable;
use warden_domain::Span;

use super::{Fault, reader::Reader};

/// `[redis]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisConfig {
    /// `url`: where the server is.
    pub url: RedisUrl,
    /// `cluster`: whether it is a node of a Redis Cluster.
    pub cluster: bool,
    /// `timeout`: how long one call may take.
    pub timeout: Span,
}

/// A Redis address; `Debug` and `Display` hide its password.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(String);

impl RedisUrl {
    /// The whole address, password included, for the one call that needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether it holds a password.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.user_info().is_some_and(|user| user.contains(':'))
    }

    fn user_info(&self) -> Option<&str> {
        Some(self.0.rsplit_once('@')?.0.split_once("://")?.1)
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.user_info(), self.0.rsplit_once('@')) {
            (Some(user), Some((_, rest))) => {
                write!(f, "redis://{}:[redacted]@{rest}", user.split(':').next().unwrap_or_default())
            }
            _ => f.write_str(&self.0),
        }
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The section and the line of its address; `None` without one.
pub(super) fn read(reader: &mut Reader<'_>, document: &DeTable<'_>) -> Option<(RedisConfig, usize)> {
    let mut section = reader.section("redis", document);
    let cluster = section.flag("cluster").unwrap_or(false);
    let timeout = Span::from_millis(1)..=Span::from_secs(60);
    let timeout = section.span("timeout", &timeout).unwrap_or(Span::from_secs(2));
    let url = section.parsed("url", url);
    if let Some(given) = document.get("redis").filter(|_| section.value("url").is_none()) {
        if given.get_ref().is_table() {
            let what = "is missing in [redis]; give it, or remove the section to keep hot state in memory";
            section.reader.fault(&given.span(), "redis.url", what);
        }
    }
    let line = section.place("url").map(|place| section.reader.line(place.start))?;
    Some((RedisConfig { url: url?, cluster, timeout }, line))
}

/// Checks the form only, and repeats nothing of it: it may hold a password.
fn url(text: &str) -> Result<RedisUrl, String> {
    const FORM: &str = "write it like \"redis://127.0.0.1:6379\"";
    if text.starts_with("rediss://") {
        return Err("asks for TLS, which is not offered yet; use redis:// through a TLS tunnel".to_owned());
    }
    let rest = text.strip_prefix("redis://").ok_or(format!("is no redis:// address; {FORM}"))?;
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    let (host_port, database) = place.split_once('/').unwrap_or((place, "0"));
    let (host, port) = host_port.rsplit_once(':').unwrap_or((host_port, "6379"));
    if host.is_empty() || port.parse::<u16>().is_err() {
        return Err(format!("names no host and port; {FORM}"));
    }
    if database.parse::<u8>().is_err() {
        return Err(format!("ends in something other than a database number; {FORM}"));
    }
    Ok(RedisUrl(text.to_owned()))
}

/// Says when others can read the password in the address.
pub(super) fn check_exposure(file: &Path, config: &RedisConfig, line: usize, faults: &mut Vec<Fault>) {
    let mode = std::fs::metadata(file).map_or(0, |about| about.permissions().mode() & 0o7777);
    if config.url.has_password() && mode & 0o077 != 0 {
        let what = format!(
            "holds a password, and others can read this file (mode {mode:04o}); run: chmod 600 {}",
            file.display()
        );
        faults.push(Fault { file: file.to_owned(), line: Some(line), key: "redis.url".to_owned(), what });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_hides_its_password() {
        let given = url("redis://me:hunter2@redis.local:6380/3").unwrap();
        assert!(given.has_password());
        assert_eq!(given.to_string(), "redis://me:[redacted]@redis.local:6380/3");
        let tricky = url("redis://:hunt@er2@h").unwrap();
        assert_eq!(format!("{tricky:?}"), "redis://:[redacted]@h");
        assert_eq!(url("redis://[::1]:6379").unwrap().to_string(), "redis://[::1]:6379");
    }

    #[test]
    fn a_faulty_address_is_named_without_being_shown() {
        for text in [
            "hunter2",
            "rediss://x:hunter2@h",
            "redis://:hunter2@",
            "redis://:hunter2@h:x",
            "redis://:hunter2@h/x",
        ] {
            let fault = url(text).unwrap_err();
            assert!(!fault.contains("hunter2"), "{fault}");
        }
    }
}
