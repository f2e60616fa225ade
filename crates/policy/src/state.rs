mod flags;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use warden_domain::{
    Alert, ConnectionState, Desired, FailureReason, Gate, Health, IncidentKind, Layer, Span, Status,
    Timestamp,
};

use crate::{
    Command, CommandId, Effect, Effects, Incident, Params, Phase, Timer, Timers,
    account::Closure,
    incident::{self, Incidents},
    timers::TimerSet,
};

pub(crate) use flags::{Flags, Sharing};

/// All that the policy knows of one instance: plain data, about 530 bytes, without a pointer.
///
/// What other services see of it (status, connection state, gate, alerts) is derived, so that it cannot disagree.
///
/// # Guarantees
/// - Every timer, counter and incident is in here (REC-4): encoded and decoded again, it decides the same.
/// - It changes in [`step`](crate::step) alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Instance {
    pub(crate) phase: Phase,
    pub(crate) desired: Desired,
    pub(crate) health: Health,
    pub(crate) flags: Flags,
    /// Logins refused in a row, the one under way counted.
    pub(crate) login_attempts: u8,
    pub(crate) rate_limits: u8,
    pub(crate) failed_recoveries: u8,
    pub(crate) closure: Closure,
    pub(crate) positions: u16,
    pub(crate) unresolved_sends: u16,
    pub(crate) seed: u32,
    pub(crate) in_flight: bool,
    pub(crate) command: CommandId,
    pub(crate) login_failure: FailureReason,
    pub(crate) last_failure: FailureReason,
    pub(crate) last_login_attempt: Option<Timestamp>,
    pub(crate) timers: Timers,
    pub(crate) incidents: Incidents,
    /// Since when each layer of health is as it is.
    pub(crate) since: [Timestamp; 6],
}

impl Instance {
    /// An instance that has never run. The seed spreads its delays: give each instance another one.
    #[must_use]
    pub fn new(seed: u32) -> Self {
        Self {
            phase: Phase::Stopped { status: Status::Inactive, reason: FailureReason::None },
            desired: Desired::Stopped,
            health: Health::default(),
            flags: Flags::default(),
            login_attempts: 0,
            rate_limits: 0,
            failed_recoveries: 0,
            closure: Closure::None,
            positions: 0,
            unresolved_sends: 0,
            seed,
            in_flight: false,
            command: CommandId(0),
            login_failure: FailureReason::None,
            last_failure: FailureReason::None,
            last_login_attempt: None,
            timers: Timers::default(),
            incidents: Incidents::default(),
            since: [Timestamp::from_millis(0); 6],
        }
    }

    /// What it is doing.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// What the user wants.
    #[must_use]
    pub const fn desired(&self) -> Desired {
        self.desired
    }

