//! Real servers as child processes and a fault proxy for mt5-warden's tests.

pub mod locate;
