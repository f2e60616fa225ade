//! The trades of the hot state where a real Redis can tell more than the cases of the port: types, expiry, damage, death.

use warden_domain::{Epoch, InstanceId, Magic, TradeState, Version};
use warden_store::{HotState as _, TradeShown, TradeUpdate, TradeWrite, conformance::hot::shown_trade};
use warden_store_redis::{KeyStyle, RedisHot};
use warden_testkit::{Persistence, Redis, poll_until_async};

use crate::common::{SOON, Server, config, id, step};

/// A day in milliseconds, as long as an ended trade and a client's key are kept.
const DAY: i64 = 86_400_000;

/// A trade at epoch 1.
pub(crate) fn trade(instance: &str, counter: u64, version: u64, state: TradeState) -> TradeUpdate {
    TradeUpdate { version: Version(version), ..shown_trade(instance, counter, state) }
}

const OPEN: TradeState = TradeState::Placed;
const ENDED: TradeState = TradeState::Cancelled;
const WRITTEN: TradeWrite = TradeWrite::Written;

fn hash_of(counter: u64) -> String {
    format!("order_state:a:{}", Magic::new(5, counter).unwrap().number())
}

async fn show(hot: &RedisHot, updates: &[TradeUpdate]) {
    assert_eq!(hot.show_trades(updates).await.unwrap(), vec![WRITTEN; updates.len()]);
}

async fn number(server: &Server, words: &[&str]) -> i64 {
    server.cli(words).await.parse().unwrap()
}

async fn assert_lasts_a_day(server: &Server, key: &str) {
    let left = number(server, &["PTTL", key]).await;
    assert!((DAY - 60_000..=DAY).contains(&left), "{key} stays for {left} ms");
}

#[tokio::test]
async fn a_trade_looks_like_this_in_redis() {
    let server = Server::start(KeyStyle::Single).await;
    show(&server.hot, &[trade("a", 1, 1, OPEN), trade("a", 2, 1, ENDED)]).await;
    let tag = Magic::new(5, 1).unwrap().number().to_string();
    let fields =
        ["HMGET", &hash_of(1), "state", "version", "tag", "ticket", "volume", "filled", "price", "attempt"];
    let expected = ["PLACED", "1", &tag, "700", "0.3", "0.1", "1.10003", "2"].join("\n");
    assert_eq!(server.cli(&fields).await, expected);
    for (key, kind) in [
        (hash_of(1), "hash"),
        (hash_of(2), "hash"),
        ("order_state:a:open".to_owned(), "set"),
        ("order_state:a:index".to_owned(), "zset"),
        ("order_key:a:s-1".to_owned(), "string"),
        ("order_key:a:s-2".to_owned(), "string"),
    ] {
        assert_eq!(server.cli(&["TYPE", &key]).await, kind, "{key}");
    }
    assert_eq!(server.cli(&["DBSIZE"]).await, "6");
    for key in [&hash_of(1), "order_state:a:open"] {
        assert_eq!(server.cli(&["TTL", key]).await, "-1", "{key} does not run out while a trade is open");
    }
    for key in [&hash_of(2), "order_state:a:index", "order_key:a:s-1", "order_key:a:s-2"] {
        assert_lasts_a_day(&server, key).await;
    }
    let encoding = server.cli(&["OBJECT", "ENCODING", &hash_of(1)]).await;
    assert_eq!(encoding, "listpack", "a trade is small");
}

