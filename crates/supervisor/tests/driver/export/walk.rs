//! One instance that is walked through the policy; what it decides becomes records for a journal.

use warden_domain::{
    AccountFlags, Epoch, Facts, InstanceId, JournalLine, OpId, TerminalFlags, Timestamp, Version,
};
use warden_policy::{Effects, Event, Instance, Outcome, Params, Phase, Report, Stepped, encode_step, step};
use warden_store::Record;

use crate::rig::{id, without_jitter};

pub(crate) struct Walk {
    pub(crate) id: InstanceId,
    pub(crate) state: Instance,
    pub(crate) now: Timestamp,
    pub(crate) params: Params,
    effects: Effects,
    version: u64,
}

impl Walk {
    /// An instance that has never run.
    pub(crate) fn new(number: u32) -> Self {
        Self {
            id: id(number),
            state: Instance::new(number),
            now: Timestamp::from_millis(1_700_000_000_000),
            params: without_jitter(),
            effects: Effects::default(),
            version: 0,
        }
    }

    /// Gives an event; the record of the step, when it changed anything.
    pub(crate) fn try_give(&mut self, event: Event) -> Option<Record> {
        match step(&mut self.state, &event, self.now, &self.params, &mut self.effects) {
            Stepped::Unchanged => None,
            Stepped::Changed => Some(self.record(&event)),
        }
    }

    /// Gives an event that changes something.
    pub(crate) fn give(&mut self, event: Event) -> Record {
        self.try_give(event).unwrap_or_else(|| panic!("{event:?} changes nothing in {:?}", self.state))
    }

    fn record(&mut self, event: &Event) -> Record {
        self.version += 1;
        let mut payload = Vec::new();
        encode_step(event, &self.effects, &self.state, "words behind it", &mut payload);
        Record {
            instance: self.id.clone(),
            trade: None,
            epoch: Epoch(3),
            version: Version(self.version),
            op: OpId(self.version + 1_000),
            at: self.now,
            kind: event.kind(),
            rule: self.effects.rule().map_or("", |rule| rule.as_str()),
            payload,
        }
    }

    /// The next step of the journal, but one that cannot be read.
    pub(crate) fn damaged(&mut self, payload: &[u8]) -> Record {
        let mut record = self.record(&Event::Hold);
        record.payload = payload.to_vec();
        record
    }

    pub(crate) fn pass(&mut self, millis: i64) {
        self.now = Timestamp::from_millis(self.now.as_millis() + millis);
    }

    /// Goes to the next deadline and ticks.
    pub(crate) fn try_tick(&mut self) -> Option<Record> {
        self.now = self.state.next_deadline()?.max(self.now);
        self.try_give(Event::Tick { admitted: true })
    }

    pub(crate) fn tick(&mut self) -> Record {
        self.try_tick().expect("a deadline is armed and does something")
    }

    /// The outcome of the command that is awaited.
    pub(crate) fn end(&mut self, outcome: Outcome, facts: Facts) -> Record {
        let id = self.state.awaited().expect("a command is awaited");
        self.give(Event::Finished { id, outcome, facts })
    }

    /// Ticks until a login is under way.
    pub(crate) fn log_in(&mut self) -> Vec<Record> {
        let mut records = Vec::new();
        while self.state.phase() != Phase::LoggingIn {
            records.push(self.tick());
        }
        records
    }

    /// Has a login under way.
    pub(crate) fn logging_in(number: u32) -> (Self, Vec<Record>) {
        let mut walk = Self::new(number);
        let mut records = vec![walk.give(Event::Start), walk.give(Event::GatewayUp(idle()))];
        records.extend(walk.log_in());
        (walk, records)
    }

    /// Logged in, and its session is confirmed.
    pub(crate) fn up(number: u32) -> (Self, Vec<Record>) {
        let (mut walk, mut records) = Self::logging_in(number);
        records.push(walk.end(Outcome::Done, fine()));
        records.push(walk.end(SESSION, fine()));
        assert_eq!(walk.state.phase(), Phase::Up);
        (walk, records)
    }
}

/// The session is as it should be.
pub(crate) const SESSION: Outcome = Outcome::Session { matches: true, reconciled: true, positions: 0 };

fn flags(connected: bool, expected: bool) -> Facts {
    Facts {
        terminal: Some(TerminalFlags { connected, trade_allowed: true, tradeapi_disabled: false }),
        account: Some(AccountFlags { expected, trade_allowed: true, trade_expert: true }),
        ..Facts::default()
    }
}

/// Nothing is wrong.
pub(crate) fn fine() -> Facts {
    flags(true, true)
}

pub(crate) fn line(line: JournalLine) -> Facts {
    Facts { journal: Some(line), ..Facts::default() }
}

/// A terminal that runs and has nobody logged in.
pub(crate) fn idle() -> Report {
    Report { terminal_alive: true, positions: 0, facts: Facts::default() }
}

pub(crate) fn ready() -> Report {
    Report { facts: fine(), ..idle() }
}

pub(crate) fn disconnected() -> Report {
    Report { facts: flags(false, false), ..idle() }
}
