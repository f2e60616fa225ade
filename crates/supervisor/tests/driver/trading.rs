//! Trades, from a signal to their end, over stores in memory and a scripted trading floor whose ledger is the judge.

mod crashes;
mod desk;
mod duplicates;
mod forgotten;
mod halts;
mod lanes;
mod leaving;
mod life;
mod netting;
mod parts;
mod prices;
mod proof;
mod shared;
mod stops;
mod takeover;
mod watch;

use desk::Desk;
