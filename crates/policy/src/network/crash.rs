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
    s.timers.disarm(Timer::Login);
    s.timers.disarm(Timer::Reconnect);
    s.set_layer(Layer::TerminalAlive, false, now);
    s.set_layer(Layer::BrokerConnected, false, now);
    s.set_layer(Layer::LoggedIn, false, now);
    dropped::open(s, IncidentKind::TerminalCrashed, Evidence::ProcessGone, now, params, fx);
    plan(s, now, params, fx);
}

/// Plans the next restart, or stops.
fn plan(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    if matches!(s.phase, Phase::Stopped { .. }) {
        return;
    }
    let attempts = s.incidents.attempts(IncidentKind::TerminalCrashed);
    if attempts >= params.crash.attempts {
        fx.notify(Rule::Net2, Notice::RestartGivenUp);
        return stop::failed(s, Rule::Net2, FailureReason::TerminalCrashed, now, params, fx);
    }
    fx.decided(Rule::Net2);
    s.phase = Phase::Waiting(IncidentKind::TerminalCrashed);
    s.timers.arm(Timer::Restart, now.after(wait(s, attempts, params)));
}

/// A restart has a deadline, which jitter must not pass.
fn wait(s: &Instance, attempts: u8, params: &Params) -> Span {
    let wait =
        lengthened(params.crash.waits.after(attempts + 1), params.recovery.jitter, s.seed, s.command.0);
    wait.min(params.crash.restart_within)
}

/// The restart's moment has come.
pub(crate) fn restart(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    if s.phase != Phase::Waiting(IncidentKind::TerminalCrashed) {
        return;
    }
    match may_restart(s) {
        Ok(()) => {
            s.incidents.count_attempt(IncidentKind::TerminalCrashed);
            s.phase = Phase::Recovering(IncidentKind::TerminalCrashed);
            let deadline = now.after(params.session.restart_deadline);
            s.ask(fx, Rule::Net2, Command::Restart { force: false }, deadline);
        }
        Err(Unsafe::StillReports) if s.health.is_up(Layer::LoggedIn) => confirm::begin(s, now, params, fx),
        Err(Unsafe::StillReports) => attempt::due_now(s, Rule::Net2, now, fx),
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
            attempt::due_now(s, Rule::Net2, now, fx);
        }
        Outcome::NotStarted => {
            let attempts = s.incidents.attempts(IncidentKind::TerminalCrashed).saturating_sub(1);
            s.incidents.set_attempts(IncidentKind::TerminalCrashed, attempts);
            dropped::wait_until(s, IncidentKind::TerminalCrashed, now);
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
