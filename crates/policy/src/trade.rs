//! Trades (TRD): one intent, and all that MT5 makes of it.
//!
//! [`step`] takes what one trade knows, one event, the present moment and what the trade must know of its surroundings,
//! and changes the trade and answers what is to be done. Like the machine of an instance it reads no clock, draws no
//! random number, does no I/O and allocates nothing.
//!
//! Every order goes the same way: a step makes `SENDING` durable and answers [`TradeEffect::Send`]; the answer, or a
//! look at the broker, settles what became of it. A lost answer is `UNKNOWN` until the broker's own orders, deals and
//! positions prove one way or the other; only negative proof lets an order be sent again. `docs/trading.md` shows it.
//!
//! ```
//! use warden_domain::{Magic, OrderKind, Side, Timestamp, TradeState};
//! use warden_policy::{Params, trade::{self, Goal, Intent, Opening, Protection, Trade, TradeEvent, TradeEffects}};
//!
//! let (params, now) = (Params::default(), Timestamp::from_millis(1_700_000_000_000));
//! let goal = Goal::Open(Opening {
//!     side: Side::Buy,
//!     kind: OrderKind::Market,
//!     volume: "0.10".parse().unwrap(),
//!     price: None,
//!     trigger: None,
//!     protection: Protection::default(),
//! });
//! let mut trade = Trade::new(Intent::new(Magic::new(1, 1).unwrap(), goal, now, None, &params));
//! let mut effects = TradeEffects::default();
//! // There is no connection yet: the order waits.
//! let _ = trade::step(&mut trade, &TradeEvent::Tick, now, &Default::default(), &params, &mut effects);
//! assert_eq!(trade.state(), TradeState::Pending);
//! assert!(effects.list().is_empty());
//! ```

mod adopt;
mod context;
mod duplicate;
mod effect;
pub(crate) mod escalation;
mod event;
mod expiry;
mod external;
pub(crate) mod halt;
mod intent;
mod lane;
mod normalise;
mod partial_fill;
mod pending;
mod protection;
mod record;
mod resolver;
mod retcode;
mod send;
mod settle;
mod slippage;
mod state;
mod step;
mod sync;
mod tally;
mod timeout;

pub use context::{Marks, SymbolRules, Target, TradeContext};
pub use effect::{Attempt, Query, Request, RequestKind, TradeEffect, TradeEffects, TradeNotice};
pub use escalation::{Escalation, Trouble, TroubleKind};
pub use event::{
    Decision, Findings, Inbox, Lookalike, OrderSeen, PositionSeen, Reply, SnapshotId, TradeEvent,
};
pub use external::{Owner, owner_of};
pub use intent::{Goal, Intent, Opening, Protection};
pub use lane::{Lane, Urgency};
pub use record::{
    TradeHead, TradeRow, TradeStep, decode_trade, decode_trade_row, decode_trade_step, encode_trade,
    encode_trade_row, encode_trade_step,
};
pub use retcode::{Action, action_of};
pub use send::may_still_leave;
pub use state::{End, Holdings, Op, Purpose, Resolving, Trade, TradePhase, TradeTimer, Wait};
pub use step::step;
pub use sync::Synchroniser;
pub use tally::Tally;

pub use warden_domain::{AccountMode, Filling, FillingModes, Quote, Session, TradeMode};

pub(crate) use escalation::{PAUSING, escalated, pause_over};
