//! TRD-8: orders, deals and positions that are not ours are adopted as `external` and never touched.
//!
//! Ours is what carries the tag of this installation and a counter that was given out; a trade of ours knows it. The
//! tag of this installation on something that no trade of ours knows is no licence to touch it either.
//!
//! A trade sends cancellations, closes and changes for two kinds of tickets alone: those that carry its own tag, and the
//! one its intent names, once a synchronised snapshot says that it is ours. On a netting account one position collects
//! every trade of its symbol: a trade closes at most what it opened, and leaves the stop loss of a position alone that
//! others share.

use serde::{Deserialize, Serialize};
use warden_domain::Magic;

use super::{AccountMode, End, Goal, Op, PositionSeen, Target, Trade, TradeContext, send::Hold};

/// Whose an order, deal or position is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Owner {
    /// A trade of ours made it.
    Ours(Magic),
    /// It carries the tag of this installation and no trade knows it: reconciled by a person, never touched.
    Unclaimed(Magic),
    /// A person, another program or another installation made it.
    External,
}

/// Whose something with this `magic` is; `installation` is the tag of this one, `known` says whether a trade of ours has
/// the tag.
#[must_use]
pub fn owner_of(magic: u64, installation: u16, known: impl FnOnce(Magic) -> bool) -> Owner {
    match Magic::from_number(magic) {
        Ok(magic) if magic.parts().0 != installation => Owner::External,
        Ok(magic) if known(magic) => Owner::Ours(magic),
        Ok(magic) => Owner::Unclaimed(magic),
        Err(_) => Owner::External,
    }
}

/// The step that an intent about something at the broker asks for.
pub(crate) fn first_op(t: &Trade, ctx: &TradeContext) -> Result<Op, Hold> {
    let gone = || Hold::End(End::AlreadyTrue);
    let volume = match t.intent.goal {
        Goal::Open(_) => return Ok(Op::Enter { volume: t.volume }),
        Goal::Close { volume, .. } => volume,
        Goal::Protect { .. } | Goal::Move { .. } | Goal::Cancel { .. } => None,
    };
    let owner = match ctx.target {
        None => return Err(Hold::Wait(super::Wait::Snapshot)),
        Some(Target::Gone) => return Err(gone()),
        Some(Target::Order { owner, .. } | Target::Position { owner, .. }) => owner,
    };
    if !matches!(owner, Owner::Ours(_)) && !broken!(ExternalIsTouched) {
        return Err(Hold::End(End::NotOurs));
    }
    match (t.intent.goal, ctx.target) {
        (Goal::Close { position, .. }, Some(Target::Position { position: seen, .. })) => {
            let volume = volume.map_or(seen.volume, |asked| asked.min(seen.volume));
            Ok(Op::Close { position, volume })
        }
        (Goal::Protect { position, .. }, Some(Target::Position { .. })) => Ok(Op::Protect { position }),
        (Goal::Move { order, .. }, Some(Target::Order { .. })) => Ok(Op::Move { order }),
        (Goal::Cancel { order }, Some(Target::Order { .. })) => Ok(Op::Cancel { order }),
        (
            Goal::Close { .. }
            | Goal::Protect { .. }
            | Goal::Move { .. }
            | Goal::Cancel { .. }
            | Goal::Open(_),
            _,
        ) => Err(Hold::End(End::Invalid)),
    }
}

/// Whether others have a part in the position: its protection is not ours to change then.
pub(crate) fn is_shared(t: &Trade, seen: &PositionSeen, ctx: &TradeContext) -> bool {
    match ctx.mode {
        AccountMode::Hedging => false,
        AccountMode::Netting => seen.volume != t.held.open() && !broken!(ExternalIsTouched),
    }
}
