//! What the gateways say, and when.

use warden_bridge::{Finished, Inbound, Outcome, Report};
use warden_domain::{AccountFlags, Facts, TerminalFlags};

use super::{Event, World};
use crate::{
    fault::FaultKind,
    terminal::{Terminal, Told},
};

/// `last_error()` after a call that worked (`RES_S_OK`).
pub(super) const OK: i32 = 1;
/// `last_error()` when no terminal process answers (`RES_E_INTERNAL_FAIL_CONNECT`).
pub(super) const NO_TERMINAL: i32 = -10_004;

impl World {
    /// A gateway begins to serve a terminal.
    pub(super) fn announce(&mut self, at: usize) {
        let report = self.report(at, Facts::default());
        let instance = self.terminals[at].instance.clone();
        let epoch = self.terminals[at].worker.epoch;
        self.tell(at, Inbound::Up { instance, epoch, report });
    }

    pub(super) fn heartbeat(&mut self, at: usize) {
        self.queue.push(self.now.after(self.settings.heartbeat), Event::Heartbeat(at));
        if !self.terminals[at].suffers(FaultKind::Freeze) {
            self.tell_report(at, Facts::default());
        }
    }

    /// Reports when something changed since the last report.
    pub(super) fn report_changes(&mut self, at: usize) {
        let told = self.told_now(at);
        let hangs = self.terminals[at].suffers(FaultKind::Freeze);
        if !hangs && self.terminals[at].worker.told != Some(told) {
            self.tell_report(at, Facts::default());
        }
    }

    /// Reports, with what a call that the gateway made by itself brought (`call`).
    pub(super) fn tell_report(&mut self, at: usize, call: Facts) {
        let report = self.report(at, call);
        let instance = self.terminals[at].instance.clone();
        self.tell(at, Inbound::Report { instance, report });
    }

    /// Answers a command, and remembers the answer. How a command of an older owner ended is nothing that its successor,
    /// who counts commands anew, may hear.
    pub(super) fn tell_finished(&mut self, at: usize, epoch: warden_domain::Epoch, finished: Finished) {
        let worker = &mut self.terminals[at].worker;
        worker.remember(epoch, finished.clone());
        if epoch >= worker.epoch || finished.outcome == Outcome::NotStarted {
            self.tell(at, Inbound::Finished(finished));
        }
    }

    /// Says something through the gateway of a terminal: late while it is slow.
    pub(super) fn tell(&mut self, at: usize, inbound: Inbound) {
        let at = self.terminals[at].gateway;
        let gateway = &mut self.gateways[at];
        let late = gateway.slow.iter().map(|(_, by)| *by).max().unwrap_or_default();
        let due = self.now.after(late).max(gateway.told_until);
        if due > self.now && !gateway.is_away() {
            gateway.told_until = due;
            self.queue.push(due, Event::Deliver(at, Box::new(inbound)));
        } else {
            self.say(at, inbound);
        }
    }

    /// A gateway says something: nothing while it is down; how commands ended when it is back, while its session is cut.
    pub(super) fn say(&mut self, gateway: usize, inbound: Inbound) {
        let gateway = &mut self.gateways[gateway];
        if !gateway.is_away() {
            self.deliver(inbound);
        } else if let (Inbound::Finished(_), true) = (&inbound, gateway.down.is_empty()) {
            gateway.held.push(inbound);
        }
    }

    pub(super) fn deliver(&mut self, inbound: Inbound) {
        self.trace.add(self.now, &inbound);
        self.out.push(inbound);
    }

    pub(super) fn report(&mut self, at: usize, call: Facts) -> Report {
        self.terminals[at].worker.told = Some(self.told_now(at));
        let observed = self.observed(at);
        let (journal, detail) = self.read_journal(at);
        let facts = Facts { retcode: call.retcode, ticket: call.ticket, journal, ..observed };
        Report { terminal_alive: self.terminals[at].alive, facts, positions: self.positions(at), detail }
    }

    /// What the journal says since the gateway last read it, cut to what a message holds.
    pub(super) fn read_journal(&mut self, at: usize) -> (Option<warden_domain::JournalLine>, String) {
        let (class, words) = self.terminals[at].journal.read_on();
        (class, words.chars().take(256).collect())
    }

    /// The flags of terminal and account, as the API shows them now.
    pub(super) fn observed(&self, at: usize) -> Facts {
        let terminal = &self.terminals[at];
        let last_error = if terminal.alive { OK } else { NO_TERMINAL };
        Facts {
            last_error: Some(last_error),
            terminal: terminal.alive.then(|| terminal_flags(terminal)),
            account: self.account_flags(terminal),
            ..Facts::default()
        }
    }

    /// Open positions as far as the gateway knows: a terminal without a connection tells nothing new.
    fn positions(&self, at: usize) -> u32 {
        let terminal = &self.terminals[at];
        match terminal.session {
            Some(account) if terminal.connected => {
                u32::try_from(self.accounts[account].positions.len()).unwrap_or(u32::MAX)
            }
            Some(_) | None => terminal.worker.told.map_or(0, |told| told.positions),
        }
    }

    fn told_now(&self, at: usize) -> Told {
        let observed = self.observed(at);
        Told {
            alive: self.terminals[at].alive,
            terminal: observed.terminal,
            account: observed.account,
            positions: self.positions(at),
        }
    }

    fn account_flags(&self, terminal: &Terminal) -> Option<AccountFlags> {
        let session = terminal.session.filter(|_| terminal.alive)?;
        Some(AccountFlags {
            expected: session == terminal.account,
            trade_allowed: !terminal.suffers(FaultKind::InvestorMode),
            trade_expert: !terminal.suffers(FaultKind::PermissionsRevoked),
        })
    }
}

fn terminal_flags(terminal: &Terminal) -> TerminalFlags {
    TerminalFlags {
        connected: terminal.connected,
        trade_allowed: !terminal.suffers(FaultKind::AutotradingOff),
        tradeapi_disabled: false,
    }
}
