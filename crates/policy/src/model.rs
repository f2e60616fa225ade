//! The machine, model-checked: every state that small budgets can reach, whatever comes and in whatever order.
//!
//! Time is abstracted: a deadline that is armed may come next, however far away it is. That allows more than can
//! happen, so what holds here holds. Moments, command ids and evidence, which no decision but their own depends on, are
//! forgotten after each step; so the states are finitely many.

use stateright::{Checker, Model, Property};
use warden_domain::{
    AccountFlags, Alert, Desired, Facts, FailureReason, Gate, IncidentKind, JournalLine, Layer, Span, Status,
    StopMode, TerminalFlags, Timestamp,
};

use crate::{
    Absorbing, Command, CommandId, Effect, Effects, Event, Evidence, Instance, Outcome, Params, Phase,
    Report, StateEvent, StateStoreEvent, StoreAction, Timer,
    account::Closure,
    params::{Exhausted, Percent},
    step,
};

const NOW: Timestamp = Timestamp::from_millis(1_000_000_000);
const LATER: Span = Span::from_secs(3_600);

/// A part of what can happen: all of it at once has too many states for a test.
#[derive(Debug)]
struct Machine {
    params: Params,
    given: Instance,
    outcomes: Vec<(Outcome, Facts)>,
    events: Vec<Event>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Action {
    /// This deadline comes.
    Deadline(Timer),
    /// The awaited command ends in this way.
    Ends(usize),
    /// This happens.
    Happens(usize),
}

impl Model for Machine {
    type State = Instance;
    type Action = Action;

    fn init_states(&self) -> Vec<Instance> {
        vec![self.given.clone()]
    }

    fn actions(&self, state: &Instance, actions: &mut Vec<Action>) {
        let armed = Timer::ALL.into_iter().filter(|timer| state.timers.is_armed(*timer));
        actions.extend(armed.filter(|timer| !state.held_back().contains(*timer)).map(Action::Deadline));
        if state.in_flight {
            actions.extend((0..self.outcomes.len()).map(Action::Ends));
        }
        actions.extend((0..self.events.len()).map(Action::Happens));
    }

    fn next_state(&self, before: &Instance, action: Action) -> Option<Instance> {
        let mut after = before.clone();
        let event = match action {
            Action::Deadline(timer) => {
                after.timers.arm(timer, NOW);
                Event::Tick { admitted: true }
            }
            Action::Ends(index) => {
                let (outcome, facts) = self.outcomes[index];
                Event::Finished { id: before.command, outcome, facts }
            }
            Action::Happens(index) => self.events[index],
        };
        let mut fx = Effects::default();
        let _ = step(&mut after, &event, NOW, &self.params, &mut fx);
        check_step(before, &event, &after, &fx);
        forget(&mut after, &self.params);
        (after != *before).then_some(after)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("an open gate stands on a confirmed session", |_, s| gate_is_right(s)),
            Property::always("nothing is stuck", |_, s| goes_on(s)),
            Property::always("a stopped instance starts nothing", |_, s| rests(s)),
            Property::always("no budget is exceeded", |machine, s| within_budgets(s, &machine.params)),
            Property::always("where all goes well it trades, or rests", |machine, s| {
                ends(s, &machine.params, true)
            }),
            Property::always("where all fails it rests", |machine, s| ends(s, &machine.params, false)),
            Property::always("what shall not run does not", |_, s: &Instance| {
                s.desired == Desired::Running || matches!(s.phase, Phase::Stopped { .. } | Phase::Closing(_))
            }),
            Property::always("a halt keeps the gate shut", |_, s: &Instance| {
                !s.is_halted() || matches!(s.gate(), Gate::Shut(_))
            }),
            Property::sometimes("it trades", |_, s: &Instance| s.gate() == Gate::Open),
            Property::sometimes("it fails", |_, s: &Instance| {
                matches!(s.phase, Phase::Stopped { status: Status::Failed, .. })
            }),
        ]
    }
}

/// Brings what only grows back to one value.
fn forget(s: &mut Instance, params: &Params) {
    for timer in Timer::ALL {
        if s.timers.is_armed(timer) {
            s.timers.arm(timer, NOW.after(LATER));
        }
    }
    let long_ago = Timestamp::from_millis(0);
    if let Closure::Suspected { last_at, .. } = &mut s.closure {
        *last_at = long_ago;
    }
    s.since = [long_ago; 6];
    s.last_login_attempt = None;
    s.command = CommandId(0);
    s.positions = 0;
    s.flags.calm = false;
    let open: Vec<_> = s.incidents.iter().map(|(kind, incident)| (kind, incident.attempt)).collect();
    for (kind, attempt) in open {
        s.incidents.close(kind);
        s.incidents.open(kind, long_ago, Evidence::Internal);
        let bounded = budget(kind, params).is_some();
        s.incidents.set_attempts(kind, if bounded { attempt } else { attempt.min(1) });
    }
}

