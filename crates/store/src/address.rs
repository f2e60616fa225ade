//! What adapters say and ask of the addresses they are given.

use std::net::IpAddr;

/// The URL for people: without user and password, should they stand in it against the rules.
#[must_use]
pub fn without_secret(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://[redacted]@{host}"),
        (None, Some((_, host))) => format!("[redacted]@{host}"),
        (Some(_) | None, None) => url.to_owned(),
    }
}

/// Whether a host of an address, an IPv6 one with or without its brackets, is this machine's loopback.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_left_whatever_the_form() {
        for url in ["redis://me:hunter2@h:1", "me:hunter2@h:1", "https://hunt@er2@h:1"] {
            let shown = without_secret(url);
            assert!(
                !shown.contains("hunter2") && !shown.contains("er2") && shown.ends_with("@h:1"),
                "{shown}"
            );
        }
        assert_eq!(without_secret("http://127.0.0.1:8123"), "http://127.0.0.1:8123");
    }

    #[test]
    fn loopback_is_known_by_name_and_address() {
        for host in ["localhost", "127.0.0.1", "127.8.9.1", "::1", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "localhost.", "localhost.example", "127.0.0.1.evil", "10.0.0.7", "[fd00::1]"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
