use warden_domain::Span;

use super::element;

element! {
    /// The session confirmation and the deadlines of commands.
    Session {
        /// How late the gateway may start a command; more than its clock may differ from ours.
        start_within: Span = Span::from_secs(10),
        /// How long a command that was not started, or a session that is not yet reconciled, waits to be tried again.
        again_after: Span = Span::from_secs(1),
        /// SES-1: how long a session confirmation may take.
        confirm_deadline: Span = Span::from_secs(10),
        /// How long a reconnect may take before its outcome counts as unknown.
        reconnect_deadline: Span = Span::from_secs(20),
        /// How long a terminal restart may take before its outcome counts as unknown.
        restart_deadline: Span = Span::from_secs(60),
    }
}

impl Session {
    pub(super) fn faults(&self, _fault: &mut dyn FnMut(&str, &str)) {}
}
