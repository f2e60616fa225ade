//! The ClickHouse history of mt5-warden.
//!
//! [`ClickHouseHistory`] writes the rows of journal ranges and answers questions about them; [`HistorySchema`] brings
//! its tables up. The tables are those of `migrations/clickhouse/`.

mod answers;
mod config;
mod fault;
mod history;
mod insert;
mod link;
pub mod row;
mod schema;

pub use config::{ClickHouseConfig, ConfigError};
pub use history::ClickHouseHistory;
pub use insert::MAX_ROWS;
pub use schema::{HistorySchema, STEPS};
