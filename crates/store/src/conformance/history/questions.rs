//! The questions people ask of all instances.

use warden_domain::{IncidentKind, Span, Timestamp};

use super::{HOUR, JOURNAL, SERVER, always, answers, at, closed, insert, login, opened, origin, trade};
use crate::{
    History, HistoryRows,
    history::{
        FailuresPerHour, IncidentRow, LoginOutcome, LoginSuccess, Origin, Period, Slippage, TimeToRecover,
    },
};

/// The lower median and the longest, for each server and kind by itself, in their order.
///
/// # Panics
/// When the answer is another one.
pub async fn history_12_time_to_recover_by_server_and_kind(store: &dyn History) {
    let mut incidents = Incidents::default();
    for after in [4_000, 1_000, 3_000, 2_000] {
        incidents.add(SERVER, IncidentKind::BrokerDown, after);
    }
    for after in [900_000, 1, 30_000] {
        incidents.add(SERVER, IncidentKind::AccountDisabled, after);
    }
    incidents.add("Another", IncidentKind::BrokerDown, 60_000);
    incidents.add("Another", IncidentKind::LoginFailed, 0);
    incidents.add("zeta", IncidentKind::BrokerDown, 17);
    insert(store, JOURNAL, 1..=20, &incidents.rows()).await;
    assert_eq!(
        store.time_to_recover(always()).await.expect("the history answers"),
        [
            recovery("Another", IncidentKind::LoginFailed, 1, 1, Some((0, 0))),
            recovery("Another", IncidentKind::BrokerDown, 1, 1, Some((60_000, 60_000))),
            recovery(SERVER, IncidentKind::BrokerDown, 4, 4, Some((2_000, 4_000))),
            recovery(SERVER, IncidentKind::AccountDisabled, 3, 3, Some((30_000, 900_000))),
            recovery("zeta", IncidentKind::BrokerDown, 1, 1, Some((17, 17))),
        ]
    );
}

/// Incidents that are open, and those that ended with a stop, were opened and have not recovered.
///
/// # Panics
/// When one of them counts as recovered.
pub async fn history_13_only_what_recovered_has_a_time_to_recover(store: &dyn History) {
    let open = |instance: &str, seq, kind| opened(origin(instance, seq, at(0)), kind);
    let stopped = open("acct-1", 1, IncidentKind::BrokerDown);
    let recovered = open("acct-2", 3, IncidentKind::BrokerDown);
    let rows = HistoryRows {
        incidents: vec![
            stopped.clone(),
            closed(&stopped, 2, 99_000, false),
            recovered.clone(),
            closed(&recovered, 4, 5_000, true),
            open("acct-3", 5, IncidentKind::BrokerDown),
            open("acct-3", 6, IncidentKind::RateLimited),
        ],
        ..HistoryRows::default()
    };
    insert(store, JOURNAL, 1..=6, &rows).await;
    assert_eq!(
        store.time_to_recover(always()).await.expect("the history answers"),
        [
            recovery(SERVER, IncidentKind::BrokerDown, 3, 1, Some((5_000, 5_000))),
            recovery(SERVER, IncidentKind::RateLimited, 1, 0, None),
        ]
    );
}

/// An incident belongs to the hour, UTC, in which it was opened, whenever it ends.
///
/// # Panics
/// When the answer is another one.
pub async fn history_14_failures_are_counted_by_the_hour(store: &dyn History) {
    let down =
        |instance: &str, seq, millis| opened(origin(instance, seq, at(millis)), IncidentKind::BrokerDown);
    let last_year = down("acct-1", 1, -1);
    let elsewhere = opened(
        Origin { server: "Another".to_owned(), ..origin("acct-4", 7, at(HOUR)) },
        IncidentKind::BrokerDown,
    );
    let rows = HistoryRows {
        incidents: vec![
            last_year.clone(),
            closed(&last_year, 2, 3 * HOUR, true),
            down("acct-1", 3, 0),
            down("acct-2", 4, HOUR - 1),
            opened(origin("acct-2", 5, at(1)), IncidentKind::LoginFailed),
            down("acct-3", 6, HOUR),
            elsewhere,
        ],
        ..HistoryRows::default()
    };
    insert(store, JOURNAL, 1..=7, &rows).await;
    let hour = |server: &str, hour, kind, failures| FailuresPerHour {
        server: server.to_owned(),
        hour,
        kind,
        failures,
    };
    assert_eq!(
        store.failures_per_hour(always()).await.expect("the history answers"),
        [
            hour("Another", at(HOUR), IncidentKind::BrokerDown, 1),
            hour(SERVER, at(-HOUR), IncidentKind::BrokerDown, 1),
            hour(SERVER, at(0), IncidentKind::LoginFailed, 1),
            hour(SERVER, at(0), IncidentKind::BrokerDown, 2),
            hour(SERVER, at(HOUR), IncidentKind::BrokerDown, 1),
        ]
    );
}

