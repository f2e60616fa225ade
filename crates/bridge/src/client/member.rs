use std::{collections::VecDeque, num::NonZeroUsize};

use warden_domain::{Epoch, Facts, InstanceId, Timestamp};

use super::{
    inbox::{Inbox, Known},
    ledger::{Ledger, Sending},
    sends::{SendRecord, SendStep, SendStore},
};
use crate::{
    Command, CommandId, Envelope, Finished, Market, Outcome, RefusalReason, Report, SendId,
    convert::{
        command,
        hello::Announced,
        market,
        refusal::Refusal,
        report::{self, is_event, standing},
        result,
    },
    session::{Lane, Verdict},
    wire::{self, gateway_frame::Body},
};

/// So many reports may wait; beyond, the last is replaced even when it tells of a call.
const WAITING: usize = 64;

/// Why commands are not started.
const LATE: &str = "the deadline has passed";
const STALE: &str = "the epoch is lower than one that was seen";

/// One instance that the gateway serves.
#[derive(Debug)]
pub(super) struct Member {
    instance: InstanceId,
    report: Report,
    commands: Lane,
    /// The supervisor of this session accepted it.
    served: bool,
    sequence: u64,
    waiting: VecDeque<Waiting>,
    /// What [`Waiting::Market`] sends.
    market: Option<Box<Market>>,
    inbox: Inbox,
    ledger: Ledger,
}

/// What waits to be sent.
#[derive(Debug)]
enum Waiting {
    Resumed,
    Report(Report),
    Result(Epoch, CommandId),
    /// The newest market; stands here at most once.
    Market,
}

/// What a command frame comes to.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// The command that shall be carried out.
    pub(super) start: Option<Envelope>,
    /// What the supervisor is told about the frame.
    pub(super) refusal: Option<Refusal>,
    /// What is asked for again: everything after this number.
    pub(super) ask_after: Option<u64>,
    /// What is to be written before the command is answered.
    pub(super) write: Option<SendRecord>,
}

/// What the end of a command comes to.
#[derive(Debug, PartialEq)]
pub(super) enum Ended {
    /// It does not run.
    NotRunning,
    /// Its result waits to be sent.
    Told,
    /// This is to be written before its result is sent.
    Write(SendRecord),
}

impl Member {
    pub(super) fn new(instance: InstanceId, report: Report, seen: Epoch, inbox: NonZeroUsize) -> Self {
        Self {
            ledger: Ledger::new(instance.clone()),
            instance,
            report,
            commands: Lane::new(seen, 0),
            served: false,
            sequence: 0,
            waiting: VecDeque::new(),
            market: None,
            inbox: Inbox::new(inbox),
        }
    }

    pub(super) fn instance(&self) -> &InstanceId {
        &self.instance
    }

    /// The highest epoch seen.
    pub(super) fn epoch(&self) -> Epoch {
        self.commands.epoch()
    }

    pub(super) fn is_served(&self) -> bool {
        self.served
    }

    /// More results wait to be sent than may.
    pub(super) fn is_behind(&self) -> bool {
        self.inbox.is_behind()
    }

    /// Something waits, and there is somebody to send it to.
    pub(super) fn has_waiting(&self) -> bool {
        self.served && !self.waiting.is_empty()
    }

    /// How it is announced; reports that the announcement makes old are dropped.
    pub(super) fn announce(&mut self) -> Announced {
        let events = self.waiting.iter().any(|it| matches!(it, Waiting::Report(report) if is_event(report)));
        self.waiting.retain(|it| match it {
            Waiting::Resumed | Waiting::Market => false,
            Waiting::Report(_) => events,
            Waiting::Result(..) => true,
        });
        Announced {
            instance: self.instance.clone(),
            seen: self.epoch(),
            report: standing(&self.report),
            last_sequence: self.sequence,
        }
    }

    /// A supervisor serves it from now on; `epoch` is on disk already.
    pub(super) fn accept(&mut self, accepted: &wire::Accepted) {
        let epoch = self.epoch().max(Epoch(accepted.epoch));
        self.commands = Lane::new(epoch, accepted.last_sequence);
        self.served = true;
        self.send_again(accepted.last_received);
    }

    /// No supervisor serves it.
    pub(super) fn lose(&mut self) {
        self.served = false;
        self.market = None;
    }

    /// `epoch` was seen and is on disk.
    pub(super) fn raise(&mut self, epoch: Epoch) {
        self.commands.raise(epoch);
    }

    pub(super) fn report(&mut self, report: Report) {
        self.report = report.clone();
        self.push_report(report);
    }