/// What must hold from one state to the next.
fn check_step(before: &Instance, event: &Event, after: &Instance, fx: &Effects) {
    let seen = || format!("{event:?}\nbefore {before:?}\nafter {after:?}\n{fx:?}");
    let person = matches!(event, Event::Start | Event::Reset);
    let was_stopped = matches!(before.phase, Phase::Stopped { .. });
    let is_stopped = matches!(after.phase, Phase::Stopped { .. });
    assert!(!was_stopped || is_stopped || person, "left a stop by itself: {}", seen());
    if before.closure.is_final() && *event != Event::CredentialsChanged {
        assert!(after.closure.is_final() && after.phase == before.phase, "came back to life: {}", seen());
    }
    let lifted_by = if before.is_halted() { Event::Unhalt } else { Event::Halt };
    assert!(before.is_halted() == after.is_halted() || *event == lifted_by, "halts by itself: {}", seen());
    let closes = fx.list().iter().any(|(_, effect)| match effect {
        Effect::Command { command, .. } => matches!(command, Command::CloseTrades(_)),
        Effect::Notify(_) | Effect::Store(_) => false,
    });
    assert!(!closes || !before.is_halted(), "closes while halted: {}", seen());
    let asked = fx.list().iter().filter(|(_, effect)| match effect {
        Effect::Command { command, .. } => *command != Command::EndSession,
        Effect::Notify(_) | Effect::Store(_) => false,
    });
    let asked = asked.count();
    assert!(asked <= 1 && (asked == 0 || !is_stopped), "asks too much: {}", seen());
}

/// Whether the machine comes to its end when from now on everything goes well, or nothing does: deadlines come, and
/// commands end.
fn ends(s: &Instance, params: &Params, well: bool) -> bool {
    let (mut s, mut fx, mut now) = (s.clone(), Effects::default(), NOW);
    let mut give = |s: &mut Instance, event: &Event, now| {
        let _ = step(s, event, now, params, &mut fx);
    };
    if !s.health.is_up(Layer::GatewayAlive) {
        give(&mut s, &Event::GatewayUp(alive(Facts::default())), now);
    }
    give(&mut s, &Event::Release { after: Span::ZERO }, now);
    give(&mut s, &Event::UnresolvedSends(0), now);
    for _ in 0..60 {
        match s.phase {
            Phase::Stopped { .. } => return true,
            Phase::Up if well => return true,
            Phase::Up => give(&mut s, &Event::Report(Report::default()), now),
            Phase::LoginDue
            | Phase::LoggingIn
            | Phase::Confirming
            | Phase::Waiting(_)
            | Phase::Recovering(_)
            | Phase::Closing(_) => {}
        }
        if s.in_flight {
            let (outcome, facts) = if !well {
                (Outcome::Failed, Facts::default())
            } else if s.phase == Phase::Confirming {
                (SESSION, READY)
            } else {
                (Outcome::Done, Facts::default())
            };
            let id = s.command;
            give(&mut s, &Event::Finished { id, outcome, facts }, now);
        } else if let Some(at) = s.next_deadline() {
            now = at.max(now);
            give(&mut s, &Event::Tick { admitted: true }, now);
        }
    }
    // A suspected account is looked at again and again until it is known.
    !well && s.closure.is_suspected()
}

fn gate_is_right(s: &Instance) -> bool {
    let confirmed = s.health.is_up(Layer::SessionConfirmed) && s.health.is_up(Layer::GatewayAlive);
    (s.gate() != Gate::Open || s.phase == Phase::Up) && (s.phase != Phase::Up || confirmed)
}

fn goes_on(s: &Instance) -> bool {
    let armed = |timer| s.timers.is_armed(timer);
    match s.phase {
        Phase::Stopped { .. } | Phase::Up => !s.in_flight,
        Phase::LoginDue => armed(Timer::Login),
        Phase::LoggingIn | Phase::Recovering(_) | Phase::Closing(_) => s.in_flight && armed(Timer::Command),
        Phase::Confirming => armed(if s.in_flight { Timer::Command } else { Timer::Reconnect }),
        Phase::Waiting(kind) => crate::incident::timer_of(kind).is_some_and(armed),
    }
}

fn rests(s: &Instance) -> bool {
    let kept = [Timer::LoginCooldown, Timer::Destruction, Timer::Rebuild, Timer::Conflict];
    let quiet = Timer::ALL.into_iter().all(|timer| kept.contains(&timer) || !s.timers.is_armed(timer));
    let told = s.alerts().contains(Alert::ConnectionLost) || s.alerts().contains(Alert::LoginRecovered);
    !matches!(s.phase, Phase::Stopped { .. }) || (quiet && !told && !s.is_held())
}

