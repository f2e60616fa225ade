//! Benchmarks of mt5-warden with floors measured in the same run.
