//! Journal rows as a fleet makes them: every step is decided and encoded by the policy itself.
//!
//! Instances log in, lose their connection, come back by themselves or are reconnected, sometimes after attempts that
//! fail and an alert; now and then a terminal crashes or a trade rule pauses one. A row is made every millisecond at most,
//! so that millions of rows are an hour or two of an outage.

use warden_domain::{AccountFlags, Epoch, Facts, InstanceId, OpId, Span, TerminalFlags, Timestamp, Version};
use warden_policy::{
    CommandId, Effects, Escalation, Event, Instance, Outcome, Params, Phase, Report, Stepped, Trouble,
    TroubleKind, encode_step, step,
};
use warden_store::Record;

use crate::fleet;

/// Instances that take turns.
pub const INSTANCES: usize = 10_000;

/// A fleet that goes on deciding for as long as it is asked.
pub struct Steps {
    walkers: Vec<Walker>,
    params: Params,
    effects: Effects,
    now: Timestamp,
    turn: usize,
    op: u64,
}

/// One instance.
struct Walker {
    id: InstanceId,
    state: Instance,
    version: u64,
    /// How often it had its turn.
    turns: u32,
    /// How often it had its turn on a confirmed session, and which turn the last one of these was.
    ups: u32,
    up_last: u32,
}

impl Steps {
    /// Instances that have never run.
    #[must_use]
    pub fn new() -> Self {
        let walker = |index: usize| Walker {
            id: fleet::id(index),
            state: Instance::new(u32::try_from(index).unwrap_or(u32::MAX)),
            version: 0,
            turns: 0,
            ups: 0,
            up_last: 0,
        };
        Self {
            walkers: (0..INSTANCES).map(walker).collect(),
            params: fleet::params(),
            effects: Effects::default(),
            now: Timestamp::from_millis(1_700_000_000_000),
            turn: 0,
            op: 0,
        }
    }

    /// The next rows.
    pub fn take(&mut self, rows: usize) -> Vec<Record> {
        let mut records = Vec::with_capacity(rows);
        while records.len() < rows {
            self.now = Timestamp::from_millis(self.now.as_millis() + 1);
            let walker = &mut self.walkers[self.turn % INSTANCES];
            self.turn += 1;
            let (event, detail) = walker.next(self.now);
            let stepped = step(&mut walker.state, &event, self.now, &self.params, &mut self.effects);
            if stepped == Stepped::Unchanged {
                continue;
            }
            self.op += 1;
            walker.version += 1;
            let mut payload = Vec::with_capacity(256);
            encode_step(&event, &self.effects, &walker.state, detail, &mut payload);
            records.push(Record {
                trade: None,
                instance: walker.id.clone(),
                epoch: Epoch(3),
                version: Version(walker.version),
                op: OpId(self.op),
                at: self.now,
                kind: event.kind(),
                rule: self.effects.rule().map_or("", |rule| rule.as_str()),
                payload,
            });
        }
        records
    }
}

impl Default for Steps {
    fn default() -> Self {
        Self::new()
    }
}

impl Walker {
    /// What happens to it now, and the words behind it.
    fn next(&mut self, now: Timestamp) -> (Event, &'static str) {
        self.turns += 1;
        let phase = self.state.phase();
        if phase == Phase::Up {
            (self.ups, self.up_last) = (self.ups + 1, self.turns);
        }
        // So long that people are told.
        let for_long = self.ups % 8 == 5 && self.turns < self.up_last + 9;
        if let Some(id) = self.state.awaited() {
            return finished(id, phase, for_long);
        }
        match phase {
            Phase::Stopped { .. } => (Event::Start, ""),
            Phase::LoginDue if self.turns == 2 => {
                (Event::GatewayUp(report(Terminal::Gone)), "gateway 4 serves it")
            }
            Phase::Up => match self.ups % 32 {
                3 => (Event::Trade(slippage(Escalation::Pause { until: now.after(PAUSE) })), "12 points"),
                4 => (Event::Trade(slippage(Escalation::Clear)), ""),
                25 => (Event::Report(report(Terminal::Gone)), "the terminal's process is gone"),
                _ => (Event::Report(report(Terminal::CutOff)), "connection to the trade server lost"),
            },
            Phase::Waiting(_) if !for_long && self.ups.is_multiple_of(2) => {
                (Event::Report(report(Terminal::Fine)), "")
            }
            Phase::LoginDue
            | Phase::LoggingIn
            | Phase::Confirming
            | Phase::Waiting(_)
            | Phase::Recovering(_)
            | Phase::Closing(_) => (Event::Tick { admitted: true }, ""),
        }
    }
}

