use std::{fmt, time::Duration};

use fred::types::config::{
    Config, ConnectionConfig, PerformanceConfig, ReconnectError, ReconnectPolicy, TcpConfig,
};
use thiserror::Error;
use warden_domain::Span;
use warden_store::{Password, SubscriptionError, address::without_secret};

/// How to reach Redis and how much to ask of it at once.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisConfig {
    /// Where Redis is: `redis://host:port/db` for one server, `redis-cluster://host:port?node=host:port` for a
    /// cluster, `redis-sentinel://host:port?sentinelServiceName=name` for a server that sentinels watch.
    pub url: String,
    /// The user of Redis, when it is not the default one.
    pub username: Option<String>,
    /// The password of the user. It stands here and not in the URL, which ends up in logs.
    pub password: Option<Password>,
    /// How an instance's id is written in its keys.
    pub key_style: KeyStyle,
    /// How long one call may take until Redis counts as unreachable (NET-3).
    pub command_timeout: Span,
    /// How many instances one call updates at most, 1 to 512.
    pub instances_per_call: usize,
    /// How many calls are under way at once, 1 to 64.
    pub calls_in_flight: usize,
    /// How many calls of all callers may be under way or wait before further ones are refused, `calls_in_flight` to
    /// 65,536.
    pub outstanding_calls: usize,
    /// How long to wait before each attempt to connect again.
    pub reconnect_delay: Span,
}

/// How an instance's id is written in its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStyle {
    /// `instance_state:<id>:status`: one server holds every key.
    Single,
    /// `instance_state:{<id>}:status`: the keys of an instance share a slot of the cluster.
    Cluster,
}

impl RedisConfig {
    /// One server at `url`, without a password, everything else as it is by default.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            username: None,
            password: None,
            key_style: KeyStyle::Single,
            command_timeout: Span::from_secs(2),
            instances_per_call: 256,
            calls_in_flight: 4,
            outstanding_calls: 256,
            reconnect_delay: Span::from_millis(500),
        }
    }

    /// Says whether everything is in its range and the URL can be used.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), ConfigError> {
        in_range("instances_per_call", self.instances_per_call, 1, 512)?;
        in_range("calls_in_flight", self.calls_in_flight, 1, 64)?;
        in_range("outstanding_calls", self.outstanding_calls, self.calls_in_flight, 1 << 16)?;
        for (key, span) in
            [("command_timeout", self.command_timeout), ("reconnect_delay", self.reconnect_delay)]
        {
            if !(Span::from_millis(10)..=Span::from_secs(3_600)).contains(&span) {
                return Err(ConfigError::Span { key, span });
            }
        }
        self.server().map(drop)
    }

    /// The server as the client wants it, with the credentials.
    pub(crate) fn server(&self) -> Result<Config, ConfigError> {
        let scheme = self.url.split("://").next().unwrap_or_default();
        if scheme.starts_with("rediss") || scheme.starts_with("valkeys") {
            return Err(ConfigError::Tls);
        }
        // The client's own words may quote the URL.
        let mut config = Config::from_url(&self.url).map_err(|_| ConfigError::Url)?;
        if config.password.is_some() || config.username.is_some() {
            return Err(ConfigError::Secret);
        }
        match (config.server.is_clustered(), self.key_style) {
            (true, KeyStyle::Single) => return Err(ConfigError::SingleInCluster),
            (true, KeyStyle::Cluster) | (false, KeyStyle::Single | KeyStyle::Cluster) => {}
        }
        config.username.clone_from(&self.username);
        config.password = self.password.as_ref().map(|password| password.reveal().to_owned());
        config.fail_fast = false;
        Ok(config)
    }

    pub(crate) fn connection(&self) -> ConnectionConfig {
        let timeout = Duration::from(self.command_timeout);
        ConnectionConfig {
            connection_timeout: timeout,
            internal_command_timeout: timeout,
            // A write is never sent twice: whether the first one was applied, only its compare-and-set can tell.
            max_command_attempts: 1,
            auto_client_setname: true,
            reconnect_errors: vec![
                ReconnectError::ReadOnly,
                ReconnectError::Loading,
                ReconnectError::MasterDown,
            ],
            tcp: TcpConfig { nodelay: Some(true), ..TcpConfig::default() },
            ..ConnectionConfig::default()
        }
    }

    pub(crate) fn performance(&self) -> PerformanceConfig {
        PerformanceConfig {
            default_command_timeout: self.command_timeout.into(),
            ..PerformanceConfig::default()
        }
    }

    pub(crate) fn reconnecting(&self) -> ReconnectPolicy {
        let delay = u32::try_from(self.reconnect_delay.as_millis()).unwrap_or(u32::MAX);
        ReconnectPolicy::new_constant(0, delay)
    }
}

