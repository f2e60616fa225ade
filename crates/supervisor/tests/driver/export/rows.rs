//! What a step of the journal says in the history, kind by kind.

use std::{collections::HashMap, sync::Arc};

use warden_domain::{
    Alert, FailureReason, IncidentKind, JournalLine, Severity, Span, Status, StopMode, Timestamp, TradeServer,
};
use warden_policy::{Escalation, Event, Outcome, Phase, StateStoreEvent, Trouble, TroubleKind};
use warden_store::{
    HistoryRows, Journal as _, JournalId, Record, Row,
    history::{AlertRow, IncidentRow, LoginOutcome},
};
use warden_supervisor::{Derived, Deriver};

use super::{
    bench::Bench,
    walk::{SESSION, Walk, disconnected, fine, line, ready},
};
use crate::rig::{Rig, id, pass, settle};

/// A deriver that is given one record after the other.
pub(super) struct Teller {
    deriver: Deriver,
    seq: u64,
}

impl Teller {
    pub(super) fn new() -> Self {
        let servers = HashMap::from([(id(0), TradeServer::new("Broker-Live").unwrap())]);
        Self { deriver: Deriver::new(JournalId(7), Arc::new(servers)), seq: 0 }
    }

    /// After all these.
    pub(super) fn after(records: Vec<Record>) -> Self {
        let mut teller = Self::new();
        for record in records {
            teller.tell(record);
        }
        teller
    }

    /// What this one says; every step can be read and makes one event.
    pub(super) fn tell(&mut self, record: Record) -> HistoryRows {
        let (derived, rows) = self.try_tell(record);
        assert_eq!(derived, Derived::Whole);
        rows
    }

    fn try_tell(&mut self, record: Record) -> (Derived, HistoryRows) {
        self.seq += 1;
        let mut rows = HistoryRows::default();
        let derived = self.deriver.add(row(record, self.seq), &mut rows);
        assert_eq!(rows.events.len(), 1);
        (derived, rows)
    }
}

pub(super) fn row(record: Record, seq: u64) -> Row {
    let Record { instance, trade, epoch, version, op, at, kind, rule, payload } = record;
    let (kind, rule) = (kind.to_owned(), rule.to_owned());
    Row { seq, instance, trade, epoch, version, op, at, kind, rule, payload }
}

#[test]
fn an_event_carries_the_step_and_the_state_after_it() {
    let mut walk = Walk::new(0);
    let mut teller = Teller::new();
    let record = walk.give(Event::Start);
    let rows = teller.tell(record.clone());
    let event = &rows.events[0];
    assert_eq!(
        (event.origin.instance.clone(), event.origin.journal, event.origin.seq),
        (id(0), JournalId(7), 1)
    );
    assert_eq!((event.origin.at, event.origin.server.as_str()), (walk.now, "Broker-Live"));
    assert_eq!((event.epoch, event.version, event.op), (3, 1, 1_001));
    assert_eq!((event.kind.as_str(), event.rule.as_str()), ("START", "LOG-1"));
    assert_eq!((event.status, event.reason), (Status::Connecting, FailureReason::None));
    assert_eq!((event.login, event.actions.as_str()), (LoginOutcome::None, ""));
    assert_eq!((event.detail.as_str(), &event.payload), ("words behind it", &record.payload));
    let others = (rows.trades.len(), rows.incidents.len(), rows.alerts.len(), rows.notifications.len());
    assert_eq!(others, (0, 0, 0, 0));
}

#[test]
fn actions_are_told_in_words_and_in_their_order() {
    let (mut walk, records) = Walk::up(0);
    let mut teller = Teller::after(records);
    let trouble = Trouble { kind: TroubleKind::DuplicateOrders, escalation: Escalation::Stop };
    let rows = teller.tell(walk.give(Event::Trade(trouble)));
    assert_eq!(
        rows.events[0].actions,
        "close the terminal session; a trade rule stopped the instance; see its incident, then reset it"
    );
    assert_eq!(
        (rows.events[0].status, rows.events[0].reason),
        (Status::Failed, FailureReason::DuplicateOrders)
    );
}

