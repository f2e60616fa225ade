//! The mt5-warden supervisor.

fn main() {}