const fn budget(kind: IncidentKind, params: &Params) -> Option<u8> {
    match kind {
        IncidentKind::LoginFailed => Some(params.login.attempts),
        IncidentKind::BrokerDown => Some(params.down.attempts),
        IncidentKind::NetworkLost => Some(params.drop.attempts),
        IncidentKind::TerminalCrashed => Some(params.crash.attempts),
        IncidentKind::PermissionsChanged => Some(params.permissions.attempts),
        IncidentKind::RateLimited => Some(params.rate_limit.stop_after),
        IncidentKind::StateConflict => Some(params.recovery.conflict_attempts),
        IncidentKind::StateCorrupted => Some(1),
        IncidentKind::Maintenance
        | IncidentKind::StateStoreLost
        | IncidentKind::AccountDisabled
        | IncidentKind::AccountClosed
        | IncidentKind::Slippage
        | IncidentKind::ExecutionTimeout
        | IncidentKind::DuplicateOrders
        | IncidentKind::ProtectionMisfire => None,
    }
}

fn within_budgets(s: &Instance, params: &Params) -> bool {
    s.login_attempts <= params.login.attempts
        && s.failed_recoveries <= params.recovery.failed + 1
        && s.rate_limits <= params.rate_limit.stop_after
        && s.incidents
            .iter()
            .all(|(kind, incident)| budget(kind, params).is_none_or(|most| incident.attempt <= most))
}

const fn flags(connected: bool, expected: bool, permitted: bool) -> Facts {
    Facts {
        retcode: None,
        ticket: false,
        last_error: None,
        journal: None,
        terminal: Some(TerminalFlags { connected, trade_allowed: permitted, tradeapi_disabled: false }),
        account: Some(AccountFlags { expected, trade_allowed: permitted, trade_expert: true }),
    }
}

fn alive(facts: Facts) -> Report {
    Report { terminal_alive: true, positions: 0, facts }
}

fn small() -> Params {
    let mut params = Params::default();
    params.recovery.jitter = Percent(0);
    params.login.attempts = 2;
    params.login.alert_after = 1;
    params.down.attempts = 1;
    params.drop.attempts = 2;
    params.crash.attempts = 1;
    params.recovery.failed = 1;
    params.rate_limit.stop_after = 2;
    params
}

/// One of everything.
fn smallest() -> Params {
    let mut params = small();
    params.login.attempts = 1;
    params.drop.attempts = 1;
    params.recovery.failed = 0;
    params
}

const SESSION: Outcome = Outcome::Session { matches: true, reconciled: true, positions: 0 };
const ANOTHER: Outcome = Outcome::Session { matches: false, reconciled: true, positions: 0 };

fn last_error(code: i32) -> Facts {
    Facts { last_error: Some(code), ..Facts::default() }
}

fn line(journal: JournalLine) -> Facts {
    Facts { journal: Some(journal), ..Facts::default() }
}

fn code(retcode: u32) -> Facts {
    Facts { retcode: Some(retcode), ..Facts::default() }
}

fn good_ends() -> Vec<(Outcome, Facts)> {
    vec![(Outcome::Done, Facts::default()), (SESSION, flags(true, true, true))]
}

fn states_of(machine: Machine) -> usize {
    let checker = machine.checker().spawn_bfs().join();
    checker.assert_properties();
    let states = checker.unique_state_count();
    println!("{states} states");
    states
}

const READY: Facts = flags(true, true, true);

/// What only a person or the passing of a gateway and a supervisor brings.
fn people_and_gateways() -> Vec<Event> {
    let ups = [READY, Facts::default()].map(|facts| Event::GatewayUp(alive(facts)));
    let mut events =
        vec![Event::Start, Event::Reset, Event::Stop(StopMode::Close), Event::Resume, Event::GatewayDown];
    events.extend(ups);
    events.push(Event::Report(alive(READY)));
    events
}

fn failed(facts: impl IntoIterator<Item = Facts>) -> impl Iterator<Item = (Outcome, Facts)> {
    facts.into_iter().map(|facts| (Outcome::Failed, facts))
}

#[test]
fn logins_reconnects_and_restarts_are_model_checked() {
    let mut outcomes = good_ends();
    outcomes.extend([(ANOTHER, READY), (Outcome::NotStarted, Facts::default())]);
    let (fault, away) = (last_error(-10_004), line(JournalLine::NoConnection));
    let nobody = Facts { terminal: flags(false, false, true).terminal, ..last_error(-6) };
    outcomes.extend(failed([last_error(-6), Facts::default(), away, fault, nobody]));
    let mut events = people_and_gateways();
    let lost = [flags(false, false, false), flags(true, false, true)];
    events.extend(lost.map(|facts| Event::Report(alive(facts))));
    events.push(Event::Report(Report::default()));
    let states = states_of(Machine { params: small(), given: Instance::new(1), outcomes, events });
    assert!(states > 10_000, "{states}");
}