#[test]
fn an_instance_whose_server_is_unknown_has_an_empty_one() {
    let rows = Teller::new().tell(Walk::new(5).give(Event::Start));
    assert_eq!(rows.events[0].origin.server, "");
}

/// Kind, attempts, whether it ended and whether it recovered.
fn brief(incidents: &[IncidentRow]) -> Vec<(IncidentKind, u8, bool, bool)> {
    incidents.iter().map(|it| (it.kind, it.attempts, it.closed_at.is_some(), it.recovered)).collect()
}

#[test]
fn an_incident_is_told_when_it_opens_changes_and_recovers() {
    let (mut walk, records) = Walk::up(0);
    let mut teller = Teller::after(records);
    let lost = IncidentKind::NetworkLost;
    let opened_at = walk.now;
    let rows = teller.tell(walk.give(Event::Report(disconnected())));
    assert_eq!(brief(&rows.incidents), [(lost, 0, false, false)]);
    assert_eq!((rows.incidents[0].opened_at, rows.incidents[0].version), (opened_at, walk_version(&rows)));
    assert_eq!(rows.incidents[0].evidence, "flags of terminal or account");
    let rows = teller.tell(walk.tick());
    assert_eq!(brief(&rows.incidents), [(lost, 1, false, false)], "the reconnect is its first attempt");
    let rows = teller.tell(walk.end(Outcome::Done, fine()));
    assert_eq!(rows.incidents, [], "nothing about it changed");
    walk.pass(1_234);
    let rows = teller.tell(walk.end(SESSION, fine()));
    assert_eq!(brief(&rows.incidents), [(lost, 1, true, true)]);
    assert_eq!((rows.incidents[0].opened_at, rows.incidents[0].closed_at), (opened_at, Some(walk.now)));
}

fn walk_version(rows: &HistoryRows) -> u64 {
    rows.events[0].version
}

#[test]
fn acc_7_an_incident_that_a_stop_ends_has_not_recovered() {
    let (mut walk, records) = Walk::up(0);
    let mut teller = Teller::after(records);
    teller.tell(walk.give(Event::Report(disconnected())));
    let rows = teller.tell(walk.give(Event::Stop(StopMode::Preserve)));
    assert_eq!(brief(&rows.incidents), [(IncidentKind::NetworkLost, 0, true, false)]);
}

#[test]
fn log_7_an_incident_that_a_reset_forgets_has_not_recovered() {
    let (mut walk, records) = Walk::up(0);
    let mut teller = Teller::after(records);
    teller.tell(walk.give(Event::Report(disconnected())));
    let rows = teller.tell(walk.give(Event::Reset));
    assert_eq!(rows.events[0].status, Status::Connecting);
    assert_eq!(brief(&rows.incidents), [(IncidentKind::NetworkLost, 0, true, false)]);
}

#[test]
fn acc_3_an_account_that_is_destroyed_leaves_its_incident_open() {
    let (mut walk, records) = Walk::up(0);
    let mut teller = Teller::after(records);
    teller.tell(walk.give(Event::Report(disconnected())));
    let rows = teller.tell(walk.give(Event::ConfirmClosure));
    assert_eq!(rows.events[0].status, Status::Inactive);
    assert_eq!(
        brief(&rows.incidents),
        [(IncidentKind::NetworkLost, 0, true, false), (IncidentKind::AccountClosed, 0, false, false)]
    );
    assert_eq!(rows.incidents[1].evidence, "another part of the system said so");
}

#[test]
fn net_3_the_store_is_back_while_the_instance_runs() {
    let (mut walk, records) = Walk::up(0);
    let mut teller = Teller::after(records);
    let store = IncidentKind::StateStoreLost;
    let lost = |attempts| Event::StateStore(StateStoreEvent::Lost { attempts });
    let told = teller.tell(walk.give(lost(0)));
    assert_eq!(brief(&told.incidents), [(store, 0, false, false)]);
    let told = teller.tell(walk.give(lost(2)));
    assert_eq!(brief(&told.incidents), [(store, 2, false, false)]);
    let told = teller.tell(walk.give(Event::StateStore(StateStoreEvent::Back)));
    assert_eq!(brief(&told.incidents), [(store, 2, true, true)]);
}

