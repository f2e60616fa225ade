//! What must hold, each in one function with the words of what it saw instead; asked after every event that could
//! break it.

pub(crate) mod alert;
pub(crate) mod history;
pub(crate) mod instance;
pub(crate) mod journal;
pub(crate) mod ledger;
pub(crate) mod retry;
pub(crate) mod send;
pub(crate) mod settled;
pub(crate) mod store;
pub(crate) mod trade;
pub(crate) mod trouble;
pub(crate) mod wait;

#[cfg(test)]
mod story;
