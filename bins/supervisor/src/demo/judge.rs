//! Whether two of those who know an instance say the same of it.

use warden_bridge_sim::Truth;
use warden_domain::{Gate, IncidentKind, InstanceId, Layer, Status};
use warden_policy::{Instance, Phase, decode_state};
use warden_store::{Projection, Snapshot, Stored};
use warden_supervisor::View;

/// What a view says that is not so in the simulated world; `None` when all is well.
///
/// `CONNECTED` means that the terminal runs, has its connection and is logged in. The other way round, a terminal of
/// which all that is true is `CONNECTED`, unless an open incident or a session that is being confirmed says why not.
/// Nobody is logged in at an instance that has stopped.
pub(crate) fn against_truth(view: &View, truth: Option<&Truth>) -> Option<String> {
    let Some(truth) = truth else { return Some(format!("{}: nobody simulates it", view.instance)) };
    let logged_in = truth.terminal_alive && truth.connected && truth.logged_in;
    let stopped = is_stopped(view);
    let fault = if view.status == Status::Connected && !logged_in {
        "is CONNECTED, and its terminal is not"
    } else if stopped && logged_in {
        "has stopped, and its terminal is logged in"
    } else if logged_in && !stopped && !explained(view) {
        "is not CONNECTED, and its terminal is"
    } else {
        return None;
    };
    Some(format!("{}: {fault} ({} {:?})", view.instance, view.status, view.last_failure_reason))
}

/// Whether only a person starts it again: nothing is planned and the gate is shut.
pub(crate) fn is_stopped(view: &View) -> bool {
    let at_rest = match view.status {
        Status::Failed | Status::PermanentlyFailed | Status::Inactive => true,
        Status::Connecting | Status::Connected | Status::Disconnected => false,
    };
    let shut = match view.gate {
        Gate::Shut(_) => true,
        Gate::Open | Gate::Paused { .. } | Gate::ReduceOnly(_) => false,
    };
    at_rest && shut && !view.incidents.iter().any(|incident| incident.next_attempt_at.is_some())
}

fn explained(view: &View) -> bool {
    match view.status {
        // The session is logged in and being confirmed, or a login waits for its turn.
        Status::Connected | Status::Connecting => true,
        Status::Disconnected | Status::Failed => {
            !view.incidents.is_empty() || !view.health.contains(&Layer::LoggedIn)
        }
        Status::PermanentlyFailed | Status::Inactive => false,
    }
}

/// How a view differs from the journalled state of its instance.
pub(crate) fn against_journal(view: &View, version: u64, state: &Instance) -> Option<String> {
    let incidents =
        || view.incidents.iter().map(|it| (it.kind, it.attempt, it.opened_at, it.next_attempt_at));
    let journalled: Vec<_> =
        state.incidents().map(|(kind, it, next)| (kind, it.attempt, it.opened_at, next)).collect();
    let same = view.version.0 == version
        && view.status == state.status()
        && view.connection_state == state.connection_state()
        && view.last_failure_reason == state.last_failure_reason()
        && view.login_attempt_count == state.login_attempt_count()
        && view.gate == state.gate()
        && view.positions == state.positions()
        && view.next_deadline == state.next_deadline()
        && incidents().eq(journalled);
    (!same).then(|| {
        format!(
            "{}: memory says version {} {}, the journal {version} {}",
            view.instance,
            view.version,
            view.status,
            state.status()
        )
    })
}

/// How the hot state of an instance differs from its journalled state.
pub(crate) fn hot_against_journal(
    id: &InstanceId,
    stored: &Stored,
    version: u64,
    state: &Instance,
) -> Option<String> {
    let fault = match stored {
        Stored::Nothing if state.hot_state_removed() => return None,
        Stored::Nothing => "nothing is stored".to_owned(),
        Stored::Corrupt(what) => what.clone(),
        Stored::State(..) if state.hot_state_removed() => "is stored after it was removed".to_owned(),
        Stored::State(snapshot, projection) => return differs(id, snapshot, projection, version, state),
    };
    Some(format!("{id}: hot state: {fault}"))
}

fn differs(
    id: &InstanceId,
    snapshot: &Snapshot,
    keys: &Projection,
    version: u64,
    state: &Instance,
) -> Option<String> {
    let wanted = Projection {
        status: state.status(),
        connection_state: state.connection_state(),
        login_attempt_count: u32::from(state.login_attempt_count()),
        last_login_attempt: state.last_login_attempt(),
        login_failure_reason: state.login_failure_reason(),
        last_failure_reason: state.last_failure_reason(),
    };
    let fault = if snapshot.version.0 != version {
        format!("is at version {}, the journal at {version}", snapshot.version)
    } else if decode_state(&snapshot.state).as_ref() != Ok(state) {
        "holds another state than the journal".to_owned()
    } else if *keys != wanted {
        format!("shows {keys:?}, the journal {wanted:?}")
    } else {
        return None;
    };
    Some(format!("{id}: hot state {fault}"))
}