fn in_range(key: &'static str, value: usize, least: usize, most: usize) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) { Ok(()) } else { Err(ConfigError::Range { key, value, least, most }) }
}

impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig")
            .field("url", &without_secret(&self.url))
            .field("username", &self.username)
            .field("password", &self.password)
            .field("key_style", &self.key_style)
            .field("command_timeout", &self.command_timeout)
            .field("instances_per_call", &self.instances_per_call)
            .field("calls_in_flight", &self.calls_in_flight)
            .field("outstanding_calls", &self.outstanding_calls)
            .field("reconnect_delay", &self.reconnect_delay)
            .finish()
    }
}

/// What is wrong with a [`RedisConfig`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// The URL cannot be read.
    #[error("url is no Redis URL; write it like redis://127.0.0.1:6379")]
    Url,
    /// The URL holds a user or a password.
    #[error("url holds a user or password; put them into username and the password file")]
    Secret,
    /// The URL asks for TLS.
    #[error(
        "url asks for TLS, which this build does not speak; use redis:// over a private network or a tunnel"
    )]
    Tls,
    /// A cluster needs the cluster style.
    #[error("url names a cluster, and key_style is single; set key_style to cluster")]
    SingleInCluster,
    /// The subscription to a stream cannot be used.
    #[error(transparent)]
    Subscription(#[from] SubscriptionError),
    /// A number is out of its range.
    #[error("{key} is {value}; give {least} to {most}")]
    Range {
        /// Which key.
        key: &'static str,
        /// What it is.
        value: usize,
        /// The least it may be.
        least: usize,
        /// The most it may be.
        most: usize,
    },
    /// A span is out of its range.
    #[error("{key} is {span}; give 10ms to 1h")]
    Span {
        /// Which key.
        key: &'static str,
        /// What it is.
        span: Span,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_says_what_is_wrong_with_it() {
        let right = RedisConfig::new("redis://127.0.0.1:6379/3");
        assert_eq!(right.validate(), Ok(()));
        let url = |url: &str| RedisConfig { url: url.to_owned(), ..right.clone() }.validate();
        assert_eq!(url("nonsense"), Err(ConfigError::Url));
        assert_eq!(url("redis://me:hunter2@127.0.0.1"), Err(ConfigError::Secret));
        assert_eq!(url("rediss://127.0.0.1"), Err(ConfigError::Tls));
        assert_eq!(url("rediss-cluster://127.0.0.1"), Err(ConfigError::Tls));
        assert_eq!(url("redis-cluster://127.0.0.1"), Err(ConfigError::SingleInCluster));
        assert!(RedisConfig { instances_per_call: 0, ..right.clone() }.validate().is_err());
        assert!(RedisConfig { instances_per_call: 513, ..right.clone() }.validate().is_err());
        assert!(RedisConfig { calls_in_flight: 0, ..right.clone() }.validate().is_err());
        assert!(RedisConfig { outstanding_calls: 3, ..right.clone() }.validate().is_err());
        let fault = RedisConfig { command_timeout: Span::ZERO, ..right }.validate().unwrap_err();
        assert_eq!(fault.to_string(), "command_timeout is 0s; give 10ms to 1h");
    }

    #[test]
    fn a_config_never_shows_a_password() {
        let config = RedisConfig {
            password: Some(Password::new("hunter2".into())),
            ..RedisConfig::new("redis://me:hunter2@127.0.0.1")
        };
        let shown = format!("{config:?}");
        assert!(!shown.contains("hunter2") && shown.contains("127.0.0.1"), "{shown}");
        let shown = format!("{:?}", RedisConfig::new("me:hunter2@127.0.0.1"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
