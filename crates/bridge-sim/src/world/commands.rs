//! Commands: taken in, queued one at a time, answered.

use warden_bridge::{Command, Envelope, Finished, Inbound, Outcome, SendError};
use warden_domain::{Facts, Span, Timestamp};

use super::{Event, World};
use crate::{
    fault::FaultKind,
    terminal::{Kept, Running, Worker},
};

impl World {
    /// Takes a command for a terminal at a moment; its outcome comes out of [`advance_to`](Self::advance_to).
    ///
    /// A command that came before is answered from the gateway's inbox, and so is a send that came under another command;
    /// one whose epoch is lower than the highest seen,
    /// or whose deadline is past when its turn comes, is not started.
    ///
    /// # Errors
    /// When the instance is not here, its gateway is down, or too many commands wait.
    pub fn command(&mut self, envelope: Envelope, now: Timestamp) -> Result<(), SendError> {
        self.run_until(now);
        let missing = || SendError::NotConnected(envelope.instance.clone());
        let at = *self.places.get(&envelope.instance).ok_or_else(missing)?;
        if self.gateways[self.terminals[at].gateway].is_away() {
            return Err(missing());
        }
        let worker = &mut self.terminals[at].worker;
        if let Some(answered) = worker.answered(envelope.epoch, envelope.id) {
            let again = Inbound::Finished(answered.clone());
            self.tell(at, again);
            return Ok(());
        }
        if worker.busy_with(envelope.epoch, envelope.id) {
            return Ok(());
        }
        if worker.waiting.len() >= Worker::CAPACITY {
            // What came before is answered without waiting.
            return if self.known_before(at, &envelope) {
                Ok(())
            } else {
                Err(SendError::Full(envelope.instance))
            };
        }
        if envelope.epoch < worker.epoch {
            self.not_started(at, &envelope, "the epoch is stale");
            return Ok(());
        }
        worker.epoch = envelope.epoch;
        self.taken += 1;
        let worker = &mut self.terminals[at].worker;
        worker.waiting.push_back(envelope);
        self.start_next(at);
        Ok(())
    }

    /// Starts the next command, where none runs and the terminal does not hang.
    pub(super) fn start_next(&mut self, at: usize) {
        while self.terminals[at].worker.running.is_none() && !self.terminals[at].suffers(FaultKind::Freeze) {
            let Some(envelope) = self.terminals[at].worker.waiting.pop_front() else { return };
            if self.known_before(at, &envelope) {
                continue;
            }
            if envelope.deadline < self.now {
                self.not_started(at, &envelope, "the deadline has passed");
                continue;
            }
            let takes = self.takes(at, &envelope.command);
            self.keep(at, &envelope, Kept::Begun);
            let worker = &mut self.terminals[at].worker;
            worker.running = Some(Running { envelope, torn: false });
            worker.turn += 1;
            let over = Event::CommandOver(at, worker.turn);
            self.queue.push(self.now.after(takes), over);
        }
    }

    /// The command that runs is over, unless the terminal hangs, or it was lost with its gateway.
    pub(super) fn command_over(&mut self, at: usize, turn: u64) {
        let worker = &mut self.terminals[at].worker;
        if worker.turn != turn || worker.running.is_none() {
            return;
        }
        if self.suffers(at, FaultKind::Freeze) {
            self.terminals[at].worker.held = true;
            return;
        }
        self.end_command(at);
    }

    fn end_command(&mut self, at: usize) {
        self.terminals[at].worker.held = false;
        let silent = self.runs_an_order(at) && self.strikes(at, FaultKind::LostReply);
        let Some(running) = &mut self.terminals[at].worker.running else { return };
        // From here on its fate is decided: what dies while it is carried out tears nothing off any more.
        let torn = std::mem::replace(&mut running.torn, true);
        let command = running.envelope.command.clone();
        let (outcome, facts) = if torn { self.torn_off(at) } else { self.execute(at, &command) };
        let (journal, detail) = self.read_journal(at);
        let facts = Facts { journal: journal.or(facts.journal), ..facts };
        let Some(Running { envelope, .. }) = self.terminals[at].worker.running.take() else { return };
        let reply = if let Outcome::Trade(reply) = &outcome { Some(*reply) } else { None };
        self.keep(at, &envelope, Kept::Answered { facts, reply });
        if !silent {
            let finished = Finished { instance: envelope.instance, id: envelope.id, outcome, facts, detail };
            self.tell_finished(at, envelope.epoch, finished);
        }
        self.report_changes(at);
        self.start_next(at);
    }

    fn runs_an_order(&self, at: usize) -> bool {
        let running = self.terminals[at].worker.running.as_ref();
        running.is_some_and(|running| matches!(running.envelope.command, Command::Order(_)))
    }

    /// The terminal does not hang any more.
    pub(super) fn thaw(&mut self, at: usize) {
        if self.terminals[at].worker.held {
            self.end_command(at);
        }
        self.start_next(at);
    }

    fn not_started(&mut self, at: usize, envelope: &Envelope, why: &str) {
        self.keep(at, envelope, Kept::NotStarted);
        let finished = Finished {
            instance: envelope.instance.clone(),
            id: envelope.id,
            outcome: Outcome::NotStarted,
            facts: Facts::default(),
            detail: why.to_owned(),
        };
        self.tell_finished(at, envelope.epoch, finished);
    }

    fn takes(&mut self, at: usize, command: &Command) -> Span {
        let settings = &self.settings;
        match command {
            Command::Login { .. } if !self.terminals[at].alive => {
                let start = self.latency.span(settings.restart);
                Span::from_millis(start.as_millis() + self.latency.span(settings.login).as_millis())
            }
            Command::Login { .. } => self.latency.span(settings.login),
            Command::Reconnect => self.latency.span(settings.reconnect),
            Command::Restart { .. } => self.latency.span(settings.restart),
            Command::Confirm => self.latency.span(settings.confirm),
            Command::CloseTrades { .. } => self.latency.span(settings.close_trades),
            Command::EndSession => self.latency.span(settings.end_session),
            Command::Order(_) => self.latency.span(settings.order),
            Command::Snapshot(_) => self.latency.span(settings.snapshot),
            Command::Watch(_) => Span::ZERO,
        }
    }
}
