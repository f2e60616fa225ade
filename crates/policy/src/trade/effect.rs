use arrayvec::ArrayVec;
use serde::{Deserialize, Serialize};
use warden_domain::{Facts, Lots, Magic, OrderKind, Price, Rule, Side, Span, Ticket, Timestamp};

use super::{Filling, Marks, Protection, Tally, Trouble};

/// What a step wants done; the driver does it after the step is durable, in the order given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TradeEffect {
    /// Send an order. The step it belongs to is its durable intent: carried out once, and never again after a restart.
    Send(Request),
    /// Look at the broker, and answer with [`TradeEvent::Found`](super::TradeEvent::Found).
    Verify(Query),
    /// How often trade rules were troubled on this instance is this from now on; stored with the step.
    Tally(Tally),
    /// Give this to the instance machine.
    Trouble(Trouble),
    /// Let the instance machine know what the trade server said (BRK-2, BRK-4, ACC-5).
    Tell(Facts),
    /// Store a duplicate as `FAILED` (TRD-4).
    StoreDuplicate(
        /// The order or position too many; `None` when a signal repeated the client's id, or where a netting account does
        /// not tell them apart.
        Option<Ticket>,
    ),
    /// Tell people, through every configured channel and the feed.
    Notify(TradeNotice),
}

impl TradeEffect {
    /// Act first, then what may stop the instance, then tell.
    const fn rank(&self) -> u8 {
        match self {
            Self::Tally(_) => 0,
            Self::Send(_) | Self::Verify(_) | Self::StoreDuplicate(_) => 1,
            Self::Trouble(_) | Self::Tell(_) => 2,
            Self::Notify(_) => 3,
        }
    }

    const fn as_tally(&self) -> Option<Tally> {
        match self {
            Self::Tally(tally) => Some(*tally),
            Self::Send(_)
            | Self::Verify(_)
            | Self::StoreDuplicate(_)
            | Self::Trouble(_)
            | Self::Tell(_)
            | Self::Notify(_) => None,
        }
    }
}

/// Counts the sends of one trade, from 1; with the tag it names a send in the gateway's inbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attempt(pub u32);

/// One trade request (MQL5 `MqlTradeRequest`); the driver adds symbol, comment and epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Which send.
    pub attempt: Attempt,
    /// MQL5 `magic`.
    pub magic: Magic,
    /// The gateway does not start it after this moment.
    pub deadline: Timestamp,
    /// What it does.
    pub kind: RequestKind,
}

/// What a trade request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequestKind {
    /// A new position (`TRADE_ACTION_DEAL`, or `TRADE_ACTION_PENDING`).
    Enter {
        /// Which way.
        side: Side,
        /// How.
        kind: OrderKind,
        /// How much.
        volume: Lots,
        /// The price of a pending order; `None` at the market.
        price: Option<Price>,
        /// Of a stop-limit order.
        trigger: Option<Price>,
        /// Stop loss and take profit.
        protection: Protection,
        /// MQL5 `deviation`, in points.
        deviation: u32,
        /// MQL5 `type_filling`.
        filling: Filling,
    },
    /// The end of a position, or of a part of it (`TRADE_ACTION_DEAL` with `position`).
    Close {
        /// The position.
        position: Ticket,
        /// How much.
        volume: Lots,
        /// MQL5 `deviation`, in points.
        deviation: u32,
        /// MQL5 `type_filling`.
        filling: Filling,
    },
    /// The removal of an order (`TRADE_ACTION_REMOVE`).
    Cancel {
        /// The order.
        order: Ticket,
    },
    /// Stop loss and take profit of a position (`TRADE_ACTION_SLTP`).
    Protect {
        /// The position.
        position: Ticket,
        /// What shall stand.
        protection: Protection,
    },
    /// Price, stop loss and take profit of an order (`TRADE_ACTION_MODIFY`).
    Move {
        /// The order.
        order: Ticket,
        /// Its new price.
        price: Price,
        /// What shall stand.
        protection: Protection,
    },
}

/// What a look at the broker is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// The tag to search orders, history, deals and positions for.
    pub magic: Magic,
    /// The send to ask the gateway's inbox about.
    pub attempt: Attempt,
    /// What the send made is newer than these.
    pub marks: Marks,
    /// How far back to search, by the server's clock.
    pub back: Span,
    /// The snapshot must be newer than this.
    pub after: Timestamp,
    /// The order or position that is known already, or that the intent names: looked at also without the tag.
    pub also: Option<Ticket>,
}

