//! Where signals come in: a stream that a group of supervisors reads, each entry given to one of them.

mod entry;
mod subscription;

use std::num::NonZeroUsize;

use thiserror::Error;
use warden_domain::Span;

pub use entry::{Content, EntryId, EntryIdError, Fields, StreamEntry};
pub use subscription::{Subscription, SubscriptionError};

use crate::Pending;

/// The longest that [`SignalStream::read`] waits; a longer wait is taken as this one.
pub const LONGEST_WAIT: Span = Span::from_secs(60);

/// The stream of signals as one consumer of a group sees it (Redis Streams, or memory).
///
/// # Expected flow
/// 1. What this consumer was given before and did not acknowledge comes [`again`](Self::again) at the start, and after a
///    call that failed: before anything new, or a later entry would be carried out before an earlier one.
/// 2. [`read`](Self::read) new entries in a loop, and [`claim`](Self::claim) now and then what others left behind.
/// 3. An entry that is understood is accepted, and made durable; then it is [acknowledged](Self::acknowledge).
/// 4. One that can never be understood is [buried](Self::bury): kept as a dead letter, and acknowledged.
///
/// # Guarantees
/// - An entry is given to one consumer of the group, and stays with it until it is acknowledged or claimed: none is
///   lost to a consumer that dies.
/// - A claim gives an entry to one claimer only, however many claim at once.
/// - The group begins with the oldest entry of the stream, also when it is made anew because the store lost it.
///
/// # Assumptions
/// - Every consumer of a group has a name of its own.
/// - Whoever adds entries bounds the stream (Redis: `XADD … MAXLEN ~ n`); acknowledged entries stay in it. One that is cut
///   off before it was given to anybody is lost unseen; one that was given before is reported by [`Claimed::gone`].
///
/// # Caveats
/// - An entry may come more than once: when its consumer takes longer than the claimers' `idle`, when it dies after the
///   durable acceptance and before the acknowledgement, when an acknowledgement gets lost, and when the store lost the
///   group and not the stream. Whoever accepts signals knows those that it has seen by their own key.
/// - A dead letter may stand there twice, when the consumer dies between the two steps of [`bury`](Self::bury), or its
///   answer gets lost; its field `entry` says so.
/// - A call that fails, or whose future is dropped, may have taken effect: entries of a lost read stay with this consumer
///   and come [`again`](Self::again).
pub trait SignalStream: Send + Sync {
    /// Reads at most `most` entries that nobody was given yet, oldest first. Where there is none, it waits up to `wait` for
    /// one ([`LONGEST_WAIT`]), and then answers with nothing; a `wait` of zero answers at once.
    ///
    /// Other calls go on while one waits; of several reads at once, one may wait for the other.
    ///
    /// # Errors
    /// When the store did not answer.
    fn read(&self, most: NonZeroUsize, wait: Span) -> Pending<'_, Result<Vec<StreamEntry>, StreamError>>;

    /// Reads at most `most` entries after this id that this consumer was given and that are not acknowledged, oldest first,
    /// at once. Nothing at all in the answer means that there is none.
    ///
    /// # Errors
    /// When the store did not answer.
    fn again(&self, most: NonZeroUsize, after: EntryId) -> Pending<'_, Result<Claimed, StreamError>>;

    /// Takes over at most `most` entries that were given to any consumer of the group, this one included, at least `idle` ago
    /// and not acknowledged since, oldest first. Nothing at all in the answer means that there is none.
    ///
    /// # Errors
    /// When the store did not answer.
    fn claim(&self, most: NonZeroUsize, idle: Span) -> Pending<'_, Result<Claimed, StreamError>>;

    /// Says that entries are done with. One that was acknowledged before, or that the group does not know, is passed over.
    ///
    /// # Errors
    /// When the store did not answer; the same ids may be given again.
    fn acknowledge<'a>(&'a self, ids: &'a [EntryId]) -> Pending<'a, Result<(), StreamError>>;

    /// Writes a dead letter about an entry to `<stream>:dead`, and then acknowledges the entry.
    ///
    /// The letter begins with the field `entry`, the entry's id; then come the fields of `letter`. Of old letters, as many are
    /// kept as [`Subscription::dead_letters`] says.
    ///
    /// # Errors
    /// When the store did not answer; the letter may stand there already.
    fn bury<'a>(
        &'a self,
        id: EntryId,
        letter: &'a [(&'static str, String)],
    ) -> Pending<'a, Result<(), StreamError>>;

    /// What the group was given and did not acknowledge yet.
    ///
    /// # Errors
    /// When the store did not answer.
    fn backlog(&self) -> Pending<'_, Result<Backlog, StreamError>>;
}

/// What a claim took over, or came again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claimed {
    /// The entries, now this consumer's.
    pub entries: Vec<StreamEntry>,
    /// Entries that were given to a consumer, never acknowledged, and then removed from the stream: what they asked for is
    /// not known any more. Each is reported once, and is pending no longer.
    pub gone: Vec<EntryId>,
}

impl Claimed {
    /// Whether there was nothing to claim.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.gone.is_empty()
    }

    /// The newest entry of it; `None` when there was nothing.
    #[must_use]
    pub fn newest(&self) -> Option<EntryId> {
        self.entries.iter().map(|entry| entry.id).chain(self.gone.iter().copied()).max()
    }
}

/// What a group was given and did not acknowledge yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// How many entries, of all consumers of the group.
    pub pending: u64,
    /// The oldest of them.
    pub oldest: Option<EntryId>,
}

/// Why the stream of signals did not answer.
#[derive(Debug, Error)]
pub enum StreamError {
    /// The store cannot be reached, or did not answer in time.
    #[error("the stream of signals cannot be reached: {0}; it is tried again, check the Redis server")]
    Unreachable(String),
    /// The store answers, but refuses us, or what stands under the stream's name is no stream: a person must act.
    #[error("the stream of signals cannot be used: {0}")]
    Unfit(String),
}
