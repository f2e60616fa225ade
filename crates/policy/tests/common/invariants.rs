//! What holds after every step, whatever came.

use warden_domain::{Alert, Desired, FailureReason, Gate, IncidentKind, Layer, Status};
use warden_policy::{
    Absorbing, Command, Effect, Event, Instance, Notice, Params, Phase, Stepped, StoreAction, Timer,
    account::Closure, decode_state, decode_step, encode_state, encode_step,
};

use super::Bench;

/// Checks one step of a bench: `before` is its state before the event.
pub(crate) fn check(before: &Instance, event: &Event, stepped: Stepped, bench: &Bench) {
    let after = &bench.state;
    let seen = || format!("{event:?}\nbefore {before:?}\nafter {after:?}\neffects {:?}", bench.fx.list());
    let same = before == after && bench.fx.list().is_empty();
    assert_eq!(stepped == Stepped::Unchanged, same, "says {stepped:?}: {}", seen());
    commands(before, event, bench, &seen);
    gate(after, &seen);
    halts(before, event, bench, &seen);
    never_stuck(after, &seen);
    resting(bench, &seen);
    absorbing(before, event, bench, &seen);
    within_limits(after, &bench.params, &seen);
    ends_by_itself(after, &seen);
    if *event == Event::Resume {
        budgets_are_kept(before, after, &seen);
    }
    stored_form(event, bench, &seen);
}

type Seen<'a> = &'a dyn Fn() -> String;

fn commands(before: &Instance, event: &Event, bench: &Bench, seen: Seen<'_>) {
    let most = if matches!(event, Event::Tick { .. }) { 8 } else { 4 };
    assert!(bench.fx.list().len() <= most, "too many effects: {}", seen());
    let mut last = None;
    let mut awaited = 0;
    for (_, effect) in bench.fx.list() {
        if let Effect::Command { id, command, deadline } = effect {
            assert!(last.is_none_or(|last| last < id.0), "ids rise: {}", seen());
            assert_eq!(*deadline, bench.now.after(bench.params.session.start_within), "{}", seen());
            last = Some(id.0);
            awaited += u32::from(*command != Command::EndSession);
            if *command != Command::EndSession {
                assert_eq!(bench.state.awaited(), Some(*id), "it is awaited: {}", seen());
            }
        }
    }
    assert!(awaited <= 1, "two commands at once: {}", seen());
    // While a command is under way only a person's wish sends another one beside it.
    if before.awaited().is_some() && before.awaited() == bench.state.awaited() {
        assert_eq!(awaited, 0, "a second command: {}", seen());
    }
    if let (Event::Finished { id, .. }, awaited) = (event, before.awaited()) {
        assert!(awaited == Some(*id) || before == &bench.state, "a stale outcome did something: {}", seen());
    }
}

fn gate(after: &Instance, seen: Seen<'_>) {
    let confirmed = after.health().is_up(Layer::SessionConfirmed);
    if after.gate() == Gate::Open {
        assert!(after.phase() == Phase::Up && confirmed, "open on no confirmed session: {}", seen());
    }
    if after.phase() == Phase::Up {
        assert!(confirmed && after.health().is_up(Layer::GatewayAlive), "{}", seen());
    }
    if confirmed {
        assert!(matches!(after.phase(), Phase::Up | Phase::Closing(_)), "{}", seen());
    }
}

/// Only a person halts and lets go on; while halted the gate is shut, and nothing is asked of the gateway that makes
/// orders leave (TRD-7).
fn halts(before: &Instance, event: &Event, bench: &Bench, seen: Seen<'_>) {
    let after = &bench.state;
    let is_halted = match event {
        Event::Halt => true,
        Event::Unhalt => false,
        Event::Start
        | Event::Resume
        | Event::Stop(_)
        | Event::Reset
        | Event::CredentialsChanged
        | Event::ConfirmClosure
        | Event::GatewayUp(_)
        | Event::GatewayDown
        | Event::Report(_)
        | Event::Finished { .. }
        | Event::Tick { .. }
        | Event::Hold
        | Event::Release { .. }
        | Event::StateStore(_)
        | Event::State(_)
        | Event::StoreDone(..)
        | Event::UnresolvedSends(_)
        | Event::Trade(_)
        | Event::Absorbed { .. } => before.is_halted(),
    };
    assert_eq!(after.is_halted(), is_halted, "{}", seen());
    if !is_halted {
        return;
    }
    assert!(matches!(after.gate(), Gate::Shut(_)), "{}", seen());
    for (_, effect) in bench.fx.list() {
        if let Effect::Command { command, .. } = effect {
            assert!(!matches!(command, Command::CloseTrades(_)), "orders leave: {}", seen());
        }
    }
}

