//! Ticks, and which of them may start an attempt at a terminal (LOG-5, LOG-10).

use warden_domain::{InstanceId, Span, Timestamp};
use warden_policy::{Event, Timer};

use super::{Shard, trading::of_trades};

/// How long an attempt waits before it asks again for a login lock that somebody else holds.
const LOCK_RETRY: Span = Span::from_secs(1);

impl Shard {
    /// Delivers the ticks of the deadlines that came up.
    pub(super) async fn tick(&mut self, due: &mut Vec<(Timestamp, u32)>, now: Timestamp) {
        let mut attempts = Vec::new();
        for (at, index) in due.drain(..) {
            if let Some(index) = of_trades(index) {
                self.trades_due(index, at, now);
                continue;
            }
            let slot = &mut self.slots[index as usize];
            if slot.armed_at != at || !slot.is_ours() {
                continue;
            }
            slot.armed_at = Timestamp::MAX;
            match slot.state.attempt_due(now) {
                None => self.step(index, &Event::Tick { admitted: true }, "", now),
                Some(timer) if slot.waits(timer, now) => {
                    self.step(index, &Event::Tick { admitted: false }, "", now);
                }
                Some(timer) => match self.may_start(index, timer, now) {
                    Ok(()) => attempts.push((index, timer)),
                    Err(later) => self.put_off(index, timer, later, now),
                },
            }
        }
        if !attempts.is_empty() {
            self.start_attempts(&attempts, now).await;
        }
    }

    /// Whether the store answers and the trade server's bucket has a token; else when to ask again.
    fn may_start(&mut self, index: u32, timer: Timer, now: Timestamp) -> Result<(), Timestamp> {
        if let Some(next) = self.store.next_deadline() {
            return Err(next.max(now.after(Span::from_millis(1))));
        }
        let slot = &mut self.slots[index as usize];
        if timer == Timer::Login && !slot.token {
            self.servers[slot.server_index as usize].admit_login(now, &self.shared.params)?;
            slot.token = true;
        }
        Ok(())
    }

    /// LOG-10: an attempt starts under the instance's login lock.
    async fn start_attempts(&mut self, attempts: &[(u32, Timer)], asked_at: Timestamp) {
        let ids: Vec<InstanceId> =
            attempts.iter().map(|(index, _)| self.slots[*index as usize].id.clone()).collect();
        let (owner, ttl) = (&self.shared.options.owner, self.shared.params.login.lock_ttl);
        let granted = match self.shared.hot.lock_login(&ids, owner, ttl).await {
            Ok(granted) => granted,
            Err(fault) => {
                self.store_failed(&fault, asked_at);
                vec![false; attempts.len()]
            }
        };
        let now = self.now();
        for ((index, timer), granted) in attempts.iter().zip(granted) {
            if granted {
                let slot = &mut self.slots[*index as usize];
                slot.locked = true;
                slot.put_off = None;
                slot.token = false;
                self.step(*index, &Event::Tick { admitted: true }, "", now);
            } else {
                self.put_off(*index, *timer, now.after(LOCK_RETRY), now);
            }
        }
    }

    /// The attempt waits; whatever else is due happens now.
    fn put_off(&mut self, index: u32, attempt: Timer, until: Timestamp, now: Timestamp) {
        self.slots[index as usize].put_off = Some((attempt, until));
        self.step(index, &Event::Tick { admitted: false }, "", now);
    }

    /// Gives the locks of ended attempts back.
    pub(super) async fn unlock_logins(&mut self, stepped: &[u32]) {
        let mut ended = Vec::new();
        for index in stepped {
            let slot = &mut self.slots[*index as usize];
            if slot.locked && !slot.state.needs_login_lock() {
                slot.locked = false;
                ended.push(slot.id.clone());
            }
        }
        if !ended.is_empty() && self.store.next_deadline().is_none() {
            // A lock that cannot be given back runs out by itself.
            let _ = self.shared.hot.unlock_login(&ended, &self.shared.options.owner).await;
        }
    }
}
