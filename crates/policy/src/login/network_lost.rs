//! LOG-8: the network is lost during a login.
//!
//! Wait 10 s (`login.network_wait`), then try again; nothing was refused, so nothing is counted. When the second login
//! is lost too, it is a lost connection like any other (NET-5).

use warden_domain::{IncidentKind, Rule, Timestamp};

use super::attempt;
use crate::{Effects, Evidence, Instance, Params, Phase, account::disabled, network::dropped};

/// A command failed without an answer from the broker.
pub(crate) fn lost(s: &mut Instance, evidence: Evidence, now: Timestamp, params: &Params, fx: &mut Effects) {
    if s.phase == Phase::LoggingIn && first_loss_of_a_login(s, evidence, now, params, fx) {
        return;
    }
    dropped::attempt_failed(s, evidence, now, params, fx);
}

/// The first loss of a login waits and tries again; answers whether this was one.
pub(crate) fn first_loss_of_a_login(
    s: &mut Instance,
    evidence: Evidence,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) -> bool {
    attempt::uncounted(s);
    if s.closure.is_suspected() {
        disabled::probe_later(s, now, params, fx);
        return true;
    }
    let first = !dropped::is_session_lost(s);
    if first {
        let at = now.after(params.login.network_wait);
        if dropped::open(s, IncidentKind::NetworkLost, evidence, now, params, fx) {
            attempt::due_at(s, Rule::Log8, at, now, params, fx);
        }
    }
    first
}
