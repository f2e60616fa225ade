//! What becomes of a send: the gateway's inbox, and requests that are torn off while they run.

use warden_bridge::{Command, Envelope, Finished, Outcome};
use warden_domain::Facts;

use super::{Event, World, orders};
use crate::terminal::{Kept, Running, sent_by};

/// `last_error()` when the terminal died during the call (`RES_E_INTERNAL_FAIL_RECEIVE`).
pub(super) const CALL_LOST: i32 = -10_002;

impl World {
    /// Answers a send that came before from the inbox; answers whether it did.
    pub(super) fn known_before(&mut self, at: usize, envelope: &Envelope) -> bool {
        let kept = sent_by(envelope).and_then(|send| self.terminals[at].worker.sends.of(send));
        let (outcome, facts) = match kept {
            None => return false,
            Some(Kept::NotStarted) => (Outcome::NotStarted, Facts::default()),
            Some(Kept::Begun | Kept::Interrupted) => {
                // Its end is not known; whoever asks looks at the broker.
                (Outcome::Failed, Facts::default())
            }
            Some(Kept::Answered { facts, reply }) => (reply.map_or(Outcome::Failed, Outcome::Trade), facts),
        };
        let (instance, id) = (envelope.instance.clone(), envelope.id);
        let detail = "answered from the inbox".to_owned();
        self.tell_finished(at, envelope.epoch, Finished { instance, id, outcome, facts, detail });
        true
    }

    /// The gateway keeps what became of a command, if it is a send.
    pub(super) fn keep(&mut self, at: usize, envelope: &Envelope, kept: Kept) {
        let sends = &mut self.terminals[at].worker.sends;
        if let Some(send) = sent_by(envelope)
            && sends.of(send).is_none_or(|known| known == Kept::Begun)
        {
            sends.keep(send, kept);
        }
    }

    /// How a call ended whose request was torn off: what was lost tells how.
    pub(super) fn torn_off(&self, at: usize) -> (Outcome, Facts) {
        if self.terminals[at].alive {
            // RETCODE_CONNECTION: nobody knows whether the request was out.
            return self.refused(at, warden_domain::retcode::Retcode::of(10_031));
        }
        self.failed(at, CALL_LOST)
    }

    /// Terminal, gateway or connection are about to be lost while a trade request runs: the seed decides whether it still
    /// comes to the trade server, and when.
    pub(super) fn tear(&mut self, at: usize) {
        let terminal = &mut self.terminals[at];
        let out = terminal.alive && orders::may_send(terminal).is_ok();
        let Some(running) = terminal.worker.running.as_mut().filter(|running| !running.torn) else { return };
        let Command::Order(order) = &running.envelope.command else { return };
        running.torn = true;
        let order = Box::new(order.clone());
        if out && self.fate.below(2) == 1 {
            let after = self.fate.span(self.settings.afterwards);
            self.queue.push(self.now.after(after), Event::OrderArrives(self.account_at(at), order));
        }
    }

    /// The terminal process ends; the gateway sees the call under way break off.
    pub(super) fn terminal_dies(&mut self, at: usize) {
        self.tear(at);
        self.interrupt(at);
        self.remember(at);
        self.terminals[at].die();
        self.report_changes(at);
    }

    /// The gateway process ends: its queue and its calls are lost, its inbox stays.
    pub(super) fn worker_dies(&mut self, at: usize) {
        self.tear(at);
        self.interrupt(at);
        let worker = &mut self.terminals[at].worker;
        worker.waiting.clear();
        (worker.watch, worker.held) = (None, false);
        let Some(Running { envelope, .. }) = worker.running.take() else { return };
        if sent_by(&envelope).is_none() && !self.suffers(at, crate::fault::FaultKind::Freeze) {
            // What a terminal was told by a call that is no trade request, it does.
            let (outcome, facts) = self.execute(at, &envelope.command);
            let (instance, id) = (envelope.instance, envelope.id);
            let finished = Finished { instance, id, outcome, facts, detail: String::new() };
            self.tell_finished(at, envelope.epoch, finished);
        }
    }

    /// Nobody will learn how the trade request under way ends.
    fn interrupt(&mut self, at: usize) {
        let worker = &mut self.terminals[at].worker;
        if let Some(send) = worker.running.as_ref().and_then(|running| sent_by(&running.envelope)) {
            worker.sends.keep(send, Kept::Interrupted);
        }
    }
}