/// What people are told of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TradeNotice {
    /// Filled in part (TRD-1).
    PartialFill,
    /// Filled beyond the slippage threshold (TRD-2).
    SlippageExceeded,
    /// Not executed in time, again and again (TRD-3).
    NotExecuted,
    /// The same order, or the same id, came twice (TRD-4).
    DuplicateOrder,
    /// Stop loss or take profit did not do what they should (TRD-5).
    ProtectionMisfire,
    /// Something at the broker looks like the order, without its tag: a person decides.
    Suspect,
    /// Something carries the tag of a trade that has ended.
    AfterItsEnd,
    /// Too late to be sent (TRD-7).
    Expired,
    /// The account has not enough money (10019).
    NoMoney,
    /// Automated trading is switched off (10026, 10027): a person must act.
    TradingDisabled,
    /// A step that winds the trade down is refused again and again.
    Stuck,
    /// The trade server takes no more orders, volume or positions of the account (10033, 10034, 10040).
    LimitReached,
}

impl TradeNotice {
    /// A stable name for logs and queries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PartialFill => "PartialFill",
            Self::SlippageExceeded => "SlippageExceeded",
            Self::NotExecuted => "NotExecuted",
            Self::DuplicateOrder => "DuplicateOrder",
            Self::ProtectionMisfire => "ProtectionMisfire",
            Self::Suspect => "Suspect",
            Self::AfterItsEnd => "AfterItsEnd",
            Self::Expired => "Expired",
            Self::NoMoney => "NoMoney",
            Self::TradingDisabled => "TradingDisabled",
            Self::Stuck => "Stuck",
            Self::LimitReached => "LimitReached",
        }
    }

    /// The sentence that people read.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::PartialFill => "a trade is filled in part; its rest is being filled or cancelled",
            Self::SlippageExceeded => "a trade was filled beyond the slippage threshold",
            Self::NotExecuted => "orders are not executed in time; the instance stops",
            Self::DuplicateOrder => "an order came twice; the duplicate is removed",
            Self::ProtectionMisfire => "a stop loss or take profit is not as it should be; it is repaired",
            Self::Suspect => {
                "something at the broker looks like an order whose answer was lost; decide whether it is ours"
            }
            Self::AfterItsEnd => "the broker has an order or position of a trade that has ended; look at it",
            Self::Expired => "a signal was too late and was not sent",
            Self::NoMoney => "the account has not enough money for a trade",
            Self::TradingDisabled => "automated trading is switched off; switch it on",
            Self::Stuck => "a trade cannot be wound down; close it by hand",
            Self::LimitReached => {
                "the trade server takes no more orders, volume or positions of the account; close some"
            }
        }
    }
}

/// What one step of a trade decided: the effects in order, and the rule behind each.
///
/// Reused from step to step; [`step`](super::step) clears it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[must_use = "an effect that is not carried out is lost"]
pub struct TradeEffects {
    rule: Option<Rule>,
    list: ArrayVec<(Rule, TradeEffect), { TradeEffects::ROOM }>,
}

impl TradeEffects {
    /// The effects that one step has room for; tests try every event in every state.
    pub(crate) const ROOM: usize = 12;

    /// The effects, each with the rule that asked for it: what is to be done, then who is to be told.
    #[must_use]
    pub fn list(&self) -> &[(Rule, TradeEffect)] {
        &self.list
    }

    /// The rule that decided the step; `None` when it only recorded a fact.
    #[must_use]
    pub const fn rule(&self) -> Option<Rule> {
        self.rule
    }

    pub(crate) fn decided(&mut self, rule: Rule) {
        self.rule.get_or_insert(rule);
    }

    pub(crate) fn add(&mut self, rule: Rule, effect: TradeEffect) {
        self.decided(rule);
        let place = self.list.iter().position(|(_, known)| known.rank() > effect.rank());
        self.list.insert(place.unwrap_or(self.list.len()), (rule, effect));
    }

    /// The tally as it is after what the step decided so far.
    pub(crate) fn tally(&self, before: Tally) -> Tally {
        let changed = self.list.iter().find_map(|(_, effect)| effect.as_tally());
        changed.unwrap_or(before)
    }

    pub(crate) fn set_tally(&mut self, rule: Rule, tally: Tally) {
        self.list.retain(|(_, effect)| effect.as_tally().is_none());
        self.add(rule, TradeEffect::Tally(tally));
    }

    pub(crate) fn notify(&mut self, rule: Rule, notice: TradeNotice) {
        self.add(rule, TradeEffect::Notify(notice));
    }

    pub(crate) fn clear(&mut self) {
        self.rule = None;
        self.list.clear();
    }
}
