use std::fmt;

use serde::{Deserialize, Serialize};
use warden_domain::{ClientTradeId, Lots, Magic, Price, Ticket, Timestamp};

use super::{End, Goal, Intent, Tally, Trade, TradeEffects, TradeEvent, TradePhase, TradeTimer};
use crate::{DecodeError, record};

/// The version of the stored form; raised with every change of [`Trade`], [`TradeEvent`] or [`TradeEffects`].
const SCHEMA: u8 = 1;

/// One step of a trade as it is journalled: what came, what was decided, and the trade afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradeStep {
    /// What came.
    pub event: TradeEvent,
    /// What was decided.
    pub effects: TradeEffects,
    /// The trade afterwards.
    pub trade: Trade,
}

/// The whole payload of a trade's row: every row says enough to go on from, or to tell of the trade, by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradeRow {
    /// The client's id of the signal that asked for it.
    pub key: ClientTradeId,
    /// Of the signal's content: the same id with another one is another signal.
    pub digest: u64,
    /// Counts the intents of the signal on this instance, from 1.
    pub part: u32,
    /// The broker's name of its symbol.
    pub symbol: String,
    /// The newest counter that was given out on the instance; the next tag is higher (see `Magic`).
    pub counter: u64,
    /// How often trade rules were troubled on the instance, after the step.
    pub tally: Tally,
    /// Volume of the trade's opening deals before the step; what is above it in
    /// [`Holdings::filled`](super::Holdings::filled) was filled with the step.
    pub filled_before: Lots,
    /// What one point of the symbol is (MQL5 `SYMBOL_POINT`); zero when it was not known.
    pub point: Price,
    /// When the last order before the step left; 1970 when none has, or it is not known any more.
    pub sent_at: Timestamp,
    /// The step.
    pub step: TradeStep,
}

/// What stands beside the step in a [`TradeRow`], borrowed to be written.
#[derive(Clone, Copy, Debug)]
pub struct TradeHead<'a> {
    /// [`TradeRow::key`]
    pub key: &'a ClientTradeId,
    /// [`TradeRow::digest`]
    pub digest: u64,
    /// [`TradeRow::part`]
    pub part: u32,
    /// [`TradeRow::symbol`]
    pub symbol: &'a str,
    /// [`TradeRow::counter`]
    pub counter: u64,
    /// [`TradeRow::tally`]
    pub tally: Tally,
    /// [`TradeRow::filled_before`]
    pub filled_before: Lots,
    /// [`TradeRow::point`]
    pub point: Price,
    /// [`TradeRow::sent_at`]
    pub sent_at: Timestamp,
}

/// Appends the payload of a trade's row to `out`, in the form [`decode_trade_row`] reads.
pub fn encode_trade_row(
    head: &TradeHead<'_>,
    event: &TradeEvent,
    effects: &TradeEffects,
    trade: &Trade,
    out: &mut Vec<u8>,
) {
    let TradeHead { key, digest, part, symbol, counter, tally, filled_before, point, sent_at } = *head;
    let told = (filled_before, point, sent_at);
    let step = (event, effects, trade);
    record::write(SCHEMA, &(key, digest, part, symbol, counter, tally, told, step), out);
}

/// Reads the payload of a trade's row.
///
/// # Errors
/// When the bytes are not a row of this or an older schema.
pub fn decode_trade_row(bytes: &[u8]) -> Result<TradeRow, DecodeError> {
    record::read(SCHEMA, bytes)
}

/// Appends a step to `out`, in the form [`decode_trade_step`] reads.
pub fn encode_trade_step(event: &TradeEvent, effects: &TradeEffects, trade: &Trade, out: &mut Vec<u8>) {
    record::write(SCHEMA, &(event, effects, trade), out);
}

/// Reads a step.
///
/// # Errors
/// When the bytes are not a step of this or an older schema.
pub fn decode_trade_step(bytes: &[u8]) -> Result<TradeStep, DecodeError> {
    record::read(SCHEMA, bytes)
}

/// Appends a trade to `out`, in the form [`decode_trade`] reads.
pub fn encode_trade(trade: &Trade, out: &mut Vec<u8>) {
    record::write(SCHEMA, trade, out);
}

/// Reads a trade.
///
/// # Errors
/// When the bytes are not a trade of this or an older schema.
pub fn decode_trade(bytes: &[u8]) -> Result<Trade, DecodeError> {
    record::read(SCHEMA, bytes)
}

