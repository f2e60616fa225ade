//! ACC-6: whatever stands under our keys, an answer comes and nothing panics.

use warden_domain::{Epoch, Version};
use warden_store::{Cas, HotState as _, HotUpdate, Stored};
use warden_store_redis::KeyStyle;

use crate::common::{Server, id, step};

async fn loaded(server: &Server, name: &str) -> Stored {
    server.hot.load(&[id(name)]).await.unwrap().remove(0)
}

fn assert_corrupt(found: &Stored, says: &str) {
    match found {
        Stored::Corrupt(what) => assert!(what.contains(says), "{what:?} does not say {says:?}"),
        Stored::Nothing | Stored::State(..) => panic!("was loaded as {found:?}"),
    }
}

#[tokio::test]
async fn a_documented_state_looks_like_this_in_redis() {
    let server = Server::start(KeyStyle::Single).await;
    assert_eq!(server.hot.cas(&[step("acct-1", 1)]).await.unwrap(), [Cas::Applied]);
    for (key, text) in [
        ("instance_state:acct-1:status", "FAILED"),
        ("instance_state:acct-1:connection_state", "FAILED"),
        ("instance_state:acct-1:login_attempt_count", "5"),
        ("instance_state:acct-1:last_login_attempt", "2023-11-14T22:13:20.123Z"),
        ("instance_state:acct-1:login_failure_reason", "LOGIN_FAILED"),
        ("instance_state:acct-1:last_failure_reason", "LOGIN_FAILED"),
    ] {
        assert_eq!(server.cli(&["GET", key]).await, text, "{key}");
        assert_eq!(server.cli(&["TTL", key]).await, "-1", "{key} never runs out");
    }
    let snapshot = "instance_state:acct-1:snapshot";
    assert_eq!(server.cli(&["HLEN", snapshot]).await, "7");
    let fields = ["HMGET", snapshot, "schema", "epoch", "version", "op", "state", "guard"];
    assert_eq!(server.cli(&fields).await, "1\n1\n1\n1\nstate\n1 1 1");
    assert_eq!(server.cli(&["HSTRLEN", snapshot, "checksum"]).await, "16");
    assert_eq!(server.cli(&["DBSIZE"]).await, "7");
}

#[tokio::test]
async fn acc_6_a_snapshot_of_every_wrong_type_is_corrupt_and_can_be_restored() {
    let server = Server::start(KeyStyle::Single).await;
    let snapshot = server.key(&id("a"), "snapshot");
    for make in [&["SET", &snapshot, "x"][..], &["LPUSH", &snapshot, "x"], &["ZADD", &snapshot, "1", "x"]] {
        server.cli(&["DEL", &snapshot]).await;
        server.cli(make).await;
        assert_eq!(server.hot.cas(&[step("a", 2)]).await.unwrap(), [Cas::Corrupt], "{make:?}");
        assert_corrupt(&loaded(&server, "a").await, "not a hash");
        assert_eq!(server.hot.restore(&[step("a", 2)]).await.unwrap(), [Cas::Applied], "{make:?}");
        assert!(matches!(loaded(&server, "a").await, Stored::State(..)), "{make:?}");
    }
}

#[tokio::test]
async fn acc_6_garbage_in_any_field_is_found_or_healed() {
    let server = Server::start(KeyStyle::Single).await;
    let snapshot = server.key(&id("a"), "snapshot");
    let garbage =
        ["", "-1", "01", "1.0", "1e3", "18446744073709551616", "99999999999999999999999", "x\u{1F4A3}"];
    for field in ["schema", "epoch", "version", "op"] {
        for text in garbage {
            server.hot.restore(&[step("a", 5)]).await.unwrap();
            server.cli(&["HSET", &snapshot, field, text]).await;
            assert_corrupt(&loaded(&server, "a").await, field);
            assert_eq!(server.hot.cas(&[step("a", 6)]).await.unwrap(), [Cas::Applied], "{field}={text:?}");
            assert!(matches!(loaded(&server, "a").await, Stored::State(..)), "the next step heals it");
            server.cli(&["HSET", &snapshot, field, text]).await;
            server.cli(&["HDEL", &snapshot, "guard"]).await;
            assert_eq!(server.hot.cas(&[step("a", 7)]).await.unwrap(), [Cas::Corrupt], "{field}={text:?}");
            server.cli(&["DEL", &snapshot]).await;
        }
        server.hot.restore(&[step("a", 5)]).await.unwrap();
        server.cli(&["HDEL", &snapshot, field]).await;
        assert_corrupt(&loaded(&server, "a").await, field);
        assert_eq!(server.hot.cas(&[step("a", 6)]).await.unwrap(), [Cas::Corrupt], "without {field}");
        server.cli(&["DEL", &snapshot]).await;
    }
    for field in ["checksum", "state"] {
        server.hot.restore(&[step("a", 5)]).await.unwrap();
        server.cli(&["HDEL", &snapshot, field]).await;
        assert_corrupt(&loaded(&server, "a").await, field);
        assert_eq!(server.hot.cas(&[step("a", 6)]).await.unwrap(), [Cas::Corrupt], "without {field}");
        server.cli(&["DEL", &snapshot]).await;
        server.hot.restore(&[step("a", 5)]).await.unwrap();
        server.cli(&["HSET", &snapshot, field, "garbage"]).await;
        assert_corrupt(&loaded(&server, "a").await, "checksum");
    }
}

