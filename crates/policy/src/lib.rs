//! The pure recovery engine of mt5-warden.