fn firing(alerts: &[AlertRow]) -> Vec<(Alert, bool)> {
    alerts.iter().map(|row| (row.alert, row.firing)).collect()
}

#[test]
fn an_alert_is_told_when_it_begins_and_ceases_to_stand() {
    let (mut walk, records) = Walk::up(0);
    let mut teller = Teller::after(records);
    let lost = Event::StateStore(StateStoreEvent::Lost { attempts: 0 });
    let rows = teller.tell(walk.give(lost));
    assert_eq!(firing(&rows.alerts), [(Alert::StateStoreLost, true)]);
    assert_eq!(rows.alerts[0].severity, Severity::Critical);
    let rows = teller.tell(walk.give(Event::StateStore(StateStoreEvent::Lost { attempts: 1 })));
    assert_eq!(rows.alerts, [], "it stands still");
    let rows = teller.tell(walk.give(Event::StateStore(StateStoreEvent::Back)));
    assert_eq!(firing(&rows.alerts), [(Alert::StateStoreLost, false)]);
}

#[test]
fn log_3_log_5_notices_are_told_by_name_rule_and_sentence() {
    let (mut walk, records) = Walk::logging_in(0);
    let mut teller = Teller::after(records);
    let mut told = Vec::new();
    for _ in 0..5 {
        for record in walk.log_in() {
            told.extend(teller.tell(record).notifications);
        }
        told.extend(teller.tell(walk.end(Outcome::Failed, line(JournalLine::InvalidAccount))).notifications);
    }
    let told: Vec<_> = told.iter().map(|it| (it.notice.as_str(), it.rule.as_str(), it.part)).collect();
    assert_eq!(told, [("RepeatedLoginFailure", "LOG-5", 0), ("LoginFailed", "LOG-3", 0)]);
    assert!(matches!(walk.state.phase(), Phase::Stopped { .. }));
}

#[test]
fn acc_2_a_notice_carries_the_sentence_that_people_read() {
    let (mut walk, records) = Walk::up(0);
    let mut teller = Teller::after(records);
    let disabled = warden_policy::Report { facts: line(JournalLine::AccountDisabled), ..ready() };
    let rows = teller.tell(walk.give(Event::Report(disabled)));
    assert_eq!(rows.notifications[0].notice, "AccountDisabled");
    assert_eq!(rows.notifications[0].text, warden_policy::Notice::AccountDisabled.text());
    assert_eq!(firing(&rows.alerts), [(Alert::AccountBanned, true)]);
}

#[test]
fn what_trade_rules_ask_of_an_instance_is_told_as_trade_events() {
    let kinds = [
        (TroubleKind::Slippage, "SLIPPAGE"),
        (TroubleKind::ExecutionTimeout, "EXECUTION_TIMEOUT"),
        (TroubleKind::DuplicateOrders, "DUPLICATE_ORDERS"),
        (TroubleKind::ProtectionMisfire, "PROTECTION_MISFIRE"),
    ];
    for (kind, name) in kinds {
        let (mut walk, records) = Walk::up(0);
        let mut teller = Teller::after(records);
        let pause = Escalation::Pause { until: walk.now.after(Span::from_secs(30)) };
        for (escalation, word) in [(pause, "PAUSE"), (Escalation::Clear, "CLEAR"), (Escalation::Stop, "STOP")]
        {
            let rows = teller.tell(walk.give(Event::Trade(Trouble { kind, escalation })));
            let trade = &rows.trades[..];
            assert_eq!(trade.len(), 1);
            assert_eq!(trade[0].kind, format!("{name}_{word}"));
            assert_eq!((trade[0].part, trade[0].magic, trade[0].symbol.as_str()), (0, 0, ""));
            assert_eq!((trade[0].slippage, trade[0].retcode), (None, 0));
        }
    }
}

