use std::path::PathBuf;

use toml::de::DeTable;
use warden_domain::Span;

use super::reader::Reader;

/// `[redis]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisConfig {
    /// `url`: where the server is; holds no user and no password.
    pub url: String,
    /// `auth_file`: holds `user:password` or `password`.
    pub auth_file: Option<PathBuf>,
    /// `cluster`: whether ids in keys are written `{id}`, so that the keys of an instance share a slot.
    pub cluster: bool,
    /// `timeout`: how long one call may take.
    pub timeout: Span,
}

const TIMEOUT: Span = Span::from_secs(2);

/// The section; `None` without an address.
pub(super) fn read(reader: &mut Reader<'_>, document: &DeTable<'_>) -> Option<RedisConfig> {
    let mut section = reader.section("redis", document);
    let cluster = section.flag("cluster").unwrap_or(false);
    let timeout = Span::from_millis(10)..=Span::from_secs(60);
    let timeout = section.span("timeout", &timeout).unwrap_or(TIMEOUT);
    let auth_file = section.path("auth_file");
    let given =
        document.get("redis").filter(|given| given.get_ref().is_table() && section.value("url").is_none());
    if let Some(given) = given {
        let what = "is missing in [redis]; give it, or remove the section to keep hot state in memory";
        section.reader.fault(&given.span(), "redis.url", what);
    }
    let url = section.parsed("url", url)?;
    if url.starts_with("redis-cluster:") && !cluster {
        section.fault_at("url", "names a cluster; set redis.cluster = true");
    }
    Some(RedisConfig { url, auth_file, cluster, timeout })
}

/// Checks the form and repeats nothing of it: it may hold a password.
fn url(text: &str) -> Result<String, String> {
    const FORM: &str = "write it like \"redis://127.0.0.1:6379\"";
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    if text.contains('@') {
        return Err("holds a user or a password; move them to the file that redis.auth_file names".to_owned());
    }
    match scheme {
        "redis" | "redis-cluster" | "redis-sentinel" => {}
        "rediss" | "rediss-cluster" | "rediss-sentinel" => {
            return Err(
                "asks for TLS, which is not offered yet; use redis:// through a TLS tunnel".to_owned()
            );
        }
        _ => return Err(format!("is no redis:// address; {FORM}")),
    }
    let place = rest.split_once('?').map_or(rest, |(place, _)| place);
    let (host_port, database) = place.split_once('/').unwrap_or((place, "0"));
    let (host, port) = host_port.rsplit_once(':').unwrap_or((host_port, "6379"));
    if host.is_empty() || port.parse::<u16>().is_err() {
        return Err(format!("names no host and port; {FORM}"));
    }
    if database.parse::<u8>().is_err() {
        return Err(format!("ends in something other than a database number; {FORM}"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_server_a_cluster_and_sentinels_are_taken() {
        for text in [
            "redis://127.0.0.1:6379",
            "redis://[::1]:6379",
            "redis://redis.local/3",
            "redis-cluster://a:7000?node=b:7001",
            "redis-sentinel://a:26379?sentinelServiceName=mymaster",
        ] {
            assert_eq!(url(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_faulty_address_is_named_without_being_shown() {
        for text in [
            "hunter2",
            "rediss://x:hunter2@h",
            "redis://:hunter2@h",
            "redis://h:hunter2",
            "redis://h/hunter2",
            "http://hunter2",
        ] {
            let fault = url(text).unwrap_err();
            assert!(!fault.contains("hunter2"), "{fault}");
        }
    }
}
