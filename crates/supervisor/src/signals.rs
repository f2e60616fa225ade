//! Signals, trades and halts of a fleet: the way in for embedders, the control socket and the stream.

mod ask;
mod fleet;
mod intake;
pub(crate) mod journal;
mod life;
mod ready;
mod view;

use std::fmt;

use thiserror::Error;
use warden_distribution::{Faults, Group, Symbol};
use warden_domain::{InstanceId, Magic};

pub use ask::Distributor;
pub use intake::{Intake, IntakeConfig};
pub use life::{TradeLife, TradeLink, life_of};
pub use view::TradeView;

/// How the fleet distributes signals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// The numbers that are the same for every account.
    pub params: warden_distribution::Params,
    /// The signals' symbols that are watched from the start, so that the first signal of each finds its prices.
    pub symbols: Vec<Symbol>,
}

/// Whom a halt is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One instance.
    Instance(InstanceId),
    /// The instances of a group.
    Group(Group),
    /// Every instance.
    All,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instance(instance) => write!(f, "instance {instance}"),
            Self::Group(group) => write!(f, "group {group}"),
            Self::All => f.write_str("every instance"),
        }
    }
}

/// Why a signal was not taken; nothing of it was noted.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum SignalError {
    /// It cannot be what a source wants.
    #[error("the signal is refused: {0}")]
    Faulty(
        /// Everything that is wrong with it.
        Faults,
    ),
    /// No instance belongs to its group.
    #[error("no instance belongs to group {0}; correct the target")]
    Nobody(
        /// The group.
        Group,
    ),
    /// The fleet has ended.
    #[error("the supervisor is ending; give the same signal again when it runs")]
    Ended,
}

/// Why a halt was not carried out.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum HaltError {
    /// There is no such instance, or none in the group.
    #[error("there is no instance that {0} means; see the list of instances")]
    Nobody(
        /// Whom it is about.
        Scope,
    ),
    /// Another supervisor looks after some of them; for all others it was done.
    #[error(
        "instance {instance} is looked after by another supervisor; ask that one too (done here: {done})"
    )]
    Elsewhere {
        /// The first of them.
        instance: InstanceId,
        /// For how many instances it was done.
        done: usize,
    },
    /// The fleet has ended.
    #[error("the supervisor is ending; try again when it runs")]
    Ended,
}

/// Why a person's word on a lookalike was not taken.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum DecideError {
    /// There is no such instance.
    #[error("there is no instance {0}; see the list of instances")]
    Unknown(
        /// The instance.
        InstanceId,
    ),
    /// Another supervisor looks after it.
    #[error("instance {0} is looked after by another supervisor; ask that one")]
    Elsewhere(
        /// The instance.
        InstanceId,
    ),
    /// No trade that has not ended has the tag.
    #[error("no open trade has the tag {}; see the list of trades", .0.number())]
    NoTrade(
        /// The tag.
        Magic,
    ),
    /// Nothing is to be decided.
    #[error("nothing is to be decided about trade {}; see the list of trades", .0.number())]
    NotSuspect(
        /// The tag.
        Magic,
    ),
    /// The fleet has ended.
    #[error("the supervisor is ending; try again when it runs")]
    Ended,
}
