//! Deadlines of trades in the shard's wheel: one entry for an instance, the earliest of all its trades and looks.

use warden_domain::{Span, Timestamp};

use crate::shard::Shard;

/// Marks an entry of the wheel as one of an instance's trades.
const TRADES: u32 = 1 << 31;

/// The instance whose trades an entry of the wheel is of; `None` for an entry of the instance itself.
pub(in crate::shard) const fn of_trades(key: u32) -> Option<u32> {
    if key & TRADES == 0 { None } else { Some(key & !TRADES) }
}

impl Shard {
    /// A deadline of the instance's trades came up.
    pub(in crate::shard) fn trades_due(&mut self, index: u32, at: Timestamp, now: Timestamp) {
        let trading = &mut self.slots[index as usize].trading;
        if trading.armed_at != at {
            return;
        }
        trading.armed_at = Timestamp::MAX;
        while let Some(magic) = self.slots[index as usize].trading.due_before(now) {
            self.tick_later(index, magic);
        }
        self.touch(index);
    }

    /// Sees to it that the wheel holds the next moment at which something of the trades is to be done.
    pub(super) fn rearm_trades(&mut self, index: u32, now: Timestamp) {
        let slot = &mut self.slots[index as usize];
        let trading = &slot.trading;
        let deadline = trading.desk.deadlines.first().map(|(at, _)| *at);
        let look = slot.can_look().then(|| trading.next_look()).flatten();
        let resolution = trading.next_resolution(now, &self.shared.params);
        let (watch, kept) = (trading.next_watch(), trading.next_kept());
        // What this turn could not do is tried in a later one, never in a loop.
        let soonest = now.after(Span::from_millis(1));
        let others = [look, resolution, watch, kept].into_iter().flatten().map(|at| at.max(soonest));
        let Some(next) = deadline.into_iter().chain(others).min() else { return };
        if next < slot.trading.armed_at {
            slot.trading.armed_at = next;
            self.wheel.insert(next, index | TRADES);
        }
    }
}
