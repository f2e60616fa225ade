//! The ClickHouse history of mt5-warden.
