use std::collections::BTreeMap;

use warden_domain::{IncidentKind, Span, Timestamp};

use crate::history::{
    FailuresPerHour, IncidentRow, InstanceEvent, LoginOutcome, LoginSuccess, Slippage, TimeToRecover,
    TradeEvent, hour_of,
};

pub(super) fn time_to_recover<'a>(opened: impl Iterator<Item = &'a IncidentRow>) -> Vec<TimeToRecover> {
    let mut groups: BTreeMap<(&str, IncidentKind), Vec<Option<Span>>> = BTreeMap::new();
    for incident in opened {
        let group = groups.entry((&incident.origin.server, incident.kind)).or_default();
        group.push(recovered_in(incident));
    }
    groups.into_iter().map(|((server, kind), spans)| recovery(server, kind, &spans)).collect()
}

/// How long it took to recover; `None` when it has not.
fn recovered_in(incident: &IncidentRow) -> Option<Span> {
    incident.closed_at.filter(|_| incident.recovered).map(|closed| closed.since(incident.opened_at))
}

fn recovery(server: &str, kind: IncidentKind, spans: &[Option<Span>]) -> TimeToRecover {
    let mut took: Vec<Span> = spans.iter().copied().flatten().collect();
    took.sort_unstable();
    let lower_middle = took.len().div_ceil(2).checked_sub(1);
    TimeToRecover {
        server: server.to_owned(),
        kind,
        opened: count(spans.len()),
        recovered: count(took.len()),
        median: lower_middle.and_then(|middle| took.get(middle)).copied(),
        longest: took.last().copied(),
    }
}

pub(super) fn failures_per_hour<'a>(opened: impl Iterator<Item = &'a IncidentRow>) -> Vec<FailuresPerHour> {
    let mut groups: BTreeMap<(&str, Timestamp, IncidentKind), u64> = BTreeMap::new();
    for incident in opened {
        let hour = hour_of(incident.opened_at);
        *groups.entry((&incident.origin.server, hour, incident.kind)).or_default() += 1;
    }
    let answer = |((server, hour, kind), failures): ((&str, _, _), _)| FailuresPerHour {
        server: server.to_owned(),
        hour,
        kind,
        failures,
    };
    groups.into_iter().map(answer).collect()
}

pub(super) fn login_success<'a>(events: impl Iterator<Item = &'a InstanceEvent>) -> Vec<LoginSuccess> {
    let mut groups: BTreeMap<(&str, Timestamp), LoginSuccess> = BTreeMap::new();
    for event in events {
        let succeeded = match event.login {
            LoginOutcome::None => continue,
            LoginOutcome::Succeeded => 1,
            LoginOutcome::Refused | LoginOutcome::Failed => 0,
        };
        let (server, hour) = (&event.origin.server, hour_of(event.origin.at));
        let nothing_yet = || LoginSuccess { server: server.clone(), hour, ended: 0, succeeded: 0 };
        let group = groups.entry((server, hour)).or_insert_with(nothing_yet);
        group.ended += 1;
        group.succeeded += succeeded;
    }
    groups.into_values().collect()
}

pub(super) fn slippage<'a>(trades: impl Iterator<Item = &'a TradeEvent>) -> Vec<Slippage> {
    let mut groups: BTreeMap<(&str, &str), Vec<i64>> = BTreeMap::new();
    for trade in trades {
        if let Some(points) = trade.slippage {
            groups.entry((&trade.origin.server, &trade.symbol)).or_default().push(points);
        }
    }
    groups.into_iter().filter_map(|((server, symbol), points)| fills(server, symbol, &points)).collect()
}

/// `None` when nothing was filled.
fn fills(server: &str, symbol: &str, points: &[i64]) -> Option<Slippage> {
    let worst = points.iter().copied().max()?;
    let sum: i128 = points.iter().copied().map(i128::from).sum();
    #[expect(clippy::cast_precision_loss, reason = "a mean of points is told to 15 digits, not more")]
    let mean = sum as f64 / points.len() as f64;
    Some(Slippage {
        server: server.to_owned(),
        symbol: symbol.to_owned(),
        fills: count(points.len()),
        mean,
        worst,
    })
}

fn count(rows: usize) -> u64 {
    rows as u64
}