#[tokio::test]
async fn the_index_of_trades_forgets_what_has_expired_and_expires_with_the_last() {
    let server = Server::start(KeyStyle::Single).await;
    let index = "order_state:a:index";
    let member = |counter| format!("{} s-{counter}", &hash_of(counter)["order_state:a:".len()..]);
    show(&server.hot, &[trade("a", 1, 1, OPEN), trade("a", 2, 1, ENDED)]).await;
    assert_eq!(server.cli(&["ZRANGE", index, "0", "-1"]).await, member(2), "what is open has its own");
    // A day passes for the second trade.
    server.cli(&["ZADD", index, "1700000000000", &member(2)]).await;
    show(&server.hot, &[trade("a", 3, 1, ENDED)]).await;
    assert_eq!(server.cli(&["ZRANGE", index, "0", "-1"]).await, member(3));
    server.cli(&["PEXPIRE", index, "100000"]).await;
    show(&server.hot, &[trade("a", 1, 2, ENDED)]).await;
    assert_lasts_a_day(&server, index).await;
    assert_eq!(server.cli(&["ZCARD", index]).await, "2");
}

#[tokio::test]
async fn only_what_changes_is_written() {
    let server = Server::start(KeyStyle::Single).await;
    let (mut first, mut second) = (trade("a", 1, 1, OPEN), trade("a", 1, 2, OPEN));
    first.trade.stop_loss = None;
    second.trade.filled = second.trade.volume;
    let previous = TradeShown { version: first.version, trade: first.trade.clone() };
    second.previous = Some(Box::new(previous));
    show(&server.hot, &[first]).await;
    let fields = ["version", "filled", "stop_loss", "symbol", "updated_at"];
    let read = async || server.cli(&[&["HMGET", &hash_of(1)], &fields[..]].concat()).await;
    server.cli(&["HSET", &hash_of(1), "symbol", "untouched"]).await;
    show(&server.hot, &[second.clone()]).await;
    assert_eq!(read().await, "2\n0.3\n1.12\nuntouched\n2023-11-14T22:13:20.500Z");
    server.cli(&["CONFIG", "RESETSTAT"]).await;
    let mut third = trade("a", 1, 3, ENDED);
    third.previous = Some(Box::new(TradeShown { version: second.version, trade: second.trade }));
    show(&server.hot, &[third]).await;
    let used = server.cli(&["INFO", "commandstats"]).await;
    assert!(used.contains("cmdstat_hset:calls=1,") && !used.contains("cmdstat_del:"), "{used}");
    assert!(used.contains("cmdstat_fcall:calls=1,"), "{used}");
}

#[tokio::test]
async fn acc_6_whatever_stands_under_the_keys_of_a_trade_gives_way() {
    for style in [KeyStyle::Single, KeyStyle::Cluster] {
        let server = Server::start(style).await;
        let named = |name: &str| match style {
            KeyStyle::Single => name.to_owned(),
            KeyStyle::Cluster => name.replace(":a:", ":{a}:"),
        };
        let hash = named(&hash_of(1));
        let names = [hash.clone(), named("order_state:a:open"), named("order_state:a:index")];
        let mut version = 0;
        for state in [OPEN, ENDED] {
            for name in &names {
                for make in [&["SET", name, "x"][..], &["LPUSH", name, "x"], &["HSET", name, "version", "01"]]
                {
                    server.cli(&["DEL", name]).await;
                    server.cli(make).await;
                    version += 1;
                    show(&server.hot, &[trade("a", 1, version, state)]).await;
                    let stored = server.cli(&["HGET", &hash, "version"]).await;
                    assert_eq!(stored, version.to_string(), "{make:?}");
                }
            }
        }
        for text in ["", "-1", "01", "1e3", "18446744073709551616"] {
            server.cli(&["HSET", &hash, "version", text]).await;
            show(&server.hot, &[trade("a", 1, 1, OPEN)]).await;
            assert_eq!(server.cli(&["HGET", &hash, "version"]).await, "1", "{text:?} is no version");
        }
        for name in &names {
            server.cli(&["DEL", name]).await;
            server.cli(&["LPUSH", name, "x"]).await;
        }
        assert!(server.hot.remove(&id("a"), Epoch(1)).await.unwrap());
        for name in &names[1..] {
            assert_eq!(server.cli(&["EXISTS", name]).await, "0", "{name}");
        }
    }
}

