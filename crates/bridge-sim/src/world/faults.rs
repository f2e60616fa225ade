//! Faults that begin and end.

use warden_bridge::Inbound;
use warden_domain::{Facts, retcode::Retcode};

use super::{Event, World, admission::investor};
use crate::{
    engine::Terms,
    fault::{Fault, FaultKind},
    ledger::Reason,
    terminal::{Credentials, Standing},
};

impl World {
    pub(super) fn fault_begins(&mut self, fault: &Fault) {
        let victims = self.roster.resolve(&fault.who, &mut self.chance);
        self.begun += 1;
        let id = self.begun;
        for at in &victims {
            self.befall(*at, id, fault);
        }
        if let Some(lasts) = fault.lasts {
            self.queue.push(self.now.after(lasts), Event::FaultEnds(id, fault.what, victims));
        }
    }

    /// A fault of a rate: to one of those it may befall, and then the next.
    pub(super) fn fault_arrives(&mut self, rate: usize) {
        let next = self.chance.wait(self.rates[rate].every);
        self.queue.push(self.now.after(next), Event::FaultArrives(rate));
        let rate = self.rates[rate].clone();
        let who = crate::fault::Who::Some(1, Box::new(rate.who));
        let lasts = rate.lasts.map(|lasts| self.chance.span(lasts));
        self.fault_begins(&Fault { at: self.now.since(self.start), lasts, who, what: rate.what });
    }

    pub(super) fn fault_ends(&mut self, id: u64, kind: FaultKind, victims: &[usize]) {
        for at in victims {
            self.terminals[*at].faults.retain(|standing| standing.id != id);
            self.relieve(*at, id, kind);
        }
    }

    /// Ends every fault that stands, and forgets those that were planned.
    pub fn clear_faults(&mut self, now: warden_domain::Timestamp) {
        self.run_until(now);
        self.rates.clear();
        self.planned.clear();
        self.queue.retain(|event| !matches!(event, Event::FaultBegins(_) | Event::FaultArrives(_)));
        for at in 0..self.terminals.len() {
            for standing in std::mem::take(&mut self.terminals[at].faults) {
                self.relieve(at, standing.id, standing.kind);
            }
        }
    }

    fn befall(&mut self, at: usize, id: u64, fault: &Fault) {
        let until = fault.lasts.map(|lasts| self.now.after(lasts));
        self.terminals[at].faults.push(Standing::new(id, fault.what, until));
        match fault.what {
            FaultKind::BrokerDown => {
                self.lose_connection(at, Some(&|c| format!("'{}': no connection to {}", c.login, c.server)));
            }
            FaultKind::NetworkDrop => self.lose_connection(at, None),
            FaultKind::RateLimit | FaultKind::RateLimit10008 => self.own_call_limited(at),
            FaultKind::Placed10008 => self.own_call(at, Retcode::PLACED, true),
            FaultKind::Maintenance => self.own_call(at, Retcode::of(10_018), false),
            FaultKind::TerminalCrash | FaultKind::TerminalCrashLoop => self.crash(at, fault),
            FaultKind::WrongPassword | FaultKind::LoginFlaky(_) | FaultKind::AccountClosed => {
                self.end_session_by_server(at, "Invalid account");
            }
            FaultKind::AccountDisabled => self.end_session_by_server(at, "Account disabled"),
            FaultKind::InvestorMode => self.become_investor(at),
            FaultKind::PermissionsRevoked | FaultKind::AutotradingOff => self.report_changes(at),
            FaultKind::GatewayDown => self.gateway_goes_down(at, id),
            FaultKind::SessionCut => self.session_is_cut(at, id),
            FaultKind::GatewaySlow(by) => {
                let gateway = self.terminals[at].gateway;
                self.gateways[gateway].slow.push((id, by));
            }
            FaultKind::SlTpVanish => {
                self.strikes(at, fault.what);
                self.of_account(at, Terms::of(Reason::Hand), |desk| desk.stops_vanish());
            }
            FaultKind::SlTpMoved(by) => {
                self.strikes(at, fault.what);
                self.of_account(at, Terms::of(Reason::Hand), |desk| desk.stops_moved(i64::from(by)));
            }
            FaultKind::HandOpens => self.hand_opens(at),
            FaultKind::HandPlaces => self.hand_places(at),
            FaultKind::HandCloses => self.hand_closes(at),
            FaultKind::ProgramOpens => self.program_opens(at),
            FaultKind::NetworkLostDuringLogin
            | FaultKind::PartialFill(_)
            | FaultKind::PartialFillForever(_)
            | FaultKind::Slippage(_)
            | FaultKind::Requote
            | FaultKind::PriceChanged
            | FaultKind::NoQuotes
            | FaultKind::Reject(_)
            | FaultKind::LostReply
            | FaultKind::LostResult
            | FaultKind::LostRequest
            | FaultKind::ExecutedAs(_)
            | FaultKind::DelayedExecution(_)
            | FaultKind::CrashAfterOrder
            | FaultKind::TagLost
            | FaultKind::Lookalike
            | FaultKind::LateHistory(_)
            | FaultKind::StaleMemory(_)
            | FaultKind::QueryFails
            | FaultKind::SessionClosed
            | FaultKind::CloseOnly
            | FaultKind::DuplicateExecution
            | FaultKind::SlTpMisfire
            | FaultKind::Freeze => {}
        }
    }

