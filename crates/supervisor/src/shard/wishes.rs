//! What people wish (LOG-1, LOG-7, LOG-9, ACC-3, ACC-7).

use warden_domain::{InstanceId, Timestamp};
use warden_policy::Event;

use super::Shard;
use crate::{Wish, WishError};

impl Shard {
    pub(super) fn wish(
        &mut self,
        instance: &InstanceId,
        wish: Wish,
        now: Timestamp,
    ) -> Result<(), WishError> {
        let Some(&index) = self.index_of.get(instance) else {
            return Err(WishError::Unknown(instance.clone()));
        };
        let slot = &self.slots[index as usize];
        if !slot.is_ours() {
            return Err(WishError::Elsewhere(instance.clone()));
        }
        let event = match wish {
            Wish::Start => {
                slot.state.may_start()?;
                Event::Start
            }
            Wish::Reset => {
                slot.state.may_reset()?;
                Event::Reset
            }
            Wish::Stop(mode) => Event::Stop(mode),
            Wish::ConfirmClosure => Event::ConfirmClosure,
            Wish::CredentialsChanged => Event::CredentialsChanged,
            Wish::Halt => Event::Halt,
            Wish::Resume => Event::Unhalt,
        };
        self.step(index, &event, "", now);
        Ok(())
    }
}