/// Whatever is not at rest has a command under way or a deadline for the next thing to do.
fn never_stuck(after: &Instance, seen: Seen<'_>) {
    let armed = |timer| after.timers().due_at(timer).is_some();
    let goes_on = match after.phase() {
        Phase::Stopped { .. } | Phase::Up => after.awaited().is_none(),
        Phase::LoginDue => armed(Timer::Login),
        Phase::LoggingIn | Phase::Recovering(_) => after.awaited().is_some(),
        Phase::Confirming => after.awaited().is_some() || armed(Timer::Reconnect),
        Phase::Closing(_) => after.awaited().is_some() && armed(Timer::Close),
        Phase::Waiting(kind) => match kind {
            IncidentKind::AccountClosed | IncidentKind::AccountDisabled => armed(Timer::Login),
            IncidentKind::TerminalCrashed => armed(Timer::Restart),
            IncidentKind::Maintenance => armed(Timer::Maintenance),
            IncidentKind::BrokerDown | IncidentKind::NetworkLost | IncidentKind::PermissionsChanged => {
                armed(Timer::Reconnect)
            }
            IncidentKind::LoginFailed
            | IncidentKind::RateLimited
            | IncidentKind::StateStoreLost
            | IncidentKind::StateCorrupted
            | IncidentKind::StateConflict
            | IncidentKind::Slippage
            | IncidentKind::ExecutionTimeout
            | IncidentKind::DuplicateOrders
            | IncidentKind::ProtectionMisfire => false,
        },
    };
    assert!(goes_on, "stuck: {}", seen());
    assert_eq!(after.awaited().is_some(), armed(Timer::Command), "an awaited outcome has an end: {}", seen());
    let stopping = matches!(after.phase(), Phase::Stopped { .. } | Phase::Closing(_));
    assert!(after.desired() == Desired::Running || stopping, "runs unwanted: {}", seen());
}

/// A stopped instance rests: no deadline starts anything at the terminal, and nothing but the end of its session is
/// asked of the gateway.
fn resting(bench: &Bench, seen: Seen<'_>) {
    let after = &bench.state;
    let Phase::Stopped { status, reason } = after.phase() else { return };
    assert!(
        matches!(status, Status::Failed | Status::PermanentlyFailed | Status::Inactive),
        "no end: {}",
        seen()
    );
    let kept = [Timer::LoginCooldown, Timer::Destruction, Timer::Rebuild, Timer::Conflict];
    for timer in Timer::ALL {
        let armed = after.timers().due_at(timer).is_some();
        assert!(!armed || kept.contains(&timer), "{timer:?} while stopped: {}", seen());
    }
    for (_, effect) in bench.fx.list() {
        if let Effect::Command { command, .. } = effect {
            assert_eq!(*command, Command::EndSession, "{}", seen());
        }
    }
    assert!(!after.is_held() && !after.alerts().contains(Alert::ConnectionLost), "{}", seen());
    let failed = status != Status::Inactive;
    assert!(!failed || after.last_failure_reason() == reason, "{}", seen());
    assert_eq!(after.alerts().contains(Alert::InstanceStopped), failed, "{}", seen());
}

/// What only a person ends is ended by nothing else; what nobody ends is not ended.
fn absorbing(before: &Instance, event: &Event, bench: &Bench, seen: Seen<'_>) {
    let after = &bench.state;
    let person = matches!(event, Event::Start | Event::Reset);
    if matches!(before.phase(), Phase::Stopped { .. }) && !person {
        assert!(matches!(after.phase(), Phase::Stopped { .. }), "left by itself: {}", seen());
    }
    // A start may obey the accounts store; a person may stop for good what failed.
    let decided = person || matches!(event, Event::Stop(_) | Event::Absorbed { .. });
    if let (Some(Absorbing::Stopped { .. }), false) = (before.absorbing(), decided) {
        let closed = after.closure().is_final();
        assert!(closed || after.absorbing() == before.absorbing(), "another end: {}", seen());
    }
    let closed = matches!(after.absorbing(), Some(Absorbing::Closed { .. }));
    assert_eq!(closed, after.closure().is_final(), "{}", seen());
    assert!(after.newest_moment() <= bench.now, "made before it happened: {}", seen());
    if !before.closure().is_final() {
        return;
    }
    let disabled = before.last_failure_reason() == FailureReason::AccountDisabled;
    if *event == Event::CredentialsChanged && before.closure() == Closure::Done && disabled {
        assert_eq!(after.closure(), Closure::None, "ACC-1: {}", seen());
        return;
    }
    assert!(stage(after.closure()) >= stage(before.closure()), "destruction ran back: {}", seen());
    assert_eq!(after.phase(), before.phase(), "{}", seen());
    assert_eq!(after.desired(), Desired::Stopped, "{}", seen());
    assert_eq!(after.login_attempt_count(), 0, "{}", seen());
    for (_, effect) in bench.fx.list() {
        let destroys = match effect {
            Effect::Command { command, .. } => *command == Command::EndSession,
            Effect::Notify(notice) => *notice == Notice::CredentialsDeleted,
            Effect::Store(action) => matches!(
                action,
                StoreAction::Revoke | StoreAction::RemoveHotState | StoreAction::DeleteCredentials
            ),
        };
        assert!(destroys, "{}", seen());
    }
}

fn stage(closure: Closure) -> u8 {
    match closure {
        Closure::None => 0,
        Closure::Suspected { .. } => 1,
        Closure::Revoking => 2,
        Closure::RemovingHotState => 3,
        Closure::Deleting => 4,
        Closure::Done => 5,
    }
}

