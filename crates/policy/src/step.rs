use warden_domain::{Facts, FailureReason, IncidentKind, Layer, Rule, Timestamp};

use crate::{
    CommandId, Effects, Event, Evidence, Instance, Outcome, Params, Phase, Report, StateEvent, Timer,
    Verdict,
    account::{corrupted, destruction, disabled, permissions, user_stop},
    broker::{down, incident, maintenance, rate_limit},
    classify,
    login::{attempt, network_lost, refused, reset},
    network::{crash, dropped, store_lost},
    recovery::{absorbing, conflict, lasting, resume},
    session::confirm,
    state::Sharing,
    timers::TimerSet,
    trade,
};

/// Whether a step changed anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a changed state that is not journalled is lost"]
pub enum Stepped {
    /// The state is as it was and there are no effects: nothing to journal.
    Unchanged,
    /// The state changed, or there are effects: journal the step before anything of it is done.
    Changed,
}

/// Takes one event in: changes the state and fills `fx` with what is to be done.
///
/// # Expected flow
/// Persist, then act, then tell: journal the event, the effects and the new state; write the hot state; carry the
/// effects out in their order.
///
/// # Guarantees
/// - Pure: the same arguments make the same decision.
/// - Total: every event is answered in every state, without a panic; one that says nothing new changes nothing.
/// - A tick before its time is [`Stepped::Unchanged`].
pub fn step(s: &mut Instance, event: &Event, now: Timestamp, params: &Params, fx: &mut Effects) -> Stepped {
    fx.clear();
    match *event {
        Event::Tick { admitted } => due(s, admitted, now, params, fx),
        Event::Report(report) => reported(s, &report, now, params, fx),
        Event::GatewayUp(report) => resume::gateway_up(s, &report, now, params, fx),
        Event::GatewayDown => resume::gateway_down(s, now, params, fx),
        Event::Finished { id, outcome, facts } => finished(s, id, outcome, &facts, now, params, fx),
        Event::Start => attempt::start(s, now, params, fx),
        Event::Resume => resume::resumed(s, now, params, fx),
        Event::Stop(mode) => user_stop::asked(s, mode, now, params, fx),
        Event::Reset => reset::reset(s, now, params, fx),
        Event::CredentialsChanged => reset::credentials_changed(s, fx),
        Event::ConfirmClosure => destruction::confirmed_by_person(s, now, params, fx),
        Event::Hold => incident::hold(s, fx),
        Event::Release { after } => incident::release(s, after, now, params, fx),
        Event::StateStore(event) => store_lost::happened(s, event, now, params, fx),
        Event::State(event) => stored_state(s, event, now, params, fx),
        Event::StoreDone(action, done) => destruction::store_done(s, action, done, now, params, fx),
        Event::UnresolvedSends(count) => crash::unresolved_sends(s, count, fx),
        Event::Trade(trouble) => trade::escalated(s, trouble, now, params, fx),
        Event::Absorbed { state, since, destroyed } => {
            absorbing::known(s, state, since, destroyed, now, params, fx);
        }
        Event::Halt => trade::halt::set(s, true, fx),
        Event::Unhalt => trade::halt::set(s, false, fx),
    }
    if fx.changed { Stepped::Changed } else { Stepped::Unchanged }
}

fn due(s: &mut Instance, admitted: bool, now: Timestamp, params: &Params, fx: &mut Effects) {
    // Each deadline is armed again at most once by another; what is left for want of room stays due.
    for _ in Timer::ALL {
        if fx.list.remaining_capacity() < Effects::MOST {
            return;
        }
        let held_back = if admitted { s.held_back() } else { TimerSet::ATTEMPTS };
        let Some(timer) = s.timers.pop_due(now, held_back) else { return };
        fx.changed = true;
        fire(s, timer, now, params, fx);
    }
}

