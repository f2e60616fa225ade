//! Every kind of event, outcome and observation.

use warden_domain::{Facts, FailureReason, JournalLine, Span, StopMode, Timestamp};
use warden_policy::{
    Absorbing, CommandId, Escalation, Event, Outcome, Report, StateEvent, StateStoreEvent, StoreAction,
    Trouble, TroubleKind,
};

use super::{disconnected, fine, flags, journal, ready};

/// Observations of every verdict, and some that contradict themselves.
pub(crate) fn facts() -> Vec<Facts> {
    let code = |retcode, ticket| Facts { retcode: Some(retcode), ticket, ..Facts::default() };
    let error = |number| Facts { last_error: Some(number), ..Facts::default() };
    let mut all = vec![Facts::default(), fine()];
    all.extend([flags(false, false, false), flags(true, false, true), flags(true, true, false)]);
    all.extend(JournalLine::ALL.iter().map(|line| journal(*line)));
    all.extend([code(10_024, false), code(10_008, false), code(10_008, true), code(10_018, false)]);
    all.extend([code(10_009, true), code(10_027, false), code(10_031, false), code(99_999, false)]);
    all.extend([error(-6), error(-10_003), error(-10_005), error(1), error(-8), error(4_711)]);
    all.push(Facts { terminal: flags(false, false, true).terminal, ..error(-6) });
    all.push(Facts { retcode: Some(10_024), ..flags(false, false, false) });
    all.push(Facts { journal: Some(JournalLine::AccountDisabled), ..fine() });
    all
}

pub(crate) fn outcomes() -> Vec<Outcome> {
    let mut all = vec![
        Outcome::Done,
        Outcome::Failed,
        Outcome::NotStarted,
        Outcome::NoCredentials,
        Outcome::CredentialsUnavailable,
    ];
    for (matches, reconciled) in [(true, true), (true, false), (false, true), (false, false)] {
        all.push(Outcome::Session { matches, reconciled, positions: 2 });
    }
    all
}

pub(crate) fn reports() -> Vec<Report> {
    let mut all = vec![ready(), disconnected(), Report { positions: 3, ..ready() }, Report::default()];
    all.push(Report { terminal_alive: true, ..Report::default() });
    all.extend(facts().into_iter().map(|facts| Report { terminal_alive: true, positions: 1, facts }));
    all.push(Report { terminal_alive: false, positions: 0, facts: fine() });
    all
}

const ACTIONS: [StoreAction; 7] = [
    StoreAction::RememberRejected,
    StoreAction::ForgetRejected,
    StoreAction::Rebuild,
    StoreAction::RetryWrite,
    StoreAction::Revoke,
    StoreAction::RemoveHotState,
    StoreAction::DeleteCredentials,
];

const WISHES: [Event; 6] = [
    Event::Start,
    Event::Reset,
    Event::CredentialsChanged,
    Event::ConfirmClosure,
    Event::Halt,
    Event::Unhalt,
];

/// What people ask for.
pub(crate) fn wishes() -> Vec<Event> {
    let stops = StopMode::ALL.iter().map(|mode| Event::Stop(*mode));
    stops.chain(WISHES).collect()
}

/// What nobody asked for and no command brought.
pub(crate) fn happenings(now: Timestamp) -> Vec<Event> {
    let mut all = vec![Event::Resume, Event::GatewayDown, Event::Hold];
    all.extend([Span::ZERO, Span::from_secs(7)].map(|after| Event::Release { after }));
    all.extend(reports().into_iter().flat_map(|report| [Event::Report(report), Event::GatewayUp(report)]));
    all.extend([0, 1, 4, 200].map(|attempts| Event::StateStore(StateStoreEvent::Lost { attempts })));
    all.extend([StateStoreEvent::Back, StateStoreEvent::Exhausted].map(Event::StateStore));
    let states =
        [StateEvent::Corrupted, StateEvent::Written, StateEvent::RebuildFailed, StateEvent::Conflict];
    all.extend(states.map(Event::State));
    all.extend(
        ACTIONS.into_iter().flat_map(|action| [true, false].map(|done| Event::StoreDone(action, done))),
    );
    all.extend([0, 1, u16::MAX].map(Event::UnresolvedSends));
    let kinds = [
        TroubleKind::Slippage,
        TroubleKind::ExecutionTimeout,
        TroubleKind::DuplicateOrders,
        TroubleKind::ProtectionMisfire,
    ];
    let until = now.after(Span::from_secs(30));
    for kind in kinds {
        for escalation in [Escalation::Pause { until }, Escalation::Clear, Escalation::Stop] {
            all.push(Event::Trade(Trouble { kind, escalation }));
        }
    }
    all
}

/// What the accounts store may know at a start.
pub(crate) fn absorbed(since: Timestamp) -> Vec<Event> {
    let mut all = Vec::new();
    for reason in FailureReason::ALL.iter().copied() {
        let stopped = |permanently| Absorbing::Stopped { reason, permanently };
        all.extend([stopped(false), stopped(true)].map(|state| (state, false)));
    }
    for reason in [FailureReason::AccountClosed, FailureReason::AccountDisabled] {
        all.extend([false, true].map(|destroyed| (Absorbing::Closed { reason }, destroyed)));
    }
    all.into_iter().map(|(state, destroyed)| Event::Absorbed { state, since, destroyed }).collect()
}

/// Every way in which a command ends.
pub(crate) fn ends() -> Vec<(Outcome, Facts)> {
    let each = |outcome| facts().into_iter().map(move |facts| (outcome, facts));
    outcomes().into_iter().flat_map(each).collect()
}

/// The ways in which a command ends when nothing is wrong.
pub(crate) fn good_ends() -> Vec<(Outcome, Facts)> {
    let session = Outcome::Session { matches: true, reconciled: true, positions: 1 };
    vec![(Outcome::Done, fine()), (session, fine())]
}

/// Every event there is, with every combination of outcome and observation for the command with this id.
pub(crate) fn every(id: CommandId, now: Timestamp) -> Vec<Event> {
    let mut all = wishes();
    all.extend(happenings(now));
    all.extend(absorbed(now));
    all.extend([true, false].map(|admitted| Event::Tick { admitted }));
    all.extend(ends().into_iter().map(|(outcome, facts)| Event::Finished { id, outcome, facts }));
    all
}
