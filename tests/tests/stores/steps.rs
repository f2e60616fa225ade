//! Journal rows as a fleet makes them: every step is decided and encoded by the policy itself.

use warden_domain::{AccountFlags, Epoch, Facts, InstanceId, OpId, Span, TerminalFlags, Timestamp, Version};
use warden_policy::{Effects, Event, Instance, Outcome, Params, Phase, Report, Stepped, encode_step, step};
use warden_store::Record;

/// So long that a session counts as healthy.
const HEALTHY: Span = Span::from_secs(1_200);

/// Instances that log in, lose their connection and are reconnected, for as long as they are asked.
pub(crate) struct Steps {
    walkers: Vec<Walker>,
    params: Params,
    turn: usize,
    op: u64,
}

struct Walker {
    id: InstanceId,
    state: Instance,
    now: Timestamp,
    version: u64,
    has_gateway: bool,
}

impl Steps {
    /// So many instances that have never run, from a moment on.
    pub(crate) fn new(instances: u32, from: Timestamp) -> Self {
        let walker = |number: u32| Walker {
            id: InstanceId::new(&format!("acct-{number}")).expect("a valid id"),
            state: Instance::new(number),
            now: from,
            version: 0,
            has_gateway: false,
        };
        Self { walkers: (0..instances).map(walker).collect(), params: Params::default(), turn: 0, op: 0 }
    }

    /// The next rows.
    pub(crate) fn take(&mut self, rows: usize) -> Vec<Record> {
        let mut records = Vec::with_capacity(rows);
        let mut idle = 0;
        while records.len() < rows {
            let place = self.turn % self.walkers.len();
            self.turn += 1;
            match self.walkers[place].walk(&self.params, self.op + 1) {
                Some(record) => {
                    (self.op, idle) = (self.op + 1, 0);
                    records.push(record);
                }
                None => idle += 1,
            }
            assert!(idle < 10 * self.walkers.len(), "nobody goes on: {:?}", self.walkers[place].state);
        }
        records
    }
}

impl Walker {
    fn walk(&mut self, params: &Params, op: u64) -> Option<Record> {
        let event = self.next();
        let mut effects = Effects::default();
        match step(&mut self.state, &event, self.now, params, &mut effects) {
            Stepped::Unchanged => return None,
            Stepped::Changed => self.version += 1,
        }
        let mut payload = Vec::new();
        encode_step(&event, &effects, &self.state, "words behind it", &mut payload);
        Some(Record {
            instance: self.id.clone(),
            trade: None,
            epoch: Epoch(1),
            version: Version(self.version),
            op: OpId(op),
            at: self.now,
            kind: event.kind(),
            rule: effects.rule().map_or("", |rule| rule.as_str()),
            payload,
        })
    }

    /// What happens to it now.
    fn next(&mut self) -> Event {
        self.now = self.now.after(Span::from_millis(1));
        if let Some(id) = self.state.awaited() {
            let outcome = if self.state.phase() == Phase::Confirming {
                Outcome::Session { matches: true, reconciled: true, positions: 0 }
            } else {
                Outcome::Done
            };
            return Event::Finished { id, outcome, facts: facts(true) };
        }
        match self.state.phase() {
            Phase::Stopped { .. } => Event::Start,
            Phase::LoginDue if !self.has_gateway => {
                self.has_gateway = true;
                Event::GatewayUp(Report { terminal_alive: true, positions: 0, facts: Facts::default() })
            }
            Phase::Up => self.is_up(),
            Phase::LoginDue
            | Phase::LoggingIn
            | Phase::Confirming
            | Phase::Waiting(_)
            | Phase::Recovering(_)
            | Phase::Closing(_) => {
                self.now = self.state.next_deadline().unwrap_or(self.now).max(self.now);
                Event::Tick { admitted: true }
            }
        }
    }

    /// Once its session lasts, it loses its connection.
    fn is_up(&mut self) -> Event {
        match self.state.next_deadline() {
            Some(deadline) if deadline <= self.now.after(HEALTHY) => {
                self.now = deadline.max(self.now);
                Event::Tick { admitted: true }
            }
            Some(_) | None => {
                self.now = self.now.after(HEALTHY);
                Event::Report(Report { terminal_alive: true, positions: 0, facts: facts(false) })
            }
        }
    }
}

fn facts(fine: bool) -> Facts {
    Facts {
        terminal: Some(TerminalFlags { connected: fine, trade_allowed: true, tradeapi_disabled: false }),
        account: Some(AccountFlags { expected: fine, trade_allowed: true, trade_expert: true }),
        ..Facts::default()
    }
}
