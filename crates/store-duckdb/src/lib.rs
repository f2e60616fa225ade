//! The DuckDB journal of mt5-warden.
