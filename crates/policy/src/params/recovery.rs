use warden_domain::Span;

use super::{Percent, element};

element! {
    /// Recovery of recovery (REC-1, REC-2) and the jitter of every delay.
    Recovery {
        /// REC-1: recoveries that did not last, more of which stop the instance.
        failed: u8 = 3,
        /// REC-1: how long a session must last before its recovery counts.
        healthy: Span = Span::from_secs(600),
        /// REC-2: the wait before a conflicting write is tried again.
        conflict_after: Span = Span::from_secs(5),
        /// REC-2: retries after which a conflict persists.
        conflict_attempts: u8 = 1,
        /// By how much a delay may be lengthened, in percent of it.
        jitter: Percent = Percent(10),
    }
}

impl Recovery {
    pub(super) fn faults(&self, _fault: &mut dyn FnMut(&str, &str)) {}
}
