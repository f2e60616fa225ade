//! The driver of mt5-warden: shards, write path, start-up recovery.
