//! NET-3: Redis is killed, restarted empty, hangs or was never there.

use std::time::{Duration, Instant};

use warden_domain::{Epoch, Span, Version};
use warden_store::{Cas, HotError, HotState as _, HotUpdate, Stored};
use warden_store_redis::{KeyStyle, RedisConfig, RedisHot};
use warden_testkit::{Fault, FaultProxy, Redis, free_port, poll_until_async};

use crate::common::{SOON, config, id, step};

/// Waits until the store answers again.
async fn back(hot: &RedisHot) {
    poll_until_async(SOON, "Redis to answer again", async || hot.check().await.ok()).await.unwrap();
}

/// What a write was answered, given again as often as the store was slower than the test's patience: it knows a
/// repetition.
async fn written(hot: &RedisHot, updates: &[HotUpdate]) -> Vec<Cas> {
    poll_until_async(SOON, "a write", async || hot.cas(updates).await.ok()).await.unwrap()
}

fn assert_unreachable<T: std::fmt::Debug>(answer: Result<T, HotError>) -> String {
    match answer {
        Err(HotError::Unreachable(why)) => why,
        Err(HotError::Unfit(_)) | Ok(_) => panic!("{answer:?} is not unreachable"),
    }
}

#[tokio::test]
async fn net_3_a_redis_that_was_restarted_empty_is_behind_until_it_is_restored() {
    let mut redis = Redis::start().unwrap();
    let hot = RedisHot::connect(config(&redis, KeyStyle::Single)).await.unwrap();
    let updates = [step("a", 1), step("b", 1)];
    assert_eq!(hot.cas(&updates).await.unwrap(), [Cas::Applied; 2]);
    redis.kill().unwrap();
    let why = poll_until_async(SOON, "the outage to be seen", async || hot.cas(&updates).await.err())
        .await
        .unwrap();
    assert_unreachable::<()>(Err(why));
    redis.restart_empty().unwrap();
    // No check in between: the functions are loaded by the write that misses them.
    let answers =
        poll_until_async(SOON, "an answer", async || hot.cas(&[step("a", 2), step("b", 2)]).await.ok());
    assert_eq!(answers.await.unwrap(), [Cas::Behind { stored: None }; 2]);
    assert_eq!(hot.load(&[id("a")]).await.unwrap(), [Stored::Nothing]);
    assert_eq!(hot.restore(&[step("b", 2), step("a", 2)]).await.unwrap(), [Cas::Applied; 2]);
    assert_eq!(hot.cas(&[step("a", 3)]).await.unwrap(), [Cas::Applied]);
}

#[tokio::test]
async fn net_3_lost_functions_are_loaded_by_whatever_needs_them() {
    let redis = Redis::start().unwrap();
    let hot = RedisHot::connect(config(&redis, KeyStyle::Single)).await.unwrap();
    let (a, lease, ttl) = ([id("a")], [(id("a"), Epoch(1))], Span::from_secs(60));
    redis.cli(&["FUNCTION", "FLUSH"]).unwrap();
    assert_eq!(hot.acquire(&lease, "me", ttl).await.unwrap(), [true]);
    redis.cli(&["FUNCTION", "FLUSH"]).unwrap();
    assert_eq!(hot.load(&a).await.unwrap(), [Stored::Nothing]);
    redis.cli(&["FUNCTION", "FLUSH"]).unwrap();
    // Several calls at once, all of which miss them.
    let many: Vec<_> = (0..2_000).map(|n| step(&format!("i{n}"), 1)).collect();
    assert_eq!(hot.cas(&many).await.unwrap(), vec![Cas::Applied; many.len()]);
    redis
        .cli(&[
            "FUNCTION",
            "LOAD",
            "REPLACE",
            "#!lua name=warden\nredis.register_function('warden_cas', function() return 1 end)",
        ])
        .unwrap();
    assert!(matches!(hot.cas(&many).await, Err(HotError::Unfit(_))), "another program's library");
    hot.check().await.unwrap();
    assert_eq!(hot.cas(&many).await.unwrap(), vec![Cas::AlreadyApplied; many.len()]);
}

#[tokio::test]
async fn net_3_a_redis_that_hangs_is_unreachable_within_the_timeout() {
    let mut redis = Redis::start().unwrap();
    let timeout = Span::from_millis(300);
    let config = RedisConfig { command_timeout: timeout, ..config(&redis, KeyStyle::Single) };
    let hot = RedisHot::connect(config).await.unwrap();
    written(&hot, &[step("a", 1)]).await;
    redis.pause().unwrap();
    let asked = Instant::now();
    assert_eq!(assert_unreachable(hot.cas(&[step("a", 2)]).await), "no answer in time");
    assert!(asked.elapsed() >= Duration::from_millis(290));
    assert!(asked.elapsed() < SOON, "it does not wait for the server");
    redis.resume().unwrap();
    back(&hot).await;
    // Whether the hanging write was applied in the end, only the compare-and-set can tell.
    let answer = written(&hot, &[step("a", 2)]).await;
    assert!(matches!(answer[..], [Cas::Applied | Cas::AlreadyApplied]), "{answer:?}");
    let loaded = poll_until_async(SOON, "the state", async || hot.load(&[id("a")]).await.ok()).await.unwrap();
    assert!(matches!(&loaded[0], Stored::State(s, _) if s.version == Version(2)));
}

