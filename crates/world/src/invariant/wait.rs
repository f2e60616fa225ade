//! Deadlines: each is as far away as its rule says when it is set, is never brought forward, and nothing starts before it.

use warden_domain::{Alert, IncidentKind, Span, Timestamp};
use warden_policy::{
    Command, Effect, Event, Instance, Outcome, Params, Phase, Timer,
    trade::{Escalation, Trouble},
};

use crate::judge::{Member, StepRow, Verdict};

/// How far away a deadline may be set.
#[derive(Clone, Copy)]
struct Wait {
    rule: &'static str,
    least: Span,
    most: Span,
}

/// LOG-2, LOG-4, LOG-8, BRK-1, BRK-2, BRK-4, NET-1, NET-2, NET-4, NET-5, ACC-5 to ACC-7, REC-1, REC-2, TRD-2, TRD-3: a
/// deadline is neither nearer nor, but for jitter, farther away than its rule says.
pub(crate) fn set_as_ruled(member: &Member, row: &StepRow, params: &Params) -> Verdict {
    let before = member.state.as_ref();
    for timer in Timer::ALL {
        let Some(at) = due(&row.step.state, timer) else { continue };
        if before.and_then(|known| due(known, timer)) == Some(at) {
            continue;
        }
        let Some(wait) = Scene { before, row, params }.wait(timer) else { continue };
        if at < row.at.after(wait.least) || at > row.at.after(wait.most) {
            let Wait { rule, least, most } = wait;
            return Err(format!(
                "{}: {rule} sets {timer:?} at {} for {at}, which is not {least} to {most} away ({})",
                row.instance, row.at, row.kind
            ));
        }
    }
    Ok(())
}

/// LOG-2, BRK-1, BRK-4, NET-1, NET-2, NET-5, ACC-5: no attempt starts before its deadline.
pub(crate) fn attempts_are_due(member: &Member, row: &StepRow) -> Verdict {
    for (_, effect) in row.step.effects.list() {
        let Effect::Command { command, .. } = effect else { continue };
        let of: &[Timer] = match command {
            // A terminal that lives after all, and a broker whose maintenance is over, are logged in at once.
            Command::Login => &[Timer::Login, Timer::Restart, Timer::Maintenance],
            Command::Reconnect => &[Timer::Reconnect],
            Command::Restart { .. } => &[Timer::Restart],
            Command::Confirm | Command::CloseTrades(_) | Command::EndSession => continue,
        };
        let was_due = |timer: &Timer| {
            member.state.as_ref().and_then(|known| due(known, *timer)).is_some_and(|at| at <= row.at)
        };
        if !of.iter().any(was_due) {
            return Err(format!("{}: {command:?} at {} by {}, not due", row.instance, row.at, row.kind));
        }
    }
    Ok(())
}

/// LOG-2, LOG-4, BRK-2, REC-4: an attempt that is planned is brought forward by a person alone, or released (BRK-5).
pub(crate) fn none_is_brought_forward(member: &Member, row: &StepRow) -> Verdict {
    if matches!(row.kind, "START" | "RESET" | "RELEASE") {
        return Ok(());
    }
    let Some(before) = &member.state else { return Ok(()) };
    if member.at.is_some_and(|at| row.at < at) {
        // The clock was set back since: what another process planned is planned anew by this one's.
        return Ok(());
    }
    // While a session is confirmed that timer asks the terminal again; it is no attempt at the broker.
    let asks_again = before.phase() == Phase::Confirming && row.step.state.phase() != Phase::Confirming;
    for timer in [Timer::Login, Timer::Reconnect, Timer::Restart, Timer::RateLimitPause, Timer::Maintenance] {
        if asks_again && timer == Timer::Reconnect {
            continue;
        }
        let (known, now) = (due(before, timer), due(&row.step.state, timer));
        if let (Some(known), Some(now)) = (known, now)
            && now < known
        {
            return Err(format!("{}: {timer:?} was due at {known}, now at {now}", row.instance));
        }
    }
    Ok(())
}

