use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::Arc,
};

use warden_domain::{Epoch, InstanceId, Timestamp};

use super::{
    member::{Ended, Member},
    sends::{SendRecord, SendStore},
};
use crate::{
    Envelope, Finished, Market, RefusalReason, Refused, Report, SendId,
    convert::{
        hello::{self, Announced},
        refusal::{self, Refusal},
    },
    wire::{self, gateway_frame::Body},
};

/// So many refusals and questions may wait; beyond, the oldest is dropped: refusals are counted where they are read, and
/// questions are asked again.
const NOTES: usize = 1_024;

/// Everything a gateway knows of its instances and has to say about them.
pub(super) struct Book {
    sends: Arc<dyn SendStore>,
    members: BTreeMap<String, Member>,
    /// Whose turn it is to send; an instance stands here at most once.
    turns: VecDeque<String>,
    notes: VecDeque<wire::GatewayFrame>,
}

/// What a command frame or its end comes to.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// The command that shall be carried out.
    pub(super) start: Option<Envelope>,
    /// What is to be written; [`Book::written`] goes on then.
    pub(super) write: Option<SendRecord>,
}

impl Book {
    /// Serves nothing yet.
    pub(super) fn new(sends: Arc<dyn SendStore>) -> Self {
        Self { sends, members: BTreeMap::new(), turns: VecDeque::new(), notes: VecDeque::new() }
    }

    /// Adds an instance; `false` when it is there already.
    #[must_use]
    pub(super) fn add(&mut self, member: Member) -> bool {
        self.members.insert(member.instance().as_str().to_owned(), member).is_none()
    }

    /// A report of a terminal; `false` when the gateway does not serve it.
    #[must_use]
    pub(super) fn report(&mut self, instance: &InstanceId, report: Report) -> bool {
        self.with(instance.as_str(), |member| member.report(report)).is_some()
    }

    /// How an account and its watched symbols stand; `false` when the gateway does not serve the instance.
    #[must_use]
    pub(super) fn market(&mut self, instance: &InstanceId, market: Market) -> bool {
        self.with(instance.as_str(), |member| member.market(market)).is_some()
    }

    /// A command ended; `None` when the gateway does not serve the instance.
    pub(super) fn finished(&mut self, epoch: Epoch, finished: Finished, now: Timestamp) -> Option<Ended> {
        let instance = finished.instance.clone();
        let sends = Arc::clone(&self.sends);
        self.with(instance.as_str(), |member| member.finished(epoch, finished, now, sends.as_ref()))
    }

    /// The ends of these sends are written, or cannot be.
    pub(super) fn written(&mut self, sends: &[(InstanceId, SendId)]) {
        for (instance, send) in sends {
            self.with(instance.as_str(), |member| member.written(*send));
        }
    }

    /// Ends of sends wait to be written.
    pub(super) fn is_writing(&self) -> bool {
        self.members.values().any(Member::is_writing)
    }

