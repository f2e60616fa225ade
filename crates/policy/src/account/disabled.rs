//! ACC-1, ACC-2, ACC-4: the account is disabled or closed.
//!
//! The first proof stops the instance at once: the gate shuts, the session ends, people are told and offered to add a
//! new account. Proofs are at least 60 s apart (`account.closure.proof_interval`); the second confirms
//! (`account.closure.proofs`) and the staged destruction begins (ACC-3). A login that succeeds disproves it.
//!
//! `Account disabled` proves a disabled account. `Invalid account` proves a closed one only where the same credentials
//! logged in before; otherwise they are just wrong (LOG-9).

use warden_domain::{Facts, IncidentKind, Layer, Rule, Timestamp};

use super::destruction::{self, Closure};
use crate::{
    Effects, Evidence, Instance, Notice, Params, Phase, Timer,
    login::attempt,
    network::dropped,
    recovery::{lasting, stop},
};

/// The broker said that the account is disabled, or that it does not exist any more.
pub(crate) fn proof(
    s: &mut Instance,
    kind: IncidentKind,
    facts: &Facts,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    let rule = if kind == IncidentKind::AccountClosed { Rule::Acc2 } else { Rule::Acc1 };
    if s.phase == Phase::LoggingIn {
        // What is refused here is the account, not the password.
        attempt::uncounted(s);
    }
    match s.closure {
        Closure::None => first(s, kind, rule, facts, now, params, fx),
        Closure::Suspected { proofs, last_at } => {
            if now.since(last_at) < params.closure.proof_interval {
                return probe_later(s, now, params, fx);
            }
            let proofs = proofs.saturating_add(1);
            if proofs >= params.closure.proofs {
                return destruction::begin(s, rule, now, params, fx);
            }
            fx.decided(rule);
            s.closure = Closure::Suspected { proofs, last_at: now };
            probe_later(s, now, params, fx);
        }
        Closure::Revoking | Closure::RemovingHotState | Closure::Deleting | Closure::Done => {}
    }
}

fn first(
    s: &mut Instance,
    kind: IncidentKind,
    rule: Rule,
    facts: &Facts,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    s.incidents.open(kind, now, Evidence::of(facts));
    s.closure = Closure::Suspected { proofs: 1, last_at: now };
    s.login_failure = kind.reason();
    s.last_failure = kind.reason();
    s.forget_command();
    for timer in [Timer::Login, Timer::Reconnect, Timer::Restart, Timer::Maintenance] {
        s.timers.disarm(timer);
    }
    s.set_layer(Layer::SessionConfirmed, false, now);
    dropped::unwatch(s);
    lasting::interrupted(s);
    stop::end_session(s, rule, now, params, fx);
    let notice =
        if kind == IncidentKind::AccountClosed { Notice::AccountClosed } else { Notice::AccountDisabled };
    fx.notify(rule, notice);
    probe_later(s, now, params, fx);
}

/// Plans the login that is to prove or disprove it.
pub(crate) fn probe_later(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    let Closure::Suspected { last_at, .. } = s.closure else { return };
    fx.decided(Rule::Acc3);
    s.forget_command();
    let closed = s.incidents.is_open(IncidentKind::AccountClosed);
    s.phase =
        Phase::Waiting(if closed { IncidentKind::AccountClosed } else { IncidentKind::AccountDisabled });
    let interval = params.closure.proof_interval;
    let proof = last_at.after(interval);
    s.timers.arm(Timer::Login, if proof > now { proof } else { now.after(interval) });
}
