mod answers;

use std::{
    collections::{BTreeMap, HashMap, btree_map::Entry},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use warden_domain::{Alert, IncidentKind, InstanceId, Timestamp};

use crate::{
    History, HistoryError, HistoryRows, JournalId, Pending,
    history::{
        AlertRow, FailuresPerHour, IncidentRow, InstanceEvent, LoginSuccess, NotificationRow, Origin, Period,
        Range, Slippage, TimeToRecover, TradeEvent,
    },
};

/// A history that lives as long as the process: for tests, and for embedding without a folder.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use warden_store::{History, conformance::history::whole, memory::MemoryHistory};
///
/// let history = MemoryHistory::new();
/// let (range, rows) = whole();
/// history.insert(range, &rows).await.unwrap();
/// history.insert(range, &rows).await.unwrap(); // the acknowledgement was lost
/// assert_eq!(history.rows(), rows);
/// history.set_reachable(false);
/// assert!(history.insert(range, &rows).await.is_err());
/// # }
/// ```
///
/// # Caveats
/// It keeps every row it was ever given.
#[derive(Debug, Default)]
pub struct MemoryHistory {
    unreachable: AtomicBool,
    held: Mutex<Held>,
}

/// Each row under what it is known by, so that one that comes again finds itself.
#[derive(Debug, Default)]
struct Held {
    events: HashMap<InstanceId, BTreeMap<EventKey, InstanceEvent>>,
    trades: BTreeMap<(JournalId, u64, u16), TradeEvent>,
    incidents: BTreeMap<(InstanceId, IncidentKind, Timestamp), IncidentRow>,
    alerts: BTreeMap<(JournalId, u64, Alert), AlertRow>,
    notifications: BTreeMap<(JournalId, u64, u16), NotificationRow>,
}

/// The order of a timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct EventKey {
    at: Timestamp,
    epoch: u64,
    version: u64,
    journal: JournalId,
    seq: u64,
}

impl MemoryHistory {
    /// An empty history.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets every call fail with [`HistoryError::Unreachable`], or answers again.
    pub fn set_reachable(&self, reachable: bool) {
        self.unreachable.store(!reachable, Ordering::SeqCst);
    }

    /// Everything that is held, each kind in the order of journals and their rows; of an incident its last row.
    #[must_use]
    pub fn rows(&self) -> HistoryRows {
        let held = self.held();
        let mut rows = HistoryRows {
            events: held.events.values().flat_map(BTreeMap::values).cloned().collect(),
            trades: held.trades.values().cloned().collect(),
            incidents: held.incidents.values().cloned().collect(),
            alerts: held.alerts.values().cloned().collect(),
            notifications: held.notifications.values().cloned().collect(),
        };
        rows.events.sort_by_key(|event| place(&event.origin));
        rows.incidents.sort_by_key(|incident| place(&incident.origin));
        rows
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Rows only ever come in whole and may come again, so a panic elsewhere leaves nothing that is wrong.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reached(&self) -> Result<MutexGuard<'_, Held>, HistoryError> {
        if self.unreachable.load(Ordering::SeqCst) {
            return Err(HistoryError::Unreachable("it was told not to".to_owned()));
        }
        Ok(self.held())
    }

    fn answer<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Held) -> T + Send + 'static,
    ) -> Pending<'_, Result<T, HistoryError>> {
        Box::pin(async move { Ok(ask(&*self.reached()?)) })
    }
}

impl History for MemoryHistory {
    fn insert<'a>(&'a self, _: Range, rows: &'a HistoryRows) -> Pending<'a, Result<(), HistoryError>> {
        Box::pin(async move {
            self.reached()?.take_in(rows.clone());
            Ok(())
        })
    }

    fn timeline<'a>(
        &'a self,
        instance: &'a InstanceId,
        period: Period,
        limit: u32,
    ) -> Pending<'a, Result<Vec<InstanceEvent>, HistoryError>> {
        let instance = instance.clone();
        self.answer(move |held| held.timeline(&instance, period, limit))
    }

    fn latest<'a>(
        &'a self,
        instances: &'a [InstanceId],
    ) -> Pending<'a, Result<Vec<Option<InstanceEvent>>, HistoryError>> {
        let instances = instances.to_vec();
        self.answer(move |held| instances.iter().map(|instance| held.latest(instance)).collect())
    }

    fn time_to_recover(&self, period: Period) -> Pending<'_, Result<Vec<TimeToRecover>, HistoryError>> {
        self.answer(move |held| answers::time_to_recover(held.opened(period)))
    }

    fn failures_per_hour(&self, period: Period) -> Pending<'_, Result<Vec<FailuresPerHour>, HistoryError>> {
        self.answer(move |held| answers::failures_per_hour(held.opened(period)))
    }

    fn login_success(&self, period: Period) -> Pending<'_, Result<Vec<LoginSuccess>, HistoryError>> {
        self.answer(move |held| {
            let events = held.events.values().flat_map(BTreeMap::values);
            answers::login_success(events.filter(|event| period.contains(event.origin.at)))
        })
    }

    fn slippage(&self, period: Period) -> Pending<'_, Result<Vec<Slippage>, HistoryError>> {
        self.answer(move |held| {
            answers::slippage(held.trades.values().filter(|trade| period.contains(trade.origin.at)))
        })
    }
}

