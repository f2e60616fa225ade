//! One way to talk to one server.

use std::{future::Future, panic, time::Duration};

use clickhouse::{Client, Compression, RowOwned, RowRead, query::Query};
use hyper_util::{client::legacy, client::legacy::connect::HttpConnector, rt::TokioExecutor};

use crate::{
    config::{ClickHouseConfig, ConfigError},
    fault::Fault,
};

/// Servers close an idle connection after 3 s by default.
const IDLE: Duration = Duration::from_secs(2);

/// A client with its time limit; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    client: Client,
    timeout: Duration,
}

impl Link {
    /// Reads the configuration; connects when it is first used.
    pub(crate) fn new(config: &ClickHouseConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let timeout = Duration::from(config.timeout);
        let client = if config.plain()? { plain(timeout) } else { encrypted()? };
        let mut client = client.with_url(&config.url).with_compression(Compression::Lz4);
        client = client.with_product_info("mt5-warden", env!("CARGO_PKG_VERSION"));
        if let Some(username) = &config.username {
            client = client.with_user(username);
        }
        if let Some(password) = &config.password {
            client = client.with_password(password.reveal());
        }
        Ok(Self { client, timeout })
    }

    /// The same one, whose statements find their tables in `database`.
    pub(crate) fn within(self, database: &str) -> Self {
        Self { client: self.client.with_database(database), ..self }
    }

    /// The same one with another time limit.
    pub(crate) fn patient(&self, timeout: Duration) -> Self {
        Self { client: self.client.clone(), timeout }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(crate) fn query(&self, sql: &str) -> Query {
        self.client.query(sql)
    }

    /// A statement without parameters, in which a question mark is one.
    pub(crate) async fn execute(&self, sql: &str) -> Result<(), Fault> {
        self.in_time(self.client.query_raw(sql).execute()).await
    }

    pub(crate) async fn rows<T: RowOwned + RowRead>(&self, query: Query) -> Result<Vec<T>, Fault> {
        self.in_time(query.fetch_all()).await
    }

    pub(crate) async fn in_time<T, E: Into<Fault>>(
        &self,
        asked: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Fault> {
        match tokio::time::timeout(self.timeout, asked).await {
            Ok(answer) => answer.map_err(Into::into),
            Err(_) => Err(Fault::late()),
        }
    }
}

/// Without TLS, which would want the machine's certificate authorities for nothing; and with a time limit to connect.
fn plain(timeout: Duration) -> Client {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(timeout));
    connector.set_nodelay(true);
    let http = legacy::Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).build(connector);
    Client::with_http_client(http)
}

/// The client panics where it finds no certificate authority.
fn encrypted() -> Result<Client, ConfigError> {
    panic::catch_unwind(Client::default).map_err(|_| ConfigError::Roots)
}
