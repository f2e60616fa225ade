use warden_domain::IncidentKind;
use warden_policy::{AlertSet, CommandId, Incident, Instance, Phase};

/// What of an instance is compared over a step: what its newest row before said, and nothing else, so that it can be
/// known again from the journal alone.
///
/// The default is that of an instance that has never run, and of one whose last step could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Before {
    /// The command of the login that is under way.
    pub(super) login: Option<CommandId>,
    pub(super) alerts: AlertSet,
    pub(super) incidents: Vec<(IncidentKind, Incident)>,
}

impl Before {
    pub(super) fn of(state: &Instance) -> Self {
        let mut before = Self::default();
        before.follow(state);
        before
    }

    /// A further step was taken.
    pub(super) fn follow(&mut self, state: &Instance) {
        self.login = if state.phase() == Phase::LoggingIn { state.awaited() } else { None };
        self.alerts = state.alerts();
        self.incidents.clear();
        self.incidents.extend(state.incidents().map(|(kind, incident, _)| (kind, incident)));
    }

    pub(super) fn incident(&self, kind: IncidentKind) -> Option<&Incident> {
        self.incidents.iter().find(|(known, _)| *known == kind).map(|(_, incident)| incident)
    }
}
