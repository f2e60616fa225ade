use serde::{Deserialize, Serialize};
use warden_domain::{Facts, Span, StopMode, Timestamp};

use crate::{Absorbing, CommandId, StoreAction, trade::Trouble};

/// What happens to an instance; everything the policy learns comes through here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A person, or the configuration of a new instance, asks to run (LOG-1).
    Start,
    /// The supervisor was started again with this stored state (REC-4).
    Resume,
    /// A person stops the instance (ACC-7).
    Stop(StopMode),
    /// A person resets the instance (LOG-7).
    Reset,
    /// The stored credentials changed (LOG-9).
    CredentialsChanged,
    /// A person confirms that the account is closed (ACC-3).
    ConfirmClosure,
    /// A gateway's session began to serve the instance.
    GatewayUp(Report),
    /// The gateway's session ended.
    GatewayDown,
    /// The gateway says how the terminal stands.
    Report(Report),
    /// The command with this id ended.
    Finished {
        /// Which command; a stale id is ignored.
        id: CommandId,
        /// How it ended.
        outcome: Outcome,
        /// What was observed with it.
        facts: Facts,
    },
    /// Deadlines may be due.
    Tick {
        /// Whether an attempt at the terminal may start now: the trade server's login bucket has a token (LOG-5), the
        /// login lock is ours (LOG-10).
        admitted: bool,
    },
    /// A broker incident holds the instance back: it waits without using its budgets (BRK-5).
    Hold,
    /// The broker incident is over; the next attempt starts after this (BRK-5).
    Release {
        /// The jitter of this instance.
        after: Span,
    },
    /// The hot-state store as a whole (NET-3).
    StateStore(StateStoreEvent),
    /// The stored state of this instance (ACC-6, REC-2).
    State(StateEvent),
    /// A store action ended; `false` when it failed and is to be tried again.
    StoreDone(StoreAction, bool),
    /// How many sends of the instance have an unknown outcome (NET-2).
    UnresolvedSends(u16),
    /// A trade rule asks for a pause or a stop (TRD-2 to TRD-5).
    Trade(Trouble),
    /// The accounts store knows, at the start, a state that the recovered one does not (REC-3, ACC-2).
    Absorbed {
        /// Which.
        state: Absorbing,
        /// Since when.
        since: Timestamp,
        /// Of a closed account: nothing of it is left to be destroyed (ACC-3).
        destroyed: bool,
    },
    /// A person halts trading: no order leaves until a person lets it go on (TRD-7).
    Halt,
    /// A person lets halted trading go on (TRD-7).
    Unhalt,
}

/// How a terminal stands, as its gateway reports it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The terminal process runs.
    pub terminal_alive: bool,
    /// Open positions of the account, at most 65,535.
    pub positions: u16,
    /// What was observed.
    pub facts: Facts,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It did what it should.
    Done,
    /// The session was read (SES-1).
    Session {
        /// Login and server are the expected ones.
        matches: bool,
        /// Open orders and positions were reconciled with the stored state.
        reconciled: bool,
        /// Open positions of the account, at most 65,535.
        positions: u16,
    },
    /// It failed; the facts say why.
    Failed,
    /// It was not started: deadline passed, epoch stale, or no gateway took it.
    NotStarted,
    /// No login was tried: exactly these credentials were refused before (LOG-9), or there are none.
    NoCredentials,
    /// No login was tried: the accounts store did not answer.
    CredentialsUnavailable,
}

/// What happened to the hot-state store as a whole (NET-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StateStoreEvent {
    /// It cannot be reached; this many attempts to reach it failed so far.
    Lost {
        /// Failed attempts since it was lost.
        attempts: u8,
    },
    /// It answers again and the backlog was flushed.
    Back,
    /// The attempts are used up.
    Exhausted,
}

/// What happened to the stored state of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StateEvent {
    /// It is unreadable (ACC-6).
    Corrupted,
    /// It was rebuilt (ACC-6), or the conflict is gone (REC-2).
    Written,
    /// It could not be rebuilt (ACC-6).
    RebuildFailed,
    /// Its version moved under us (REC-2).
    Conflict,
}

impl Event {
    /// A stable text for journals and queries.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Start => "START",
            Self::Resume => "RESUME",
            Self::Stop(_) => "STOP",
            Self::Reset => "RESET",
            Self::CredentialsChanged => "CREDENTIALS_CHANGED",
            Self::ConfirmClosure => "CONFIRM_CLOSURE",
            Self::GatewayUp(_) => "GATEWAY_UP",
            Self::GatewayDown => "GATEWAY_DOWN",
            Self::Report(_) => "REPORT",
            Self::Finished { .. } => "FINISHED",
            Self::Tick { .. } => "TICK",
            Self::Hold => "HOLD",
            Self::Release { .. } => "RELEASE",
            Self::StateStore(_) => "STATE_STORE",
            Self::State(_) => "STATE",
            Self::StoreDone(..) => "STORE_DONE",
            Self::UnresolvedSends(_) => "UNRESOLVED_SENDS",
            Self::Trade(_) => "TRADE",
            Self::Absorbed { .. } => "ABSORBED",
            Self::Halt => "HALT",
            Self::Unhalt => "UNHALT",
        }
    }
}
