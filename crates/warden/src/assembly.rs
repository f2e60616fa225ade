//! From a configuration to the adapters that it names.

use warden_supervisor::config::Auth;
#[cfg(feature = "postgres")]
use warden_supervisor::config::DatabaseConfig;
#[cfg(feature = "clickhouse")]
use warden_supervisor::config::HistoryConfig;

/// How the database of the accounts is reached; `auth` is what its `auth_file` holds.
#[cfg(feature = "postgres")]
#[must_use]
pub fn accounts(database: &DatabaseConfig, auth: Option<&Auth>) -> warden_store_postgres::AccountsConfig {
    warden_store_postgres::AccountsConfig {
        password: auth.map(|auth| auth.password.clone()),
        connections: database.connections,
        connect_timeout: database.timeout,
        answer_timeout: database.timeout,
        ..warden_store_postgres::AccountsConfig::new(database.address(auth))
    }
}

/// How the ClickHouse of the history is reached, `auth` is what its `auth_file` holds; `None` where the history is a DuckDB
/// file in the data folder.
#[cfg(feature = "clickhouse")]
#[must_use]
pub fn history(
    history: &HistoryConfig,
    auth: Option<&Auth>,
) -> Option<warden_store_clickhouse::ClickHouseConfig> {
    let server = history.clickhouse.as_ref()?;
    Some(warden_store_clickhouse::ClickHouseConfig {
        database: server.database.clone(),
        username: auth.and_then(|auth| auth.user.clone()),
        password: auth.map(|auth| auth.password.clone()),
        timeout: server.timeout,
        cluster: server.cluster.clone(),
        retention: Some(history.retention),
        ..warden_store_clickhouse::ClickHouseConfig::new(server.url.clone())
    })
}