/// REC-1: what did not last is counted, once; the count starts anew when a session has lasted, or by a person.
pub(crate) fn recoveries_are_counted(member: &Member, row: &StepRow) -> Verdict {
    let Some(before) = &member.state else { return Ok(()) };
    let (known, now) = (before.failed_recoveries(), row.step.state.failed_recoveries());
    let healthy = due(before, Timer::Healthy);
    let lasted = healthy.is_some_and(|at| at <= row.at);
    if now < known && !lasted && !matches!(row.kind, "START" | "RESET") {
        return Err(format!("{}: {known} failed recoveries are forgotten by {}", row.instance, row.kind));
    }
    let lost = LOSSES.into_iter().any(|kind| opened(Some(before), &row.step.state, kind));
    let counts = lost && healthy.is_some() && !lasted && row.kind != "RESUME";
    // Where it lasted just as long and is lost in one step, either is right.
    let right =
        if counts { now == known + 1 } else { now <= known || (healthy.is_some() && now == known + 1) };
    if !right {
        return Err(format!("{}: {now} failed recoveries after {known} by {}", row.instance, row.kind));
    }
    Ok(())
}

/// What takes a session down.
const LOSSES: [IncidentKind; 4] = [
    IncidentKind::NetworkLost,
    IncidentKind::BrokerDown,
    IncidentKind::TerminalCrashed,
    IncidentKind::PermissionsChanged,
];

fn due(state: &Instance, timer: Timer) -> Option<Timestamp> {
    state.timers().due_at(timer)
}

fn attempts(state: &Instance, kind: IncidentKind) -> u8 {
    state.incident(kind).map_or(0, |incident| incident.attempt)
}

fn opened(before: Option<&Instance>, after: &Instance, kind: IncidentKind) -> bool {
    after.incident(kind).is_some() && before.is_none_or(|known| known.incident(kind).is_none())
}

/// A row, and what was before it.
struct Scene<'a> {
    before: Option<&'a Instance>,
    row: &'a StepRow,
    params: &'a Params,
}

