//! Commands: taken in, queued one at a time, answered.

use warden_bridge::{Command, Envelope, Finished, Inbound, Outcome, SendError};
use warden_domain::{Facts, Span, Timestamp};

use super::{Event, World};
use crate::{fault::FaultKind, terminal::Worker};

impl World {
    /// Takes a command for a terminal at a moment; its outcome comes out of [`advance_to`](Self::advance_to).
    ///
    /// A command that came before is answered from the gateway's inbox; one whose epoch is lower than the highest seen,
    /// or whose deadline is past when its turn comes, is not started.
    ///
    /// # Errors
    /// When the instance is not here, its gateway is down, or too many commands wait.
    pub fn command(&mut self, envelope: Envelope, now: Timestamp) -> Result<(), SendError> {
        self.run_until(now);
        let missing = || SendError::NotConnected(envelope.instance.clone());
        let at = *self.places.get(&envelope.instance).ok_or_else(missing)?;
        if !self.gateways[self.terminals[at].gateway].down.is_empty() {
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
            return Err(SendError::Full(envelope.instance));
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
            if envelope.deadline < self.now {
                self.not_started(at, &envelope, "the deadline has passed");
                continue;
            }
            let takes = self.takes(at, &envelope.command);
            self.terminals[at].worker.running = Some(envelope);
            self.queue.push(self.now.after(takes), Event::CommandOver(at));
        }
    }

    /// The command that runs is over, unless the terminal hangs.
    pub(super) fn command_over(&mut self, at: usize) {
        if self.terminals[at].suffers(FaultKind::Freeze) {
            self.terminals[at].worker.held = true;
            return;
        }
        self.terminals[at].worker.held = false;
        let Some(envelope) = self.terminals[at].worker.running.take() else { return };
        let silent = matches!(envelope.command, Command::Order(_))
            && self.terminals[at].spend(|kind| (kind == FaultKind::LostReply).then_some(())).is_some();
        let (outcome, facts) = self.execute(at, &envelope.command);
        let (journal, detail) = self.read_journal(at);
        let facts = Facts { journal: journal.or(facts.journal), ..facts };
        if !silent {
            let finished = Finished { instance: envelope.instance, id: envelope.id, outcome, facts, detail };
            self.tell_finished(at, envelope.epoch, finished);
        }
        self.report_changes(at);
        self.start_next(at);
    }

    /// The terminal does not hang any more.
    pub(super) fn thaw(&mut self, at: usize) {
        if self.terminals[at].worker.held {
            self.command_over(at);
        }
        self.start_next(at);
    }

    fn not_started(&mut self, at: usize, envelope: &Envelope, why: &str) {
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
            Command::CloseTrades(_) => self.latency.span(settings.close_trades),
            Command::EndSession => self.latency.span(settings.end_session),
            Command::Order(_) => self.latency.span(settings.order),
        }
    }
}