    /// Repeats the standing, as a heartbeat does.
    pub(super) fn repeat(&mut self) {
        if !matches!(self.waiting.back(), Some(Waiting::Report(_))) {
            self.push_report(standing(&self.report));
        }
    }

    fn push_report(&mut self, report: Report) {
        let full = self.waiting.len() >= WAITING;
        match self.waiting.back_mut() {
            Some(Waiting::Report(last)) if full || !is_event(last) => *last = report,
            Some(Waiting::Report(_) | Waiting::Result(..) | Waiting::Resumed | Waiting::Market) | None => {
                self.waiting.push_back(Waiting::Report(report));
            }
        }
    }

    /// How the account and the watched symbols stand; an older one that waits is replaced, and without a supervisor it is
    /// forgotten.
    pub(super) fn market(&mut self, market: Market) {
        if !self.served {
            return;
        }
        if self.market.replace(Box::new(market)).is_none() {
            self.waiting.push_back(Waiting::Market);
        }
    }

    /// A command that ran ended.
    pub(super) fn finished(
        &mut self,
        epoch: Epoch,
        finished: Finished,
        now: Timestamp,
        store: &dyn SendStore,
    ) -> Ended {
        let asked = (epoch, finished.id);
        if self.ledger.asks(asked) {
            let Finished { outcome, facts, detail, .. } = finished;
            let end = self.ledger.end(asked, SendStep::ended(&outcome, facts, detail), now);
            return end.map_or(Ended::NotRunning, Ended::Write);
        }
        if self.inbox.look(epoch, finished.id) != Known::Running {
            return Ended::NotRunning;
        }
        let outcome = self.ledger.looked(asked, finished.outcome, store);
        self.tell(epoch, Finished { outcome, ..finished });
        Ended::Told
    }

    /// The end of a send is written, or cannot be: whoever asked for it is answered.
    pub(super) fn written(&mut self, send: SendId) {
        let Some((asked, end)) = self.ledger.written(send) else { return };
        for (epoch, id) in asked {
            let (outcome, facts, detail) = end.clone().result();
            self.tell(epoch, Finished { instance: self.instance.clone(), id, outcome, facts, detail });
        }
    }

    /// Ends of sends wait to be written.
    pub(super) fn is_writing(&self) -> bool {
        self.ledger.is_writing()
    }

    fn tell(&mut self, epoch: Epoch, finished: Finished) {
        let id = finished.id;
        if self.inbox.end(epoch, finished) {
            self.waiting.push_back(Waiting::Result(epoch, id));
        }
    }

    /// Decides on a command frame.
    pub(super) fn command(
        &mut self,
        sequence: u64,
        command: wire::Command,
        now: Timestamp,
        store: &dyn SendStore,
    ) -> Judged {
        let (epoch, id) = (Epoch(command.epoch), CommandId(command.id));
        let refusal = |reason| Refusal::new(reason).of(sequence, id.0);
        match self.commands.judge(sequence, Some(epoch)) {
            Verdict::Take => self.take(sequence, command, now, store),
            Verdict::Refuse(reason @ RefusalReason::StaleEpoch) => {
                let judged = match command::decode(self.instance.clone(), command) {
                    Ok(envelope) => self.consider(envelope, Some(STALE), now, store),
                    Err(_) => {
                        self.decline(epoch, id, STALE);
                        Judged::default()
                    }
                };
                Judged { refusal: Some(refusal(reason)), ..judged }
            }
            Verdict::Refuse(reason) => Judged { refusal: Some(refusal(reason)), ..Judged::default() },
            Verdict::AskFor { after } => Judged {
                refusal: Some(refusal(RefusalReason::Gap)),
                ask_after: Some(after),
                ..Judged::default()
            },
            Verdict::Drop => Judged::default(),
        }
    }

    fn take(
        &mut self,
        sequence: u64,
        command: wire::Command,
        now: Timestamp,
        store: &dyn SendStore,
    ) -> Judged {
        let (epoch, id) = (Epoch(command.epoch), CommandId(command.id));
        let envelope = match command::decode(self.instance.clone(), command) {
            Ok(envelope) => envelope,
            Err(fault) => {
                self.decline(epoch, id, &fault.to_string());
                let refusal =
                    Refusal::new(RefusalReason::BadField).of(sequence, id.0).saying(fault.to_string());
                return Judged { refusal: Some(refusal), ..Judged::default() };
            }
        };
        let refused = (now > envelope.deadline).then_some(LATE);
        self.consider(envelope, refused, now, store)
    }