impl Scene<'_> {
    /// What the rules say of a deadline that the row sets; `None` where they leave it open.
    fn wait(&self, timer: Timer) -> Option<Wait> {
        let params = self.params;
        match timer {
            Timer::Login => self.login(),
            Timer::Reconnect => self.reconnect(),
            Timer::Restart => self.restart(),
            Timer::LoginCooldown => Some(exactly("LOG-4", params.login.cooldown)),
            Timer::ConnectionLost if self.row.kind == "RELEASE" => None,
            Timer::ConnectionLost => Some(exactly("NET-4", params.drop.alert_after)),
            Timer::RateLimitPause => {
                let limits = attempts(&self.row.step.state, IncidentKind::RateLimited);
                let doubled = params.rate_limit.pause.times(1 << u64::from(limits.saturating_sub(1)));
                Some(self.jittered("BRK-2", doubled.min(params.rate_limit.pause_cap)))
            }
            Timer::RateLimitQuiet => Some(exactly("BRK-2", params.rate_limit.quiet)),
            Timer::Maintenance => Some(self.jittered("BRK-4", params.maintenance.retry_after)),
            Timer::Rebuild => Some(exactly("ACC-6", params.corrupted.rebuild_within)),
            Timer::Conflict => Some(self.jittered("REC-2", params.recovery.conflict_after)),
            Timer::Healthy => Some(exactly("REC-1", params.recovery.healthy)),
            Timer::Close => Some(exactly("ACC-7", params.stop.close_within)),
            Timer::TradePause => self.trade_pause(),
            Timer::Command | Timer::Destruction => None,
        }
    }

    fn login(&self) -> Option<Wait> {
        let Self { before, row, params } = *self;
        let state = &row.step.state;
        if state.phase() != Phase::LoginDue {
            return None;
        }
        let count = |of: &Instance| attempts(of, IncidentKind::LoginFailed);
        let refused = count(state) > before.map_or(0, count);
        let was_logging_in = before.is_some_and(|known| known.phase() == Phase::LoggingIn);
        let first_loss = was_logging_in
            && opened(before, state, IncidentKind::NetworkLost)
            && before.is_some_and(|known| !LOSSES.into_iter().any(|kind| known.incident(kind).is_some()));
        let wait = if refused {
            self.jittered("LOG-2", params.login.waits.after(state.login_attempt_count()))
        } else if was_logging_in && self.row.kind == "RESUME" {
            self.jittered("REC-4", params.login.waits.after(state.login_attempt_count()))
        } else if first_loss {
            exactly("LOG-8", params.login.network_wait)
        } else {
            return None;
        };
        // A cool-down, a throttle, and what was planned before may end later.
        let planned = [Timer::Login, Timer::LoginCooldown].into_iter();
        let planned = planned.filter_map(|timer| due(before?, timer)).map(|at| at.since(row.at));
        let throttled = state.alerts().contains(Alert::RepeatedLoginFailure);
        let throttle = state.last_login_attempt().filter(|_| throttled);
        let throttle = throttle.map(|last| last.after(params.login.throttle_interval).since(row.at));
        let latest = planned.chain(throttle).fold(Span::ZERO, Span::max);
        Some(Wait { most: wait.most.max(latest), ..wait })
    }

    fn reconnect(&self) -> Option<Wait> {
        let Self { row, params, .. } = *self;
        let state = &row.step.state;
        if row.kind == "RELEASE" || due(state, Timer::RateLimitPause).is_some() {
            return None;
        }
        if self.was_not_started() {
            return Some(self.jittered("SES-1", params.session.again_after));
        }
        match state.phase() {
            Phase::Confirming => Some(self.jittered("SES-1", params.session.again_after)),
            Phase::Waiting(IncidentKind::BrokerDown) => {
                Some(self.jittered("BRK-1", params.down.reconnect_after))
            }
            Phase::Waiting(IncidentKind::PermissionsChanged) => {
                Some(self.jittered("ACC-5", params.permissions.reconnect_after))
            }
            Phase::Waiting(IncidentKind::NetworkLost) => {
                let tried = attempts(state, IncidentKind::NetworkLost);
                let wait = params.drop.waits.after(tried.saturating_add(1));
                if tried == 0 {
                    Some(within(self.jittered("NET-1", wait), params.drop.reconnect_within))
                } else {
                    Some(self.jittered("NET-5", wait))
                }
            }
            Phase::Waiting(_)
            | Phase::LoginDue
            | Phase::LoggingIn
            | Phase::Up
            | Phase::Recovering(_)
            | Phase::Closing(_)
            | Phase::Stopped { .. } => None,
        }
    }

    fn restart(&self) -> Option<Wait> {
        if self.was_not_started() {
            return Some(self.jittered("NET-2", self.params.session.again_after));
        }
        let tried = attempts(&self.row.step.state, IncidentKind::TerminalCrashed);
        let wait = self.params.crash.waits.after(tried.saturating_add(1));
        Some(within(self.jittered("NET-2", wait), self.params.crash.restart_within))
    }

    fn trade_pause(&self) -> Option<Wait> {
        let Event::Trade(Trouble { escalation: Escalation::Pause { until }, .. }) = self.row.step.event
        else {
            return None;
        };
        Some(exactly("TRD-2, TRD-3", until.since(self.row.at)))
    }

    fn was_not_started(&self) -> bool {
        matches!(self.row.step.event, Event::Finished { outcome: Outcome::NotStarted, .. })
    }

    fn jittered(&self, rule: &'static str, wait: Span) -> Wait {
        let longer = wait.as_millis().saturating_mul(u64::from(self.params.recovery.jitter.0)) / 100;
        Wait { rule, least: wait, most: Span::from_millis(wait.as_millis().saturating_add(longer)) }
    }
}

fn exactly(rule: &'static str, wait: Span) -> Wait {
    Wait { rule, least: wait, most: wait }
}

/// A deadline, which jitter does not pass.
fn within(wait: Wait, latest: Span) -> Wait {
    Wait { least: wait.least.min(latest), most: wait.most.min(latest), ..wait }
}

#[cfg(test)]
mod tests;
