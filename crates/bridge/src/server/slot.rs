use std::{
    collections::VecDeque,
    num::NonZeroUsize,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::mpsc;
use tonic::Status;
use warden_domain::{Epoch, InstanceId};

use crate::{
    CommandId, Envelope, SendError,
    convert::command,
    session::Lane,
    wire::{self, supervisor_frame::Body},
};

/// The frames that wait for one gateway.
pub(super) type Queue = mpsc::Sender<Result<wire::SupervisorFrame, Status>>;

/// Names a session of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SessionId(pub(super) u64);

/// One instance that was ever admitted.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) instance: InstanceId,
    /// Held while an event of the instance is handed over, so that the events of two sessions never mix.
    pub(super) seat: tokio::sync::Mutex<Seat>,
    route: Mutex<Option<Route>>,
    /// The highest epoch of a command.
    commanded: AtomicU64,
}

/// Who serves the instance.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) owner: Option<SessionId>,
    /// `Up` was told, and `Down` not yet.
    pub(super) up: bool,
    pub(super) lane: Lane,
}

/// The way to the instance's gateway.
#[derive(Debug)]
struct Route {
    session: SessionId,
    queue: Queue,
    sequence: u64,
    unanswered: VecDeque<(u64, Envelope)>,
}

impl Slot {
    pub(super) fn new(instance: InstanceId) -> Self {
        let seat = Seat { owner: None, up: false, lane: Lane::new(Epoch(0), 0) };
        Self {
            instance,
            seat: tokio::sync::Mutex::new(seat),
            route: Mutex::new(None),
            commanded: AtomicU64::new(0),
        }
    }

    /// The highest epoch under which a command was sent.
    pub(super) fn commanded(&self) -> Epoch {
        Epoch(self.commanded.load(Ordering::Acquire))
    }

    /// Commands go to this session from now on.
    pub(super) fn open(&self, session: SessionId, queue: Queue) {
        *self.route() = Some(Route { session, queue, sequence: 0, unanswered: VecDeque::new() });
    }

    /// Commands go nowhere, whoever served it.
    pub(super) fn close(&self) {
        *self.route() = None;
    }

    /// Commands go nowhere, where they went to this session.
    pub(super) fn close_of(&self, session: SessionId) {
        let mut route = self.route();
        if route.as_ref().is_some_and(|it| it.session == session) {
            *route = None;
        }
    }

    /// Queues a command, and keeps it until its result comes, for the last `keep` of them.
    pub(super) fn send(&self, envelope: Envelope, keep: NonZeroUsize) -> Result<(), SendError> {
        let mut route = self.route();
        let lost = || SendError::NotConnected(self.instance.clone());
        let Route { queue, sequence, unanswered, .. } = route.as_mut().ok_or_else(lost)?;
        let room = queue.try_reserve().map_err(|fault| match fault {
            mpsc::error::TrySendError::Full(()) => SendError::Full(self.instance.clone()),
            mpsc::error::TrySendError::Closed(()) => lost(),
        })?;
        *sequence += 1;
        self.commanded.fetch_max(envelope.epoch.0, Ordering::AcqRel);
        room.send(Ok(self.frame(*sequence, Body::Command(command::encode(&envelope)))));
        if unanswered.len() == keep.get() {
            unanswered.pop_front();
        }
        unanswered.push_back((*sequence, envelope));
        Ok(())
    }

    /// The result of this command was taken.
    pub(super) fn answered(&self, epoch: Epoch, id: CommandId) {
        if let Some(route) = self.route().as_mut() {
            route.unanswered.retain(|(_, it)| (it.epoch, it.id) != (epoch, id));
        }
    }

    /// The gateway missed the commands after this number: sends those without a result again, where the queue has room
    /// for all of them; else the gateway asks again.
    pub(super) fn resend(&self, session: SessionId, after: u64) {
        let mut route = self.route();
        let Some(route) = route.as_mut().filter(|it| it.session == session) else { return };
        let missed: Vec<_> = route.unanswered.iter().filter(|(sequence, _)| *sequence > after).collect();
        let Ok(mut room) = route.queue.try_reserve_many(missed.len() + 1) else { return };
        let resumed = wire::Resumed { next_sequence: route.sequence + 1 };
        let commands = missed
            .iter()
            .zip(route.sequence + 1..)
            .map(|((_, envelope), sequence)| self.frame(sequence, Body::Command(command::encode(envelope))));
        let frames = std::iter::once(self.frame(0, Body::Resumed(resumed))).chain(commands);
        frames.zip(&mut room).for_each(|(frame, room)| room.send(Ok(frame)));
        drop(room);
        for (sequence, _) in route.unanswered.iter_mut().filter(|(sequence, _)| *sequence > after) {
            route.sequence += 1;
            *sequence = route.sequence;
        }
    }

    /// A frame about this instance.
    pub(super) fn frame(&self, sequence: u64, body: Body) -> wire::SupervisorFrame {
        wire::SupervisorFrame { instance: self.instance.as_str().to_owned(), sequence, body: Some(body) }
    }

    fn route(&self) -> MutexGuard<'_, Option<Route>> {
        self.route.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
