//! NET-3, in an instance: the hot-state store is lost, back, or given up.
//!
//! While it is lost the instance is journalled on and its gate is closed. Given up: the instance stops, or with
//! `network.state_store.exhausted = "degrade"` is watched on with its gate shut.

use warden_domain::{FailureReason, IncidentKind, Rule, Timestamp};

use crate::{
    Effects, Evidence, Instance, Notice, Params, Phase, StateStoreEvent, params::Exhausted, recovery::stop,
};

/// The driver says what became of the store.
pub(crate) fn happened(
    s: &mut Instance,
    event: StateStoreEvent,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    match event {
        StateStoreEvent::Lost { attempts } if !s.closure.is_final() => lost(s, attempts, now, fx),
        StateStoreEvent::Back => {
            if s.incidents.close(IncidentKind::StateStoreLost) || s.flags.degraded {
                fx.decided(Rule::Net3);
                s.flags.degraded = false;
            }
        }
        StateStoreEvent::Exhausted if !s.closure.is_final() => exhausted(s, now, params, fx),
        StateStoreEvent::Lost { .. } | StateStoreEvent::Exhausted => {}
    }
}

/// Recorded in every phase: an instance that is started meanwhile must know.
fn lost(s: &mut Instance, attempts: u8, now: Timestamp, fx: &mut Effects) {
    let known = s.incidents.get(IncidentKind::StateStoreLost).map(|incident| incident.attempt);
    if known != Some(attempts) {
        fx.decided(Rule::Net3);
        s.incidents.open(IncidentKind::StateStoreLost, now, Evidence::Store);
        s.incidents.set_attempts(IncidentKind::StateStoreLost, attempts);
    }
}

fn exhausted(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    lost(s, params.state_store.attempts, now, fx);
    if matches!(s.phase, Phase::Stopped { .. } | Phase::Closing(_)) {
        return;
    }
    match params.state_store.exhausted {
        Exhausted::Degrade if s.flags.degraded => {}
        Exhausted::Degrade => {
            s.flags.degraded = true;
            fx.notify(Rule::Net3, Notice::StateStoreGivenUp);
        }
        Exhausted::Stop => {
            fx.notify(Rule::Net3, Notice::StateStoreGivenUp);
            stop::failed(s, Rule::Net3, FailureReason::StateStoreLost, now, params, fx);
        }
    }
}
