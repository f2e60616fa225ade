//! What the tests of the engine share: observations, every kind of event, and what must hold after every step.

#![expect(dead_code, reason = "each test binary uses a part")]

pub(crate) mod events;
pub(crate) mod invariants;
pub(crate) mod walk;

use warden_domain::{AccountFlags, Facts, JournalLine, Span, TerminalFlags, Timestamp};
use warden_policy::{
    Effects, Event, Instance, Params, Report, Stepped, decode_state, encode_state, params::Percent, step,
};

/// Where the clock of a test begins.
pub(crate) const BEGIN: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// The defaults without jitter.
pub(crate) fn plain() -> Params {
    let mut params = Params::default();
    params.recovery.jitter = Percent(0);
    params
}

pub(crate) fn flags(connected: bool, expected: bool, permitted: bool) -> Facts {
    Facts {
        terminal: Some(TerminalFlags { connected, trade_allowed: permitted, tradeapi_disabled: false }),
        account: Some(AccountFlags { expected, trade_allowed: permitted, trade_expert: true }),
        ..Facts::default()
    }
}

/// The facts of a terminal on which nothing is wrong.
pub(crate) fn fine() -> Facts {
    flags(true, true, true)
}

pub(crate) fn ready() -> Report {
    Report { terminal_alive: true, positions: 0, facts: fine() }
}

pub(crate) fn disconnected() -> Report {
    Report { terminal_alive: true, positions: 0, facts: flags(false, false, false) }
}

pub(crate) fn journal(line: JournalLine) -> Facts {
    Facts { journal: Some(line), ..Facts::default() }
}

/// One instance with its clock.
#[derive(Clone, Debug)]
pub(crate) struct Bench {
    pub(crate) state: Instance,
    pub(crate) now: Timestamp,
    pub(crate) params: Params,
    pub(crate) fx: Effects,
}

impl Bench {
    pub(crate) fn new(params: Params) -> Self {
        Self { state: Instance::new(7), now: BEGIN, params, fx: Effects::default() }
    }

    pub(crate) fn give(&mut self, event: Event) -> Stepped {
        step(&mut self.state, &event, self.now, &self.params, &mut self.fx)
    }

    pub(crate) fn pass(&mut self, span: Span) {
        self.now = self.now.after(span);
    }

    /// Goes to the next deadline and ticks; answers how long that took, `None` when there is none.
    pub(crate) fn next(&mut self) -> Option<Span> {
        let at = self.state.next_deadline()?.max(self.now);
        let passed = at.since(self.now);
        self.now = at;
        let _ = self.give(Event::Tick { admitted: true });
        Some(passed)
    }

    /// The outcome of the command that is awaited.
    pub(crate) fn end(&mut self, outcome: warden_policy::Outcome, facts: Facts) -> Stepped {
        let id = self.state.awaited().expect("a command is awaited");
        self.give(Event::Finished { id, outcome, facts })
    }

    /// The session that the last command asked for is as it should be.
    pub(crate) fn confirm(&mut self) {
        let session = warden_policy::Outcome::Session { matches: true, reconciled: true, positions: 0 };
        let _ = self.end(session, fine());
    }

    /// The supervisor dies and is started again; then the gateway is back, with this report.
    pub(crate) fn restart(&mut self, report: Report) {
        let mut bytes = Vec::new();
        encode_state(&self.state, &mut bytes);
        self.state = decode_state(&bytes).expect("what was written can be read");
        let _ = self.give(Event::Resume);
        let _ = self.give(Event::GatewayUp(report));
    }

    /// Started, logged in and confirmed.
    pub(crate) fn up(params: Params) -> Self {
        let mut bench = Self::new(params);
        bench.log_in();
        bench.logged_in();
        bench
    }

    /// Starts, and has the first login under way.
    pub(crate) fn log_in(&mut self) {
        let _ = self.give(Event::Start);
        let _ = self.give(Event::GatewayUp(Report { terminal_alive: true, ..Report::default() }));
        self.next();
        assert_eq!(self.state.phase(), warden_policy::Phase::LoggingIn);
    }

    /// The login under way works, and its session is confirmed.
    pub(crate) fn logged_in(&mut self) {
        let _ = self.end(warden_policy::Outcome::Done, Facts::default());
        self.confirm();
        assert_eq!(self.state.phase(), warden_policy::Phase::Up);
    }
}
