//! Instances: what rests stays at rest, and nothing trades without a confirmed session.

use warden_domain::{Alert, Gate, Layer};
use warden_policy::{Command, Effect, Phase};

use crate::judge::{Member, StepRow, Verdict};

/// A stopped instance is left by a person alone, and nothing but the end of its session is asked of its gateway.
pub(crate) fn stopped_rests(member: &Member, row: &StepRow) -> Verdict {
    let stopped = |state: &warden_policy::Instance| matches!(state.phase(), Phase::Stopped { .. });
    let before = member.state.as_ref().is_some_and(stopped);
    let person = matches!(row.kind, "START" | "RESET");
    if before && !stopped(&row.step.state) && !person {
        return Err(format!("{} was stopped and went on by {}", row.instance, row.kind));
    }
    if !stopped(&row.step.state) {
        return Ok(());
    }
    for (_, effect) in row.step.effects.list() {
        if let Effect::Command { command, .. } = effect
            && *command != Command::EndSession
        {
            return Err(format!("{} is stopped and does {command:?}", row.instance));
        }
    }
    Ok(())
}

/// SES-1: the gate is open on a confirmed session only.
pub(crate) fn gate_needs_session(row: &StepRow) -> Verdict {
    let state = &row.step.state;
    let confirmed = state.health().is_up(Layer::SessionConfirmed);
    if state.gate() == Gate::Open && !(confirmed && state.phase() == Phase::Up) {
        return Err(format!(
            "{} trades in {:?}, session confirmed: {confirmed}",
            row.instance,
            state.phase()
        ));
    }
    if state.gate() == Gate::Open && state.alerts().contains(Alert::InstanceStopped) {
        return Err(format!("{} trades while it is stopped", row.instance));
    }
    Ok(())
}

/// TRD-7: what a person halted stays shut until a person lets it go on.
pub(crate) fn halt_holds(member: &Member, row: &StepRow) -> Verdict {
    let halted = member.halted && row.kind != "UNHALT";
    if halted && !matches!(row.step.state.gate(), Gate::Shut(_)) {
        return Err(format!("{} is halted, and its gate is {:?}", row.instance, row.step.state.gate()));
    }
    Ok(())
}
