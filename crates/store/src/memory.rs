//! Adapters that keep everything in memory: the embedded mode, and the reference for the conformance suite.

mod accounts;
mod hot;
mod journal;

pub use accounts::MemoryAccounts;
pub use hot::MemoryHot;
pub use journal::MemoryJournal;