const PAUSE: Span = Span::from_secs(60);

fn finished(id: CommandId, phase: Phase, for_long: bool) -> (Event, &'static str) {
    let fine = report(Terminal::Fine).facts;
    let (outcome, facts, detail) = match phase {
        Phase::Confirming => (Outcome::Session { matches: true, reconciled: true, positions: 2 }, fine, ""),
        Phase::Recovering(_) if for_long => {
            (Outcome::Failed, report(Terminal::CutOff).facts, "no connection after 20 s")
        }
        Phase::Stopped { .. }
        | Phase::LoginDue
        | Phase::LoggingIn
        | Phase::Up
        | Phase::Waiting(_)
        | Phase::Recovering(_)
        | Phase::Closing(_) => (Outcome::Done, fine, ""),
    };
    (Event::Finished { id, outcome, facts }, detail)
}

/// How a terminal stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Terminal {
    /// Its process does not run.
    Gone,
    /// Without its trade server.
    CutOff,
    /// Nothing is wrong.
    Fine,
}

fn report(terminal: Terminal) -> Report {
    let fine = terminal == Terminal::Fine;
    let facts = match terminal {
        Terminal::Gone => Facts::default(),
        Terminal::CutOff | Terminal::Fine => Facts {
            terminal: Some(TerminalFlags { connected: fine, trade_allowed: true, tradeapi_disabled: false }),
            account: Some(AccountFlags { expected: fine, trade_allowed: true, trade_expert: true }),
            ..Facts::default()
        },
    };
    Report { terminal_alive: terminal != Terminal::Gone, positions: 2, facts }
}

const fn slippage(escalation: Escalation) -> Trouble {
    Trouble { kind: TroubleKind::Slippage, escalation }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, sync::Arc};

    use warden_store::{HistoryRows, Journal as _, history::LoginOutcome, memory::MemoryJournal};
    use warden_supervisor::{Derived, Deriver};

    use super::*;

    #[tokio::test]
    async fn its_rows_fill_every_table_of_the_history_and_it_never_comes_to_rest() {
        let (journal, mut steps) = (MemoryJournal::default(), Steps::new());
        journal.append(steps.take(400_000)).await.unwrap();
        let mut deriver = Deriver::new(journal.id(), Arc::new(HashMap::new()));
        let mut rows = HistoryRows::default();
        for row in journal.read(0, u32::MAX).await.unwrap() {
            assert_eq!(deriver.add(row, &mut rows), Derived::Whole);
        }
        let HistoryRows { events, trades, incidents, alerts, notifications } = &rows;
        let counts = [trades.len(), incidents.len(), alerts.len(), notifications.len()];
        assert!(counts.iter().all(|count| *count > 1_000), "{counts:?}");
        assert!(incidents.iter().any(|row| row.recovered));
        let logins = events.iter().filter(|row| row.login == LoginOutcome::Succeeded).count();
        assert!(logins >= INSTANCES, "{logins} logins");
        let moving = steps.walkers.iter().filter(|walker| walker.version > 20).count();
        assert_eq!(moving, INSTANCES);
        let bytes: usize = events.iter().map(|row| row.payload.len()).sum();
        assert!(bytes / events.len() > 100, "{bytes} bytes in {} payloads", events.len());
    }
}
