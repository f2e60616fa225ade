//! What a contributor to mt5-warden runs.

fn main() {}