#[tokio::test]
async fn net_3_a_supervisor_starts_while_redis_is_down() {
    let port = free_port().unwrap();
    let config = RedisConfig {
        command_timeout: Span::from_millis(200),
        reconnect_delay: Span::from_millis(20),
        ..RedisConfig::new(format!("redis://127.0.0.1:{port}"))
    };
    let hot = RedisHot::connect(config).await.unwrap();
    let refused = async || {
        let why = assert_unreachable(hot.check().await);
        why.to_lowercase().contains("refused").then_some(())
    };
    poll_until_async(SOON, "it to be said why", refused).await.unwrap();
    assert_unreachable(hot.cas(&[step("a", 1)]).await);
}

#[tokio::test]
async fn net_3_nothing_that_failed_during_an_outage_is_sent_afterwards() {
    let redis = Redis::start().unwrap();
    let proxy = FaultProxy::start(redis.address()).unwrap();
    let config = RedisConfig {
        url: format!("redis://{}", proxy.address()),
        command_timeout: Span::from_secs(2),
        ..config(&redis, KeyStyle::Single)
    };
    let hot = RedisHot::connect(config).await.unwrap();
    back(&hot).await;
    proxy.set(Fault::Cut);
    for n in 0..50 {
        assert_unreachable(hot.cas(&[step(&format!("i{n}"), 1)]).await);
    }
    proxy.heal();
    back(&hot).await;
    assert_eq!(redis.cli(&["DBSIZE"]).unwrap(), "0");
    assert_eq!(hot.cas(&[step("i0", 1)]).await.unwrap(), [Cas::Applied]);
}

#[tokio::test]
async fn net_3_a_lost_answer_is_known_when_it_is_given_again() {
    let redis = Redis::start().unwrap();
    let proxy = FaultProxy::start(redis.address()).unwrap();
    let config =
        RedisConfig { url: format!("redis://{}", proxy.address()), ..config(&redis, KeyStyle::Single) };
    let hot = RedisHot::connect(config).await.unwrap();
    back(&hot).await;
    proxy.set(Fault::Truncate { side: warden_testkit::Side::ToClient, after: 0 });
    let steps = [step("a", 1), step("a", 2), step("b", 1)];
    assert_unreachable(hot.cas(&steps).await);
    proxy.heal();
    back(&hot).await;
    let written = redis.cli(&["HGET", "instance_state:a:snapshot", "version"]).unwrap();
    assert_eq!(written, "2", "it was written although no answer came");
    assert_eq!(hot.cas(&steps).await.unwrap(), [Cas::AlreadyApplied; 3]);
}

#[tokio::test]
async fn too_many_waiting_calls_are_refused_and_the_connection_recovers() {
    let mut redis = Redis::start().unwrap();
    let config = RedisConfig {
        instances_per_call: 1,
        calls_in_flight: 4,
        outstanding_calls: 6,
        command_timeout: Span::from_millis(500),
        ..config(&redis, KeyStyle::Single)
    };
    let hot = RedisHot::connect(config).await.unwrap();
    redis.pause().unwrap();
    let large = |n: u32| HotUpdate { state: vec![7; 1 << 20], ..step(&format!("i{n}"), 1) };
    let updates: Vec<_> = (0..64).map(large).collect();
    let (one, two) = tokio::join!(hot.cas(&updates), hot.cas(&updates));
    assert_eq!(assert_unreachable(one), "no answer in time");
    assert_eq!(assert_unreachable(two), "too many calls wait for it");
    // The connection is full of what nobody reads; it is given up, and what waited is not sent any more.
    for _ in 0..4 {
        assert_unreachable(hot.cas(&updates).await);
    }
    redis.resume().unwrap();
    back(&hot).await;
    let answers = written(&hot, &updates).await;
    assert!(answers.iter().all(|answer| matches!(answer, Cas::Applied | Cas::AlreadyApplied)));
}

#[tokio::test]
async fn net_3_a_connection_that_died_without_a_word_is_replaced() {
    let redis = Redis::start().unwrap();
    let proxy = FaultProxy::start(redis.address()).unwrap();
    let config = RedisConfig {
        url: format!("redis://{}", proxy.address()),
        command_timeout: Span::from_millis(300),
        ..config(&redis, KeyStyle::Single)
    };
    let hot = RedisHot::connect(config).await.unwrap();
    back(&hot).await;
    proxy.set(Fault::HalfOpen);
    let before = connections(&redis);
    let mut looks = 0;
    let replaced = poll_until_async(SOON, "a second connection", async || {
        assert_unreachable(hot.cas(&[step("a", 1)]).await);
        looks += 1; // each of them is a connection, too
        (connections(&redis) > before + looks).then_some(())
    });
    replaced.await.unwrap();
    proxy.heal();
    back(&hot).await;
    assert!(matches!(written(&hot, &[step("a", 1)]).await[..], [Cas::Applied | Cas::AlreadyApplied]));
}

/// How many connections the server ever took, this one included.
fn connections(redis: &Redis) -> u64 {
    let stats = redis.cli(&["INFO", "stats"]).unwrap();
    let count = stats.lines().find_map(|line| line.strip_prefix("total_connections_received:"));
    count.unwrap().trim().parse().unwrap()
}
