//! Looks at what the hot-state store holds of resting instances (ACC-6): nobody else would before they change again.

use tracing::warn;
use warden_domain::InstanceId;
use warden_policy::{Event, StateEvent};
use warden_store::{HotError, Stored};

use super::{Shard, Slot, StoredAs};

impl Shard {
    /// Compares the stored states of the next so many instances with what was written.
    pub(super) async fn verify_some(&mut self, most: usize) -> Result<(), HotError> {
        let first = self.verify_from.min(self.slots.len());
        let last = (first + most).min(self.slots.len());
        self.verify_from = if last == self.slots.len() { 0 } else { last };
        let turn = (0_u32..).zip(&self.slots).skip(first).take(last - first);
        let at_rest: Vec<u32> = turn.filter(|(_, slot)| slot.is_written()).map(|(index, _)| index).collect();
        let ids: Vec<InstanceId> =
            at_rest.iter().map(|index| self.slots[*index as usize].id.clone()).collect();
        let found = self.shared.hot.load(&ids).await?;
        let mut to_restore = Vec::new();
        for (index, stored) in at_rest.into_iter().zip(found) {
            if self.found_wrong(index, stored) {
                to_restore.push(index);
            }
        }
        self.write(&to_restore).await
    }

    /// Whether keys were lost or changed by others, and are to be written again.
    fn found_wrong(&mut self, index: u32, stored: Stored) -> bool {
        let slot = &mut self.slots[index as usize];
        let (what, event) = match stored {
            Stored::State(snapshot, projection) if snapshot.version <= slot.version => {
                if snapshot.version == slot.version && projection == slot.projection() {
                    return false;
                }
                ("keys were changed by others", None)
            }
            Stored::Nothing => ("keys were lost", None),
            Stored::State(..) => ("the state moved under us", Some(StateEvent::Conflict)),
            Stored::Corrupt(_) => ("the state is unreadable", Some(StateEvent::Corrupted)),
        };
        warn!(instance = %slot.id, what, rule = "ACC-6", "what is stored is not what was written");
        match event {
            None => slot.stored = StoredAs::ToRestore,
            Some(event) => {
                slot.stored = StoredAs::Unsettled;
                self.follow_up(index, Event::State(event));
            }
        }
        event.is_none()
    }
}

impl Slot {
    /// Whether the store was told the present state, as far as is known.
    fn is_written(&self) -> bool {
        self.has_lease() && matches!(self.stored, StoredAs::Version(version, _) if version == self.version)
    }
}
