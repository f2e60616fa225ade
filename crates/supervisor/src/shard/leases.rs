//! Leases: taken at the start, renewed a few at a time, given back at the end.

use tracing::warn;
use warden_domain::{Epoch, InstanceId, Timestamp};
use warden_store::HotError;

use super::Shard;

/// Leases renewed together at least.
const TOGETHER: usize = 64;
/// Turns in which all leases of a large shard are renewed once: no turn holds the write path up for long.
const TURNS: usize = 50;

impl Shard {
    /// Renews the leases whose turn it is.
    pub(super) async fn keep_leases(&mut self, now: Timestamp) {
        if now < self.renew_at {
            return;
        }
        let together = TOGETHER.max(self.slots.len() / TURNS);
        let turns = self.slots.len().div_ceil(together).max(1) as u64;
        let every = self.shared.options.lease_renew.as_millis() / turns;
        self.renew_at = now.after(warden_domain::Span::from_millis(every.max(1)));
        // While the store is lost, its return is what takes the leases again.
        if self.store.next_deadline().is_some() {
            return;
        }
        let first = self.renew_from.min(self.slots.len());
        let last = (first + together).min(self.slots.len());
        self.renew_from = if last == self.slots.len() { 0 } else { last };
        let turn = (0_u32..).zip(&self.slots).skip(first).take(last - first);
        let ours: Vec<u32> = turn.filter(|(_, slot)| slot.has_lease()).map(|(index, _)| index).collect();
        let kept = match self.renew(&ours).await {
            Ok(()) if self.renew_from == 0 => self.verify_some(TOGETHER).await,
            kept => kept,
        };
        if let Err(fault) = kept {
            self.store_failed(&fault, now);
        }
    }

    async fn renew(&mut self, ours: &[u32]) -> Result<(), HotError> {
        if ours.is_empty() {
            return Ok(());
        }
        let leases: Vec<_> = ours.iter().map(|index| self.lease(*index)).collect();
        let options = &self.shared.options;
        let kept = self.shared.hot.renew(&leases, &options.owner, options.lease_ttl).await?;
        let lost: Vec<u32> =
            ours.iter().zip(kept).filter(|(_, kept)| !kept).map(|(index, _)| *index).collect();
        if lost.is_empty() {
            return Ok(());
        }
        // A lease that ran out is taken again, unless another supervisor has it. Where the store forgot it, as one does
        // that was restarted empty, it forgot the state too.
        self.take_leases(&lost).await?;
        self.bring_up(&lost).await
    }

    /// Takes leases, or keeps them; what another supervisor owns is let go of.
    pub(super) async fn take_leases(&mut self, indices: &[u32]) -> Result<(), HotError> {
        let leases: Vec<_> = indices.iter().map(|index| self.lease(*index)).collect();
        let options = &self.shared.options;
        let taken = self.shared.hot.acquire(&leases, &options.owner, options.lease_ttl).await?;
        for (index, taken) in indices.iter().zip(taken) {
            if !taken {
                self.let_go(*index);
            }
        }
        Ok(())
    }

    /// Gives every lease back.
    pub(super) async fn release_leases(&self) {
        let leases: Vec<_> = self.ours().map(|index| self.lease(index)).collect();
        if let Err(fault) = self.shared.hot.release(&leases, &self.shared.options.owner).await {
            warn!(%fault, "leases were not released; they run out by themselves");
        }
    }

    /// The instances that are ours and have hot state.
    pub(super) fn ours(&self) -> impl Iterator<Item = u32> + '_ {
        (0_u32..).zip(&self.slots).filter(|(_, slot)| slot.has_lease()).map(|(index, _)| index)
    }

    fn lease(&self, index: u32) -> (InstanceId, Epoch) {
        let slot = &self.slots[index as usize];
        (slot.id.clone(), slot.epoch)
    }
}
