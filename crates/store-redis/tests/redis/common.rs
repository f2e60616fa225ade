//! A Redis with the adapter in front of it, and the ways to look behind it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::sync::Mutex;
use warden_domain::{
    ConnectionState, Epoch, FailureReason, InstanceId, Magic, OpId, Span, Status, Timestamp, Version,
};
use warden_store::{
    HotKey, HotState, HotUpdate, Pending, Projection, conformance::hot::Fixture, memory::Damage,
};
use warden_store_redis::{KeyStyle, RedisConfig, RedisHot};
use warden_testkit::Redis;

/// Long enough for a busy machine, far below the time after which a test counts as hung.
pub(crate) const SOON: Duration = Duration::from_secs(60);

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

    /// The full name of a key that is written as on one node.
    fn full(&self, instance: &InstanceId, name: &str) -> String {
        match self.style {
            KeyStyle::Single => name.to_owned(),
            KeyStyle::Cluster => name.replacen(&format!(":{instance}:"), &format!(":{{{instance}}}:"), 1),
        }
    }

    pub(crate) async fn cli(&self, words: &[&str]) -> String {
        self.redis.lock().await.cli(words).unwrap()
    }

    /// Every key of an instance and of its trades.
    async fn names_of(&self, instance: &InstanceId) -> Vec<String> {
        let prefixes = ["instance_state", "order_state", "order_key"]
            .map(|kind| self.full(instance, &format!("{kind}:{instance}:")));
        let names = self.cli(&["KEYS", "*"]).await;
        let ours = names.lines().filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)));
        ours.map(str::to_owned).collect()
    }
}

pub(crate) fn config(redis: &Redis, style: KeyStyle) -> RedisConfig {
    RedisConfig {
        key_style: style,
        command_timeout: Span::from_secs(20),
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
            for name in self.0.names_of(instance).await {
                let text = match &*self.0.cli(&["TYPE", &name]).await {
                    "string" => self.0.cli(&["GET", &name]).await,
                    "set" => {
                        let members = self.0.cli(&["SMEMBERS", &name]).await;
                        members.lines().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ")
                    }
                    "zset" => continue, // our own index
                    kind => kind.to_owned(),
                };
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
            for name in self.0.names_of(instance).await {
                self.0.cli(&["DEL", &name]).await;
            }
        })
    }

    fn trade<'a>(
        &'a self,
        instance: &'a InstanceId,
        tag: Magic,
    ) -> Pending<'a, Option<BTreeMap<String, String>>> {
        Box::pin(async move {
            let name = self.0.full(instance, &format!("order_state:{instance}:{}", tag.number()));
            let mut words = vec!["HKEYS", &name];
            let fields = self.0.cli(&words).await;
            words[0] = "HVALS";
            let values = self.0.cli(&words).await;
            let pairs = fields.lines().zip(values.split('\n'));
            Some(pairs.map(|(field, value)| (field.to_owned(), value.to_owned())).collect())
                .filter(|fields: &BTreeMap<_, _>| !fields.is_empty())
        })
    }

    fn expires_in<'a>(&'a self, instance: &'a InstanceId, key: &'a str) -> Pending<'a, Option<Span>> {
        Box::pin(async move {
            let left = self.0.cli(&["PTTL", &self.0.full(instance, key)]).await;
            left.parse().ok().map(Span::from_millis) // -1 and -2 are no spans
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
