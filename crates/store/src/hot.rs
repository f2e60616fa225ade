mod key;
mod seal;
mod settle;
mod trade;

use thiserror::Error;
use warden_domain::{
    ConnectionState, Epoch, FailureReason, InstanceId, OpId, Span, Status, Timestamp, Version,
};

pub use key::HotKey;
pub use seal::{RawSnapshot, SNAPSHOT_SCHEMA, Seal};
pub use settle::{settle, settle_trades};
pub use trade::{TRADES_KEPT, TradeProjection, TradeShown, TradeUpdate, TradeWrite};

use crate::Pending;

/// The hot state: a projection that other services read, never the only copy (Redis, or memory).
///
/// # Guarantees
/// - All keys of an instance change in one atomic step, compare-and-set on (epoch, version).
/// - A write that was applied and is given again answers [`Cas::AlreadyApplied`]: retries are harmless.
/// - A call either answers for every element, in order, or fails as a whole with [`HotError`].
pub trait HotState: Send + Sync {
    /// Takes the lease of an instance for an owner, or keeps it.
    ///
    /// `true` when the lease is ours: it was free, ran out, was already ours, or belonged to a lower epoch, which is fenced
    /// from now on. `false` when a higher epoch owns or wrote the instance, or another owner holds the lease at this epoch.
    ///
    /// # Errors
    /// When the store did not answer.
    fn acquire<'a>(
        &'a self,
        leases: &'a [(InstanceId, Epoch)],
        owner: &'a str,
        ttl: Span,
    ) -> Pending<'a, Result<Vec<bool>, HotError>>;

    /// Prolongs leases; `false` for each that was lost: taken by somebody else, run out, or forgotten by the store.
    ///
    /// # Errors
    /// When the store did not answer.
    fn renew<'a>(
        &'a self,
        leases: &'a [(InstanceId, Epoch)],
        owner: &'a str,
        ttl: Span,
    ) -> Pending<'a, Result<Vec<bool>, HotError>>;

    /// Gives leases back; those that are not ours stay as they are.
    ///
    /// # Errors
    /// When the store did not answer.
    fn release<'a>(
        &'a self,
        leases: &'a [(InstanceId, Epoch)],
        owner: &'a str,
    ) -> Pending<'a, Result<(), HotError>>;

    /// Writes state changes, each compare-and-set on its `expected` version and its epoch.
    ///
    /// Updates of one instance are written in the order given. After a failed call, all of an instance's updates that
    /// were not answered are given again in one call: only so is each of them known as already applied ([`settle`]).
    ///
    /// # Errors
    /// When the store did not answer; each element may or may not have been applied, and may be given again.
    fn cas<'a>(&'a self, updates: &'a [HotUpdate]) -> Pending<'a, Result<Vec<Cas>, HotError>>;

    /// Writes whole states over whatever older, missing or corrupt state is there; only a higher epoch
    /// ([`Cas::Fenced`]), or a higher version at the same epoch ([`Cas::Ahead`]), stays. Every documented key is
    /// written, whatever `expected` and `previous` say.
    ///
    /// # Errors
    /// When the store did not answer.
    fn restore<'a>(&'a self, updates: &'a [HotUpdate]) -> Pending<'a, Result<Vec<Cas>, HotError>>;

    /// Reads what is stored of each instance, every documented key checked.
    ///
    /// # Errors
    /// When the store did not answer.
    fn load<'a>(&'a self, instances: &'a [InstanceId]) -> Pending<'a, Result<Vec<Stored>, HotError>>;

    /// Shows trades: `order_state:<id>:<trade>`, the index of those that have not ended `order_state:<id>:open` (a set of
    /// tags), and the idempotency key `order_key:<id>:<client key>` (behaviour.md §8). A trade that has ended leaves the
    /// index, and its hash expires after [`TRADES_KEPT`]; the idempotency key is written with the first version that is
    /// shown of a trade, keeps the tag that it holds, and expires after [`KEYS_KEPT`](crate::KEYS_KEPT).
    ///
    /// Versions make it harmless to give the same or an older trade again, each trade by itself; what stands there and is
    /// no trade is replaced; nothing is read back from here. After a failed call, all versions of a trade that were not
    /// answered are given again in one call: only so are those that were overtaken known as written ([`settle_trades`]).
    /// Of several versions of a trade the last alone will do.
    ///
    /// # Errors
    /// When the store did not answer; each element may or may not have been written, and may be given again.
    fn show_trades<'a>(&'a self, trades: &'a [TradeUpdate])
    -> Pending<'a, Result<Vec<TradeWrite>, HotError>>;

    /// Removes every key of an instance and of its trades (ACC-1, ACC-3); refused (`false`) when a higher epoch owns it.
    ///
    /// # Errors
    /// When the store did not answer.
    fn remove<'a>(&'a self, instance: &'a InstanceId, epoch: Epoch) -> Pending<'a, Result<bool, HotError>>;

    /// Takes the `login_attempt` lock of each instance (LOG-10), or prolongs it when it is already ours.
    /// `false` where somebody else holds it.
    ///
    /// # Errors
    /// When the store did not answer.
    fn lock_login<'a>(
        &'a self,
        instances: &'a [InstanceId],
        owner: &'a str,
        ttl: Span,
    ) -> Pending<'a, Result<Vec<bool>, HotError>>;

    /// Gives `login_attempt` locks back; those of others stay.
    ///
    /// # Errors
    /// When the store did not answer.
    fn unlock_login<'a>(
        &'a self,
        instances: &'a [InstanceId],
        owner: &'a str,
    ) -> Pending<'a, Result<(), HotError>>;

    /// Asks whether the store answers, takes writes and keeps them as it must (Redis: `maxmemory-policy noeviction`).
    ///
    /// # Errors
    /// When it does not.
    fn check(&self) -> Pending<'_, Result<(), HotError>>;
}