    /// Why a command that waited to be handed out may not start any more.
    pub(super) fn overtaken(&self, envelope: &Envelope, now: Timestamp) -> Option<&'static str> {
        self.members.get(envelope.instance.as_str())?.overtaken(envelope, now)
    }

    /// Repeats the standing of every instance that is served.
    pub(super) fn repeat(&mut self) {
        let served: Vec<_> = self.served().map(str::to_owned).collect();
        for instance in served {
            self.with(&instance, Member::repeat);
        }
    }

    /// Announces every instance that no supervisor of this session serves.
    pub(super) fn announce(&mut self) -> Vec<Announced> {
        self.members.values_mut().filter(|it| !it.is_served()).map(Member::announce).collect()
    }

    /// Some instance is served by nobody.
    pub(super) fn has_unserved(&self) -> bool {
        self.members.values().any(|it| !it.is_served())
    }

    /// The announcements as frames of this gateway version; at least one.
    pub(super) fn hellos(&mut self, version: &str) -> Vec<wire::GatewayFrame> {
        let mut pages = hello::pages(self.announce().iter().map(hello::encode));
        if pages.is_empty() {
            pages.push(Vec::new());
        }
        let hello = |instances| wire::Hello {
            protocol_version: hello::PROTOCOL_VERSION,
            gateway_version: version.to_owned(),
            instances,
        };
        pages.into_iter().map(|page| frame(Body::Hello(hello(page)))).collect()
    }

    /// Which accepted instances bring an epoch that is not yet kept.
    pub(super) fn risen(&mut self, accepted: &[wire::Accepted]) -> Vec<(InstanceId, Epoch)> {
        let members =
            accepted.iter().filter_map(|it| Some((self.members.get(&it.instance)?, Epoch(it.epoch))));
        members
            .filter(|(member, epoch)| *epoch > member.epoch())
            .map(|(member, epoch)| (member.instance().clone(), epoch))
            .collect()
    }

    /// The epoch of a command, when it is higher than what is kept.
    pub(super) fn risen_by(&self, instance: &str, epoch: Epoch) -> Option<(InstanceId, Epoch)> {
        let member = self.members.get(instance).filter(|it| it.is_served() && it.epoch() < epoch)?;
        Some((member.instance().clone(), epoch))
    }

    /// These epochs are on disk.
    pub(super) fn raised(&mut self, epochs: &[(InstanceId, Epoch)]) {
        for (instance, epoch) in epochs {
            self.with(instance.as_str(), |member| member.raise(*epoch));
        }
    }

    /// A supervisor accepts instances; their epochs are on disk.
    pub(super) fn accept(&mut self, accepted: &[wire::Accepted]) {
        for it in accepted {
            let stale = self.members.get(&it.instance).map(|member| Epoch(it.epoch) < member.epoch());
            match stale {
                Some(false) => {
                    self.with(&it.instance, |member| member.accept(it));
                }
                Some(true) => self.refuse(&it.instance, &Refusal::new(RefusalReason::StaleEpoch)),
                None => self.refuse(&it.instance, &Refusal::new(RefusalReason::UnknownInstance)),
            }
        }
    }

    /// The instances that a supervisor refused, as far as this gateway announced them.
    pub(super) fn turned(&self, refused: &[wire::Turned]) -> Vec<(InstanceId, Refused)> {
        let known = |it: &wire::Turned| {
            let member = self.members.get(&it.instance)?;
            Some((member.instance().clone(), refusal::read_turn(it.reason)))
        };
        refused.iter().filter_map(known).collect()
    }

    /// The instance's results do not leave as fast as its commands come.
    pub(super) fn is_behind(&self, instance: &str) -> bool {
        self.members.get(instance).is_some_and(|it| it.is_served() && it.is_behind())
    }

    /// Decides on a command frame.
    pub(super) fn command(
        &mut self,
        instance: &str,
        sequence: u64,
        command: wire::Command,
        now: Timestamp,
    ) -> Taken {
        let id = command.id;
        let served = self.members.get(instance).is_some_and(Member::is_served);
        if !served {
            self.refuse(instance, &Refusal::new(RefusalReason::UnknownInstance).of(sequence, id));
            return Taken::default();
        }
        let sends = Arc::clone(&self.sends);
        let judged = self.with(instance, |member| member.command(sequence, command, now, sends.as_ref()));
        let judged = judged.unwrap_or_default();
        if let Some(refusal) = &judged.refusal {
            self.refuse(instance, refusal);
        }
        if let Some(after) = judged.ask_after {
            self.note(instance, Body::Resync(wire::Resync { after }));
        }
        Taken { start: judged.start, write: judged.write }
    }

    /// The supervisor missed what came after this number.
    pub(super) fn resync(&mut self, instance: &str, after: u64) {
        let served = self.members.get(instance).is_some_and(Member::is_served);
        if served {
            self.with(instance, |member| member.resync(after));
        } else {
            self.refuse(instance, &Refusal::new(RefusalReason::UnknownInstance));
        }
    }

    /// The supervisor answers a question.
    pub(super) fn resumed(&mut self, instance: &str, next: u64) {
        if self.with(instance, |member| member.resumed(next)) != Some(true) {
            self.refuse(instance, &Refusal::new(RefusalReason::OutOfPlace));
        }
    }

    /// Asks again for what is missing.
    pub(super) fn ask_again(&mut self) {
        let missing: Vec<_> = self
            .members
            .iter_mut()
            .filter_map(|(instance, member)| Some((instance.clone(), member.missing_after()?)))
            .collect();
        for (instance, after) in missing {
            self.note(&instance, Body::Resync(wire::Resync { after }));
        }
    }

    /// Tells the supervisor that a frame was not taken.
    pub(super) fn refuse(&mut self, instance: &str, refusal: &Refusal) {
        tracing::debug!(instance, reason = %refusal.reason, "a frame of the supervisor was refused");
        self.note(instance, Body::Refusal(refusal::encode(refusal)));
    }

    fn note(&mut self, instance: &str, body: Body) {
        if self.notes.len() == NOTES {
            self.notes.pop_front();
        }
        let instance = crate::convert::cut(instance, 64).to_owned();
        self.notes.push_back(wire::GatewayFrame { instance, sequence: 0, body: Some(body) });
    }

    /// The supervisor does not serve the instance any more; it is announced again later.
    pub(super) fn unserve(&mut self, instance: &str) {
        self.with(instance, Member::lose);
    }

    /// The session ended.
    pub(super) fn lose(&mut self) {
        self.members.values_mut().for_each(Member::lose);
        self.notes.clear();
        self.turns.clear();
    }

    /// The next frame to send; instances take turns.
    pub(super) fn next_frame(&mut self) -> Option<wire::GatewayFrame> {
        if let Some(note) = self.notes.pop_front() {
            return Some(note);
        }
        loop {
            let instance = self.turns.pop_front()?;
            let Some(member) = self.members.get_mut(&instance).filter(|it| it.is_served()) else { continue };
            let frame = member.next_frame();
            if member.has_waiting() {
                self.turns.push_back(instance);
            }
            if frame.is_some() {
                return frame;
            }
        }
    }

    fn served(&self) -> impl Iterator<Item = &str> {
        self.members.values().filter(|it| it.is_served()).map(|it| it.instance().as_str())
    }

    /// Does something to an instance, and gives it a turn when it then has something to send.
    fn with<T>(&mut self, instance: &str, act: impl FnOnce(&mut Member) -> T) -> Option<T> {
        let member = self.members.get_mut(instance)?;
        let had = member.has_waiting();
        let result = act(member);
        if member.has_waiting() && !had {
            self.turns.push_back(instance.to_owned());
        }
        Some(result)
    }
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Book").field("members", &self.members).finish_non_exhaustive()
    }
}

/// A frame about the session as a whole.
pub(super) fn frame(body: Body) -> wire::GatewayFrame {
    wire::GatewayFrame { instance: String::new(), sequence: 0, body: Some(body) }
}