    /// Decides on a command; `refused` says why it may not start when it is new.
    fn consider(
        &mut self,
        envelope: Envelope,
        refused: Option<&'static str>,
        now: Timestamp,
        store: &dyn SendStore,
    ) -> Judged {
        let (epoch, id) = (envelope.epoch, envelope.id);
        if self.inbox.look(epoch, id) == Known::New {
            if let Command::Order(order) = &envelope.command {
                let sending =
                    self.ledger.order(order.send, (epoch, id), refused.map(|why| (why, now)), store);
                return self.send(envelope, sending);
            }
            if refused.is_none() {
                self.inbox.start(epoch, id);
                if let Command::Snapshot(query) = &envelope.command {
                    self.ledger.look((epoch, id), query);
                }
                return Judged { start: Some(envelope), ..Judged::default() };
            }
        }
        self.decline(epoch, id, refused.unwrap_or(LATE));
        Judged::default()
    }

    /// Does with an order what the ledger decided.
    fn send(&mut self, envelope: Envelope, sending: Sending) -> Judged {
        let (epoch, id) = (envelope.epoch, envelope.id);
        self.inbox.start(epoch, id);
        match sending {
            Sending::Start => Judged { start: Some(envelope), ..Judged::default() },
            Sending::Refuse(record) => Judged { write: Some(record), ..Judged::default() },
            Sending::Wait => Judged::default(),
            Sending::Answer(outcome, facts, detail) => {
                let instance = self.instance.clone();
                self.tell(epoch, Finished { instance, id, outcome, facts, detail });
                Judged::default()
            }
        }
    }

    /// Why a command that waited to be handed out may not start any more.
    pub(super) fn overtaken(&self, envelope: &Envelope, now: Timestamp) -> Option<&'static str> {
        if envelope.epoch < self.epoch() {
            return Some(STALE);
        }
        (now > envelope.deadline).then_some(LATE)
    }

    /// Answers a command without doing it: with its kept result, or that it was not started.
    fn decline(&mut self, epoch: Epoch, id: CommandId, why: &str) {
        if id.0 == 0 {
            return;
        }
        match self.inbox.look(epoch, id) {
            Known::Running | Known::Queued => return,
            Known::Ended => self.inbox.again(epoch, id),
            Known::New => self.inbox.keep(epoch, self.not_started(id, why)),
        }
        self.waiting.push_back(Waiting::Result(epoch, id));
    }

    fn not_started(&self, id: CommandId, why: &str) -> Finished {
        Finished {
            instance: self.instance.clone(),
            id,
            outcome: Outcome::NotStarted,
            facts: Facts::default(),
            detail: why.to_owned(),
        }
    }

    /// The supervisor missed everything after this number.
    pub(super) fn resync(&mut self, after: u64) {
        self.send_again(after);
        self.waiting.push_front(Waiting::Report(standing(&self.report)));
        self.waiting.retain(|it| !matches!(it, Waiting::Resumed));
        self.waiting.push_front(Waiting::Resumed);
    }

    /// The supervisor resumes with this number; `false` when nobody asked.
    #[must_use]
    pub(super) fn resumed(&mut self, next: u64) -> bool {
        self.commands.inflow().resumed(next)
    }

    /// The last number of the supervisor that was taken, when something after it is missing.
    pub(super) fn missing_after(&mut self) -> Option<u64> {
        let inflow = self.commands.inflow();
        (self.served && inflow.is_missing()).then(|| inflow.last())
    }

    /// Puts the results that were sent above `after` before everything that waits.
    fn send_again(&mut self, after: u64) {
        for (epoch, id) in self.inbox.rewind(after).into_iter().rev() {
            self.waiting.push_front(Waiting::Result(epoch, id));
        }
    }

    /// The next frame; `None` when nothing waits.
    pub(super) fn next_frame(&mut self) -> Option<wire::GatewayFrame> {
        loop {
            let next = self.sequence + 1;
            let body = match self.waiting.pop_front()? {
                Waiting::Resumed => {
                    let resumed = wire::Resumed { next_sequence: next };
                    return Some(self.frame(0, Body::Resumed(resumed)));
                }
                Waiting::Report(report) => Body::Report(report::encode(&report)),
                Waiting::Market => match self.market.take() {
                    Some(it) => return Some(self.frame(0, Body::Market(market::encode(&it)))),
                    None => continue,
                },
                Waiting::Result(epoch, id) => match self.inbox.send(epoch, id, next) {
                    Some(finished) => Body::Result(result::encode(epoch, &finished)),
                    None => continue,
                },
            };
            self.sequence = next;
            return Some(self.frame(next, body));
        }
    }

    /// A frame about this instance.
    pub(super) fn frame(&self, sequence: u64, body: Body) -> wire::GatewayFrame {
        wire::GatewayFrame { instance: self.instance.as_str().to_owned(), sequence, body: Some(body) }
    }
}
