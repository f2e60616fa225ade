//! What people wish (LOG-1, LOG-7, LOG-9, ACC-3, ACC-7).

use warden_domain::{InstanceId, Timestamp};
use warden_policy::{Event, Refused};

use super::Shard;
use crate::Wish;

impl Shard {
    pub(super) fn wish(&mut self, instance: &InstanceId, wish: Wish, now: Timestamp) -> Result<(), Refused> {
        let Some(&index) = self.index_of.get(instance) else { return Ok(()) };
        let state = &self.slots[index as usize].state;
        let event = match wish {
            Wish::Start => {
                state.may_start()?;
                Event::Start
            }
            Wish::Reset => {
                state.may_reset()?;
                Event::Reset
            }
            Wish::Stop(mode) => Event::Stop(mode),
            Wish::ConfirmClosure => Event::ConfirmClosure,
            Wish::CredentialsChanged => Event::CredentialsChanged,
        };
        self.step(index, &event, "", now);
        Ok(())
    }
}
