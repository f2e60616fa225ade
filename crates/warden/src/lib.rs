//! Facade of mt5-warden for embedders.
