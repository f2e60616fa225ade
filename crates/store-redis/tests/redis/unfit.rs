//! A Redis that answers and cannot be trusted with state, or does not trust us.

use warden_domain::Span;
use warden_store::{Cas, HotError, HotState as _, Password};
use warden_store_redis::{KeyStyle, RedisConfig, RedisHot};
use warden_testkit::{Redis, poll_until_async};

use crate::common::{SOON, config, step};

fn assert_unfit<T: std::fmt::Debug>(answer: Result<T, HotError>) -> String {
    match answer {
        Err(HotError::Unfit(why)) => why,
        Err(HotError::Unreachable(_)) | Ok(_) => panic!("{answer:?} is not unfit"),
    }
}

#[tokio::test]
async fn a_redis_that_evicts_is_unfit() {
    let redis = Redis::start().unwrap();
    let hot = RedisHot::connect(config(&redis, KeyStyle::Single)).await.unwrap();
    redis.cli(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).unwrap();
    hot.check().await.unwrap();
    redis.cli(&["CONFIG", "SET", "maxmemory", "100mb"]).unwrap();
    for policy in ["allkeys-lru", "volatile-ttl"] {
        redis.cli(&["CONFIG", "SET", "maxmemory-policy", policy]).unwrap();
        let why = assert_unfit(hot.check().await);
        assert!(why.contains(policy) && why.contains("CONFIG SET maxmemory-policy noeviction"), "{why:?}");
    }
    redis.cli(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).unwrap();
    hot.check().await.unwrap();
}

#[tokio::test]
async fn a_full_redis_takes_nothing_and_loses_nothing() {
    let redis = Redis::start().unwrap();
    let hot = RedisHot::connect(config(&redis, KeyStyle::Single)).await.unwrap();
    hot.cas(&[step("a", 1)]).await.unwrap();
    redis.cli(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    let full = hot.cas(&[step("a", 2)]).await;
    assert!(matches!(&full, Err(HotError::Unreachable(why)) if why.contains("OOM")), "{full:?}");
    redis.cli(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
    assert_eq!(hot.cas(&[step("a", 2)]).await.unwrap(), [Cas::Applied]);
}

#[tokio::test]
async fn a_redis_that_hides_its_configuration_is_taken_at_its_word() {
    let redis = Redis::start().unwrap();
    redis
        .cli(&["ACL", "SETUSER", "warden", "on", ">hunter2", "~instance_state:*", "+@all", "-config"])
        .unwrap();
    let hot = RedisHot::connect(RedisConfig {
        username: Some("warden".into()),
        password: Some(Password::new("hunter2".into())),
        ..config(&redis, KeyStyle::Single)
    })
    .await
    .unwrap();
    hot.check().await.unwrap();
    assert_eq!(hot.cas(&[step("a", 1)]).await.unwrap(), [Cas::Applied]);
}

/// Why Redis does not let us in, as soon as it has said so.
async fn refusal(config: RedisConfig) -> String {
    let hot = RedisHot::connect(config).await.unwrap();
    let said = async || match hot.check().await {
        Err(HotError::Unfit(why)) => Some(why),
        Err(HotError::Unreachable(_)) | Ok(_) => None,
    };
    poll_until_async(SOON, "a refusal", said).await.unwrap()
}

#[tokio::test]
async fn a_refused_password_is_named_and_not_shown() {
    let redis = Redis::start().unwrap();
    redis.cli(&["CONFIG", "SET", "requirepass", "swordfish"]).unwrap();
    let with = |password: Option<&str>| RedisConfig {
        password: password.map(|text| Password::new(text.into())),
        command_timeout: Span::from_millis(500),
        ..config(&redis, KeyStyle::Single)
    };
    let refused = refusal(with(Some("hunter2"))).await;
    assert!(refused.contains("WRONGPASS") && !refused.contains("hunter2"), "{refused:?}");
    let refused = refusal(with(None)).await;
    assert!(refused.contains("NOAUTH"), "{refused:?}");
    let hot = RedisHot::connect(with(Some("swordfish"))).await.unwrap();
    poll_until_async(SOON, "Redis to let us in", async || hot.check().await.ok()).await.unwrap();
}

#[tokio::test]
async fn a_read_only_replica_takes_no_writes() {
    let (master, replica) = (Redis::start().unwrap(), Redis::start().unwrap());
    let hot = RedisHot::connect(config(&replica, KeyStyle::Single)).await.unwrap();
    hot.check().await.unwrap();
    replica.cli(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]).unwrap();
    let refused = hot.check().await;
    assert!(matches!(refused, Err(HotError::Unreachable(_))), "{refused:?}");
    replica.cli(&["REPLICAOF", "NO", "ONE"]).unwrap();
    let back = async || hot.check().await.ok();
    poll_until_async(SOON, "a master again", back).await.unwrap();
    assert_eq!(hot.cas(&[step("a", 1)]).await.unwrap(), [Cas::Applied]);
}