#[tokio::test]
async fn acc_6_a_newer_schema_is_never_read_or_written_as_ours() {
    let server = Server::start(KeyStyle::Single).await;
    server.hot.cas(&[step("a", 1)]).await.unwrap();
    let snapshot = server.key(&id("a"), "snapshot");
    server.cli(&["HSET", &snapshot, "schema", "2", "guard", "2 1 1"]).await;
    assert_eq!(server.hot.cas(&[step("a", 2)]).await.unwrap(), [Cas::Corrupt]);
    assert_corrupt(&loaded(&server, "a").await, "schema 2 and this program knows 1; update the supervisor");
    server.cli(&["HSET", &snapshot, "epoch", "9", "guard", "2 9 1"]).await;
    let fenced = Cas::Fenced { by: Epoch(9) };
    assert_eq!(server.hot.cas(&[step("a", 2)]).await.unwrap(), [fenced], "a newer owner is let be");
    assert_eq!(server.hot.restore(&[step("a", 2)]).await.unwrap(), [fenced]);
}

#[tokio::test]
async fn acc_6_a_documented_key_of_a_wrong_type_is_found_and_healed() {
    let server = Server::start(KeyStyle::Single).await;
    let step_1 = step("a", 1);
    server.hot.cas(std::slice::from_ref(&step_1)).await.unwrap();
    let status = server.key(&id("a"), "status");
    server.cli(&["DEL", &status]).await;
    assert_corrupt(&loaded(&server, "a").await, "status is missing");
    server.cli(&["LPUSH", &status, "CONNECTED"]).await;
    assert_corrupt(&loaded(&server, "a").await, "status is missing or not a string");
    let unchanged = HotUpdate { previous: Some(step_1.projection), ..step("a", 2) };
    assert_eq!(server.hot.cas(&[unchanged]).await.unwrap(), [Cas::Applied], "its snapshot is whole");
    assert_eq!(server.hot.restore(&[step("a", 2)]).await.unwrap(), [Cas::AlreadyApplied]);
    assert!(
        matches!(loaded(&server, "a").await, Stored::State(snapshot, _) if snapshot.version == Version(2))
    );
}

#[tokio::test]
async fn a_lease_or_lock_of_a_wrong_type_stands_in_nobodys_way() {
    let server = Server::start(KeyStyle::Single).await;
    let (lease, lock) = (server.key(&id("a"), "lease"), server.key(&id("a"), "login_attempt"));
    for text in ["", "x", "7", "-7 me", "007 me", "99999999999999999999999 me"] {
        server.cli(&["SET", &lease, text]).await;
        let ours = [(id("a"), Epoch(7))];
        let ttl = warden_domain::Span::from_secs(60);
        assert_eq!(server.hot.acquire(&ours, "me", ttl).await.unwrap(), [true], "{text:?}");
        assert_eq!(server.hot.renew(&ours, "me", ttl).await.unwrap(), [true], "{text:?}");
    }
    for name in [&lease, &lock] {
        server.cli(&["DEL", name]).await;
        server.cli(&["LPUSH", name, "x"]).await;
    }
    let ttl = warden_domain::Span::from_secs(60);
    assert_eq!(server.hot.renew(&[(id("a"), Epoch(7))], "me", ttl).await.unwrap(), [false]);
    assert_eq!(server.hot.acquire(&[(id("a"), Epoch(7))], "me", ttl).await.unwrap(), [true]);
    assert_eq!(server.hot.lock_login(&[id("a")], "me", ttl).await.unwrap(), [true]);
}
