//! NET-2: the terminal crashed.
//!
//! Status `FAILED`; restart within 30 s (`network.crash.restart_within`, `.waits`), at most 3 times
//! (`network.crash.attempts`), then stop. A terminal that still reports is never restarted, and none is while a send is
//! unresolved.

use thiserror::Error;
use warden_domain::{Facts, FailureReason, IncidentKind, Layer, Rule, Span, Timestamp};

use super::dropped;
use crate::{
    Command, Effects, Evidence, Instance, Notice, Outcome, Params, Phase, Timer, jitter::lengthened,
    login::attempt, recovery::stop, session::confirm, step,
};

/// Why a terminal must not be restarted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
enum Unsafe {
    #[error("the terminal still reports")]
    StillReports,
    #[error("a send is unresolved")]
    SendUnresolved,
}

fn may_restart(s: &Instance) -> Result<(), Unsafe> {
    if s.health.is_up(Layer::TerminalAlive) {
        return Err(Unsafe::StillReports);
    }
    if s.unresolved_sends > 0 {
        return Err(Unsafe::SendUnresolved);
    }
    Ok(())
}

/// The terminal process is gone, or does not answer its programming interface.
pub(crate) fn crashed(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    if s.phase == Phase::LoggingIn {
        attempt::uncounted(s);
    }
    s.forget_command();
    // A login that was planned keeps its moment: the restarted terminal is not asked to log in before it (LOG-2).
    s.timers.disarm(Timer::Reconnect);
    s.set_layer(Layer::TerminalAlive, false, now);
    s.set_layer(Layer::BrokerConnected, false, now);
    s.set_layer(Layer::LoggedIn, false, now);
    if dropped::open(s, IncidentKind::TerminalCrashed, Evidence::ProcessGone, now, params, fx) {
        plan(s, now, params, fx);
    }
}

/// Plans the next restart, or stops.
fn plan(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    let attempts = s.incidents.attempts(IncidentKind::TerminalCrashed);
    if attempts >= params.crash.attempts {
        return given_up(s, now, params, fx);
    }
    fx.decided(Rule::Net2);
    dropped::wait_until(s, IncidentKind::TerminalCrashed, now.after(wait(s, attempts, params)));
}

fn given_up(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    fx.notify(Rule::Net2, Notice::RestartGivenUp);
    stop::failed(s, Rule::Net2, FailureReason::TerminalCrashed, now, params, fx);
}

/// A restart has a deadline, which jitter must not pass.
pub(crate) fn wait(s: &Instance, attempts: u8, params: &Params) -> Span {
    let next = attempts.saturating_add(1);
    let wait = lengthened(params.crash.waits.after(next), params.recovery.jitter, s.seed, s.command.0);
    wait.min(params.crash.restart_within)
}

/// The restart's moment has come.
pub(crate) fn restart(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    if s.phase != Phase::Waiting(IncidentKind::TerminalCrashed) {
        return;
    }
    // Used up here only where the outcome of the last restart was lost (REC-4).
    if s.incidents.attempts(IncidentKind::TerminalCrashed) >= params.crash.attempts {
        return given_up(s, now, params, fx);
    }
    match may_restart(s) {
        Ok(()) => {
            s.incidents.count_attempt(IncidentKind::TerminalCrashed);
            s.phase = Phase::Recovering(IncidentKind::TerminalCrashed);
            let command = Command::Restart { force: false };
            s.ask(fx, Rule::Net2, command, params.session.restart_deadline, now, params);
        }
        // It lives after all: logging in, or asking for the session, is the attempt.
        Err(Unsafe::StillReports) => {
            s.incidents.count_attempt(IncidentKind::TerminalCrashed);
            if s.health.is_up(Layer::LoggedIn) {
                confirm::begin(s, now, params, fx);
            } else {
                attempt::due_now(s, Rule::Net2, now, params, fx);
            }
        }
        // The timer is held back while a send is unresolved; this is for a driver that ticks all the same.
        Err(Unsafe::SendUnresolved) => s.timers.arm(Timer::Restart, now),
    }
}

/// A restart ended.
pub(crate) fn ended(
    s: &mut Instance,
    outcome: Outcome,
    facts: &Facts,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    match outcome {
        Outcome::Done | Outcome::Session { .. } => {
            s.set_layer(Layer::TerminalAlive, true, now);
            attempt::due_now(s, Rule::Net2, now, params, fx);
        }
        Outcome::NotStarted => {
            s.incidents.uncount_attempt(IncidentKind::TerminalCrashed);
            let at = now.after(params.session.again_after);
            dropped::wait_until(s, IncidentKind::TerminalCrashed, at);
        }
        Outcome::Failed | Outcome::NoCredentials | Outcome::CredentialsUnavailable => {
            s.set_layer(Layer::TerminalAlive, false, now);
            refused_or_again(s, facts, now, params, fx);
        }
    }
}

/// A restart that met a refusal is the login rules' business; any other failure is one more failed restart.
fn refused_or_again(s: &mut Instance, facts: &Facts, now: Timestamp, params: &Params, fx: &mut Effects) {
    if facts.journal.is_some() || facts.retcode.is_some() {
        step::failed(s, facts, now, params, fx);
    } else {
        plan(s, now, params, fx);
    }
}

/// How many sends have an unknown outcome: a restart waits for them.
pub(crate) fn unresolved_sends(s: &mut Instance, count: u16, fx: &mut Effects) {
    if s.unresolved_sends != count {
        fx.decided(Rule::Net2);
        s.unresolved_sends = count;
    }
}
