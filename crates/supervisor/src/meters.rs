//! What the fleet tells Prometheus: every series is looked up once, gauges follow differences.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use warden_bridge::Command;
use warden_domain::{Alert, IncidentKind, InstanceId, Status, Timestamp, TradeServer, TradeState};
use warden_policy::AlertSet;
use warden_telemetry::{AlertBoard, Counter, Gauge, Histogram, Registry, metrics};

use crate::shard::{
    Slot,
    trading::{Figure, Heard},
};

/// The kinds of commands, by their place in [`Meters::commands`].
const COMMANDS: [&str; 9] =
    ["login", "reconnect", "restart", "confirm", "close_trades", "end_session", "order", "snapshot", "watch"];

/// The series that a fleet counts on; they are shared by its shards.
#[derive(Debug)]
pub(crate) struct Meters {
    pub(crate) registry: Registry,
    pub(crate) events: Counter,
    pub(crate) notifications: Counter,
    pub(crate) refused_wishes: Counter,
    pub(crate) refused_commands: Counter,
    pub(crate) strangers: Counter,
    pub(crate) backlog: Gauge,
    board: AlertBoard,
    transitions: Counter,
    fenced: Counter,
    commands: [Counter; COMMANDS.len()],
    statuses: Vec<Gauge>,
    incidents: Vec<Gauge>,
    queue: Gauge,
    commit: Histogram,
    last_commit: Gauge,
    orders: [Counter; metrics::ORDER_OUTCOMES.len()],
    trades: Vec<Gauge>,
    trades_ended: Vec<Counter>,
    trades_suspect: Gauge,
    /// From the acceptance of a signal to its first order.
    pub(crate) signal_latency: Histogram,
    halted: Gauge,
}

/// What one step changed of the fleet's figures: before and after.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) index: u32,
    pub(crate) status: (Status, Status),
    /// One bit for each kind that is open.
    pub(crate) incidents: (u16, u16),
    pub(crate) alerts: (AlertSet, AlertSet),
    pub(crate) halted: (bool, bool),
}

impl Change {
    pub(crate) fn is_empty(&self) -> bool {
        self.status.0 == self.status.1
            && self.incidents.0 == self.incidents.1
            && self.alerts.0 == self.alerts.1
            && self.halted.0 == self.halted.1
    }
}

impl Meters {
    pub(crate) fn new(registry: Registry) -> Self {
        let refused = |kind| registry.series(&metrics::REFUSALS, [kind]);
        let last_commit = registry.series(&metrics::JOURNAL_LAST_COMMIT, []);
        last_commit.set(since_epoch());
        Self {
            events: registry.series(&metrics::EVENTS, []),
            notifications: registry.series(&metrics::NOTIFICATIONS, []),
            refused_wishes: refused("wish"),
            refused_commands: refused("command"),
            strangers: refused("stranger"),
            backlog: registry.series(&metrics::HOT_STATE_BACKLOG, []),
            board: AlertBoard::new(registry.clone()),
            transitions: registry.series(&metrics::TRANSITIONS, []),
            fenced: refused("fenced"),
            commands: COMMANDS.map(|kind| registry.series(&metrics::COMMANDS, [kind])),
            statuses: Status::ALL
                .iter()
                .map(|status| registry.series(&metrics::INSTANCES, [status.as_str()]))
                .collect(),
            incidents: IncidentKind::ALL
                .iter()
                .map(|kind| registry.series(&metrics::INCIDENTS, [kind.as_str()]))
                .collect(),
            queue: registry.series(&metrics::JOURNAL_QUEUE, []),
            commit: registry.series(&metrics::JOURNAL_COMMIT, []),
            last_commit,
            orders: metrics::ORDER_OUTCOMES.map(|outcome| registry.series(&metrics::ORDERS, [outcome])),
            trades: of_states(|state| registry.series(&metrics::TRADES, [state])),
            trades_ended: of_states(|state| registry.series(&metrics::TRADES_ENDED, [state])),
            halted: registry.series(&metrics::INSTANCES_HALTED, []),
            trades_suspect: registry.series(&metrics::TRADES_SUSPECT, []),
            signal_latency: registry.series(&metrics::SIGNAL_LATENCY, []),
            registry,
        }
    }

    /// An instance begins to be looked after, as it was restored, unless another supervisor has it.
    pub(crate) fn begin(&self, slot: &Slot) {
        if slot.is_ours() {
            self.statuses[slot.state.status() as usize].add(1.0);
            self.count_incidents(0, slot.state.open_kinds());
            self.count_halted(false, slot.state.is_halted());
            self.show_alerts(&slot.id, AlertSet::default(), slot.alerts);
        } else {
            self.lost(&slot.id);
        }
    }