#[test]
fn a_step_that_cannot_be_read_is_an_event_and_nothing_is_known_after_it() {
    let (mut walk, records) = Walk::up(0);
    let mut teller = Teller::after(records);
    teller.tell(walk.give(Event::StateStore(StateStoreEvent::Lost { attempts: 0 })));
    for payload in [&[][..], &[1, 2, 3], &[200, 1, 1]] {
        let record = walk.damaged(payload);
        let (derived, rows) = teller.try_tell(record.clone());
        let Derived::Unreadable(fault) = derived else { panic!("{payload:?} was read") };
        let event = &rows.events[0];
        assert_eq!((event.kind.as_str(), &event.payload), (record.kind, &record.payload));
        assert_eq!((event.status, event.reason), (Status::Inactive, FailureReason::None));
        assert_eq!(event.detail, format!("the step {fault}"));
        assert_eq!(rows, HistoryRows { events: rows.events.clone(), ..HistoryRows::default() });
    }
    let rows = teller.tell(walk.give(Event::StateStore(StateStoreEvent::Lost { attempts: 1 })));
    assert_eq!(firing(&rows.alerts), [(Alert::StateStoreLost, true)], "it counts as new");
    assert_eq!(brief(&rows.incidents), [(IncidentKind::StateStoreLost, 1, false, false)]);
}

#[test]
fn what_an_instance_was_is_known_from_its_newest_row_alone() {
    let (mut walk, mut records) = Walk::up(0);
    records.push(walk.give(Event::Report(disconnected())));
    records.push(walk.tick());
    records.push(walk.end(Outcome::Done, fine()));
    records.push(walk.end(SESSION, fine()));
    let rows: Vec<Row> = records.into_iter().zip(1..).map(|(record, seq)| row(record, seq)).collect();
    let deriver = || Deriver::new(JournalId(7), Arc::default());
    let derive = |mut deriver: Deriver, rows: &[Row]| {
        let mut derived = HistoryRows::default();
        for row in rows {
            assert_eq!(deriver.add(row.clone(), &mut derived), Derived::Whole);
        }
        derived
    };
    let whole = derive(deriver(), &rows);
    assert!(whole.incidents.len() > 2);
    for cut in 1..rows.len() {
        let mut first = derive(deriver(), &rows[..cut]);
        let mut goes_on = deriver();
        goes_on.know([rows[cut - 1].clone()]);
        let second = derive(goes_on, &rows[cut..]);
        first.events.extend(second.events);
        first.incidents.extend(second.incidents);
        first.alerts.extend(second.alerts);
        first.notifications.extend(second.notifications);
        assert_eq!(first, whole, "cut after row {cut}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fleet_is_exported_while_it_runs() {
    let mut rig = Rig::up(3).await;
    let mut bench = Bench::new();
    bench.start_beside(rig.journal.clone());
    rig.gateways.disconnect(&id(1)).await;
    pass(40).await;
    rig.gateways.connect_all().await;
    settle().await;
    rig.reaches(&id(1), Status::Connected, 60).await;
    rig.drain().await.unwrap();
    assert_eq!(bench.stop().await, 0);
    let log = rig.journal.read(0, u32::MAX).await.unwrap();
    let held = bench.history.inner.rows();
    assert_eq!(held.events.len(), log.len());
    assert!(held.events.iter().zip(&log).all(|(event, row)| event.origin.seq == row.seq));
    let succeeded = held.events.iter().filter(|event| event.login == LoginOutcome::Succeeded).count();
    assert!(succeeded >= 3, "{succeeded}");
    let lost: Vec<_> = held.incidents.iter().filter(|row| row.kind == IncidentKind::NetworkLost).collect();
    assert!(!lost.is_empty() && lost.iter().all(|row| row.recovered), "{lost:?}");
    assert!(held.events.iter().all(|event| event.origin.at > Timestamp::from_millis(0)));
}
