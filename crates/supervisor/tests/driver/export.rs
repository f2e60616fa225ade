//! The history export over a journal and a history in memory, in paused time; it can be killed at every point.

mod bench;
mod crashes;
mod logins;
mod outage;
mod random;
mod rows;
mod stores;
mod trade_walk;
mod trades;
mod walk;