    /// An instance is let go of; `told` is the change that was not told yet, if there is one.
    pub(crate) fn end(&self, slot: &Slot, told: Option<&Change>) {
        let (status, incidents, alerts, halted) = match told {
            Some(change) => (change.status.0, change.incidents.0, change.alerts.0, change.halted.0),
            None => (slot.state.status(), slot.state.open_kinds(), slot.alerts, slot.state.is_halted()),
        };
        self.count_halted(halted, false);
        self.statuses[status as usize].add(-1.0);
        self.count_incidents(incidents, 0);
        self.show_alerts(&slot.id, alerts, AlertSet::default());
        self.lost(&slot.id);
    }

    fn lost(&self, instance: &InstanceId) {
        self.board.set(Alert::LeaseLost, instance, true);
        self.fenced.add(1);
    }

    /// A step is durable and done.
    pub(crate) fn follow(&self, instance: &InstanceId, change: &Change) {
        let (before, after) = change.status;
        if before != after {
            self.statuses[before as usize].add(-1.0);
            self.statuses[after as usize].add(1.0);
        }
        self.count_incidents(change.incidents.0, change.incidents.1);
        self.count_halted(change.halted.0, change.halted.1);
        self.show_alerts(instance, change.alerts.0, change.alerts.1);
    }

    fn count_halted(&self, before: bool, after: bool) {
        if before != after {
            self.halted.add(if after { 1.0 } else { -1.0 });
        }
    }

    fn count_incidents(&self, before: u16, after: u16) {
        let mut changed = before ^ after;
        while changed != 0 {
            let kind = changed.trailing_zeros();
            self.incidents[kind as usize].add(if after & (1 << kind) == 0 { -1.0 } else { 1.0 });
            changed &= changed - 1;
        }
    }

    fn show_alerts(&self, instance: &InstanceId, before: AlertSet, after: AlertSet) {
        if before != after {
            for alert in before.difference(after).iter() {
                self.board.set(alert, instance, after.contains(alert));
            }
        }
    }

    /// The condition of an alert holds from now on, or does not any more.
    pub(crate) fn alert(&self, alert: Alert, instance: &InstanceId, holds: bool) {
        self.board.set(alert, instance, holds);
    }

    /// Something was heard of an order.
    pub(crate) fn order_outcome(&self, heard: Heard) {
        self.orders[heard as usize].add(1);
    }

    /// So many orders whose answers do not come any more.
    pub(crate) fn orders_lost(&self, orders: u64) {
        self.orders[Heard::Lost as usize].add(orders);
    }

    /// A trade moved on.
    pub(crate) fn trade_moved(&self, before: Figure, after: Figure) {
        self.count_trade(before, -1.0);
        self.count_trade(after, 1.0);
        if let Some(state) = after.state.filter(|state| state.is_terminal()) {
            self.trades_ended[state as usize].add(1);
        }
    }

    /// Trades are not looked after here any more.
    pub(crate) fn trades_gone(&self, trades: impl Iterator<Item = Figure>) {
        trades.for_each(|trade| self.count_trade(trade, -1.0));
    }

    /// Only what has not ended is counted.
    fn count_trade(&self, trade: Figure, change: f64) {
        if let Some(state) = trade.state.filter(|state| !state.is_terminal()) {
            self.trades[state as usize].add(change);
        }
        if trade.suspect {
            self.trades_suspect.add(change);
        }
    }

    /// Something happened that has no end.
    pub(crate) fn announce(&self, alert: Alert, instance: &InstanceId) {
        let millis = i64::try_from(wall_clock().as_millis()).unwrap_or(i64::MAX);
        self.board.announce(alert, instance, Timestamp::from_millis(millis));
    }

    /// BRK-5.
    pub(crate) fn broker_incident(&self, server: &TradeServer, active: bool) {
        self.board.broker_incident(server, active);
    }

    /// The counter of a command's kind.
    pub(crate) fn commands(&self, command: &Command) -> &Counter {
        let place = match command {
            Command::Login { .. } => 0,
            Command::Reconnect => 1,
            Command::Restart { .. } => 2,
            Command::Confirm => 3,
            Command::CloseTrades { .. } => 4,
            Command::EndSession => 5,
            Command::Order(_) => 6,
            Command::Snapshot(_) => 7,
            Command::Watch(_) => 8,
        };
        &self.commands[place]
    }

    pub(crate) fn journal_waits(&self, rows: u64) {
        self.queue.add(figure(rows));
    }

    pub(crate) fn journal_took(&self, rows: u64, after: Duration) {
        self.queue.add(-figure(rows));
        self.transitions.add(rows);
        self.commit.observe(after.as_secs_f64());
        self.last_commit.set(since_epoch());
    }
}

/// One series for each state of a trade, by its number.
fn of_states<T>(series: impl FnMut(&'static str) -> T) -> Vec<T> {
    TradeState::ALL.iter().map(|state| state.as_str()).map(series).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a batch holds far fewer rows than a double counts exactly")]
fn figure(rows: u64) -> f64 {
    rows as f64
}

fn since_epoch() -> f64 {
    wall_clock().as_secs_f64()
}

/// Prometheus compares with its own wall clock, not with the clock of the deadlines.
fn wall_clock() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