/// Why an instance has stopped; `None` when it has not.
pub(crate) fn stopped_for(state: &Instance) -> Option<warden_domain::FailureReason> {
    match state.phase() {
        Phase::Stopped { reason, .. } => Some(reason),
        Phase::LoginDue
        | Phase::LoggingIn
        | Phase::Confirming
        | Phase::Up
        | Phase::Waiting(_)
        | Phase::Recovering(_)
        | Phase::Closing(_) => None,
    }
}

/// A short name for a kind of incident.
pub(crate) fn short(kind: IncidentKind) -> String {
    kind.as_str().to_lowercase().replace('_', " ")
}

#[cfg(test)]
mod tests {
    use warden_domain::{ConnectionState, Epoch, FailureReason, OpId, Timestamp, Version};
    use warden_policy::encode_state;

    use super::*;

    fn id() -> InstanceId {
        InstanceId::new("acct-1").unwrap()
    }

    fn view(status: Status, gate: Gate) -> View {
        View {
            instance: id(),
            epoch: Epoch(1),
            version: Version(3),
            status,
            connection_state: ConnectionState::Disconnected,
            last_failure_reason: FailureReason::None,
            login_attempt_count: 0,
            gate,
            health: Vec::new(),
            positions: 0,
            held: false,
            incidents: Vec::new(),
            alerts: Vec::new(),
            next_deadline: None,
            halted: false,
            trades: Default::default(),
        }
    }

    fn truth(logged_in: bool) -> Truth {
        Truth {
            terminal_alive: true,
            connected: true,
            logged_in,
            trade_permitted: logged_in,
            gateway_up: true,
            account_enabled: true,
            positions: Vec::new(),
            volume: 0.0,
            orders: Vec::new(),
        }
    }

    const SHUT: Gate = Gate::Shut(FailureReason::LoginFailed);

    #[test]
    fn ses_1_connected_means_a_terminal_that_is_logged_in() {
        let connected = view(Status::Connected, Gate::Open);
        assert_eq!(against_truth(&connected, Some(&truth(true))), None);
        let told = against_truth(&connected, Some(&truth(false))).unwrap();
        assert!(told.starts_with("acct-1: is CONNECTED, and its terminal is not"), "{told}");
        for broken in
            [Truth { terminal_alive: false, ..truth(true) }, Truth { connected: false, ..truth(true) }]
        {
            assert!(against_truth(&connected, Some(&broken)).is_some());
        }
        assert!(against_truth(&connected, None).is_some(), "nobody simulates it");
    }

    #[test]
    fn nobody_is_logged_in_at_an_instance_that_has_stopped() {
        for status in [Status::Failed, Status::PermanentlyFailed, Status::Inactive] {
            assert!(against_truth(&view(status, SHUT), Some(&truth(true))).is_some(), "{status}");
            assert_eq!(against_truth(&view(status, SHUT), Some(&truth(false))), None, "{status}");
        }
    }

    #[test]
    fn a_terminal_that_is_logged_in_is_connected_unless_something_says_why_not() {
        let paused = Gate::Paused { until: Timestamp::MAX, reason: FailureReason::None };
        let mut lagging = view(Status::Disconnected, paused);
        lagging.health = vec![Layer::LoggedIn];
        assert!(against_truth(&lagging, Some(&truth(true))).is_some());
        assert_eq!(against_truth(&view(Status::Connecting, paused), Some(&truth(true))), None);
    }

    #[test]
    fn a_view_and_a_hot_state_that_differ_from_the_journal_are_told() {
        let state = Instance::new(7);
        let mut view = view(Status::Inactive, Gate::Shut(FailureReason::None));
        assert_eq!(against_journal(&view, 3, &state), None);
        assert!(against_journal(&view, 4, &state).is_some(), "another version");
        view.login_attempt_count = 1;
        assert!(against_journal(&view, 3, &state).is_some(), "another counter");

        let mut bytes = Vec::new();
        encode_state(&state, &mut bytes);
        let snapshot = Snapshot { epoch: Epoch(1), version: Version(3), op: OpId(9), state: bytes };
        let keys = Projection {
            status: Status::Inactive,
            connection_state: ConnectionState::Disconnected,
            login_attempt_count: 0,
            last_login_attempt: None,
            login_failure_reason: FailureReason::None,
            last_failure_reason: FailureReason::None,
        };
        let judged = |snapshot: &Snapshot, keys: Projection, version| {
            hot_against_journal(&id(), &Stored::State(snapshot.clone(), keys), version, &state)
        };
        assert_eq!(judged(&snapshot, keys, 3), None);
        assert!(judged(&snapshot, keys, 4).is_some(), "another version");
        assert!(judged(&snapshot, Projection { login_attempt_count: 1, ..keys }, 3).is_some(), "another key");
        let other = Snapshot { state: vec![1, 2, 3], ..snapshot };
        assert!(judged(&other, keys, 3).is_some(), "another state");
        assert!(hot_against_journal(&id(), &Stored::Nothing, 3, &state).is_some());
        assert!(hot_against_journal(&id(), &Stored::Corrupt("torn".into()), 3, &state).is_some());
    }
}
