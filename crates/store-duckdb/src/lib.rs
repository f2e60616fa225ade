//! The DuckDB journal of mt5-warden, [`DuckJournal`], and its history where there is no ClickHouse, [`DuckHistory`]:
//! adapters of [`warden_store::Journal`] and [`warden_store::History`]. [`JournalSchema`] and [`HistorySchema`] are what
//! a migrator needs of their files.
//!
//! # Files
//! Those of the journal are in one folder, which belongs to one process at a time; the history may be beside them:
//!
//! | file | holds |
//! |---|---|
//! | `journal.duckdb`, `journal.duckdb.wal` | the rows; schema in `migrations/duckdb/journal/` |
//! | `journal.head` | place and hash of the newest acknowledged row, so that a lost tail is noticed |
//! | `journal.lock` | locked while a process has the journal open |
//! | `journal.suspect` | present after a read found damage: the next opening proves every row |
//! | `history.duckdb`, `history.duckdb.wal`, `history.duckdb.tmp/` | the history; schema in `migrations/duckdb/history/` |
//! | `history.lock` | locked while a process has the history open |
//! | `quarantine/<moment>/` | what was set aside because it was damaged; never deleted by the program |
//!
//! # Threads
//! The *writer* owns the appending connection and the head file: it takes what waits, appends it as one record batch in
//! one transaction, writes the head and answers. The *keeper* owns a second connection for everything that may take
//! longer: reads, retention and checkpoints. Rows are appended to one of two tables of a segment, and the writer turns
//! to the other one before a checkpoint, so that no commit waits while DuckDB writes a table out. The *history* has a
//! thread of its own, which is on no order's way.

mod columns;
mod config;
mod fault;
mod files;
mod head;
mod history;
mod journal;
mod keeper;
mod open;
mod probe;
mod proof;
mod retention;
mod schema;
mod segment;
mod trades;
mod writer;

pub use config::{Checkpoints, Config, Probe};
pub use history::{DuckHistory, HistoryConfig};
pub use journal::DuckJournal;
pub use probe::probe_main;
pub use schema::{HistorySchema, JournalSchema};