impl Trade {
    /// What is stored of a duplicate of this trade (TRD-4): an intent of its own, `FAILED` from the start. `ticket` is the
    /// order or position too many, where the trade server has one.
    #[must_use]
    pub fn duplicate(&self, magic: Magic, ticket: Option<Ticket>, now: Timestamp) -> Self {
        let mut twin = Self::new(Intent { magic, accepted_at: now, expires_at: now, ..*self.intent() });
        twin.phase = TradePhase::Ended(End::Duplicate.state(&twin.intent.goal), End::Duplicate);
        for timer in TradeTimer::ALL {
            twin.timers.disarm(timer);
        }
        if matches!(twin.intent.goal, Goal::Open(_)) {
            twin.held.order = ticket;
        }
        twin
    }
}

impl fmt::Display for End {
    /// A stable text: one word, and the number where there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::Done => "done",
            Self::AlreadyTrue => "already_true",
            Self::Closed => "closed",
            Self::Withdrawn => "withdrawn",
            Self::CancelledAtBroker => "cancelled_at_broker",
            Self::Expired => "expired",
            Self::Blocked => "blocked",
            Self::Forbidden => "forbidden",
            Self::NotOurs => "not_ours",
            Self::Invalid => "invalid",
            Self::Refused(code) => return write!(f, "refused {code}"),
            Self::RefusedByTerminal(code) => return write!(f, "refused_by_terminal {code}"),
            Self::NotExecuted => "not_executed",
            Self::NeverSent => "never_sent",
            Self::TimedOut => "timed_out",
            Self::Slipped => "slipped",
            Self::DecidedByPerson => "decided_by_person",
            Self::Duplicate => "duplicate",
        };
        f.write_str(word)
    }
}

#[cfg(test)]
mod tests {

    use warden_domain::TradeState;

    use super::*;
    use crate::{
        Params,
        trade::{TradeContext, step},
    };

    #[test]
    fn trd_7_a_row_is_read_back_as_it_was_written() {
        let (magic, now) = (Magic::new(1, 41).unwrap(), Timestamp::from_millis(1_700_000_000_000));
        let goal = Goal::Cancel { order: Ticket::of(7).unwrap() };
        let params = Params::default();
        let mut trade = Trade::new(Intent::new(magic, goal, now, None, &params));
        let mut effects = TradeEffects::default();
        let event = TradeEvent::Tick;
        let _ = step(&mut trade, &event, now, &TradeContext::default(), &params, &mut effects);
        let key = ClientTradeId::new("s-1").unwrap();
        let tally = Tally { slippages: 2, ..Tally::default() };
        let head = TradeHead {
            key: &key,
            digest: 7,
            part: 1,
            symbol: "EURUSD",
            counter: 41,
            tally,
            filled_before: Lots::ZERO,
            point: Price::from_units(1_000),
            sent_at: now,
        };
        let mut bytes = Vec::new();
        encode_trade_row(&head, &event, &effects, &trade, &mut bytes);
        let row = decode_trade_row(&bytes).unwrap();
        assert_eq!((row.key.as_str(), row.digest, row.part, row.symbol.as_str()), ("s-1", 7, 1, "EURUSD"));
        assert_eq!((row.counter, row.tally, row.filled_before), (41, tally, Lots::ZERO));
        assert_eq!((row.point, row.sent_at), (Price::from_units(1_000), now));
        assert_eq!(row.step, TradeStep { event, effects, trade });
        assert!(decode_trade_row(&bytes[..bytes.len() - 1]).is_err());
    }
    #[test]
    fn trd_4_a_duplicate_has_failed_from_the_start() {
        let (magic, twin) = (Magic::new(1, 1).unwrap(), Magic::new(1, 2).unwrap());
        let now = Timestamp::from_millis(1_700_000_000_000);
        let goal = Goal::Cancel { order: Ticket::of(7).unwrap() };
        let trade = Trade::new(Intent::new(magic, goal, now, None, &Params::default()));
        let twin = trade.duplicate(twin, None, now);
        assert_eq!((twin.state(), twin.end()), (TradeState::Failed, Some(End::Duplicate)));
        assert_eq!(twin.next_deadline(), None);
        assert_eq!(End::Refused(10_019).to_string(), "refused 10019");
    }
}
