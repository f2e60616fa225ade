//! BRK-2, BRK-3: the broker refuses requests that come too often.
//!
//! Trading pauses 60 s (`broker.rate_limit.pause`), doubling on each consecutive limit up to 15 min; the third stops
//! the instance. Ten quiet minutes after a pause start the count anew. What counts as a limit: retcode 10024 always,
//! 10008 only without a ticket (`broker.rate_limit.placed_code`). A limit inside a pause is the same limit.

use warden_domain::{Facts, FailureReason, IncidentKind, Rule, Span, Timestamp, retcode::Retcode};

use crate::{
    Effects, Evidence, Instance, Notice, Params, Phase, Timer, jitter::lengthened, login::attempt,
    network::dropped, recovery::stop,
};

/// A call was refused as too frequent.
pub(crate) fn hit(s: &mut Instance, facts: &Facts, now: Timestamp, params: &Params, fx: &mut Effects) {
    match s.phase {
        Phase::LoggingIn => attempt::uncounted(s),
        Phase::Recovering(kind) => s.incidents.uncount_attempt(kind),
        Phase::Closing(_) => return,
        Phase::Stopped { .. } | Phase::LoginDue | Phase::Confirming | Phase::Up | Phase::Waiting(_) => {}
    }
    if !s.timers.is_armed(Timer::RateLimitPause) {
        s.rate_limits = s.rate_limits.saturating_add(1);
        s.last_failure = FailureReason::RateLimited;
        fx.decided(if facts.retcode == Some(Retcode::PLACED.number()) { Rule::Brk3 } else { Rule::Brk2 });
        s.incidents.open(IncidentKind::RateLimited, now, Evidence::of(facts));
        s.incidents.set_attempts(IncidentKind::RateLimited, s.rate_limits);
        if s.rate_limits >= params.rate_limit.stop_after {
            fx.notify(Rule::Brk2, Notice::RateLimitStopped);
            return stop::failed(s, Rule::Brk2, FailureReason::RateLimited, now, params, fx);
        }
        let pause = lengthened(pause(s.rate_limits, params), params.recovery.jitter, s.seed, s.command.0);
        s.timers.arm(Timer::RateLimitPause, now.after(pause));
        s.timers.disarm(Timer::RateLimitQuiet);
    }
    resume_after_pause(s, now, params, fx);
}

fn pause(limits: u8, params: &Params) -> Span {
    let doubled = params.rate_limit.pause.times(1 << u32::from(limits.saturating_sub(1)).min(40));
    doubled.min(params.rate_limit.pause_cap)
}

/// An attempt that met the limit, or is planned for before it ends, is made when the pause is over; a session that is
/// up stays up.
fn resume_after_pause(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    let end = s.timers.due_at(Timer::RateLimitPause).unwrap_or(now);
    match s.phase {
        Phase::LoggingIn | Phase::Confirming => {
            attempt::due_at(s, Rule::Brk2, end, now, params, fx);
        }
        Phase::Recovering(kind) => {
            fx.decided(Rule::Brk2);
            dropped::wait_until(s, kind, end);
        }
        Phase::LoginDue => no_earlier(s, Timer::Login, end, fx),
        Phase::Waiting(_) => no_earlier(s, Timer::Reconnect, end, fx),
        Phase::Stopped { .. } | Phase::Up | Phase::Closing(_) => {}
    }
}

fn no_earlier(s: &mut Instance, timer: Timer, end: Timestamp, fx: &mut Effects) {
    if s.timers.due_at(timer).is_some_and(|at| at < end) {
        fx.decided(Rule::Brk2);
        s.timers.arm(timer, end);
    }
}

/// The pause is over: trading resumes, the count stays until it was quiet for long enough.
pub(crate) fn pause_over(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    fx.decided(Rule::Brk2);
    s.incidents.close(IncidentKind::RateLimited);
    s.timers.arm(Timer::RateLimitQuiet, now.after(params.rate_limit.quiet));
}

/// It was quiet for long enough.
pub(crate) fn quiet(s: &mut Instance, fx: &mut Effects) {
    fx.decided(Rule::Brk2);
    s.rate_limits = 0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brk_2_the_pause_doubles_up_to_its_cap() {
        let params = Params::default();
        let pauses: Vec<u64> = (1..=6).map(|n| pause(n, &params).as_millis() / 1_000).collect();
        assert_eq!(pauses, [60, 120, 240, 480, 900, 900]);
        assert_eq!(pause(u8::MAX, &params), params.rate_limit.pause_cap);
    }
}