impl Held {
    fn take_in(&mut self, rows: HistoryRows) {
        let HistoryRows { events, trades, incidents, alerts, notifications } = rows;
        for event in events {
            let of_instance = self.events.entry(event.origin.instance.clone()).or_default();
            of_instance.insert(EventKey::of(&event), event);
        }
        self.trades
            .extend(trades.into_iter().map(|row| ((row.origin.journal, row.origin.seq, row.part), row)));
        for incident in incidents {
            self.take_in_incident(incident);
        }
        self.alerts
            .extend(alerts.into_iter().map(|row| ((row.origin.journal, row.origin.seq, row.alert), row)));
        let keyed =
            notifications.into_iter().map(|row| ((row.origin.journal, row.origin.seq, row.part), row));
        self.notifications.extend(keyed);
    }

    fn take_in_incident(&mut self, row: IncidentRow) {
        match self.incidents.entry((row.origin.instance.clone(), row.kind, row.opened_at)) {
            Entry::Vacant(free) => {
                free.insert(row);
            }
            Entry::Occupied(mut before) if before.get().version < row.version => {
                before.insert(row);
            }
            Entry::Occupied(_) => {}
        }
    }

    fn timeline(&self, instance: &InstanceId, period: Period, limit: u32) -> Vec<InstanceEvent> {
        let of_instance = self.events.get(instance).into_iter().flatten();
        let within = of_instance.map(|(_, event)| event).filter(|event| period.contains(event.origin.at));
        let mut newest: Vec<InstanceEvent> = within.rev().take(limit as usize).cloned().collect();
        newest.reverse();
        newest
    }

    fn latest(&self, instance: &InstanceId) -> Option<InstanceEvent> {
        let of_instance = self.events.get(instance).into_iter().flatten();
        of_instance.max_by_key(|(key, _)| (key.epoch, key.version, **key)).map(|(_, event)| event.clone())
    }

    /// The incidents that were opened within a period.
    fn opened(&self, period: Period) -> impl Iterator<Item = &IncidentRow> {
        self.incidents.values().filter(move |incident| period.contains(incident.opened_at))
    }
}

impl EventKey {
    fn of(event: &InstanceEvent) -> Self {
        let (journal, seq) = place(&event.origin);
        Self { at: event.origin.at, epoch: event.epoch, version: event.version, journal, seq }
    }
}

fn place(origin: &Origin) -> (JournalId, u64) {
    (origin.journal, origin.seq)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::conformance::history;

    #[tokio::test]
    async fn the_memory_history_passes_every_case() {
        history::run(|| Box::pin(async { Arc::new(MemoryHistory::new()) as Arc<dyn History> })).await;
    }

    #[tokio::test]
    async fn rows_of_every_kind_are_held_as_they_were_given_once() {
        let (range, rows) = history::whole();
        let store = MemoryHistory::new();
        for _ in 0..2 {
            store.insert(range, &rows).await.unwrap();
            assert_eq!(store.rows(), rows);
        }
    }

    #[tokio::test]
    async fn an_unreachable_history_keeps_its_rows_and_takes_in_none() {
        let (range, rows) = history::whole();
        let store = MemoryHistory::new();
        store.set_reachable(false);
        assert!(matches!(store.insert(range, &rows).await, Err(HistoryError::Unreachable(_))));
        assert_eq!(store.rows(), HistoryRows::default());
        store.set_reachable(true);
        store.insert(range, &rows).await.unwrap();
        store.set_reachable(false);
        let period = Period { from: Timestamp::from_millis(0), until: Timestamp::MAX };
        assert!(matches!(store.slippage(period).await, Err(HistoryError::Unreachable(_))));
        assert_eq!(store.rows(), rows);
    }
}
