use serde::{Deserialize, Serialize};

use super::{Trade, TradeEffects, TradeEvent};
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
