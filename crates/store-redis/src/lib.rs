//! The Redis hot state of mt5-warden.