    /// A fault is over. Sessions that it ended stay ended; what it kept from working works again.
    fn relieve(&mut self, at: usize, id: u64, kind: FaultKind) {
        match kind {
            FaultKind::GatewayDown | FaultKind::SessionCut => self.gateway_comes_back(at, id),
            FaultKind::GatewaySlow(_) => {
                let gateway = self.terminals[at].gateway;
                self.gateways[gateway].slow.retain(|(other, _)| *other != id);
            }
            FaultKind::Freeze => {
                self.thaw(at);
                self.report_changes(at);
            }
            FaultKind::InvestorMode | FaultKind::PermissionsRevoked | FaultKind::AutotradingOff => {
                self.report_changes(at);
            }
            FaultKind::BrokerDown
            | FaultKind::NetworkDrop
            | FaultKind::NetworkLostDuringLogin
            | FaultKind::RateLimit
            | FaultKind::RateLimit10008
            | FaultKind::Placed10008
            | FaultKind::Maintenance
            | FaultKind::TerminalCrash
            | FaultKind::TerminalCrashLoop
            | FaultKind::WrongPassword
            | FaultKind::LoginFlaky(_)
            | FaultKind::AccountDisabled
            | FaultKind::AccountClosed
            | FaultKind::PartialFill(_)
            | FaultKind::PartialFillForever(_)
            | FaultKind::HandOpens
            | FaultKind::HandPlaces
            | FaultKind::HandCloses
            | FaultKind::ProgramOpens
            | FaultKind::SlTpMoved(_)
            | FaultKind::Slippage(_)
            | FaultKind::Requote
            | FaultKind::PriceChanged
            | FaultKind::NoQuotes
            | FaultKind::Reject(_)
            | FaultKind::LostReply
            | FaultKind::LostResult
            | FaultKind::LostRequest
            | FaultKind::ExecutedAs(_)
            | FaultKind::DelayedExecution(_)
            | FaultKind::CrashAfterOrder
            | FaultKind::TagLost
            | FaultKind::Lookalike
            | FaultKind::LateHistory(_)
            | FaultKind::StaleMemory(_)
            | FaultKind::QueryFails
            | FaultKind::SessionClosed
            | FaultKind::CloseOnly
            | FaultKind::DuplicateExecution
            | FaultKind::SlTpMisfire
            | FaultKind::SlTpVanish => {}
        }
    }

    fn lose_connection(&mut self, at: usize, line: Option<&dyn Fn(&Credentials) -> String>) {
        if !self.terminals[at].connected {
            return;
        }
        self.tear(at);
        self.remember(at);
        let terminal = &mut self.terminals[at];
        terminal.connected = false;
        if let (Some(line), Some(saved)) = (line, &terminal.saved) {
            terminal.journal.write(self.now, "Network", &line(saved));
        }
        self.report_changes(at);
    }

