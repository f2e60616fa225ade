use std::{fmt, sync::Arc};

use thiserror::Error;
use warden_domain::{ClientTradeId, Epoch, InstanceId, Magic, OpId, Span, Timestamp, Version};

use crate::{Pending, schema::SchemaError};

/// The journal of intents, transitions and counters: the owner's authority (DuckDB, or memory).
///
/// # Guarantees
/// - [`append`](Journal::append) returns after the rows are durable, all of them or none.
/// - Rows keep their order; `seq` rises by one from 1 without a gap; each row's hash covers its predecessor's.
/// - A lost tail or a changed byte is found when the journal is opened, never read as truth.
///
/// # Caveats
/// The number of rows waiting to be committed is bounded; an append waits for room.
pub trait Journal: Send + Sync {
    /// Commits a batch in one transaction.
    ///
    /// # Errors
    /// When the batch could not be made durable; nothing of it was, and the same batch may be given again.
    fn append(&self, batch: Vec<Record>) -> Pending<'_, Result<Commit, JournalError>>;

    /// Names the journal: drawn when it was made, and another one for the journal that replaces a damaged one.
    fn id(&self) -> JournalId;

    /// The newest row of every instance's own steps, in no order: what a supervisor starts from.
    ///
    /// # Errors
    /// When the journal cannot be read.
    fn latest(&self) -> Pending<'_, Result<Vec<Row>, JournalError>>;

    /// The newest row of every instance's own steps with `seq <= upto`, in no order: what the history export goes on
    /// from. Rows past `upto` must not have been forgotten.
    ///
    /// # Errors
    /// When the journal cannot be read.
    fn latest_upto(&self, upto: u64) -> Pending<'_, Result<Vec<Row>, JournalError>>;

    /// The newest row of every trade that has not ended, and of each instance the newest row of any of its trades, in no
    /// order: what trading goes on from (REC-4).
    ///
    /// # Errors
    /// When the journal cannot be read.
    fn trades(&self) -> Pending<'_, Result<Vec<Row>, JournalError>>;

    /// The client's keys of the trades that were accepted at `since` or later, oldest first (TRD-4): all of them as far
    /// back as [`KEYS_KEPT`].
    ///
    /// # Errors
    /// When the journal cannot be read.
    fn keys(&self, since: Timestamp) -> Pending<'_, Result<Vec<KnownKey>, JournalError>>;

    /// The rows of one trade that were not forgotten, oldest first: the last `limit` of them.
    ///
    /// # Errors
    /// When the journal cannot be read.
    fn trade_history(
        &self,
        instance: &InstanceId,
        trade: Magic,
        limit: u32,
    ) -> Pending<'_, Result<Vec<Row>, JournalError>>;

    /// The rows of one instance's own steps, oldest first: the last `limit` of those with `seq < before`.
    ///
    /// # Errors
    /// When the journal cannot be read.
    fn history(
        &self,
        instance: &InstanceId,
        before: u64,
        limit: u32,
    ) -> Pending<'_, Result<Vec<Row>, JournalError>>;

    /// Every row with `seq > after`, oldest first, at most `limit`: what the history export and a replay read.
    ///
    /// # Errors
    /// When the journal cannot be read.
    fn read(&self, after: u64, limit: u32) -> Pending<'_, Result<Vec<Row>, JournalError>>;

    /// The newest durable row.
    fn head(&self) -> Head;

    /// Forgets rows that were decided before `older`, but never one past `exported` (the history's cursor), nor one with
    /// a client's key that was decided less than [`KEYS_KEPT`] before the newest row, nor one after any of these; and
    /// answers how many. The chain then starts after the newest forgotten row; [`latest`](Journal::latest) and
    /// [`trades`](Journal::trades) answer what they answered before.
    ///
    /// # Errors
    /// When the rows could not be deleted; what was deleted until then stays so.
    fn retain(&self, older: Timestamp, exported: u64) -> Pending<'_, Result<u64, JournalError>>;

    /// Commits what waits, takes a checkpoint and closes; later calls fail with [`JournalError::Closed`].
    ///
    /// # Errors
    /// When the checkpoint failed; what was committed stays durable.
    fn close(&self) -> Pending<'_, Result<(), JournalError>>;
}

/// How long a client's key is kept for certain: a signal that comes again within it is known (TRD-4).
pub const KEYS_KEPT: Span = Span::from_secs(24 * 3_600);

