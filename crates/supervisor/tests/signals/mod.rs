//! Signals to many accounts, over stores in memory and scripted trading floors whose ledgers are the judge.

mod away;
mod crowd;
mod ends;
mod halts;
mod keys;
mod reads;
mod refusals;
mod slow;
mod stream;

use crowd::Crowd;