    /// The key `instance_state:<id>:status`.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self.phase {
            Phase::Stopped { status, .. } => status,
            // A login that tests whether the account still exists recovers nothing (ACC-2).
            Phase::LoginDue | Phase::LoggingIn | Phase::Confirming if self.closure.is_suspected() => {
                Status::Failed
            }
            Phase::LoginDue | Phase::LoggingIn | Phase::Confirming => Status::Connecting,
            Phase::Up => Status::Connected,
            Phase::Waiting(kind) | Phase::Recovering(kind) => match kind {
                IncidentKind::NetworkLost | IncidentKind::Maintenance => Status::Disconnected,
                IncidentKind::LoginFailed
                | IncidentKind::BrokerDown
                | IncidentKind::RateLimited
                | IncidentKind::TerminalCrashed
                | IncidentKind::StateStoreLost
                | IncidentKind::StateCorrupted
                | IncidentKind::StateConflict
                | IncidentKind::PermissionsChanged
                | IncidentKind::AccountDisabled
                | IncidentKind::AccountClosed
                | IncidentKind::Slippage
                | IncidentKind::ExecutionTimeout
                | IncidentKind::DuplicateOrders
                | IncidentKind::ProtectionMisfire => Status::Failed,
            },
            Phase::Closing(_) => {
                if self.health.is_up(Layer::SessionConfirmed) {
                    Status::Connected
                } else {
                    Status::Disconnected
                }
            }
        }
    }

    /// The key `instance_state:<id>:connection_state`.
    #[must_use]
    pub const fn connection_state(&self) -> ConnectionState {
        match self.phase {
            Phase::Stopped { status: Status::Failed | Status::PermanentlyFailed, .. } => {
                ConnectionState::Failed
            }
            Phase::Waiting(IncidentKind::BrokerDown) | Phase::Recovering(IncidentKind::BrokerDown) => {
                ConnectionState::Failed
            }
            Phase::Stopped { .. }
            | Phase::LoginDue
            | Phase::LoggingIn
            | Phase::Waiting(_)
            | Phase::Recovering(_) => ConnectionState::Disconnected,
            Phase::Confirming | Phase::Up | Phase::Closing(_) => {
                if self.health.is_up(Layer::BrokerConnected) {
                    ConnectionState::Connected
                } else {
                    ConnectionState::Disconnected
                }
            }
        }
    }

    /// Whether orders may leave.
    #[must_use]
    pub fn gate(&self) -> Gate {
        let stopped = matches!(self.phase, Phase::Stopped { reason, .. } if reason != FailureReason::None);
        if self.is_halted() && !stopped {
            return Gate::Shut(FailureReason::UserStopped);
        }
        match self.phase {
            Phase::Stopped { reason, .. } => Gate::Shut(reason),
            Phase::Closing(reason) => Gate::ReduceOnly(reason),
            Phase::Waiting(
                kind @ (IncidentKind::Maintenance
                | IncidentKind::AccountDisabled
                | IncidentKind::AccountClosed),
            ) => Gate::Shut(kind.reason()),
            Phase::LoginDue | Phase::LoggingIn | Phase::Confirming if self.closure.is_suspected() => {
                Gate::Shut(self.last_failure)
            }
            Phase::LoginDue
            | Phase::LoggingIn
            | Phase::Confirming
            | Phase::Waiting(_)
            | Phase::Recovering(_) => Gate::Paused { until: Timestamp::MAX, reason: self.last_failure },
            Phase::Up => self.gate_while_up(),
        }
    }

    fn gate_while_up(&self) -> Gate {
        if self.flags.degraded {
            return Gate::Shut(FailureReason::StateStoreLost);
        }
        let endless =
            [IncidentKind::StateStoreLost, IncidentKind::StateCorrupted, IncidentKind::StateConflict];
        if let Some(kind) = endless.into_iter().find(|kind| self.incidents.is_open(*kind)) {
            return Gate::Paused { until: Timestamp::MAX, reason: kind.reason() };
        }
        let pauses = [
            (Timer::RateLimitPause, FailureReason::RateLimited),
            (Timer::TradePause, self.trade_pause_reason()),
        ];
        pauses
            .into_iter()
            .filter_map(|(timer, reason)| Some((self.timers.due_at(timer)?, reason)))
            .max_by_key(|(until, _)| *until)
            .map_or(Gate::Open, |(until, reason)| Gate::Paused { until, reason })
    }

    fn trade_pause_reason(&self) -> FailureReason {
        crate::trade::PAUSING
            .into_iter()
            .find(|kind| self.incidents.is_open(*kind))
            .map_or(FailureReason::None, IncidentKind::reason)
    }

    /// The alerts whose condition holds now.
    #[must_use]
    pub fn alerts(&self) -> AlertSet {
        let mut alerts = AlertSet::default();
        if self.incidents.any() {
            for (kind, _) in self.incidents.iter() {
                if let (Some(alert), true) = (kind.alert(), self.alerts_on(kind)) {
                    alerts.insert(alert);
                }
            }
        }
        if self.flags.throttled {
            alerts.insert(Alert::RepeatedLoginFailure);
        }
        if self.flags.login_recovered {
            alerts.insert(Alert::LoginRecovered);
        }
        if self.flags.lost_for_long && self.flags.sharing == Sharing::Alone {
            alerts.insert(Alert::ConnectionLost);
        }
        self.alert_on_stop(&mut alerts);
        alerts
    }

    /// Whether the condition of the open incident's alert holds: a stop ends what it was not for, and a broker incident
    /// speaks for its members (BRK-5).
    fn alerts_on(&self, kind: IncidentKind) -> bool {
        match kind {
            IncidentKind::BrokerDown
                if self.flags.sharing != Sharing::Alone
                    || self.phase == Phase::Waiting(IncidentKind::Maintenance) =>
            {
                false
            }
            IncidentKind::BrokerDown | IncidentKind::RateLimited | IncidentKind::TerminalCrashed => {
                match self.phase {
                    Phase::Stopped { reason, .. } => reason == kind.reason(),
                    Phase::LoginDue
                    | Phase::LoggingIn
                    | Phase::Confirming
                    | Phase::Up
                    | Phase::Waiting(_)
                    | Phase::Recovering(_)
                    | Phase::Closing(_) => true,
                }
            }
            IncidentKind::StateStoreLost => {
                !matches!(self.phase, Phase::Stopped { status: Status::Inactive, .. })
            }
            IncidentKind::LoginFailed
            | IncidentKind::Maintenance
            | IncidentKind::NetworkLost
            | IncidentKind::StateCorrupted
            | IncidentKind::StateConflict
            | IncidentKind::PermissionsChanged
            | IncidentKind::AccountDisabled
            | IncidentKind::AccountClosed
            | IncidentKind::Slippage
            | IncidentKind::ExecutionTimeout
            | IncidentKind::DuplicateOrders
            | IncidentKind::ProtectionMisfire => true,
        }
    }

    fn alert_on_stop(&self, alerts: &mut AlertSet) {
        let Phase::Stopped { status, reason } = self.phase else { return };
        match status {
            Status::Failed | Status::PermanentlyFailed => alerts.insert(Alert::InstanceStopped),
            Status::Inactive | Status::Connecting | Status::Connected | Status::Disconnected => {}
        }
        if reason == FailureReason::LoginFailed {
            alerts.insert(Alert::LoginFailure);
        }
        if matches!(reason, FailureReason::RecoveryExhausted | FailureReason::AccountClosed) {
            alerts.insert(Alert::AutoRecoveryFailure);
        }
    }

    /// Which layers are up, from the gateway to the confirmed session.
    #[must_use]
    pub const fn health(&self) -> Health {
        self.health
    }

    /// Since when the layer is as it is.
    #[must_use]
    pub const fn since(&self, layer: Layer) -> Timestamp {
        self.since[layer as usize]
    }

    /// Refused logins in a row, the one under way counted: the key `…:login_attempt_count`.
    #[must_use]
    pub const fn login_attempt_count(&self) -> u8 {
        self.login_attempts
    }

    /// The start of the last login: the key `…:last_login_attempt`.
    #[must_use]
    pub const fn last_login_attempt(&self) -> Option<Timestamp> {
        self.last_login_attempt
    }

    /// The key `…:login_failure_reason`.
    #[must_use]
    pub const fn login_failure_reason(&self) -> FailureReason {
        self.login_failure
    }

    /// The key `…:last_failure_reason`.
    #[must_use]
    pub const fn last_failure_reason(&self) -> FailureReason {
        self.last_failure
    }

    /// Open positions of the account, as last reported.
    #[must_use]
    pub const fn positions(&self) -> u16 {
        self.positions
    }

    /// How far the staged destruction of the account is (ACC-3).
    #[must_use]
    pub const fn closure(&self) -> Closure {
        self.closure
    }

    /// Recoveries in a row that did not last (REC-1).
    #[must_use]
    pub const fn failed_recoveries(&self) -> u8 {
        self.failed_recoveries
    }

    /// The open incidents, each with the moment of its next attempt where one is planned.
    pub fn incidents(&self) -> impl Iterator<Item = (IncidentKind, Incident, Option<Timestamp>)> {
        self.incidents.iter().map(|(kind, incident)| {
            let next = incident::timer_of(kind).and_then(|timer| self.timers.due_at(timer));
            (kind, incident, next)
        })
    }

    /// The kinds of the open incidents, bit `kind as u8` for each: what tells two states apart at once.
    #[must_use]
    pub const fn open_kinds(&self) -> u16 {
        self.incidents.kinds()
    }

    /// The open incident of this kind.
    #[must_use]
    pub fn incident(&self, kind: IncidentKind) -> Option<Incident> {
        self.incidents.get(kind)
    }

    /// The command whose outcome is awaited; the outcome of any other changes nothing.
    #[must_use]
    pub const fn awaited(&self) -> Option<CommandId> {
        if self.in_flight { Some(self.command) } else { None }
    }

    /// The armed deadlines.
    #[must_use]
    pub const fn timers(&self) -> &Timers {
        &self.timers
    }

    /// Whether a broker incident holds it back (BRK-5).
    #[must_use]
    pub const fn is_held(&self) -> bool {
        matches!(self.flags.sharing, Sharing::Held)
    }

    /// Whether its hot-state keys are, or are being, removed for good: nothing may be written there any more (ACC-3).
    #[must_use]
    pub const fn hot_state_removed(&self) -> bool {
        self.closure.hot_state_removed()
    }

    /// Whether the login lock must be held: an attempt at the terminal is under way (LOG-10).
    #[must_use]
    pub const fn needs_login_lock(&self) -> bool {
        matches!(self.phase, Phase::LoggingIn | Phase::Confirming | Phase::Recovering(_))
    }

    /// Whether the terminal is cut off from its broker: what a broker incident counts (BRK-5).
    ///
    /// One whose gateway is gone is not: nobody knows how its terminal stands.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        let open = self.incidents.is_open(IncidentKind::BrokerDown)
            || self.incidents.is_open(IncidentKind::NetworkLost);
        let recovering = !matches!(
            self.phase,
            Phase::Stopped { .. } | Phase::Up | Phase::Closing(_) | Phase::Waiting(IncidentKind::Maintenance)
        );
        open && recovering && self.health.is_up(Layer::GatewayAlive)
    }

    /// When the next [`Event::Tick`](crate::Event::Tick) may do something; `None` when only an event can.
    ///
    /// Attempts that wait for a gateway, for a broker incident or for the outcome of a send have no moment.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.timers.earliest(self.held_back())
    }

    /// Whether an attempt at the terminal is due: the driver asks for admission before its tick (LOG-5, LOG-10).
    #[must_use]
    pub fn attempt_due(&self, now: Timestamp) -> Option<Timer> {
        let held_back = self.held_back();
        [Timer::Login, Timer::Reconnect, Timer::Restart].into_iter().find(|timer| {
            !held_back.contains(*timer) && self.timers.due_at(*timer).is_some_and(|at| at <= now)
        })
    }

    /// The attempts between which and their start stands more than the driver's admission: each needs a gateway; a
    /// broker incident holds back those that reach for the broker (BRK-5); a restart waits for sends (NET-2).
    pub(crate) const fn held_back(&self) -> TimerSet {
        if !self.health.is_up(Layer::GatewayAlive) {
            return TimerSet::ATTEMPTS;
        }
        let held = if self.is_held() { TimerSet::REACHING_THE_BROKER } else { TimerSet::NONE };
        // One that lives is not restarted but logged in, which is what finds out about its sends.
        let gone = !self.health.is_up(Layer::TerminalAlive);
        if self.unresolved_sends > 0 && gone { held.and(TimerSet::RESTART) } else { held }
    }

    /// Whether a person may start it, and why not.
    ///
    /// # Errors
    /// When the account is closed (LOG-7), or the instance is not stopped.
    pub fn may_start(&self) -> Result<(), Refused> {
        match (self.closure, self.phase) {
            (closure, _) if closure.is_final() => Err(Refused::AccountClosed),
            (_, Phase::Stopped { .. }) => Ok(()),
            (
                _,
                Phase::LoginDue
                | Phase::LoggingIn
                | Phase::Confirming
                | Phase::Up
                | Phase::Waiting(_)
                | Phase::Recovering(_)
                | Phase::Closing(_),
            ) => Err(Refused::Running),
        }
    }

    /// Whether a person may reset it, and why not (LOG-7).
    ///
    /// An account that is only suspected to be closed may be reset: the login that follows is one more test of it.
    ///
    /// # Errors
    /// When the account is closed, or nothing failed.
    pub fn may_reset(&self) -> Result<(), Refused> {
        if self.closure.is_final() {
            return Err(Refused::AccountClosed);
        }
        let failed = match self.phase {
            Phase::Stopped { status, .. } => match status {
                Status::Failed | Status::PermanentlyFailed => true,
                Status::Connecting | Status::Connected | Status::Disconnected | Status::Inactive => false,
            },
            Phase::LoginDue | Phase::LoggingIn | Phase::Confirming => self.incidents.any(),
            Phase::Waiting(_) | Phase::Recovering(_) => true,
            Phase::Up | Phase::Closing(_) => false,
        };
        if failed { Ok(()) } else { Err(Refused::NotFailed) }
    }

    /// Sends a command whose outcome nobody waits for.
    pub(crate) fn send(
        &mut self,
        fx: &mut Effects,
        rule: warden_domain::Rule,
        command: Command,
        now: Timestamp,
        params: &Params,
    ) {
        self.command = CommandId(self.command.0 + 1);
        let deadline = now.after(params.session.start_within);
        fx.add(rule, Effect::Command { id: self.command, command, deadline });
    }

    /// Sends a command whose outcome the instance waits for: as long as it may wait for its start, and then `takes`.
    pub(crate) fn ask(
        &mut self,
        fx: &mut Effects,
        rule: warden_domain::Rule,
        command: Command,
        takes: Span,
        now: Timestamp,
        params: &Params,
    ) {
        self.send(fx, rule, command, now, params);
        self.in_flight = true;
        self.timers.arm(Timer::Command, now.after(params.session.start_within).after(takes));
    }

    pub(crate) fn forget_command(&mut self) {
        self.in_flight = false;
        self.timers.disarm(Timer::Command);
    }

    pub(crate) fn set_layer(&mut self, layer: Layer, up: bool, now: Timestamp) -> bool {
        let changed = self.health.is_up(layer) != up;
        if changed {
            self.health = self.health.with(layer, up);
            self.since[layer as usize] = now;
        }
        changed
    }
}

/// A set of alerts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AlertSet(u32);

impl AlertSet {
    /// Whether the alert is in the set.
    #[must_use]
    pub const fn contains(self, alert: Alert) -> bool {
        self.0 & (1 << alert as u8) != 0
    }

    /// The alerts that are in one of the two sets only.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }

    /// Whether no alert is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The alerts of the set.
    pub fn iter(self) -> impl Iterator<Item = Alert> {
        Alert::ALL.iter().copied().filter(move |alert| self.contains(*alert))
    }

    fn insert(&mut self, alert: Alert) {
        self.0 |= 1 << alert as u8;
    }
}

/// Why a person's wish is not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// The account was closed or disabled for good (ACC-2).
    #[error("the account is closed for good; add a new account")]
    AccountClosed,
    /// The instance runs.
    #[error(
        "the instance is not stopped; stop it and wait until it is INACTIVE, or reset it where it failed"
    )]
    Running,
    /// Nothing failed.
    #[error("nothing of the instance failed; there is nothing to reset")]
    NotFailed,
}