fn fire(s: &mut Instance, timer: Timer, now: Timestamp, params: &Params, fx: &mut Effects) {
    match timer {
        Timer::Login => attempt::begin(s, now, params, fx),
        Timer::Reconnect => dropped::reconnect(s, now, params, fx),
        Timer::Restart => crash::restart(s, now, params, fx),
        Timer::Command => no_answer(s, now, params, fx),
        Timer::LoginCooldown => fx.decided(Rule::Log4),
        Timer::ConnectionLost => dropped::lost_for_long(s, fx),
        Timer::RateLimitPause => rate_limit::pause_over(s, now, params, fx),
        Timer::RateLimitQuiet => rate_limit::quiet(s, fx),
        Timer::Maintenance => maintenance::over(s, now, params, fx),
        Timer::Rebuild => corrupted::too_late(s, now, params, fx),
        Timer::Conflict => conflict::retry(s, fx),
        Timer::Healthy => lasting::healthy(s, fx),
        Timer::Close => user_stop::too_late(s, now, params, fx),
        Timer::Destruction => destruction::again(s, now, params, fx),
        Timer::TradePause => trade::pause_over(s, fx),
    }
}

fn stored_state(s: &mut Instance, event: StateEvent, now: Timestamp, params: &Params, fx: &mut Effects) {
    match event {
        StateEvent::Corrupted => corrupted::found(s, now, params, fx),
        StateEvent::RebuildFailed => corrupted::too_late(s, now, params, fx),
        StateEvent::Conflict => conflict::found(s, now, params, fx),
        StateEvent::Written => {
            corrupted::rebuilt(s, now, params, fx);
            conflict::gone(s, fx);
        }
    }
}

/// The outcome of a command: the phase says which one was under way.
fn finished(
    s: &mut Instance,
    id: CommandId,
    outcome: Outcome,
    facts: &Facts,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    if !s.in_flight || id != s.command {
        return;
    }
    s.forget_command();
    fx.changed = true;
    match s.phase {
        Phase::LoggingIn => attempt::ended(s, outcome, facts, now, params, fx),
        Phase::Confirming => confirm::ended(s, outcome, facts, now, params, fx),
        Phase::Recovering(IncidentKind::TerminalCrashed) => crash::ended(s, outcome, facts, now, params, fx),
        Phase::Recovering(kind) => dropped::ended(s, kind, outcome, facts, now, params, fx),
        Phase::Closing(_) => user_stop::closed(s, outcome, now, params, fx),
        Phase::Stopped { .. } | Phase::LoginDue | Phase::Up | Phase::Waiting(_) => {}
    }
}

/// No outcome came in time: unknown, which is never a refusal.
fn no_answer(s: &mut Instance, now: Timestamp, params: &Params, fx: &mut Effects) {
    let id = s.command;
    finished(s, id, Outcome::Failed, &Facts::default(), now, params, fx);
}

/// A report: first what it says about the terminal, then what its facts mean.
pub(crate) fn reported(s: &mut Instance, report: &Report, now: Timestamp, params: &Params, fx: &mut Effects) {
    let was_alive = s.health.is_up(Layer::TerminalAlive);
    if observe(s, report, now) {
        fx.changed = true;
    }
    // What a gateway said before it went says how the terminal stood then.
    let absent = !s.health.is_up(Layer::GatewayAlive);
    if absent || matches!(s.phase, Phase::Stopped { .. } | Phase::Closing(_)) {
        return;
    }
    match classify(&report.facts, params.rate_limit.placed_code) {
        Verdict::RateLimited => {
            rate_limit::hit(s, &report.facts, now, params, fx);
            by_layers(s, was_alive, &report.facts, now, params, fx);
        }
        Verdict::Maintenance => maintenance::begin(s, &report.facts, now, params, fx),
        // A second proof is that of another login, not the same words again.
        Verdict::Disabled if s.closure.is_suspected() => {}
        Verdict::Disabled => {
            disabled::proof(s, IncidentKind::AccountDisabled, &report.facts, now, params, fx);
        }
        Verdict::NotPermitted if s.phase == Phase::Up => permissions::lost(s, &report.facts, now, params, fx),
        Verdict::NotPermitted
        | Verdict::Refused { .. }
        | Verdict::BrokerUnreachable
        | Verdict::Network
        | Verdict::TerminalFault
        | Verdict::Unknown
        | Verdict::Fine => by_layers(s, was_alive, &report.facts, now, params, fx),
    }
}