/// Names one journal among all that ever were: a random number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JournalId(pub u64);

impl fmt::Display for JournalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// One step of one instance, or of one of its trades, to be journalled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose step.
    pub instance: InstanceId,
    /// Of which of its trades; `None` for a step of the instance itself.
    pub trade: Option<TradeMark>,
    /// Under which ownership.
    pub epoch: Epoch,
    /// The version that the step made: of the instance's state, or of the trade.
    pub version: Version,
    /// Names the step.
    pub op: OpId,
    /// When the step was decided.
    pub at: Timestamp,
    /// What kind of event led to it: a stable text for queries.
    pub kind: &'static str,
    /// The rule that decided, such as `BRK-1`; empty when the step only recorded a fact.
    pub rule: &'static str,
    /// The whole step as the policy encodes it: event, effects and the state after it.
    pub payload: Vec<u8>,
}

/// One journalled step, as it was read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its place in the journal, from 1.
    pub seq: u64,
    /// Whose step.
    pub instance: InstanceId,
    /// Of which of its trades; `None` for a step of the instance itself.
    pub trade: Option<TradeMark>,
    /// Under which ownership.
    pub epoch: Epoch,
    /// The version that the step made: of the instance's state, or of the trade.
    pub version: Version,
    /// Names the step.
    pub op: OpId,
    /// When the step was decided.
    pub at: Timestamp,
    /// What kind of event led to it.
    pub kind: String,
    /// The rule that decided; empty when the step only recorded a fact.
    pub rule: String,
    /// The whole step as the policy encodes it.
    pub payload: Vec<u8>,
}

/// What stands beside the payload of a trade's step, so that trades are found without reading payloads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradeMark {
    /// The trade's tag.
    pub magic: Magic,
    /// It has ended with this step, or before.
    pub ended: bool,
    /// In the first row of the trade: the signal that asked for it.
    pub key: Option<SignalKey>,
}

/// Names a signal (TRD-4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SignalKey {
    /// The client's id.
    pub id: ClientTradeId,
    /// Of the signal's content: the same id with another one is another signal.
    pub digest: u64,
}

/// A signal that was accepted for an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// For which instance.
    pub instance: InstanceId,
    /// The trade that it asked for, or one of them.
    pub trade: Magic,
    /// Its name.
    pub key: SignalKey,
    /// When it was accepted.
    pub at: Timestamp,
}

/// What a commit made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit {
    /// `seq` of the batch's first row.
    pub first: u64,
    /// `seq` of the batch's last row.
    pub last: u64,
}

/// The newest durable row: its place and the hash of the chain up to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// `seq` of the newest row; 0 when there is none.
    pub seq: u64,
    /// BLAKE3 of the chain up to it; all zero when there is none.
    pub hash: [u8; 32],
}

/// Why the journal did not do what it was asked.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The file could not be opened, read or written.
    #[error("journal {action} failed; check the data folder's disk and permissions")]
    Storage {
        /// What was tried.
        action: &'static str,
        /// The engine's own words.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file's content does not agree with its head or its hash chain.
    #[error("journal is damaged: {0}; it was set aside at {1}, start again to rebuild")]
    Damaged(String, std::path::PathBuf),
    /// No room is left where the journal lives; nothing of the batch was committed.
    #[error(
        "journal {action} failed because the disk is full; free space in the data folder, then it goes on by itself"
    )]
    DiskFull {
        /// What was tried.
        action: &'static str,
        /// The engine's own words.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The data folder or a file in it refuses writing.
    #[error(
        "journal cannot write in {0}; give the supervisor's user write permission to the folder and its files"
    )]
    NotWritable(std::path::PathBuf),
    /// A newer program wrote the file.
    #[error("journal has schema {found} and this program knows {known}; start the newer program again")]
    NewerSchema {
        /// The file's schema version.
        found: u64,
        /// The newest schema version this program reads.
        known: u64,
    },
    /// The steps that made the file are not those that this program knows.
    #[error("journal has another schema than this program")]
    Schema(#[source] Arc<SchemaError>),
    /// Another process holds the file.
    #[error("journal is in use by another process; stop that supervisor first")]
    InUse,
    /// The journal was closed.
    #[error("journal is closed")]
    Closed,
}
