use serde::Serialize;
use warden_domain::{ClientTradeId, InstanceId, Lots, OrderKind, Price, Side, Ticket, Timestamp, TradeState};
use warden_policy::trade::{Goal, TradePhase};

use crate::shard::KnownTrade;

/// One trade that has not ended, as people and other services see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TradeView {
    /// Whose.
    pub instance: InstanceId,
    /// Its tag: MQL5 `magic`.
    pub tag: u64,
    /// The key of the signal that asked for it.
    pub key: ClientTradeId,
    /// Counts the intents of the signal on this instance, from 1.
    pub part: u32,
    /// The broker's name of its symbol.
    pub symbol: String,
    /// What it wants: `OPEN`, `CLOSE`, `PROTECT`, `MOVE` or `CANCEL`.
    pub goal: &'static str,
    /// Where it stands.
    pub state: TradeState,
    /// Whether a person has to say what a lookalike is.
    pub suspect: bool,
    /// The ticket at the broker that a person has to say it of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lookalike: Option<Ticket>,
    /// Which way, of one that opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    /// How, of one that opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<OrderKind>,
    /// Lots that are wanted.
    pub volume: Lots,
    /// Lots that were filled; of a close, lots that it closed.
    pub filled: Lots,
    /// The mean price of what was filled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// The stop loss that shall stand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_loss: Option<Price>,
    /// The take profit that shall stand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub take_profit: Option<Price>,
    /// Its order at the broker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Ticket>,
    /// Its position at the broker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Ticket>,
    /// Its other position, where an account that hedges has two of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_position: Option<Ticket>,
    /// Its last send; 0 before the first.
    pub attempt: u32,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// After this moment it is dropped and not sent.
    pub expires_at: Timestamp,
    /// When it will next do something by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_deadline: Option<Timestamp>,
}

impl TradeView {
    pub(crate) fn of(instance: &InstanceId, known: &KnownTrade<'_>) -> Self {
        let trade = known.trade;
        let (intent, held) = (trade.intent(), trade.holdings());
        let opening = intent.opening();
        let protection = trade.protection();
        let lookalike = match trade.phase() {
            TradePhase::Suspect(_, lookalike) => Some(lookalike.ticket),
            TradePhase::Waiting(..)
            | TradePhase::Sending(_)
            | TradePhase::Resolving(..)
            | TradePhase::Resting
            | TradePhase::Holding
            | TradePhase::Ended(..) => None,
        };
        Self {
            instance: instance.clone(),
            tag: known.magic.number(),
            key: known.key.id.clone(),
            part: known.part,
            symbol: known.symbol.to_owned(),
            goal: goal(&intent.goal),
            state: trade.state(),
            suspect: lookalike.is_some(),
            lookalike,
            side: opening.map(|opening| opening.side),
            kind: opening.map(|opening| opening.kind),
            volume: trade.volume(),
            filled: if opening.is_some() { held.filled } else { held.closed },
            price: Some(held.price).filter(|price| *price > Price::ZERO),
            stop_loss: protection.stop_loss,
            take_profit: protection.take_profit,
            order: held.order,
            position: held.position,
            extra_position: held.extra_position,
            attempt: trade.attempt().0,
            accepted_at: intent.accepted_at,
            expires_at: intent.expires_at,
            next_deadline: trade.next_deadline(),
        }
    }
}

/// What a trade wants, as the hot state names it.
pub(crate) const fn goal(goal: &Goal) -> &'static str {
    match goal {
        Goal::Open(_) => "OPEN",
        Goal::Protect { .. } => "PROTECT",
        Goal::Move { .. } => "MOVE",
        Goal::Close { .. } => "CLOSE",
        Goal::Cancel { .. } => "CANCEL",
    }
}
