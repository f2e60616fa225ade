//! Trades, from a signal to their end, over stores in memory and a scripted trading floor whose ledger is the judge.

mod crashes;
mod desk;
mod duplicates;
mod halts;
mod lanes;
mod life;
mod netting;
mod parts;
mod prices;
mod proof;
mod review_forgotten;
mod review_leaving;
mod review_netting;
mod review_takeover;
mod stops;
mod watch;

use desk::Desk;
