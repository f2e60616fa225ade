use warden_domain::{Span, StopMode};

use super::element;

element! {
    /// Changed permissions (ACC-5).
    Permissions {
        /// ACC-5: the wait before the one reconnect.
        reconnect_after: Span = Span::from_secs(60),
        /// ACC-5: reconnects after which the instance stops.
        attempts: u8 = 1,
    }
}

element! {
    /// Corrupted stored state (ACC-6).
    Corrupted {
        /// ACC-6: a rebuild ends within this time.
        rebuild_within: Span = Span::from_secs(5),
    }
}

element! {
    /// Disabled and closed accounts (ACC-1 to ACC-3).
    Closure {
        /// ACC-3: proofs that confirm it.
        proofs: u8 = 2,
        /// ACC-3: the least time between two proofs.
        proof_interval: Span = Span::from_secs(60),
        /// ACC-3: the wait before a failed step of the destruction is tried again.
        retry_after: Span = Span::from_secs(5),
    }
}

element! {
    /// Stops by a user (ACC-7).
    UserStop {
        /// ACC-7: what a stop does with open trades when it does not say: `close`, `preserve` or `cancel_pending`.
        mode: StopMode = StopMode::Close,
        /// ACC-7: how long closing trades may take.
        close_within: Span = Span::from_secs(30),
    }
}

impl Permissions {
    pub(super) fn faults(&self, _fault: &mut dyn FnMut(&str, &str)) {}
}

impl Corrupted {
    pub(super) fn faults(&self, _fault: &mut dyn FnMut(&str, &str)) {}
}

impl Closure {
    pub(super) fn faults(&self, fault: &mut dyn FnMut(&str, &str)) {
        if self.proofs < 2 {
            fault("proofs", "is less than two; credentials are destroyed on two independent proofs at least");
        }
    }
}

impl UserStop {
    pub(super) fn faults(&self, _fault: &mut dyn FnMut(&str, &str)) {}
}
