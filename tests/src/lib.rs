//! End-to-end tests of mt5-warden over real processes.
