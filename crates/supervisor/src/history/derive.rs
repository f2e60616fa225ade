use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use rustc_hash::FxHashMap;
use warden_domain::{FailureReason, IncidentKind, InstanceId, Rule, Status, TradeServer};
use warden_policy::{
    DecodeError, Effect, Escalation, Event, Incident, Instance, Phase, Step, Trouble, TroubleKind,
    decode_step, trade::decode_trade_row,
};
use warden_store::{
    HistoryRows, JournalId, Row, TradeMark,
    history::{AlertRow, IncidentRow, InstanceEvent, LoginOutcome, NotificationRow, Origin, TradeEvent},
};

use super::{before::Before, login, trade};
use crate::view::{action, in_words};

/// Derives the rows of the history from those of a journal.
///
/// # Expected flow
/// [`new`](Self::new), [`know`](Self::know) with the newest row of every instance before the first one to come, then
/// [`add`](Self::add) with every row of the journal in its order.
///
/// # Guarantees
/// - Pure: what a row makes is a function of the row, of the one of its instance before it and of the servers; what a
///   trade's row makes, of the row and the servers alone.
/// - Every row makes one event, also one whose payload cannot be read: a trade's row a [`TradeEvent`] with its magic
///   number, every other an [`InstanceEvent`].
///
/// # Caveats
/// - After a step that could not be read nothing is known of its instance: what stands after the next one counts as new,
///   and what ended meanwhile is not told.
/// - The same holds for the first step in this journal of an instance that another supervisor had before.
#[derive(Clone, Debug)]
pub struct Deriver {
    journal: JournalId,
    servers: Arc<HashMap<InstanceId, TradeServer>>,
    before: FxHashMap<InstanceId, Before>,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an unreadable step is to be told of"]
pub enum Derived {
    /// All that it says was derived.
    Whole,
    /// Its payload cannot be read: only what stands beside the payload was derived.
    Unreadable(DecodeError),
}

impl Deriver {
    /// Begins with nothing known; `servers` says where instances trade.
    #[must_use]
    pub fn new(journal: JournalId, servers: Arc<HashMap<InstanceId, TradeServer>>) -> Self {
        Self { journal, servers, before: FxHashMap::default() }
    }

    /// Takes in what the instances were: the newest row of each one's own before the next one to [`add`](Self::add).
    pub fn know(&mut self, latest: impl IntoIterator<Item = Row>) {
        let own = latest.into_iter().filter(|row| row.trade.is_none());
        let readable = own.filter_map(|row| Some((row.instance, decode_step(&row.payload).ok()?)));
        self.before.extend(readable.map(|(instance, step)| (instance, Before::of(&step.state))));
    }

    /// From now on the instances trade there.
    pub(super) fn set_servers(&mut self, servers: Arc<HashMap<InstanceId, TradeServer>>) {
        self.servers = servers;
    }

    /// Appends what the next row of the journal says.
    pub fn add(&mut self, row: Row, into: &mut HistoryRows) -> Derived {
        if let Some(mark) = &row.trade {
            return self.add_trade(&row, mark, into);
        }
        let server = self.server(&row);
        let known = self.before.entry(row.instance.clone());
        // One text of an id for all its rows, of which very many can be in memory.
        let instance = known.key().clone();
        let origin = Origin { instance, journal: self.journal, seq: row.seq, at: row.at, server };
        match decode_step(&row.payload) {
            Ok(step) => {
                self::add(known.or_default(), row, origin, step, into);
                Derived::Whole
            }
            Err(fault) => {
                if let Entry::Occupied(known) = known {
                    known.remove();
                }
                into.events.push(unreadable(row, origin, &fault));
                Derived::Unreadable(fault)
            }
        }
    }

    fn add_trade(&self, row: &Row, mark: &TradeMark, into: &mut HistoryRows) -> Derived {
        let known = self.before.get_key_value(&row.instance);
        let instance = known.map_or(&row.instance, |(instance, _)| instance).clone();
        let origin =
            Origin { instance, journal: self.journal, seq: row.seq, at: row.at, server: self.server(row) };
        match decode_trade_row(&row.payload) {
            Ok(said) => {
                into.trades.push(trade::event(row, mark, &said, origin));
                Derived::Whole
            }
            Err(fault) => {
                into.trades.push(trade::bare(row, mark, origin));
                Derived::Unreadable(fault)
            }
        }
    }