/// Every login that ended counts, and those that the broker let in are told.
///
/// # Panics
/// When the answer is another one.
pub async fn history_15_logins_are_counted_by_the_hour(store: &dyn History) {
    let ended = |seq, millis, outcome| login(origin("acct-1", seq, at(millis)), outcome);
    let mut events = vec![
        ended(1, -1, LoginOutcome::Refused),
        ended(2, 0, LoginOutcome::Succeeded),
        ended(3, 1, LoginOutcome::None),
        ended(4, 2, LoginOutcome::Failed),
        ended(5, 3, LoginOutcome::Refused),
        ended(6, HOUR - 1, LoginOutcome::Succeeded),
        ended(7, HOUR, LoginOutcome::None),
    ];
    let elsewhere = Origin { server: "Another".to_owned(), ..origin("acct-2", 8, at(4)) };
    events.push(login(elsewhere, LoginOutcome::Succeeded));
    insert(store, JOURNAL, 1..=8, &HistoryRows { events, ..HistoryRows::default() }).await;
    let hour = |server: &str, hour: Timestamp, ended, succeeded| LoginSuccess {
        server: server.to_owned(),
        hour,
        ended,
        succeeded,
    };
    assert_eq!(
        store.login_success(always()).await.expect("the history answers"),
        [hour("Another", at(0), 1, 1), hour(SERVER, at(-HOUR), 1, 0), hour(SERVER, at(0), 4, 2)]
    );
}

/// Only fills count, those that were better than asked for as well.
///
/// # Panics
/// When the answer is another one.
pub async fn history_16_slippage_by_server_and_symbol(store: &dyn History) {
    let fill = |seq, symbol: &str, points| trade(origin("acct-1", seq, at(1)), symbol, points);
    let mut second = fill(1, "EURUSD", Some(4));
    second.part = 1;
    let mut elsewhere = fill(8, "EURUSD", Some(0));
    elsewhere.origin.server = "Another".to_owned();
    let trades = vec![
        fill(1, "EURUSD", Some(-6)),
        second,
        fill(2, "EURUSD", None),
        fill(3, "EURUSD", Some(5)),
        fill(4, "EURGBP", Some(-3)),
        fill(5, "EURGBP", Some(-2)),
        fill(6, "XAUUSD", None),
        elsewhere,
    ];
    insert(store, JOURNAL, 1..=8, &HistoryRows { trades, ..HistoryRows::default() }).await;
    let symbol = |server: &str, symbol: &str, fills, mean, worst| Slippage {
        server: server.to_owned(),
        symbol: symbol.to_owned(),
        fills,
        mean,
        worst,
    };
    assert_eq!(
        store.slippage(always()).await.expect("the history answers"),
        [
            symbol("Another", "EURUSD", 1, 0.0, 0),
            symbol(SERVER, "EURGBP", 2, -2.5, -2),
            symbol(SERVER, "EURUSD", 3, 1.0, 5),
        ]
    );
}

/// The first moment belongs to a period and the last one to the next: nothing is told twice, or not at all.
///
/// # Panics
/// When something is.
pub async fn history_17_a_period_ends_before_its_end(store: &dyn History) {
    let (from, until) = (at(30_000), at(60_000));
    let mut rows = HistoryRows::default();
    for (seq, moment) in (1..).zip([29_999, 30_000, 59_999, 60_000]) {
        let origin = origin("acct-1", seq, at(moment));
        rows.events.push(login(origin.clone(), LoginOutcome::Succeeded));
        rows.trades.push(trade(origin.clone(), "EURUSD", Some(moment)));
        rows.incidents.push(opened(origin, IncidentKind::BrokerDown));
    }
    insert(store, JOURNAL, 1..=4, &rows).await;
    let period = Period { from, until };
    let recovery = store.time_to_recover(period).await.expect("the history answers");
    assert_eq!(recovery, [self::recovery(SERVER, IncidentKind::BrokerDown, 2, 0, None)]);
    let failures = store.failures_per_hour(period).await.expect("the history answers");
    assert_eq!(failures.iter().map(|hour| (hour.hour, hour.failures)).collect::<Vec<_>>(), [(at(0), 2)]);
    let logins = store.login_success(period).await.expect("the history answers");
    assert_eq!(logins.iter().map(|hour| (hour.hour, hour.ended)).collect::<Vec<_>>(), [(at(0), 2)]);
    let fills = store.slippage(period).await.expect("the history answers");
    assert_eq!(fills.iter().map(|symbol| (symbol.fills, symbol.worst)).collect::<Vec<_>>(), [(2, 59_999)]);
    assert_eq!(answers(store, Period { from, until: from }).await, "[]\n[]\n[]\n[]");
    assert_eq!(answers(store, Period { from: until, until: from }).await, "[]\n[]\n[]\n[]");
}

fn recovery(
    server: &str,
    kind: IncidentKind,
    opened: u64,
    recovered: u64,
    took: Option<(u64, u64)>,
) -> TimeToRecover {
    TimeToRecover {
        server: server.to_owned(),
        kind,
        opened,
        recovered,
        median: took.map(|(median, _)| Span::from_millis(median)),
        longest: took.map(|(_, longest)| Span::from_millis(longest)),
    }
}

/// Incidents that recovered, each of an instance of its own.
#[derive(Default)]
struct Incidents(Vec<IncidentRow>);

impl Incidents {
    fn add(&mut self, server: &str, kind: IncidentKind, after: i64) {
        let seq = self.0.len() as u64 + 1;
        let origin = Origin { server: server.to_owned(), ..origin(&format!("acct-{seq}"), seq, at(0)) };
        let begin = opened(origin, kind);
        let end = closed(&begin, seq + 1, after, true);
        self.0.extend([begin, end]);
    }

    fn rows(self) -> HistoryRows {
        HistoryRows { incidents: self.0, ..HistoryRows::default() }
    }
}
