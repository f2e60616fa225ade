use warden_domain::Span;

use super::element;

element! {
    /// The session confirmation and the deadlines of commands.
    Session {
        /// SES-1: how long a session confirmation may take.
        confirm_deadline: Span = Span::from_secs(10),
        /// How long a reconnect may take before it counts as failed.
        reconnect_deadline: Span = Span::from_secs(20),
        /// How long a terminal restart may take before it counts as failed.
        restart_deadline: Span = Span::from_secs(60),
    }
}

impl Session {
    pub(super) fn faults(&self, _fault: &mut dyn FnMut(&str, &str)) {}
}
