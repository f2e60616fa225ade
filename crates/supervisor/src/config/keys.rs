//! Every key outside `[policy]`: one table for the reader and for the reference.

use warden_distribution::{AccountRules, Params, settings::Description};

/// One key of a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its section.
    pub section: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its default as a file would have it; `None` when it has to be given or is absent by default.
    pub default: Option<&'static str>,
    /// What its value may be, with its unit.
    pub range: &'static str,
    /// What it is for.
    pub meaning: &'static str,
}

const fn key(
    section: &'static str,
    name: &'static str,
    default: Option<&'static str>,
    range: &'static str,
    meaning: &'static str,
) -> Key {
    Key { section, name, default, range, meaning }
}

const NAME: &str = "1 to 64 of `A-Z a-z 0-9 _ -`";
const PATH: &str = "path; a relative one counts from the file's folder";
const STREAM: &str = "1 to 128 printable ASCII characters without spaces";
const SPAN: &str = "span, above 0 to 8760h";

/// The keys, in the order of the reference.
pub const KEYS: &[Key] = &[
    key(
        "supervisor",
        "name",
        Some("\"warden\""),
        NAME,
        "Names this supervisor in leases and locks; unique among supervisors.",
    ),
    key(
        "supervisor",
        "data_folder",
        None,
        PATH,
        "Holds journal, epochs and control socket; made with mode 0700 when it is missing. Must be given.",
    ),
    key(
        "supervisor",
        "control",
        None,
        "path of at most 80 bytes",
        "The control socket, mode 0600; `control.sock` in the data folder by default.",
    ),
    key(
        "supervisor",
        "shards",
        Some("1"),
        "1 to 64",
        "Shard workers; the instances of one trade server share one (BRK-5).",
    ),
    key("supervisor", "batch", Some("1024"), "1 to 65536", "Events taken into one batch at most."),
    key(
        "supervisor",
        "queue",
        Some("4096"),
        "16 to 1048576",
        "Messages that may wait for a shard at most; when full, nothing more is taken from the gateways.",
    ),
    key(
        "supervisor",
        "lease_ttl",
        Some("\"15s\""),
        SPAN,
        "How long a lease of an instance lives; at least twice `lease_renew`.",
    ),
    key("supervisor", "lease_renew", Some("\"5s\""), SPAN, "How often leases are renewed."),
    key(
        "supervisor",
        "log",
        Some("\"info\""),
        "level, or `target=level` with commas between",
        "What is logged: `off`, `error`, `warn`, `info`, `debug` or `trace`; the variable `WARDEN_LOG` overrides it.",
    ),
    key(
        "listen",
        "gateways",
        Some("\"127.0.0.1:7401\""),
        "loopback address and port",
        "Where gateways dial in.",
    ),
    key(
        "listen",
        "heartbeat",
        Some("\"5s\""),
        SPAN,
        "How often supervisor and gateway give each other a sign of life.",
    ),
    key(
        "listen",
        "heartbeat_timeout",
        Some("\"15s\""),
        SPAN,
        "After how long without one a session is closed; longer than `heartbeat`.",
    ),
    key("listen", "sessions", Some("1024"), "1 to 65536", "Gateways that may be connected."),
    key("listen", "queue", Some("1024"), "1 to 65536", "Commands that may wait for one gateway."),
    key(
        "listen",
        "metrics",
        None,
        "loopback address and port",
        "Where Prometheus scrapes `/metrics`, such as `\"127.0.0.1:9464\"`; nothing is served without it. Scrape with `honor_labels: true`.",
    ),
    key(
        "journal",
        "retention",
        Some("\"720h\""),
        SPAN,
        "Steps older than this are forgotten; the newest of each instance stays.",
    ),
    key(
        "journal",
        "linger",
        Some("\"0s\""),
        "span, 0 to 100ms",
        "How long a commit may wait for more while much is coming in; 0 commits what is there.",
    ),
    key("journal", "queue", Some("65536"), "256 to 16777216", "Steps that may wait to be committed."),
    key(
        "redis",
        "url",
        None,
        "`redis://host:port[/db]`, or `redis-cluster://` or `redis-sentinel://`",
        "The hot-state store; without it hot state lives in memory and other services see nothing of it.",
    ),
    key(
        "redis",
        "auth_file",
        None,
        PATH,
        "Holds `user:password`, or a password alone, on one line; mode 0600 or 0400.",
    ),
    key(
        "redis",
        "cluster",
        Some("false"),
        "`true` or `false`",
        "Whether ids in keys are written `{id}`, so that the keys of an instance share a slot of a Redis Cluster.",
    ),
    key(
        "redis",
        "timeout",
        Some("\"2s\""),
        "span, 10ms to 1m",
        "How long one call may take before the store counts as lost (NET-3).",
    ),
    key(
        "accounts",
        "url",
        None,
        "`sqlite:file`, or `postgres://user@host/database`",
        "The accounts with their encrypted credentials; `accounts.db` (SQLite) in the data folder by default. PostgreSQL beyond loopback needs `?sslmode=verify-full`.",
    ),
    key(
        "accounts",
        "auth_file",
        None,
        PATH,
        "Holds `user:password`, or a password alone, for PostgreSQL; mode 0600 or 0400.",
    ),
    key(
        "accounts",
        "key_file",
        None,
        "path, or `credential:NAME` for a systemd credential",
        "The key that encrypts credentials, mode 0400; `accounts.key` in the data folder by default with SQLite, made when neither is there. Must be given with PostgreSQL.",
    ),
    key(
        "accounts",
        "previous_key_file",
        None,
        "path, or `credential:NAME` for a systemd credential",
        "The key before it, while `accounts rotate-key` is under way.",
    ),
    key("accounts", "timeout", Some("\"5s\""), "span, 100ms to 1m", "How long one statement may take."),
    key("accounts", "connections", Some("4"), "1 to 64", "Connections to the database at most."),
    key(
        "accounts",
        "file",
        None,
        PATH,
        "Instead of a database: the accounts with their passwords, kept in memory; mode 0600 or 0400. What is revoked or refused is forgotten with the process.",
    ),
    key(
        "history",
        "url",
        None,
        "`http://host:port` on loopback, or `https://host:port`",
        "The ClickHouse server that keeps the history; without it a DuckDB file in the data folder does.",
    ),
    key("history", "database", Some("\"warden\""), "letters, digits and `_`", "Holds the tables."),
    key("history", "auth_file", None, PATH, "Holds `user:password`; mode 0600 or 0400."),
    key(
        "history",
        "cluster",
        None,
        "letters, digits and `_`",
        "The ClickHouse cluster on which every table is made, replicated; without it one server.",
    ),
    key("history", "timeout", Some("\"30s\""), "span, 100ms to 10m", "How long one call may take."),
    key(
        "history",
        "retention_days",
        Some("365"),
        "1 to 36500",
        "Rows of the history that are older are forgotten; ClickHouse learns of a change by `warden-migrator up`.",
    ),
    key(
        "history",
        "rows",
        Some("50000"),
        "1000 to 100000",
        "Journal rows that are exported together at most.",
    ),
    key(
        "history",
        "linger",
        Some("\"1s\""),
        "span, 0 to 1m",
        "How long journal rows may wait for more before they are exported.",
    ),
    key(
        "trading",
        "installation",
        Some("1"),
        "1 to 32767",
        "TRD-8: marks what is ours at the brokers: a part of MQL5 `magic`. One of its own for each installation that trades on the same accounts; not to be changed while trades are open.",
    ),
    key(
        "trading",
        "symbols",
        Some("[]"),
        "list of at most 64 symbols, as signals call them",
        "Symbols whose prices are watched from the start. Of any other, the first signal is refused with `fact_missing` until the terminal has reported it.",
    ),
    key(
        "trading",
        "intake",
        None,
        "`true` or `false`",
        "Whether signals are read from a Redis Stream; with `redis.url` they are by default.",
    ),
    key(
        "trading",
        "stream",
        Some("\"trade_signals\""),
        STREAM,
        "The stream of signals; dead letters go to the same name with `:dead` behind it.",
    ),
    key(
        "trading",
        "group",
        None,
        STREAM,
        "The consumer group; `supervisor.name` by default, so that every supervisor is given every signal and carries out the part of its own instances.",
    ),
    key(
        "trading",
        "consumer",
        None,
        STREAM,
        "This consumer's name in the group; `supervisor.name` by default.",
    ),
    key(
        "trading",
        "in_work",
        Some("256"),
        "1 to 65536",
        "Signals that are in work at the same time at most; more wait in the stream.",
    ),
    key(
        "trading",
        "claim_after",
        Some("\"30s\""),
        SPAN,
        "A signal that a dead consumer has not acknowledged for so long is taken over.",
    ),
    key(
        "trading",
        "ready_within",
        Some("\"10s\""),
        "span, 0 to 5m",
        "How long signals wait in the stream after a start while terminals are on their way back: without balances and prices they would be refused.",
    ),
    key(
        "trading",
        "dead_letters",
        Some("10000"),
        "1 to 1000000",
        "Dead letters that are kept at least; older ones go.",
    ),
    key(
        "group",
        "name",
        None,
        "1 to 64 bytes of text",
        "A group of instances. Those that belong to it have these rules, where their own section does not say otherwise.",
    ),
    key(
        "instance",
        "id",
        None,
        NAME,
        "An instance to look after; it has an account of this name. Without any `[[instance]]` all accounts are looked after.",
    ),
    key(
        "instance",
        "desired",
        None,
        "one of `RUNNING` `STOPPED`",
        "Whether an instance that was never run before is started; as the accounts say by default.",
    ),
    key(
        "instance",
        "group",
        None,
        "1 to 64 bytes of text",
        "The group it belongs to, by which signals and halts name it; as the accounts say by default.",
    ),
];

