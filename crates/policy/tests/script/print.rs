//! How a step and a state read.

use warden_domain::{FailureReason, Gate, Timestamp};
use warden_policy::{Command, Effect, Stepped, Timer};

use crate::common::Bench;

/// What is shown of a state, each with what decides whether it changed.
#[derive(Debug)]
pub(crate) struct Facets(Vec<(String, String)>);

impl Facets {
    pub(crate) fn of(bench: &Bench) -> Self {
        let state = &bench.state;
        let is = format!(
            "is {} / {}, reason {}, wanted {}",
            state.status(),
            state.connection_state(),
            state.last_failure_reason(),
            state.desired(),
        );
        let reason = state.login_failure_reason();
        let refused =
            if reason == FailureReason::None { String::new() } else { format!(", login refused: {reason}") };
        let logins = format!("login attempts {}{refused}", state.login_attempt_count());
        let gate = gate(state.gate(), bench.now);
        let open = list("open", state.incidents().map(|(kind, open, _)| format!("{kind} {}", open.attempt)));
        let alerts = list("alerts", state.alerts().iter().map(|alert| alert.to_string()));
        let same = |text: String| (text.clone(), text);
        Self(vec![same(is), same(logins), gate, same(open), same(alerts), timers(bench)])
    }

    pub(crate) fn all(&self) -> Vec<&str> {
        self.0.iter().map(|(_, shown)| shown.as_str()).collect()
    }
}

pub(crate) fn step(bench: &Bench, stepped: Stepped, before: &Facets) -> Vec<String> {
    let effects = bench.fx.list();
    let mut lines: Vec<String> =
        effects.iter().map(|(rule, what)| format!("[{rule}] {}", effect(what))).collect();
    let after = Facets::of(bench);
    let changed = after.0.iter().zip(&before.0).filter(|((is, _), (was, _))| is != was);
    lines.extend(changed.map(|((_, shown), _)| shown.clone()));
    match (bench.fx.rule(), effects.is_empty(), stepped) {
        (_, _, Stepped::Unchanged) => vec!["nothing".to_owned()],
        (Some(rule), true, Stepped::Changed) => {
            lines.insert(0, format!("[{rule}]"));
            lines
        }
        (None, _, Stepped::Changed) if lines.is_empty() => vec!["noted".to_owned()],
        (None, _, Stepped::Changed) | (Some(_), false, Stepped::Changed) => lines,
    }
}

fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Command { command, .. } => format!("command {}", named(*command)),
        Effect::Notify(notice) => format!("notify {notice:?}: {}", notice.text()),
        Effect::Store(action) => format!("store {action:?}"),
    }
}

fn named(command: Command) -> String {
    match command {
        Command::Login => "log in".to_owned(),
        Command::Reconnect => "reconnect".to_owned(),
        Command::Restart { force: false } => "restart".to_owned(),
        Command::Restart { force: true } => "restart by force".to_owned(),
        Command::Confirm => "confirm the session".to_owned(),
        Command::CloseTrades(mode) => format!("deal with open trades ({mode})"),
        Command::EndSession => "end the session".to_owned(),
    }
}

fn gate(gate: Gate, now: Timestamp) -> (String, String) {
    let shown = match gate {
        Gate::Open => "gate open".to_owned(),
        Gate::Paused { until: Timestamp::MAX, reason } => format!("gate paused ({reason})"),
        Gate::Paused { until, reason } => format!("gate paused for {} ({reason})", until.since(now)),
        Gate::ReduceOnly(reason) => format!("gate reduce only ({reason})"),
        Gate::Shut(reason) => format!("gate shut ({reason})"),
    };
    (format!("{gate:?}"), shown)
}

fn timers(bench: &Bench) -> (String, String) {
    let timers = bench.state.timers();
    let mut armed: Vec<(Timestamp, Timer)> =
        Timer::ALL.into_iter().filter_map(|timer| Some((timers.due_at(timer)?, timer))).collect();
    armed.sort_by_key(|(at, _)| *at);
    let shown = armed.iter().map(|(at, timer)| format!("{timer:?} in {}", at.since(bench.now)));
    let shown = list("planned", shown);
    (format!("{armed:?}"), shown)
}

fn list(label: &str, items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { format!("{label}: none") } else { format!("{label}: {}", items.join(", ")) }
}
