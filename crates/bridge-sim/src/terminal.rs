//! One simulated terminal with the gateway's worker for it.

mod journal;
mod memory;
mod sends;
mod standing;
mod watch;

pub(crate) use journal::Journal;
pub(crate) use memory::{Memory, Shown};
pub(crate) use sends::{Kept, Sends};
pub(crate) use standing::Standing;
pub(crate) use watch::Watch;

use std::collections::VecDeque;

use warden_bridge::{Command, CommandId, Envelope, Finished, SendId};
use warden_domain::{Epoch, InstanceId, Login, TradeServer};

use crate::fault::FaultKind;

/// A terminal, and what its gateway keeps for it.
#[derive(Debug)]
pub(crate) struct Terminal {
    pub(crate) instance: InstanceId,
    pub(crate) gateway: usize,
    /// The account it is bound to.
    pub(crate) account: usize,
    /// The process runs.
    pub(crate) alive: bool,
    /// It has a connection to its trade server.
    pub(crate) connected: bool,
    /// The account that is logged in; kept while the connection is gone.
    pub(crate) session: Option<usize>,
    /// What it was last told to log in with.
    pub(crate) saved: Option<Credentials>,
    /// What it shows instead of the account as it is.
    pub(crate) memory: Option<Memory>,
    pub(crate) journal: Journal,
    /// The faults that stand.
    pub(crate) faults: Vec<Standing>,
    pub(crate) worker: Worker,
}

/// What a terminal was told to log in with.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) login: Login,
    pub(crate) server: TradeServer,
    pub(crate) password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {}", self.login, self.server)
    }
}

/// The gateway's worker of one terminal: one command at a time, as the Python API is.
#[derive(Debug, Default)]
pub(crate) struct Worker {
    /// The highest epoch seen.
    pub(crate) epoch: Epoch,
    pub(crate) waiting: VecDeque<Envelope>,
    pub(crate) running: Option<Running>,
    /// Commands started so far.
    pub(crate) turn: u64,
    /// The running command is over, but the terminal hangs.
    pub(crate) held: bool,
    /// What became of trade requests.
    pub(crate) sends: Sends,
    pub(crate) watch: Option<Watch>,
    /// Watches so far.
    pub(crate) watches: u64,
    /// What ended, for repeated commands.
    pub(crate) inbox: VecDeque<(Epoch, Finished)>,
    /// What was last reported, to see changes.
    pub(crate) told: Option<Told>,
}

/// A command under way.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) envelope: Envelope,
    /// Terminal or connection were lost meanwhile: what becomes of a trade request is decided already.
    pub(crate) torn: bool,
}

/// What a report is about, without the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) alive: bool,
    pub(crate) terminal: Option<warden_domain::TerminalFlags>,
    pub(crate) account: Option<warden_domain::AccountFlags>,
    pub(crate) positions: u32,
}

impl Terminal {
    pub(crate) fn new(instance: InstanceId, gateway: usize, account: usize) -> Self {
        Self {
            instance,
            gateway,
            account,
            alive: true,
            connected: false,
            session: None,
            saved: None,
            memory: None,
            journal: Journal::default(),
            faults: Vec::new(),
            worker: Worker::default(),
        }
    }

    /// Whether a fault of this kind stands.
    pub(crate) fn suffers(&self, kind: FaultKind) -> bool {
        self.faults.iter().any(|fault| fault.kind == kind)
    }

    /// Uses a fault of a kind that `pick` knows, once; answers what `pick` made of it.
    pub(crate) fn spend<T>(&mut self, pick: impl Fn(FaultKind) -> Option<T>) -> Option<T> {
        let (at, found) =
            self.faults.iter().enumerate().find_map(|(at, fault)| Some((at, pick(fault.kind)?)))?;
        if self.faults[at].spend() {
            self.faults.remove(at);
        }
        Some(found)
    }

    /// The process ends, with everything that lived in it.
    pub(crate) fn die(&mut self) {
        self.alive = false;
        self.connected = false;
        self.session = None;
    }
}

impl Worker {
    /// How many commands may wait.
    pub(crate) const CAPACITY: usize = 64;
    /// How many ended commands are remembered.
    const INBOX: usize = 64;

    /// What is remembered of a command that ended.
    pub(crate) fn answered(&self, epoch: Epoch, id: CommandId) -> Option<&Finished> {
        self.inbox
            .iter()
            .find(|(of, finished)| *of == epoch && finished.id == id)
            .map(|(_, finished)| finished)
    }

    /// Whether a command waits or runs.
    pub(crate) fn busy_with(&self, epoch: Epoch, id: CommandId) -> bool {
        self.under_way().any(|envelope| envelope.epoch == epoch && envelope.id == id)
    }

    /// Whether a trade request waits in the queue.
    pub(crate) fn waits(&self, send: SendId) -> bool {
        self.waiting.iter().any(|envelope| sent_by(envelope) == Some(send))
    }

    /// How many trade requests wait or run.
    pub(crate) fn orders(&self) -> u32 {
        let orders = self.under_way().filter(|envelope| sent_by(envelope).is_some()).count();
        u32::try_from(orders).unwrap_or(u32::MAX)
    }

    fn under_way(&self) -> impl Iterator<Item = &Envelope> {
        self.waiting.iter().chain(self.running.as_ref().map(|running| &running.envelope))
    }

    pub(crate) fn remember(&mut self, epoch: Epoch, finished: Finished) {
        self.inbox.push_back((epoch, finished));
        if self.inbox.len() > Self::INBOX {
            self.inbox.pop_front();
        }
    }
}

/// The send of a trade request.
pub(crate) fn sent_by(envelope: &Envelope) -> Option<SendId> {
    if let Command::Order(order) = &envelope.command { Some(order.send) } else { None }
}