/// The names of a section's keys.
pub(super) fn names(section: &str) -> impl Iterator<Item = &'static str> {
    let own = KEYS.iter().filter(move |key| key.section == section).map(|key| key.name);
    own.chain(settings(section).into_iter().map(|(it, _)| it.key))
}

/// The keys of a section that `warden-distribution` declares, with their defaults.
pub(super) fn settings(section: &str) -> Vec<(Description, String)> {
    let (described, defaults) = match section {
        "trading" => (Params::describe(), Params::default().list()),
        "group" | "instance" => (AccountRules::describe(), AccountRules::default().list()),
        _ => return Vec::new(),
    };
    described.into_iter().zip(defaults.into_iter().map(|(_, default)| default)).collect()
}

/// The sections, `policy` last.
pub(super) const SECTIONS: [&str; 10] = [
    "supervisor",
    "listen",
    "journal",
    "redis",
    "accounts",
    "history",
    "trading",
    "group",
    "instance",
    "policy",
];

/// The known name most like a misspelt one, when one is like it.
pub(super) fn like<'k>(unknown: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    known
        .map(|name| (edits(unknown, name), name))
        .min()
        .filter(|(edits, name)| *edits <= name.len().max(3) / 3)
        .map(|(_, name)| name)
}

/// How many characters have to be added, removed or changed (Levenshtein distance); long texts differ altogether.
fn edits(from: &str, to: &str) -> usize {
    if from.len() > 128 || to.len() > 128 {
        return usize::MAX;
    }
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in to.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_finds_the_one_that_was_meant() {
        assert_eq!(like("data_foldr", names("supervisor")), Some("data_folder"));
        assert_eq!(like("heart_beat", names("listen")), Some("heartbeat"));
        assert_eq!(like("colour", names("redis")), None);
        assert_eq!(like(&"x".repeat(5_000), names("redis")), None);
        assert_eq!((edits("", "abc"), edits("kitten", "sitting")), (3, 3));
    }

    #[test]
    fn every_section_but_the_policy_has_keys() {
        for section in SECTIONS {
            assert_eq!(names(section).next().is_some(), section != "policy", "{section}");
        }
        assert!(KEYS.iter().all(|key| SECTIONS.contains(&key.section)));
    }
}