#[tokio::test]
async fn acc_3_open_trades_are_removed_even_when_the_index_of_keys_was_lost() {
    let server = Server::start(KeyStyle::Single).await;
    server.hot.cas(&[step("a", 1)]).await.unwrap();
    show(&server.hot, &[trade("a", 1, 1, OPEN), trade("a", 2, 1, OPEN)]).await;
    server.cli(&["DEL", "order_state:a:index"]).await;
    assert!(server.hot.remove(&id("a"), Epoch(1)).await.unwrap());
    assert_eq!(server.cli(&["KEYS", "*"]).await, "");
}

#[tokio::test]
async fn acc_3_a_thousand_trades_are_removed_in_one_call_without_a_search() {
    let server = Server::start(KeyStyle::Cluster).await;
    let updates: Vec<_> =
        (0..5_000).map(|n| trade("a", n, 1, if n % 2 == 0 { OPEN } else { ENDED })).collect();
    show(&server.hot, &updates).await;
    assert_eq!(server.cli(&["DBSIZE"]).await, (2 * 5_000 + 2).to_string());
    server.cli(&["CONFIG", "RESETSTAT"]).await;
    assert!(server.hot.remove(&id("a"), Epoch(1)).await.unwrap());
    assert_eq!(server.cli(&["DBSIZE"]).await, "0");
    let used = server.cli(&["INFO", "commandstats"]).await;
    assert!(used.contains("cmdstat_fcall:calls=1,"), "{used}");
    assert!(!used.contains("cmdstat_scan") && !used.contains("cmdstat_keys"), "{used}");
}

#[tokio::test]
async fn net_3_trades_survive_a_killed_redis_and_are_shown_again_without_harm() {
    let mut redis = Redis::start_with(Persistence::AppendOnly).unwrap();
    redis.cli(&["CONFIG", "SET", "appendfsync", "always"]).unwrap();
    let hot = RedisHot::connect(config(&redis, KeyStyle::Single)).await.unwrap();
    let updates = [trade("a", 1, 3, OPEN), trade("a", 2, 1, OPEN), trade("a", 2, 2, ENDED)];
    show(&hot, &updates).await;
    redis.kill().unwrap();
    assert!(hot.show_trades(&updates).await.is_err());
    redis.restart().unwrap();
    let again = async || hot.show_trades(&updates).await.ok();
    let answers = poll_until_async(SOON, "Redis to answer", again).await.unwrap();
    assert_eq!(answers, [WRITTEN; 3]);
    assert_eq!(redis.cli(&["HGET", &hash_of(1), "version"]).unwrap(), "3");
    let left: i64 = redis.cli(&["PTTL", &hash_of(2)]).unwrap().parse().unwrap();
    assert!((1..DAY).contains(&left), "what was to expire still does: {left}");
    redis.restart_empty().unwrap();
    let answers = poll_until_async(SOON, "Redis to answer", again).await.unwrap();
    assert_eq!(answers, [WRITTEN; 3], "an empty one is filled without a restore");
    assert_eq!(redis.cli(&["SMEMBERS", "order_state:a:open"]).unwrap(), hash_of(1)["order_state:a:".len()..]);
}

#[tokio::test]
async fn a_library_of_an_older_program_is_replaced_by_the_call_that_misses_a_function() {
    let server = Server::start(KeyStyle::Single).await;
    let older = "#!lua name=warden\nredis.register_function('warden_cas', function() return 'w' end)";
    server.cli(&["FUNCTION", "LOAD", "REPLACE", older]).await;
    show(&server.hot, &[trade("a", 1, 1, OPEN)]).await;
    assert_eq!(server.cli(&["EXISTS", &hash_of(1)]).await, "1");
}

/// The key of a trade in a cluster.
pub(crate) fn cluster_hash(instance: &InstanceId, counter: u64) -> String {
    format!("order_state:{{{instance}}}:{}", Magic::new(5, counter).unwrap().number())
}
