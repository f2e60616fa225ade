//! TRD-4: a duplicate is stored `FAILED`, as a trade of its own that never was.

use warden_domain::{Lots, Magic, Price, Rule, Ticket, Timestamp, Version};
use warden_policy::trade::{TradeEffects, TradeEvent, TradeHead, encode_trade_row};
use warden_store::{Record, TradeMark};

use super::{Held, waits::Noted};
use crate::shard::Shard;

/// The kind of a duplicate's only row.
const DUPLICATE: &str = "DUPLICATE";

impl Shard {
    /// Stores a duplicate of this trade, in the same batch as the step that noticed it.
    pub(super) fn store_duplicate(
        &mut self,
        index: u32,
        magic: Magic,
        ticket: Option<Ticket>,
        now: Timestamp,
    ) {
        let slot = &mut self.slots[index as usize];
        let Ok(tag) = slot.trading.next_tag() else { return };
        let Some(held) = slot.trading.desk.trades.get(&magic) else { return };
        let twin = held.trade.duplicate(tag, ticket, now);
        let (tally, counter) = (slot.trading.tally, slot.trading.counter);
        let key = self.repeating.as_ref().unwrap_or(&held.key);
        let head = TradeHead {
            key: &key.id,
            digest: key.digest,
            part: held.part,
            symbol: &held.symbol,
            counter,
            tally,
            filled_before: Lots::ZERO,
            point: slot.trading.desk.symbols.get(&held.symbol).map_or(Price::ZERO, |symbol| symbol.point()),
            sent_at: Timestamp::from_millis(0),
        };
        let mut payload = Vec::with_capacity(512);
        encode_trade_row(&head, &TradeEvent::Repeated, &TradeEffects::default(), &twin, &mut payload);
        let version = Version(1);
        self.batch.records.push(Record {
            instance: slot.id.clone(),
            // An order too many has no key: the signal's own trade has it.
            trade: Some(TradeMark { magic: tag, ended: true, key: self.repeating.clone() }),
            epoch: slot.epoch,
            version,
            op: self.next_op,
            at: now,
            kind: DUPLICATE,
            rule: Rule::Trd4.as_str(),
            payload,
        });
        self.next_op = self.next_op.next();
        let twin = Held {
            trade: twin,
            key: key.clone(),
            part: held.part,
            symbol: held.symbol.clone(),
            version,
            shown: None,
            dirty: true,
            ticking: false,
            sent_at: Timestamp::from_millis(0),
            stepped_at: now,
            noted: Noted::ended(),
        };
        slot.trading.insert(twin);
        slot.trading.desk.unshown.insert(tag);
        self.batch.trades.push((index, tag));
    }
}