/// The keys that other services read (behaviour.md §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Projection {
    /// `instance_state:<id>:status`
    pub status: Status,
    /// `instance_state:<id>:connection_state`
    pub connection_state: ConnectionState,
    /// `instance_state:<id>:login_attempt_count`
    pub login_attempt_count: u32,
    /// `instance_state:<id>:last_login_attempt`; the key is absent before the first attempt.
    pub last_login_attempt: Option<Timestamp>,
    /// `instance_state:<id>:login_failure_reason`
    pub login_failure_reason: FailureReason,
    /// `instance_state:<id>:last_failure_reason`
    pub last_failure_reason: FailureReason,
}

/// One state change of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HotUpdate {
    /// Whose.
    pub instance: InstanceId,
    /// Under which ownership.
    pub epoch: Epoch,
    /// The version that must be stored now; `Version(0)` when nothing may be.
    pub expected: Version,
    /// The version afterwards, higher than `expected`.
    pub version: Version,
    /// Names the change.
    pub op: OpId,
    /// The documented keys after the change.
    pub projection: Projection,
    /// The documented keys that are stored now, where the caller knows them: equal ones need no write.
    pub previous: Option<Projection>,
    /// The whole state as the policy encodes it.
    pub state: Vec<u8>,
}

/// What a compare-and-set answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cas {
    /// Written.
    Applied,
    /// The same operation was written before.
    AlreadyApplied,
    /// The store is older than expected, or empty: it lost writes; restore it from the journal.
    Behind {
        /// The version that is stored; `None` when nothing is.
        stored: Option<Version>,
    },
    /// The store is newer than expected at our own epoch, or holds another operation at this version: our journal
    /// lost its tail; stop the instance and reconcile.
    Ahead {
        /// The version that is stored.
        stored: Version,
    },
    /// A higher epoch owns the instance: void the step and let go.
    Fenced {
        /// The epoch that owns it.
        by: Epoch,
    },
    /// What is stored has the wrong type, lacks a field or has another schema (ACC-6); it stays so until it is restored.
    /// A checksum that fails is found by a load only: a write replaces what it covers.
    Corrupt,
}

/// The whole state of an instance as the store holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Who wrote it.
    pub epoch: Epoch,
    /// Which version it is.
    pub version: Version,
    /// Which change made it.
    pub op: OpId,
    /// The state as the policy encodes it.
    pub state: Vec<u8>,
}

/// What a load found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// No key of the instance.
    Nothing,
    /// A whole state whose checksum holds, and the documented keys that stand beside it.
    State(Snapshot, Projection),
    /// Something that is not one (ACC-6), and what is wrong with it.
    Corrupt(String),
}

/// Why the hot-state store did not answer.
#[derive(Debug, Error)]
pub enum HotError {
    /// The store cannot be reached, or did not answer in time (NET-3).
    #[error("hot-state store cannot be reached: {0}; it is tried again, check the Redis server")]
    Unreachable(String),
    /// The store answers, but refuses us or is set up in a way that can lose state: a person must act.
    #[error("hot-state store is unfit: {0}")]
    Unfit(String),
}
