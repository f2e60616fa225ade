//! Adapters that keep everything in memory: the embedded mode, and the reference for the conformance suite.

mod accounts;
mod history;
mod hot;
mod journal;
mod signals;

pub use accounts::{FileFault, MemoryAccounts, MemoryAccountsError};
pub use history::MemoryHistory;
pub use hot::{Damage, MemoryHot};
pub use journal::MemoryJournal;
pub use signals::{MemorySignals, MemoryStreams};
