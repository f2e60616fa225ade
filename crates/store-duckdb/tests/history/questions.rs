//! The questions, asked of the DuckDB history and of the one in memory, which counts row by row.

use proptest::{collection::vec, option, prelude::*, sample::select, test_runner::TestCaseError};
use tokio::runtime::Builder;
use warden_domain::{IncidentKind, InstanceId, Timestamp};
use warden_store::{
    History, HistoryRows, JournalId,
    conformance::history::{closed, event, opened, origin, trade},
    history::{IncidentRow, InstanceEvent, LoginOutcome, Origin, Period, Range, TradeEvent},
    memory::MemoryHistory,
};

use crate::open;

const HOUR: i64 = 3_600_000;

#[derive(Clone, Debug)]
struct Place {
    instance: &'static str,
    server: &'static str,
    at: i64,
}

fn places() -> impl Strategy<Value = Place> {
    let moments = prop_oneof![-4 * HOUR..4 * HOUR, select(vec![-HOUR, -1, 0, 1, HOUR - 1, HOUR])];
    (select(vec!["a", "b", "c"]), select(vec!["", "Broker", "broker-2", "Ä"]), moments)
        .prop_map(|(instance, server, at)| Place { instance, server, at })
}

fn of(place: &Place, seq: u64) -> Origin {
    let at = Timestamp::from_millis(place.at);
    Origin { server: place.server.to_owned(), ..origin(place.instance, seq, at) }
}

fn event_rows() -> impl Strategy<Value = Vec<InstanceEvent>> {
    let outcomes =
        vec![LoginOutcome::None, LoginOutcome::Succeeded, LoginOutcome::Refused, LoginOutcome::Failed];
    let row = (places(), select(outcomes), 1..3_u64);
    vec(row, 0..40).prop_map(|rows| {
        let numbered = rows.into_iter().zip(1..);
        numbered
            .map(|((place, login, epoch), seq)| InstanceEvent { login, epoch, ..event(of(&place, seq)) })
            .collect()
    })
}

fn trade_rows() -> impl Strategy<Value = Vec<TradeEvent>> {
    let row = (places(), select(vec!["EURUSD", "XAUUSD"]), option::of(-50..50_i64));
    vec(row, 0..40).prop_map(|rows| {
        let numbered = rows.into_iter().zip(1..);
        numbered.map(|((place, symbol, points), seq)| trade(of(&place, seq), symbol, points)).collect()
    })
}

/// Incidents of which some were opened at the same moment, with one to three rows each.
fn incident_rows() -> impl Strategy<Value = Vec<IncidentRow>> {
    let kinds = vec![IncidentKind::LoginFailed, IncidentKind::BrokerDown, IncidentKind::AccountClosed];
    let ends = vec((0..3 * HOUR, any::<bool>()), 0..3);
    vec((places(), select(kinds), ends), 0..30).prop_map(|incidents| {
        let mut rows: Vec<IncidentRow> = Vec::new();
        for (place, kind, ends) in incidents {
            let begin = opened(of(&place, rows.len() as u64 + 1), kind);
            rows.push(begin.clone());
            for (after, recovered) in ends {
                rows.push(closed(&begin, rows.len() as u64 + 1, after, recovered));
            }
        }
        rows
    })
}

fn periods() -> impl Strategy<Value = Period> {
    let moments = || prop_oneof![-5 * HOUR..5 * HOUR, select(vec![i64::MIN, -HOUR, 0, HOUR, i64::MAX])];
    (moments(), moments()).prop_map(|(from, until)| Period {
        from: Timestamp::from_millis(from),
        until: Timestamp::from_millis(until),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Rows come in two ranges, the later ones first.
    #[test]
    fn every_answer_is_that_of_counting(
        (events, trades, incidents) in (event_rows(), trade_rows(), incident_rows()),
        asked in vec(periods(), 4),
        limit in 0..30_u32,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (duck, memory) = (open(folder.path()), MemoryHistory::new());
        let early = HistoryRows { events, incidents, ..HistoryRows::default() };
        let late = HistoryRows { trades, ..HistoryRows::default() };
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for (rows, first) in [(&late, 1_000), (&early, 1), (&late, 1_000)] {
                let range = Range { journal: JournalId(7), first, last: first + 500 };
                duck.insert(range, rows).await.unwrap();
                memory.insert(range, rows).await.unwrap();
            }
            for period in asked {
                compare(&duck, &memory, period, limit).await?;
            }
            Ok::<(), TestCaseError>(())
        })?;
    }
}

async fn compare(
    duck: &dyn History,
    memory: &dyn History,
    period: Period,
    limit: u32,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(
        duck.time_to_recover(period).await.unwrap(),
        memory.time_to_recover(period).await.unwrap()
    );
    prop_assert_eq!(
        duck.failures_per_hour(period).await.unwrap(),
        memory.failures_per_hour(period).await.unwrap()
    );
    prop_assert_eq!(duck.login_success(period).await.unwrap(), memory.login_success(period).await.unwrap());
    prop_assert_eq!(duck.slippage(period).await.unwrap(), memory.slippage(period).await.unwrap());
    let instances = ["b", "nobody", "a", "c", "b"].map(|instance| InstanceId::new(instance).unwrap());
    prop_assert_eq!(duck.latest(&instances).await.unwrap(), memory.latest(&instances).await.unwrap());
    for instance in ["a", "b", "nobody"] {
        let instance = InstanceId::new(instance).unwrap();
        prop_assert_eq!(
            duck.timeline(&instance, period, limit).await.unwrap(),
            memory.timeline(&instance, period, limit).await.unwrap()
        );
    }
    Ok(())
}

/// A moment that no clock shows spoils no answer.
#[tokio::test]
async fn moments_beyond_every_calendar_are_kept_at_its_ends() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(folder.path());
    let mut rows = HistoryRows::default();
    for (moment, seq) in [i64::MIN, 0, i64::MAX].into_iter().zip(1..) {
        let origin = origin("a", seq, Timestamp::from_millis(moment));
        rows.events.push(InstanceEvent { login: LoginOutcome::Failed, ..event(origin.clone()) });
        let begin = opened(origin, IncidentKind::BrokerDown);
        let end = IncidentRow { closed_at: Some(Timestamp::MAX), recovered: true, ..begin };
        rows.incidents.push(end);
    }
    history.insert(Range { journal: JournalId(7), first: 1, last: 3 }, &rows).await.unwrap();
    let nearly_always =
        Period { from: Timestamp::from_millis(i64::MIN), until: Timestamp::from_millis(i64::MAX) };
    assert_eq!(history.time_to_recover(nearly_always).await.unwrap()[0].opened, 2);
    assert_eq!(history.failures_per_hour(nearly_always).await.unwrap().len(), 2);
    assert_eq!(history.login_success(nearly_always).await.unwrap().len(), 2);
    let events = history.timeline(&InstanceId::new("a").unwrap(), nearly_always, 10).await.unwrap();
    assert_eq!(events[0].origin.at.to_string(), "0001-01-01T00:00:00.000Z");
}
