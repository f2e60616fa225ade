//! Trades in the hot-state store: shown after they are durable, and shown again when the store was lost (NET-3).

use std::sync::{Arc, atomic::Ordering};

use tracing::warn;
use warden_domain::{Magic, Timestamp, Version};
use warden_policy::trade::Goal;
use warden_store::{HotError, TradeProjection, TradeShown, TradeUpdate, TradeWrite};

use super::{Held, Trading};
use crate::shard::Shard;

/// Trades shown in one call at most.
const TOGETHER: usize = 4_096;

impl Shard {
    /// Shows the trades of this batch.
    pub(in crate::shard) async fn show_batch(&mut self, now: Timestamp) {
        let trades = std::mem::take(&mut self.batch.trades);
        if self.store.next_deadline().is_none()
            && let Err(fault) = self.show(&trades).await
        {
            self.store_failed(&fault, now);
        }
        self.batch.trades = trades;
    }

    /// Shows every trade that the store lacks, of these instances.
    pub(in crate::shard) async fn show_lacking(&mut self, indices: &[u32]) -> Result<(), HotError> {
        for index in indices {
            let unshown = self.slots[*index as usize].trading.desk.unshown.iter();
            let lacking: Vec<(u32, Magic)> = unshown.map(|magic| (*index, *magic)).collect();
            for part in lacking.chunks(TOGETHER) {
                self.show(part).await?;
            }
            self.forget_shown(*index);
        }
        Ok(())
    }

    async fn show(&mut self, trades: &[(u32, Magic)]) -> Result<(), HotError> {
        let (mut shown, mut updates) = (Vec::with_capacity(trades.len()), Vec::with_capacity(trades.len()));
        for (index, magic) in trades {
            let slot = &mut self.slots[*index as usize];
            if !slot.is_ours() {
                continue;
            }
            if slot.state.hot_state_removed() {
                slot.trading.shows_no_more(*magic);
                continue;
            }
            if let Some(held) = slot.trading.held_mut(*magic) {
                // What is stored is not known until this is answered.
                let previous = held.shown.take();
                let trade = projection(*magic, held);
                let (instance, epoch, version) = (slot.id.clone(), slot.epoch, held.version);
                updates.push(TradeUpdate { instance, epoch, version, trade, previous });
                shown.push((*index, *magic));
            }
        }
        if updates.is_empty() {
            return Ok(());
        }
        let answers = self.shared.hot.show_trades(&updates).await?;
        for (((index, magic), update), answer) in shown.into_iter().zip(updates).zip(answers) {
            self.shown(index, magic, update, answer);
        }
        Ok(())
    }

    fn shown(&mut self, index: u32, magic: Magic, update: TradeUpdate, answer: TradeWrite) {
        let TradeUpdate { version, trade, .. } = update;
        let slot = &mut self.slots[index as usize];
        match answer {
            TradeWrite::Written => {
                self.shared.stats.hot_writes.fetch_add(1, Ordering::Relaxed);
                slot.trading.is_shown(magic, TradeShown { version, trade });
            }
            TradeWrite::Ahead { stored } => {
                warn!(instance = %slot.id, magic = magic.number(), %stored, ours = %version, rule = "REC-2", "a stored trade is newer than ours; ours goes on above it");
                slot.trading.raise_version(magic, stored);
            }
            TradeWrite::Fenced { .. } => self.let_go(index),
        }
    }

    /// What was told and shown of trades that ended leaves memory.
    pub(in crate::shard) fn forget_told(&mut self) {
        for (index, magic) in std::mem::take(&mut self.batch.trades) {
            let trading = &mut self.slots[index as usize].trading;
            if let Some(held) = trading.held_mut(magic) {
                held.dirty = false;
                if held.trade.end().is_some() && !trading.desk.unshown.contains(&magic) {
                    trading.forget(magic);
                }
            }
        }
    }

    fn forget_shown(&mut self, index: u32) {
        let trading = &mut self.slots[index as usize].trading;
        let is_over = |magic: Magic, held: &Held| {
            held.trade.end().is_some() && !held.dirty && !trading.desk.unshown.contains(&magic)
        };
        let over: Vec<Magic> = trading
            .desk
            .trades
            .iter()
            .filter(|(magic, held)| is_over(**magic, held))
            .map(|(magic, _)| *magic)
            .collect();
        for magic in over {
            trading.forget(magic);
        }
    }
}

impl Trading {
    /// The store lost what it had, or may have: everything is shown again.
    pub(in crate::shard) fn show_all_again(&mut self) {
        if let Some(desk) = self.desk.known() {
            desk.unshown.extend(desk.trades.keys());
        }
    }

    fn is_shown(&mut self, magic: Magic, shown: TradeShown) {
        let Some(desk) = self.desk.known() else { return };
        let held = desk.trades.get_mut(&magic);
        if held.as_ref().is_none_or(|held| held.version == shown.version) {
            desk.unshown.remove(&magic);
        }
        if let Some(held) = held {
            held.shown = Some(Box::new(shown));
        }
    }

    /// What is stored is of a journal that lost its tail: the next step is shown above it.
    fn raise_version(&mut self, magic: Magic, stored: Version) {
        if let Some(held) = self.held_mut(magic) {
            held.version = held.version.max(stored);
        }
        self.shows_no_more(magic);
    }

    /// It is not to be shown any more.
    fn shows_no_more(&mut self, magic: Magic) {
        if let Some(desk) = self.desk.known() {
            desk.unshown.remove(&magic);
        }
    }
}

fn projection(magic: Magic, held: &Held) -> TradeProjection {
    let trade = &held.trade;
    let (intent, holdings) = (trade.intent(), trade.holdings());
    let opening = intent.opening();
    TradeProjection {
        tag: magic,
        key: held.key.id.clone(),
        state: trade.state(),
        reason: trade.end().map_or_else(String::new, |end| end.to_string()),
        symbol: Arc::clone(&held.symbol),
        goal: match intent.goal {
            Goal::Open(_) => "OPEN",
            Goal::Protect { .. } => "PROTECT",
            Goal::Move { .. } => "MOVE",
            Goal::Close { .. } => "CLOSE",
            Goal::Cancel { .. } => "CANCEL",
        },
        side: opening.map(|opening| opening.side),
        kind: opening.map(|opening| opening.kind),
        volume: trade.volume(),
        filled: holdings.filled,
        closed: holdings.closed,
        price: (holdings.filled > warden_domain::Lots::ZERO).then_some(holdings.price),
        stop_loss: trade.protection().stop_loss,
        take_profit: trade.protection().take_profit,
        ticket: holdings.order,
        position: holdings.position,
        attempt: trade.attempt().0,
        accepted_at: intent.accepted_at,
        expires_at: intent.expires_at,
        updated_at: held.stepped_at,
    }
}
