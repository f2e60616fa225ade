use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use warden_bridge::{
    Refused,
    server::{Admission, Admitted},
};
use warden_domain::{Epoch, InstanceId};

/// Which instances this supervisor owns, and at which epoch; the bridge asks before it serves a gateway.
#[derive(Debug, Default)]
pub struct Ownership(RwLock<HashMap<InstanceId, Epoch>>);

impl Ownership {
    /// The epoch at which the instance is ours; `None` when it is not.
    #[must_use]
    pub fn epoch(&self, instance: &InstanceId) -> Option<Epoch> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(instance).copied()
    }

    pub(crate) fn own(&self, instance: InstanceId, epoch: Epoch) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(instance, epoch);
    }

    pub(crate) fn let_go(&self, instance: &InstanceId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(instance);
    }
}

impl Admission for Ownership {
    fn admit<'a>(&'a self, instance: &'a InstanceId, highest_seen: Epoch) -> Admitted<'a> {
        let admitted = match self.epoch(instance) {
            Some(epoch) if epoch >= highest_seen => Ok(epoch),
            Some(_) => Err(Refused::StaleEpoch),
            None => Err(Refused::UnknownInstance),
        };
        Box::pin(std::future::ready(admitted))
    }
}