fn within_limits(after: &Instance, params: &Params, seen: Seen<'_>) {
    let attempts = |kind| after.incident(kind).map_or(0, |incident| incident.attempt);
    assert!(after.login_attempt_count() <= params.login.attempts, "LOG-2: {}", seen());
    for (kind, most) in [
        (IncidentKind::LoginFailed, params.login.attempts),
        (IncidentKind::BrokerDown, params.down.attempts),
        (IncidentKind::NetworkLost, params.drop.attempts),
        (IncidentKind::TerminalCrashed, params.crash.attempts),
        (IncidentKind::PermissionsChanged, params.permissions.attempts),
        (IncidentKind::StateConflict, params.recovery.conflict_attempts),
        (IncidentKind::RateLimited, params.rate_limit.stop_after),
    ] {
        assert!(attempts(kind) <= most, "{kind} {}: {}", attempts(kind), seen());
    }
    let one_too_many = params.recovery.failed + 1;
    assert!(after.failed_recoveries() <= one_too_many, "REC-1: {}", seen());
    let exhausted = after.failed_recoveries() == one_too_many;
    assert!(!exhausted || matches!(after.phase(), Phase::Stopped { .. }), "REC-1: {}", seen());
}

/// What a deadline ends has that deadline, and what a good session ends is over in it.
fn ends_by_itself(after: &Instance, seen: Seen<'_>) {
    let armed = |timer| after.timers().due_at(timer).is_some();
    let resting = matches!(after.phase(), Phase::Stopped { .. } | Phase::Closing(_));
    for (kind, timer) in [
        (IncidentKind::RateLimited, Timer::RateLimitPause),
        (IncidentKind::Slippage, Timer::TradePause),
        (IncidentKind::ExecutionTimeout, Timer::TradePause),
    ] {
        assert!(after.incident(kind).is_none() || armed(timer) || resting, "{kind} for ever: {}", seen());
    }
    for (kind, timer) in
        [(IncidentKind::StateCorrupted, Timer::Rebuild), (IncidentKind::StateConflict, Timer::Conflict)]
    {
        let untried = after.incident(kind).is_some_and(|incident| incident.attempt == 0);
        assert!(!untried || armed(timer), "{kind} for ever: {}", seen());
    }
    if after.phase() == Phase::Up {
        let alerts = after.alerts();
        for alert in
            [Alert::ConnectionLost, Alert::RepeatedLoginFailure, Alert::BrokerDown, Alert::TerminalCrashed]
        {
            assert!(!alerts.contains(alert), "{alert} while up: {}", seen());
        }
        assert!(
            !alerts.contains(Alert::LoginRecovered) || armed(Timer::Healthy),
            "news for ever: {}",
            seen()
        );
        assert!(!armed(Timer::ConnectionLost) && !after.is_held(), "{}", seen());
        assert_eq!(after.login_attempt_count(), 0, "{}", seen());
    }
}

/// REC-4: a supervisor that is started again gives nothing back.
fn budgets_are_kept(before: &Instance, after: &Instance, seen: Seen<'_>) {
    // A login that tests whether an account still exists is in no budget.
    if !before.closure().is_suspected() {
        assert!(after.login_attempt_count() >= before.login_attempt_count(), "{}", seen());
    }
    assert!(after.failed_recoveries() >= before.failed_recoveries(), "{}", seen());
    for (kind, incident, _) in before.incidents() {
        let kept = after.incident(kind);
        assert!(kept.is_some_and(|kept| kept.attempt >= incident.attempt), "{kind}: {}", seen());
        assert_eq!(kept.map(|kept| kept.opened_at), Some(incident.opened_at), "{kind}: {}", seen());
    }
    let kept = [
        Timer::LoginCooldown,
        Timer::ConnectionLost,
        Timer::RateLimitPause,
        Timer::RateLimitQuiet,
        Timer::Maintenance,
        Timer::TradePause,
        Timer::Conflict,
        Timer::Close,
    ];
    for timer in kept {
        let (was, is) = (before.timers().due_at(timer), after.timers().due_at(timer));
        let watched = timer == Timer::ConnectionLost && was.is_none();
        assert!(was == is || watched, "{timer:?}: {}", seen());
    }
    if before.phase() == Phase::LoginDue {
        assert_eq!(before.timers().due_at(Timer::Login), after.timers().due_at(Timer::Login), "{}", seen());
    }
}

/// State → bytes → state, and the same for the step as it is journalled.
fn stored_form(event: &Event, bench: &Bench, seen: Seen<'_>) {
    let mut bytes = Vec::new();
    encode_state(&bench.state, &mut bytes);
    assert_eq!(decode_state(&bytes).as_ref(), Ok(&bench.state), "{}", seen());
    bytes.clear();
    encode_step(event, &bench.fx, &bench.state, "a line", &mut bytes);
    let read = decode_step(&bytes).expect("a step can be read");
    assert_eq!((&read.event, &read.effects, &read.state), (event, &bench.fx, &bench.state), "{}", seen());
    assert_eq!(read.detail, "a line");
}
