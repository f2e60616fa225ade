//! Ticks, and which of them may start an attempt at a terminal (LOG-5, LOG-10).

use warden_domain::{InstanceId, Span, Timestamp};
use warden_policy::{Event, Timer};

use super::Shard;

/// How long an attempt waits before it asks again for a login lock that somebody else holds.
const LOCK_RETRY: Span = Span::from_secs(1);

impl Shard {
    /// Delivers the ticks of the deadlines that came up.
    pub(super) async fn tick(&mut self, due: &mut Vec<(Timestamp, u32)>, now: Timestamp) {
        let mut attempts = Vec::new();
        for (at, index) in due.drain(..) {
            let slot = &mut self.slots[index as usize];
            if slot.armed_at != at || !slot.is_ours() {
                continue;
            }
            slot.armed_at = Timestamp::MAX;
            match slot.state.attempt_due(now) {
                None => self.step(index, &Event::Tick { admitted: true }, "", now),
                Some(timer) => match self.may_start(index, timer, now) {
                    Ok(()) => attempts.push(index),
                    Err(later) => self.put_off(index, later, now),
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
        if timer == Timer::Login {
            let params = &self.shared.params.login;
            let server = &mut self.servers[self.slots[index as usize].server_index as usize];
            server.bucket.take(now, params.server_rate, params.server_burst)?;
        }
        Ok(())
    }

    /// LOG-10: an attempt starts under the instance's login lock.
    async fn start_attempts(&mut self, attempts: &[u32], now: Timestamp) {
        let ids: Vec<InstanceId> =
            attempts.iter().map(|index| self.slots[*index as usize].id.clone()).collect();
        let (owner, ttl) = (&self.shared.options.owner, self.shared.params.login.lock_ttl);
        match self.shared.hot.lock_login(&ids, owner, ttl).await {
            Ok(granted) => {
                for (index, granted) in attempts.iter().zip(granted) {
                    if granted {
                        self.slots[*index as usize].locked = true;
                        self.step(*index, &Event::Tick { admitted: true }, "", now);
                    } else {
                        self.put_off(*index, now.after(LOCK_RETRY), now);
                    }
                }
            }
            Err(fault) => {
                self.store_failed(&fault, now);
                for index in attempts {
                    self.put_off(*index, now.after(LOCK_RETRY), now);
                }
            }
        }
    }

    /// The attempt waits; whatever else is due happens now.
    fn put_off(&mut self, index: u32, until: Timestamp, now: Timestamp) {
        // Armed first, so that the attempt's own deadline, which has passed, is not armed again.
        self.slots[index as usize].armed_at = Timestamp::from_millis(i64::MIN);
        self.step(index, &Event::Tick { admitted: false }, "", now);
        self.slots[index as usize].armed_at = until;
        self.wheel.insert(until, index);
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
        if !ended.is_empty() {
            // A lock that cannot be given back runs out by itself.
            let _ = self.shared.hot.unlock_login(&ended, &self.shared.options.owner).await;
        }
    }
}
