//! What became of a signal, account by account.

mod fold;
mod summary;
mod text;

use serde::{Deserialize, Serialize};
use warden_domain::{ClientTradeId, InstanceId, Lots, Points, Price, Span, Timestamp, named_enum};

pub use fold::Folded;
pub use summary::{Slippage, Spans, Summary};

use crate::{Refusal, Source, Symbol};

/// The outcome of one signal: a line for each intent and each refused account, kept up to date by
/// [`fold`](Self::fold).
///
/// # Expected flow
/// [`Report::of`] the plan; [`fold`](Self::fold) for everything that is learnt of an intent; print, store or count at
/// any moment, and for good once it is [settled](Self::is_settled).
///
/// # Guarantees
/// - The order in which outcomes of different intents come in does not matter, and one that comes twice changes nothing.
/// - An outcome that nothing can change any more is not changed: a contradiction is answered, not written.
/// - *Unknown* is never the last word: whatever is proven replaces it.
///
/// # Caveats
/// Latency is measured from the planning of the signal; what the source and the way to us took is not in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The key of the signal.
    pub key: ClientTradeId,
    /// Who made the signal; `None` when its plan is gone.
    pub source: Option<Source>,
    /// When it was planned.
    pub planned_at: Timestamp,
    /// In the order of the plan.
    pub lines: Vec<Line>,
}

/// What became of one intent, or of an account that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Which instance.
    pub instance: InstanceId,
    /// Which of its intents; 0 for a refused account.
    pub part: u32,
    /// The broker's name of the symbol; `None` for a refused account.
    pub symbol: Option<Symbol>,
    /// What the intent wants filled; `None` where it fills nothing, and where it ends all of a trade.
    pub wanted: Option<Lots>,
    /// What became of it.
    pub outcome: Outcome,
    /// From the planning to the first fill or answer.
    pub latency: Option<Span>,
    /// How much worse than its reference it was filled, in points; better is negative.
    pub slippage: Option<Points>,
    /// What slippage is judged by, for new positions.
    pub(crate) judged: Option<Judged>,
}

/// What slippage is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Judged {
    pub(crate) side: warden_domain::Side,
    pub(crate) reference: Price,
    pub(crate) point: Price,
}

/// What became of an intent, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Nothing was heard yet.
    Waiting,
    /// The order rests at the broker.
    Resting,
    /// Nobody knows, until the broker's orders, deals and positions prove one way or the other.
    Unknown,
    /// Filled in part, and the rest is under way.
    Partly(Fill),
    /// Filled, as far as it ever will be.
    Filled(Fill),
    /// What fills nothing was done: a change, a cancellation.
    Done,
    /// Dropped as it was too late; never sent (TRD-7).
    LateDropped,
    /// The plan, or the gate where orders leave, did not let it pass.
    Blocked(Refusal),
    /// Proven not to have been executed.
    Failed {
        /// The trade server's code, where it gave one.
        retcode: Option<u32>,
    },
}

/// What was filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// How much, in all.
    pub lots: Lots,
    /// The mean price; zero where it is not known, as for what was closed.
    pub price: Price,
}

named_enum! {
    /// The stable name of an outcome.
    OutcomeKind {
        /// [`Outcome::Waiting`].
        Waiting = "waiting",
        /// [`Outcome::Resting`].
        Resting = "resting",
        /// [`Outcome::Unknown`].
        Unknown = "unknown",
        /// [`Outcome::Partly`]; also [`Outcome::Filled`] with less than was wanted.
        Partly = "partly",
        /// [`Outcome::Filled`].
        Filled = "filled",
        /// [`Outcome::Done`].
        Done = "done",
        /// [`Outcome::LateDropped`], and [`Outcome::Blocked`] by [`Refusal::Late`].
        LateDropped = "late_dropped",
        /// [`Outcome::Blocked`].
        Blocked = "blocked",
        /// [`Outcome::Failed`].
        Failed = "failed",
    }
}

/// Something that was learnt of an intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeEvent {
    /// Which instance.
    pub instance: InstanceId,
    /// Which of its intents, from 1.
    pub part: u32,
    /// When it happened.
    pub at: Timestamp,
    /// What became of it.
    pub outcome: Outcome,
}