#[test]
fn broker_incidents_are_model_checked() {
    let mut outcomes = good_ends();
    outcomes.extend(failed([Facts::default(), line(JournalLine::NoConnection)]));
    let mut events = people_and_gateways();
    events.extend([Event::Hold, Event::Release { after: Span::from_secs(1) }]);
    events.extend([Event::Report(alive(flags(false, false, false))), Event::Report(Report::default())]);
    let states = states_of(Machine { params: smallest(), given: Instance::new(1), outcomes, events });
    assert!(states > 10_000, "{states}");
}

#[test]
fn unresolved_sends_are_model_checked() {
    let mut outcomes = good_ends();
    outcomes.extend(failed([Facts::default(), last_error(-10_004)]));
    let mut events = people_and_gateways();
    events.extend([Event::UnresolvedSends(1), Event::UnresolvedSends(0), Event::Report(Report::default())]);
    let states = states_of(Machine { params: smallest(), given: Instance::new(1), outcomes, events });
    assert!(states > 1_000, "{states}");
}

#[test]
fn trd_7_halts_are_model_checked() {
    let mut outcomes = good_ends();
    outcomes.extend(failed([Facts::default(), line(JournalLine::AccountDisabled)]));
    let mut events = people_and_gateways();
    events.extend([Event::Halt, Event::Unhalt, Event::ConfirmClosure, Event::Report(Report::default())]);
    let given = Instance::new(1);
    let states = states_of(Machine { params: smallest(), given, outcomes, events });
    assert!(states > 1_000, "{states}");
}

#[test]
fn limits_rights_and_maintenance_are_model_checked() {
    let mut outcomes = good_ends();
    outcomes.extend(failed([Facts::default(), code(10_024), code(10_018), flags(true, true, false)]));
    outcomes.extend([(SESSION, flags(true, true, false)), (Outcome::NoCredentials, Facts::default())]);
    let mut events = people_and_gateways();
    let reports = [code(10_024), code(10_018), flags(true, true, false), flags(false, false, false)];
    events.extend(reports.map(|facts| Event::Report(alive(facts))));
    let states = states_of(Machine {
        params: Params { drop: smallest().drop, login: smallest().login, ..small() },
        given: Instance::new(1),
        outcomes,
        events,
    });
    assert!(states > 10_000, "{states}");
}

#[test]
fn the_end_of_accounts_is_model_checked() {
    let mut outcomes = good_ends();
    let gone = [line(JournalLine::InvalidAccount), line(JournalLine::AccountDisabled), Facts::default()];
    outcomes.extend(failed(gone));
    let mut events = people_and_gateways();
    events.extend([Event::ConfirmClosure, Event::CredentialsChanged]);
    events.push(Event::Report(alive(flags(false, false, false))));
    events.push(Event::Report(alive(line(JournalLine::AccountDisabled))));
    events.extend(absorbed());
    let actions = [StoreAction::Revoke, StoreAction::RemoveHotState, StoreAction::DeleteCredentials];
    events
        .extend(actions.iter().flat_map(|action| [true, false].map(|done| Event::StoreDone(*action, done))));
    let machine = Machine { params: small(), given: Instance::new(1), outcomes, events };
    let states = states_of(machine);
    assert!(states > 5_000, "{states}");
}

/// What the accounts store may know at a start.
fn absorbed() -> impl Iterator<Item = Event> {
    let (stopped, closed) = (FailureReason::BrokerDown, FailureReason::AccountClosed);
    let states = [
        (Absorbing::Stopped { reason: stopped, permanently: true }, false),
        (Absorbing::Closed { reason: closed }, false),
        (Absorbing::Closed { reason: closed }, true),
    ];
    states.into_iter().map(|(state, destroyed)| Event::Absorbed { state, since: NOW, destroyed })
}

#[test]
fn the_stored_state_is_model_checked() {
    let mut outcomes = good_ends();
    outcomes.extend(failed([last_error(-6), Facts::default()]));
    let mut events = people_and_gateways();
    events.push(Event::Report(alive(flags(false, false, false))));
    let stored =
        [StateEvent::Corrupted, StateEvent::Written, StateEvent::RebuildFailed, StateEvent::Conflict];
    events.extend(stored.map(Event::State));
    let store = [StateStoreEvent::Lost { attempts: 1 }, StateStoreEvent::Back, StateStoreEvent::Exhausted];
    events.extend(store.map(Event::StateStore));
    for exhausted in [Exhausted::Stop, Exhausted::Degrade] {
        let mut params = smallest();
        params.state_store.exhausted = exhausted;
        let (outcomes, events) = (outcomes.clone(), events.clone());
        let states = states_of(Machine { params, given: Instance::new(1), outcomes, events });
        assert!(states > 10_000, "{states}");
    }
}