    /// The trade server ends the session; the terminal tries again by itself and is refused.
    fn end_session_by_server(&mut self, at: usize, why: &str) {
        if self.terminals[at].session.is_none() || !self.terminals[at].connected {
            return;
        }
        self.tear(at);
        self.remember(at);
        let terminal = &mut self.terminals[at];
        (terminal.connected, terminal.session) = (false, None);
        if let Some(Credentials { login, server, .. }) = &terminal.saved {
            let line = format!("'{login}': authorization on {server} failed ({why})");
            terminal.journal.write(self.now, "Network", &line);
        }
        self.report_changes(at);
    }

    fn crash(&mut self, at: usize, fault: &Fault) {
        self.terminal_dies(at);
        if fault.what == FaultKind::TerminalCrash && fault.lasts.is_none() {
            // It dies once; nothing keeps it from starting again.
            self.strikes(at, FaultKind::TerminalCrash);
        }
    }

    fn become_investor(&mut self, at: usize) {
        let terminal = &mut self.terminals[at];
        if let (true, Some(saved)) = (terminal.connected, &terminal.saved) {
            terminal.journal.write(self.now, "Network", &investor(saved));
        }
        self.report_changes(at);
    }

    /// A call that the gateway makes by itself meets the rate limit.
    fn own_call_limited(&mut self, at: usize) {
        if self.may_call(at)
            && let Some(retcode) = self.limited(at)
        {
            self.own_call(at, retcode, false);
        }
    }

    fn own_call(&mut self, at: usize, retcode: Retcode, ticket: bool) {
        if self.may_call(at) {
            self.tell_report(at, Facts { retcode: Some(retcode.number()), ticket, ..Facts::default() });
        }
    }

    fn may_call(&self, at: usize) -> bool {
        let terminal = &self.terminals[at];
        terminal.alive
            && terminal.connected
            && terminal.session.is_some()
            && !terminal.suffers(FaultKind::Freeze)
    }

    /// The gateway of this terminal goes down, with all its terminals' sessions.
    fn gateway_goes_down(&mut self, at: usize, id: u64) {
        let at = self.terminals[at].gateway;
        let gateway = &mut self.gateways[at];
        let (was_up, was_away) = (gateway.down.is_empty(), gateway.is_away());
        if !gateway.down.contains(&id) {
            gateway.down.push(id);
        }
        if !was_up {
            return;
        }
        // What it had not said yet dies with it, and so does what it was told and had not begun.
        gateway.held.clear();
        self.queue.retain(|event| !matches!(event, Event::Deliver(of, _) if *of == at));
        for other in self.served_by(at) {
            self.worker_dies(other);
            if !was_away {
                self.session_is_lost(other);
            }
        }
    }

    /// The session of this terminal's gateway is lost; the gateway lives.
    fn session_is_cut(&mut self, at: usize, id: u64) {
        let at = self.terminals[at].gateway;
        let was_away = self.gateways[at].is_away();
        if !self.gateways[at].cut.contains(&id) {
            self.gateways[at].cut.push(id);
        }
        if !was_away {
            for other in self.served_by(at) {
                self.session_is_lost(other);
            }
        }
    }

    fn session_is_lost(&mut self, at: usize) {
        let instance = self.terminals[at].instance.clone();
        self.deliver(Inbound::Down { instance });
    }

    /// What kept the gateway away is over; when nothing else does, it announces its terminals, and says what it has to.
    fn gateway_comes_back(&mut self, at: usize, id: u64) {
        let at = self.terminals[at].gateway;
        let gateway = &mut self.gateways[at];
        let was_away = gateway.is_away();
        gateway.down.retain(|other| *other != id);
        gateway.cut.retain(|other| *other != id);
        if !was_away || gateway.is_away() {
            return;
        }
        let held = std::mem::take(&mut gateway.held);
        for other in self.served_by(at) {
            self.announce(other);
        }
        for inbound in held {
            self.say(at, inbound);
        }
    }

    pub(super) fn served_by(&self, gateway: usize) -> Vec<usize> {
        (0..self.terminals.len()).filter(|at| self.terminals[*at].gateway == gateway).collect()
    }
}