    fn server(&self, row: &Row) -> String {
        self.servers.get(&row.instance).map_or_else(String::new, |it| it.as_str().to_owned())
    }
}

fn add(before: &mut Before, row: Row, origin: Origin, step: Step, into: &mut HistoryRows) {
    let state = &step.state;
    notifications(&step, &origin, into);
    if let Event::Trade(trouble) = step.event {
        into.trades.push(troubled(trouble, origin.clone()));
    }
    alerts(before, state, &origin, into);
    if state.open_kinds() != 0 || !before.incidents.is_empty() {
        Incidents { before, step: &step, version: row.version.0, origin: &origin }.tell(into);
    }
    let login = login::outcome(before.login, &step.event, state);
    before.follow(state);
    into.events.push(event(row, origin, login, step));
}

fn event(row: Row, origin: Origin, login: LoginOutcome, step: Step) -> InstanceEvent {
    InstanceEvent {
        origin,
        epoch: row.epoch.0,
        version: row.version.0,
        op: row.op.0,
        kind: row.kind,
        rule: row.rule,
        status: step.state.status(),
        reason: step.state.last_failure_reason(),
        login,
        actions: actions(step.effects.list()),
        detail: step.detail,
        payload: row.payload,
    }
}

/// What can be said of a step that cannot be read; its state is unknown, which is told in its detail.
fn unreadable(row: Row, origin: Origin, fault: &DecodeError) -> InstanceEvent {
    InstanceEvent {
        origin,
        epoch: row.epoch.0,
        version: row.version.0,
        op: row.op.0,
        kind: row.kind,
        rule: row.rule,
        status: Status::Inactive,
        reason: FailureReason::None,
        login: LoginOutcome::None,
        actions: String::new(),
        detail: format!("the step {fault}"),
        payload: row.payload,
    }
}

fn actions(effects: &[(Rule, Effect)]) -> String {
    const BETWEEN: &str = "; ";
    let words = || effects.iter().map(|(_, effect)| action(*effect));
    let mut text = String::with_capacity(words().map(|words| words.len() + BETWEEN.len()).sum());
    for words in words() {
        if !text.is_empty() {
            text.push_str(BETWEEN);
        }
        text.push_str(words);
    }
    text
}

fn notifications(step: &Step, origin: &Origin, into: &mut HistoryRows) {
    let told = step.effects.list().iter().filter_map(|(rule, effect)| match effect {
        Effect::Notify(notice) => Some((rule, notice)),
        Effect::Command { .. } | Effect::Store(_) => None,
    });
    into.notifications.extend(told.zip(0..).map(|((rule, notice), part)| NotificationRow {
        origin: origin.clone(),
        part,
        notice: notice.name().to_owned(),
        rule: rule.as_str().to_owned(),
        text: notice.text().to_owned(),
    }));
}

fn alerts(before: &Before, state: &Instance, origin: &Origin, into: &mut HistoryRows) {
    let now = state.alerts();
    into.alerts.extend(before.alerts.difference(now).iter().map(|alert| AlertRow {
        origin: origin.clone(),
        alert,
        severity: alert.severity(),
        firing: now.contains(alert),
    }));
}

/// What a trade rule asked of the whole instance; it concerns no single order.
fn troubled(trouble: Trouble, origin: Origin) -> TradeEvent {
    TradeEvent {
        origin,
        part: 0,
        magic: 0,
        symbol: String::new(),
        side: String::new(),
        kind: trade_kind(trouble).to_owned(),
        retcode: 0,
        volume: 0.0,
        requested: 0.0,
        filled: 0.0,
        slippage: None,
        latency_ms: 0,
    }
}

const fn trade_kind(trouble: Trouble) -> &'static str {
    match (trouble.kind, trouble.escalation) {
        (TroubleKind::Slippage, Escalation::Pause { .. }) => "SLIPPAGE_PAUSE",
        (TroubleKind::Slippage, Escalation::Clear) => "SLIPPAGE_CLEAR",
        (TroubleKind::Slippage, Escalation::Stop) => "SLIPPAGE_STOP",
        (TroubleKind::ExecutionTimeout, Escalation::Pause { .. }) => "EXECUTION_TIMEOUT_PAUSE",
        (TroubleKind::ExecutionTimeout, Escalation::Clear) => "EXECUTION_TIMEOUT_CLEAR",
        (TroubleKind::ExecutionTimeout, Escalation::Stop) => "EXECUTION_TIMEOUT_STOP",
        (TroubleKind::DuplicateOrders, Escalation::Pause { .. }) => "DUPLICATE_ORDERS_PAUSE",
        (TroubleKind::DuplicateOrders, Escalation::Clear) => "DUPLICATE_ORDERS_CLEAR",
        (TroubleKind::DuplicateOrders, Escalation::Stop) => "DUPLICATE_ORDERS_STOP",
        (TroubleKind::ProtectionMisfire, Escalation::Pause { .. }) => "PROTECTION_MISFIRE_PAUSE",
        (TroubleKind::ProtectionMisfire, Escalation::Clear) => "PROTECTION_MISFIRE_CLEAR",
        (TroubleKind::ProtectionMisfire, Escalation::Stop) => "PROTECTION_MISFIRE_STOP",
    }
}

/// The incidents on both sides of a step.
struct Incidents<'a> {
    before: &'a Before,
    step: &'a Step,
    version: u64,
    origin: &'a Origin,
}

impl Incidents<'_> {
    /// One row for each that ended, opened or changed.
    fn tell(&self, into: &mut HistoryRows) {
        let state = &self.step.state;
        for (kind, was) in &self.before.incidents {
            if state.incident(*kind).is_none_or(|is| is.opened_at != was.opened_at) {
                into.incidents.push(self.row(*kind, was, true));
            }
        }
        for (kind, is, _) in state.incidents() {
            if self.before.incident(kind) != Some(&is) {
                into.incidents.push(self.row(kind, &is, false));
            }
        }
    }

    fn row(&self, kind: IncidentKind, incident: &Incident, ended: bool) -> IncidentRow {
        IncidentRow {
            origin: self.origin.clone(),
            version: self.version,
            kind,
            opened_at: incident.opened_at,
            closed_at: ended.then_some(self.origin.at),
            recovered: ended && self.runs_on(),
            attempts: incident.attempt,
            evidence: in_words(incident.evidence),
        }
    }

    /// Whether the instance goes on by itself: what a stop ends has not recovered, and neither has what a person's start
    /// or reset forgets (LOG-7) or new credentials make void (LOG-9).
    fn runs_on(&self) -> bool {
        let forgotten = matches!(self.step.event, Event::Start | Event::Reset | Event::CredentialsChanged);
        !forgotten && !matches!(self.step.state.phase(), Phase::Stopped { .. })
    }
}
