//! Trades over real processes: signals from the stream and the command line, and every fault on their way.

mod distribution;
mod halt;
mod keys;
mod proof;
mod rounds;
mod signals;
