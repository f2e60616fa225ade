//! A ClickHouse with the tables of the history in it, rows to fill them with, and the ways to look behind the adapter.

use std::ops::RangeInclusive;

use warden_domain::{Alert, IncidentKind, Span, Timestamp};
use warden_store::{
    History, HistoryRows, JournalId,
    conformance::history::{closed, event, login, opened, origin, trade},
    history::{AlertRow, LoginOutcome, NotificationRow, Origin, Period, Range},
    memory::MemoryHistory,
    schema::up,
};
use warden_store_clickhouse::{ClickHouseConfig, ClickHouseHistory, HistorySchema, STEPS};
use warden_testkit::ClickHouse;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

pub(crate) const TABLES: [&str; 5] =
    ["instance_events", "trade_events", "incidents", "alerts", "notifications"];

/// The turn to the year 2080: the rows around it lie in two partitions, and no retention reaches them.
const NEW_YEAR: i64 = 3_471_292_800_000;

/// Rows of the whole test that are dated before the turn of the year.
const BEFORE: i64 = 1_000;

/// The time between two rows.
const STEP: i64 = 977;

pub(crate) fn config(clickhouse: &ClickHouse) -> ClickHouseConfig {
    ClickHouseConfig {
        timeout: Span::from_secs(20),
        lease: Span::from_secs(3), // a busy machine may be late with its signs of life
        ..ClickHouseConfig::new(clickhouse.url())
    }
}

/// A ClickHouse whose tables are up.
pub(crate) async fn start() -> (ClickHouse, ClickHouseConfig) {
    let clickhouse = ClickHouse::start().unwrap();
    let config = config(&clickhouse);
    bring_up(&config).await;
    (clickhouse, config)
}

pub(crate) async fn bring_up(config: &ClickHouseConfig) {
    let mut schema = HistorySchema::connect(config).unwrap();
    assert_eq!(up(&mut schema, NOW, &mut |_| ()).await.unwrap(), STEPS.len());
}

pub(crate) fn history(config: &ClickHouseConfig) -> ClickHouseHistory {
    ClickHouseHistory::connect(config).unwrap()
}

/// The rows of a range, the same ones whenever they are asked for: an event each, of which every fifth ends a login and
/// every fourth opens or ends an incident; two trade events, an alert and two notifications for every third.
pub(crate) fn range(seqs: RangeInclusive<u64>) -> (Range, HistoryRows) {
    let mut rows = HistoryRows::default();
    let journal = journal();
    let range = Range { journal, first: *seqs.start(), last: *seqs.end() };
    for seq in seqs {
        let origin = origin_of(seq);
        rows.events.push(match seq % 5 {
            0 => login(
                origin.clone(),
                [LoginOutcome::Succeeded, LoginOutcome::Refused][usize::from(seq % 2 == 1)],
            ),
            _ => event(origin.clone()),
        });
        match seq % 8 {
            4 => rows.incidents.push(opened(origin.clone(), kind(seq))),
            0 => rows.incidents.push(closed(
                &opened(origin_of(seq - 4), kind(seq - 4)),
                seq,
                4 * STEP,
                seq % 3 != 0,
            )),
            _ => {}
        }
        if seq % 3 == 0 {
            also(&mut rows, &origin);
        }
    }
    (range, rows)
}

fn also(rows: &mut HistoryRows, origin: &Origin) {
    let worse = i64::try_from(origin.seq % 17).unwrap() - 4;
    rows.trades.push(trade(origin.clone(), "EURUSD", Some(worse)));
    rows.trades.push(warden_store::history::TradeEvent { part: 1, ..trade(origin.clone(), "XAUUSD", None) });
    let alert = Alert::BrokerDown;
    let firing = origin.seq.is_multiple_of(2);
    rows.alerts.push(AlertRow { origin: origin.clone(), alert, severity: alert.severity(), firing });
    for part in 0..2 {
        let text = format!("something happened at {}", origin.seq);
        rows.notifications.push(NotificationRow {
            origin: origin.clone(),
            part,
            notice: "BrokerDown".to_owned(),
            rule: "BRK-1".to_owned(),
            text,
        });
    }
}

fn journal() -> JournalId {
    origin("a", 1, NOW).journal
}

