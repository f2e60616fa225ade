use std::{future::Future, pin::Pin};

use warden_domain::{Epoch, InstanceId};

use crate::Refused;

/// The answer of an [`Admission`], when it is there.
pub type Admitted<'a> = Pin<Box<dyn Future<Output = Result<Epoch, Refused>> + Send + 'a>>;

/// Decides which instances this supervisor owns, before a gateway is told that they are served.
///
/// Functions from an instance and an epoch to an answer are admissions, for owners that need not wait:
///
/// ```
/// use warden_bridge::{Refused, server::Admission};
/// use warden_domain::{Epoch, InstanceId};
///
/// let everything = |_: &InstanceId, seen: Epoch| Ok::<_, Refused>(seen.next());
/// let admission: &dyn Admission = &everything;
/// # let _ = admission;
/// ```
pub trait Admission: Send + Sync {
    /// Becomes the owner of `instance`, under an epoch not lower than `highest_seen`; called once per announcement.
    ///
    /// An epoch lower than `highest_seen` is treated as [`Refused::StaleEpoch`].
    ///
    /// # Errors
    /// When the instance shall not be served now; the gateway is told why.
    fn admit<'a>(&'a self, instance: &'a InstanceId, highest_seen: Epoch) -> Admitted<'a>;
}

impl<F> Admission for F
where
    F: Fn(&InstanceId, Epoch) -> Result<Epoch, Refused> + Send + Sync,
{
    fn admit<'a>(&'a self, instance: &'a InstanceId, highest_seen: Epoch) -> Admitted<'a> {
        Box::pin(std::future::ready(self(instance, highest_seen)))
    }
}