fn observe(s: &mut Instance, report: &Report, now: Timestamp) -> bool {
    let mut changed = s.set_layer(Layer::TerminalAlive, report.terminal_alive, now);
    let terminal = report.facts.terminal;
    let connected = report.terminal_alive && terminal.is_some_and(|flags| flags.connected);
    let seen = terminal.is_some() || !report.terminal_alive;
    if seen {
        changed |= s.set_layer(Layer::BrokerConnected, connected, now);
    }
    let account = report.facts.account;
    if account.is_some() || !connected {
        changed |=
            s.set_layer(Layer::LoggedIn, connected && account.is_some_and(|flags| flags.expected), now);
    }
    let permitted = report.facts.trading_permitted();
    if permitted.is_some() || (seen && !connected) {
        changed |= s.set_layer(Layer::TradingPermitted, permitted == Some(true), now);
    }
    if !connected {
        changed |= s.set_layer(Layer::SessionConfirmed, false, now);
    }
    if s.positions != report.positions {
        s.positions = report.positions;
        changed = true;
    }
    changed
}

/// What the layers of health ask for in the present phase.
fn by_layers(
    s: &mut Instance,
    was_alive: bool,
    facts: &Facts,
    now: Timestamp,
    params: &Params,
    fx: &mut Effects,
) {
    let alive = s.health.is_up(Layer::TerminalAlive);
    let connected = s.health.is_up(Layer::BrokerConnected);
    let ready = connected && s.health.is_up(Layer::LoggedIn);
    match s.phase {
        Phase::Stopped { .. } => {}
        Phase::LoginDue | Phase::LoggingIn => {
            if was_alive && !alive && s.phase == Phase::LoginDue {
                crash::crashed(s, now, params, fx);
            }
        }
        Phase::Confirming | Phase::Up if !alive => crash::crashed(s, now, params, fx),
        Phase::Confirming | Phase::Up if !connected => {
            dropped::dropped(s, Evidence::of(facts), now, params, fx);
        }
        Phase::Up if !s.health.is_up(Layer::LoggedIn) => logged_out(s, facts, now, params, fx),
        Phase::Up if facts.trading_permitted() == Some(false) => permissions::lost(s, facts, now, params, fx),
        Phase::Confirming | Phase::Up => {}
        Phase::Waiting(IncidentKind::NetworkLost | IncidentKind::BrokerDown) if !alive => {
            crash::crashed(s, now, params, fx);
        }
        Phase::Waiting(
            kind @ (IncidentKind::NetworkLost | IncidentKind::BrokerDown | IncidentKind::TerminalCrashed),
        ) if ready => dropped::back_by_itself(s, kind, now, params, fx),
        Phase::Waiting(kind @ IncidentKind::PermissionsChanged)
            if ready && facts.trading_permitted() == Some(true) =>
        {
            dropped::back_by_itself(s, kind, now, params, fx);
        }
        Phase::Waiting(_) | Phase::Recovering(_) | Phase::Closing(_) => {}
    }
}

/// The terminal is connected, but not with our account any more: its session is gone.
fn logged_out(s: &mut Instance, facts: &Facts, now: Timestamp, params: &Params, fx: &mut Effects) {
    s.incidents.open(IncidentKind::LoginFailed, now, Evidence::of(facts));
    s.last_failure = FailureReason::LoginFailed;
    if lasting::did_not_last(s, now, params, fx) {
        attempt::due_now(s, Rule::Ses1, now, params, fx);
    }
}

/// A command failed: what its facts mean decides who goes on. The rules that are special to the command come first.
pub(crate) fn failed(s: &mut Instance, facts: &Facts, now: Timestamp, params: &Params, fx: &mut Effects) {
    if s.flags.sharing == Sharing::Released {
        s.flags.sharing = Sharing::Alone;
    }
    match classify(facts, params.rate_limit.placed_code) {
        Verdict::Refused { invalid_account } => refused::refused(s, invalid_account, facts, now, params, fx),
        Verdict::Disabled => disabled::proof(s, IncidentKind::AccountDisabled, facts, now, params, fx),
        Verdict::NotPermitted => permissions::lost(s, facts, now, params, fx),
        Verdict::RateLimited => rate_limit::hit(s, facts, now, params, fx),
        Verdict::Maintenance => maintenance::begin(s, facts, now, params, fx),
        Verdict::TerminalFault => crash::crashed(s, now, params, fx),
        Verdict::BrokerUnreachable => down::unreachable(s, facts, now, params, fx),
        Verdict::Network | Verdict::Unknown | Verdict::Fine => {
            network_lost::lost(s, Evidence::of(facts), now, params, fx);
        }
    }
}
