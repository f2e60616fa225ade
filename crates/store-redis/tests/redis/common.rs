//! A Redis with the adapter in front of it, and the ways to look behind it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::sync::Mutex;
use warden_domain::{
    ConnectionState, Epoch, FailureReason, InstanceId, OpId, Span, Status, Timestamp, Version,
};
use warden_store::{
    HotKey, HotState, HotUpdate, Pending, Projection, conformance::hot::Fixture, memory::Damage,
};
use warden_store_redis::{KeyStyle, RedisConfig, RedisHot};
use warden_testkit::Redis;

/// Long enough for a busy machine, far below the time after which a test counts as hung.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// One server, and a connection to it.
pub(crate) struct Server {
    pub(crate) redis: Mutex<Redis>,
    pub(crate) hot: RedisHot,
    pub(crate) style: KeyStyle,
}

impl Server {
    pub(crate) async fn start(style: KeyStyle) -> Self {
        let redis = Redis::start().unwrap();
        let hot = RedisHot::connect(config(&redis, style)).await.unwrap();
        Self { redis: Mutex::new(redis), hot, style }
    }

    pub(crate) fn key(&self, instance: &InstanceId, suffix: &str) -> String {
        match self.style {
            KeyStyle::Single => format!("instance_state:{instance}:{suffix}"),
            KeyStyle::Cluster => format!("instance_state:{{{instance}}}:{suffix}"),
        }
    }

    pub(crate) async fn cli(&self, words: &[&str]) -> String {
        self.redis.lock().await.cli(words).unwrap()
    }

    async fn names(&self) -> Vec<String> {
        self.cli(&["KEYS", "*"]).await.lines().map(str::to_owned).collect()
    }
}

pub(crate) fn config(redis: &Redis, style: KeyStyle) -> RedisConfig {
    RedisConfig {
        key_style: style,
        command_timeout: Span::from_secs(5),
        reconnect_delay: Span::from_millis(20),
        ..RedisConfig::new(redis.url())
    }
}

/// The server as the cases see it.
pub(crate) struct Case(pub(crate) Arc<Server>);

impl Fixture for Case {
    fn store(&self) -> &dyn HotState {
        &self.0.hot
    }

    fn keys<'a>(&'a self, instance: &'a InstanceId) -> Pending<'a, BTreeMap<String, String>> {
        Box::pin(async move {
            let mut keys = BTreeMap::new();
            let prefix = self.0.key(instance, "");
            for name in self.0.names().await.iter().filter(|name| name.starts_with(&prefix)) {
                let kind = self.0.cli(&["TYPE", name]).await;
                let text = if kind == "string" { self.0.cli(&["GET", name]).await } else { kind };
                keys.insert(name.replace(['{', '}'], ""), text);
            }
            keys
        })
    }

    fn overwrite<'a>(&'a self, instance: &'a InstanceId, key: HotKey, text: &'a str) -> Pending<'a, ()> {
        Box::pin(async move {
            self.0.cli(&["SET", &self.0.key(instance, key.suffix()), text]).await;
        })
    }

    fn damage<'a>(&'a self, instance: &'a InstanceId, damage: Damage) -> Pending<'a, ()> {
        Box::pin(async move {
            let snapshot = self.0.key(instance, "snapshot");
            match damage {
                Damage::WrongType => self.0.cli(&["SET", &snapshot, "garbage"]).await,
                Damage::MissingField => self.0.cli(&["HDEL", &snapshot, "version"]).await,
                Damage::NewerSchema => {
                    self.0.cli(&["HSET", &snapshot, "schema", "2", "guard", "2 1 2"]).await
                }
                Damage::FlippedBit => self.0.cli(&["HSET", &snapshot, "state", "other"]).await,
            };
        })
    }

    fn forget<'a>(&'a self, instance: &'a InstanceId) -> Pending<'a, ()> {
        Box::pin(async move {
            for name in self.keys(instance).await.into_keys() {
                let suffix = name.rsplit(':').next().unwrap_or_default();
                self.0.cli(&["DEL", &self.0.key(instance, suffix)]).await;
            }
        })
    }
}

pub(crate) fn id(name: &str) -> InstanceId {
    InstanceId::new(name).unwrap()
}

/// The step of `instance` at epoch 1 that makes `version` out of the one before.
pub(crate) fn step(instance: &str, version: u64) -> HotUpdate {
    HotUpdate {
        instance: id(instance),
        epoch: Epoch(1),
        expected: Version(version - 1),
        version: Version(version),
        op: OpId(version),
        projection: Projection {
            status: Status::Failed,
            connection_state: ConnectionState::Failed,
            login_attempt_count: 5,
            last_login_attempt: Some(Timestamp::from_millis(1_700_000_000_123)),
            login_failure_reason: FailureReason::LoginFailed,
            last_failure_reason: FailureReason::LoginFailed,
        },
        previous: None,
        state: b"state".to_vec(),
    }
}
