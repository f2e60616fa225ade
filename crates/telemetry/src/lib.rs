//! Alert rules and metric names of mt5-warden as data.
