//! The mt5-warden simulator.

fn main() {}
