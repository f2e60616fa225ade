//! The documented keys of an instance (behaviour.md §8) as another service reads them: plain commands, no adapter.

use std::collections::BTreeMap;

use warden_policy::{Instance, decode_state};
use warden_store::{HotKey, Projection, RawSnapshot, Snapshot};
use warden_testkit::{Redis, Reply};

use crate::must;

/// Every key of an instance that Redis holds, `instance_state:<id>:` left out, in the order of their names.
#[must_use]
pub fn names(redis: &Redis, instance: &str) -> Vec<String> {
    let prefix = format!("instance_state:{instance}:");
    let found = must(redis.cli(&["KEYS", &format!("{prefix}*")]), "list the keys of an instance");
    let mut names: Vec<String> =
        found.lines().filter_map(|name| name.strip_prefix(&prefix)).map(str::to_owned).collect();
    names.sort();
    names
}

/// The documented keys that hold a text, without the snapshot.
#[must_use]
pub fn documented(redis: &Redis, instance: &str) -> BTreeMap<&'static str, String> {
    let mut found = BTreeMap::new();
    for key in HotKey::ALL {
        if let Some(text) = text(redis, instance, key.suffix()) {
            found.insert(key.suffix(), text);
        }
    }
    found
}

/// The text under one key; nothing when the key is absent or Redis is not there.
#[must_use]
pub fn text(redis: &Redis, instance: &str, suffix: &str) -> Option<String> {
    match redis.command(&["GET", &format!("instance_state:{instance}:{suffix}")]) {
        Ok(Reply::Bulk(text)) => text,
        Ok(Reply::Simple(_) | Reply::Error(_) | Reply::Integer(_) | Reply::Array(_)) | Err(_) => None,
    }
}

/// The documented keys, each of them read as what it stands for.
///
/// # Panics
/// When one is missing or unreadable.
#[must_use]
pub fn projection(redis: &Redis, instance: &str) -> Projection {
    let found = documented(redis, instance);
    let read = Projection::read(|key| found.get(key.suffix()).map(String::as_str));
    must(read.map_err(Box::<dyn std::error::Error>::from), "read the documented keys")
}

/// Reads snapshot and documented keys in one step, as hexadecimal: a reply of this client is text.
const AS_HEX: &str = "\
local hex = function(text) return (string.gsub(text or '', '.', function(c) return string.format('%02x', string.byte(c)) end)) end
local found = redis.call('HMGET', KEYS[1], 'schema', 'epoch', 'version', 'op', 'checksum', 'state')
local read = {}
for i = 1, 6 do read[i] = hex(found[i]) end
for i = 2, #KEYS do read[5 + i] = hex(redis.call('GET', KEYS[i])) end
return read";

/// The snapshot of an instance with its state; nothing when there is none.
///
/// # Panics
/// When its checksum does not hold, its state cannot be read, or a documented key says at that moment what the state
/// does not: all of them change in one step.
#[must_use]
pub fn snapshot(redis: &Redis, instance: &str) -> Option<(Snapshot, Instance)> {
    let key = |suffix: &str| format!("instance_state:{instance}:{suffix}");
    let keys: Vec<String> =
        std::iter::once("snapshot").chain(HotKey::ALL.map(HotKey::suffix)).map(key).collect();
    let count = keys.len().to_string();
    let mut words = vec!["EVAL", AS_HEX, &count];
    words.extend(keys.iter().map(String::as_str));
    let Reply::Array(Some(fields)) = redis.command(&words).ok()? else { return None };
    let fields: Vec<Vec<u8>> = fields.iter().map(|field| bytes(&field.text())).collect();
    let field = |at: usize| fields.get(at).filter(|field| !field.is_empty()).map(Vec::as_slice);
    let raw = RawSnapshot {
        schema: Some(field(0)?),
        epoch: field(1),
        version: field(2),
        op: field(3),
        checksum: field(4),
        state: field(5),
    };
    let snapshot = must(raw.verify().map_err(Box::<dyn std::error::Error>::from), "believe a snapshot");
    let state = must(decode_state(&snapshot.state), "decode the state of a snapshot");
    let read = Projection::read(|key| std::str::from_utf8(field(6 + key as usize)?).ok());
    assert_eq!(read, Ok(of_state(&state)), "{instance}: its keys changed in one step with its snapshot");
    Some((snapshot, state))
}

fn bytes(hex: &str) -> Vec<u8> {
    let nibbles: Vec<u8> =
        hex.chars().filter_map(|digit| digit.to_digit(16)).filter_map(|n| u8::try_from(n).ok()).collect();
    nibbles.chunks(2).filter_map(|pair| Some(pair.first()? << 4 | pair.get(1)?)).collect()
}

/// The documented keys that a state stands for.
#[must_use]
pub fn of_state(state: &Instance) -> Projection {
    Projection {
        status: state.status(),
        connection_state: state.connection_state(),
        login_attempt_count: u32::from(state.login_attempt_count()),
        last_login_attempt: state.last_login_attempt(),
        login_failure_reason: state.login_failure_reason(),
        last_failure_reason: state.last_failure_reason(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_is_read_back() {
        assert_eq!(bytes("00ff7A"), [0, 255, 122]);
        assert!(bytes("").is_empty());
    }
}
