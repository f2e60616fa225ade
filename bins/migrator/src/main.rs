//! `warden-migrator`.

fn main() {}
