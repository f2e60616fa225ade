//! What each command does to a terminal.

use warden_bridge::{Command, Outcome, SessionFacts};
use warden_domain::Facts;

use super::{World, reports::NO_TERMINAL};
use crate::{fault::FaultKind, terminal::Credentials};

/// `last_error()` when the terminal cannot be started (`RES_E_INTERNAL_FAIL_INIT`).
const NOT_STARTED: i32 = -10_003;

impl World {
    pub(super) fn execute(&mut self, at: usize, command: &Command) -> (Outcome, Facts) {
        match command {
            Command::Login { login, server, password } => {
                let password = password.reveal().to_owned();
                self.login(at, Credentials { login: *login, server: server.clone(), password })
            }
            Command::Reconnect => self.reconnect(at),
            Command::Restart { force } => self.restart(at, *force),
            Command::Confirm => self.confirm(at),
            Command::CloseTrades { mode, installation } => self.close_trades(at, *mode, *installation),
            Command::EndSession => self.end_session(at),
            Command::Order(order) => self.order(at, order),
            Command::Snapshot(query) => self.snapshot(at, query),
            Command::Watch(symbols) => self.watch(at, symbols),
        }
    }

    /// `initialize` and `login`: starts the terminal where needed.
    fn login(&mut self, at: usize, with: Credentials) -> (Outcome, Facts) {
        if !self.terminals[at].alive && !self.start_terminal(at) {
            return self.failed(at, NOT_STARTED);
        }
        self.remember(at);
        self.terminals[at].session = None;
        let result = self.authorise(at, &with);
        self.terminals[at].saved = Some(with);
        match result {
            Ok(()) => (Outcome::Done, self.observed(at)),
            Err(turned_away) => (Outcome::Failed, turned_away.facts(self.observed(at))),
        }
    }

    /// Authorises again with what the terminal was last told.
    fn reconnect(&mut self, at: usize) -> (Outcome, Facts) {
        if !self.terminals[at].alive {
            return self.failed(at, NO_TERMINAL);
        }
        if self.terminals[at].connected {
            return match self.limited(at) {
                Some(retcode) => {
                    (Outcome::Failed, Facts { retcode: Some(retcode.number()), ..self.observed(at) })
                }
                None => (Outcome::Done, self.observed(at)),
            };
        }
        let Some(saved) = self.terminals[at].saved.clone() else {
            // RES_E_AUTH_FAILED: there is nobody to log in.
            return self.failed(at, -6);
        };
        match self.authorise(at, &saved) {
            Ok(()) => (Outcome::Done, self.observed(at)),
            Err(turned_away) => (Outcome::Failed, turned_away.facts(self.observed(at))),
        }
    }

    /// A new process, which logs in by itself with what it was last told, as MT5 does.
    fn restart(&mut self, at: usize, force: bool) -> (Outcome, Facts) {
        if self.terminals[at].alive && !force {
            self.terminals[at].journal.write(
                self.now,
                "Gateway",
                "the terminal runs; a restart has to be forced",
            );
            return (Outcome::Failed, self.observed(at));
        }
        self.remember(at);
        self.terminals[at].die();
        if !self.start_terminal(at) {
            return self.failed(at, NOT_STARTED);
        }
        if let Some(saved) = self.terminals[at].saved.clone() {
            // The restart worked, whether or not the trade server lets the terminal in.
            let _ = self.authorise(at, &saved);
        }
        (Outcome::Done, self.observed(at))
    }

    /// Who is logged in and what is open; a terminal without a connection knows neither.
    fn confirm(&mut self, at: usize) -> (Outcome, Facts) {
        if !self.terminals[at].alive {
            return self.failed(at, NO_TERMINAL);
        }
        if let Some(retcode) = self.limited(at) {
            return (Outcome::Failed, Facts { retcode: Some(retcode.number()), ..self.observed(at) });
        }
        let terminal = &self.terminals[at];
        let (true, Some(session)) = (terminal.connected, terminal.session) else {
            return (Outcome::Failed, self.observed(at));
        };
        let (account, shown) = (&self.accounts[session], self.shown(at, session));
        let facts = SessionFacts {
            login: account.login.number(),
            server: account.server_name.as_str().to_owned(),
            orders: shown.orders.iter().map(|order| (order.origin.magic, order.ticket)).collect(),
            positions: shown.positions.iter().map(|position| (position.magic, position.ticket)).collect(),
        };
        (Outcome::Session(facts), self.observed(at))
    }

    /// Logs out and ends the terminal.
    fn end_session(&mut self, at: usize) -> (Outcome, Facts) {
        self.remember(at);
        let terminal = &mut self.terminals[at];
        if terminal.alive {
            terminal.journal.write(self.now, "Terminal", "exit with code 0");
        }
        terminal.die();
        terminal.saved = None;
        (Outcome::Done, self.observed(at))
    }

    /// Starts the process; answers whether it runs.
    fn start_terminal(&mut self, at: usize) -> bool {
        let terminal = &mut self.terminals[at];
        let ill =
            terminal.suffers(FaultKind::TerminalCrash) || terminal.suffers(FaultKind::TerminalCrashLoop);
        if !ill {
            terminal.alive = true;
            terminal.journal.write(self.now, "Terminal", "MetaTrader 5 x64 build 4755 started");
        }
        !ill
    }

    pub(super) fn failed(&self, at: usize, last_error: i32) -> (Outcome, Facts) {
        (Outcome::Failed, Facts { last_error: Some(last_error), ..self.observed(at) })
    }
}