/// Incidents need an instance of their own until they are closed: eight rows of one follow each other.
fn origin_of(seq: u64) -> Origin {
    let at = NEW_YEAR + (i64::try_from(seq).unwrap() - BEFORE) * STEP;
    origin(&format!("acct-{}", (seq - 1) / 8 % 7), seq, Timestamp::from_millis(at))
}

fn kind(seq: u64) -> IncidentKind {
    IncidentKind::ALL[usize::try_from(seq / 8).unwrap() % 3]
}

/// A period around all rows.
pub(crate) fn always() -> Period {
    Period { from: Timestamp::from_millis(0), until: Timestamp::MAX }
}

/// What every question answers, as one text to compare.
pub(crate) async fn answers(history: &dyn History, period: Period) -> String {
    format!(
        "{:#?}\n{:#?}\n{:#?}\n{:#?}",
        history.time_to_recover(period).await.unwrap(),
        history.failures_per_hour(period).await.unwrap(),
        history.login_success(period).await.unwrap(),
        history.slippage(period).await.unwrap()
    )
}

/// What is to be answered when exactly these rows are held.
pub(crate) async fn right_answers(ranges: &[(Range, HistoryRows)], period: Period) -> String {
    let memory = MemoryHistory::new();
    for (range, rows) in ranges {
        memory.insert(*range, rows).await.unwrap();
    }
    answers(&memory, period).await
}

/// Rows are there once, by count alone and by their keys; views tell the same as their base tables.
pub(crate) fn assert_exact(clickhouse: &ClickHouse, ranges: &[(Range, HistoryRows)]) {
    let count = |of: fn(&HistoryRows) -> usize| ranges.iter().map(|(_, rows)| of(rows)).sum::<usize>();
    let exact = |table: &str, key: &str| {
        let sql = format!("SELECT count(), uniqExact(({key})) FROM warden.{table}");
        clickhouse.query(&sql).unwrap()
    };
    let twice = |count: usize| format!("{count}\t{count}");
    let place = "instance_id, seq";
    assert_eq!(exact("instance_events", place), twice(count(|rows| rows.events.len())));
    assert_eq!(exact("trade_events", &format!("{place}, part")), twice(count(|rows| rows.trades.len())));
    assert_eq!(exact("alerts", &format!("{place}, alert")), twice(count(|rows| rows.alerts.len())));
    assert_eq!(
        exact("notifications", &format!("{place}, part")),
        twice(count(|rows| rows.notifications.len()))
    );
    assert_views_equal_their_tables(clickhouse);
}

/// The same question over the view's table and over the base table.
pub(crate) fn assert_views_equal_their_tables(clickhouse: &ClickHouse) {
    for (view, base) in [
        (
            "SELECT server, kind, count(), countIf(recovered), sumIf(took_ms, recovered) \
             FROM warden.time_to_recover FINAL GROUP BY ALL ORDER BY ALL",
            "SELECT server, kind, count(), countIf(recovered), \
             ifNull(sumIf(dateDiff('millisecond', opened_at, closed_at), recovered), 0) \
             FROM warden.incidents FINAL GROUP BY ALL ORDER BY ALL",
        ),
        (
            "SELECT server, hour, kind, count() FROM warden.failures_per_hour FINAL GROUP BY ALL ORDER BY ALL",
            "SELECT server, toStartOfHour(opened_at), kind, count() FROM warden.incidents FINAL \
             GROUP BY ALL ORDER BY ALL",
        ),
        (
            "SELECT server, toStartOfHour(at), login, count() FROM warden.login_success FINAL \
             GROUP BY ALL ORDER BY ALL",
            "SELECT server, toStartOfHour(at), login, count() FROM warden.instance_events FINAL \
             WHERE login != '' GROUP BY ALL ORDER BY ALL",
        ),
        (
            "SELECT server, symbol, count(), sum(points), max(points) FROM warden.slippage FINAL \
             GROUP BY ALL ORDER BY ALL",
            "SELECT server, symbol, count(), sum(slippage), max(slippage) FROM warden.trade_events FINAL \
             WHERE slippage IS NOT NULL GROUP BY ALL ORDER BY ALL",
        ),
    ] {
        let told = clickhouse.query(view).unwrap();
        assert!(!told.is_empty(), "nothing to compare: {view}");
        assert_eq!(told, clickhouse.query(base).unwrap(), "{view}");
    }
}
