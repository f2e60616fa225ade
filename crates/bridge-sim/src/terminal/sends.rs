use std::collections::HashMap;

use warden_bridge::{SendId, SendState, TradeReply};
use warden_domain::Facts;

/// The gateway's order inbox: what became of every send that it ever began, whatever restarts.
///
/// It is on the gateway's disk: a send is written to it before the call begins, and its end after the call.
#[derive(Debug, Default)]
pub(crate) struct Sends(HashMap<SendId, Kept>);

/// What is kept of a send.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kept {
    /// The call began.
    Begun,
    /// It came too late and was refused, for good.
    NotStarted,
    /// Gateway or terminal ended while the call ran.
    Interrupted,
    /// The call ended.
    Answered { facts: Facts, reply: Option<TradeReply> },
}

impl Sends {
    pub(crate) fn of(&self, send: SendId) -> Option<Kept> {
        self.0.get(&send).copied()
    }

    pub(crate) fn keep(&mut self, send: SendId, kept: Kept) {
        self.0.insert(send, kept);
    }

    /// What a snapshot says of a send; `waits` says that it is in the queue.
    pub(crate) fn state(&self, send: SendId, waits: bool) -> SendState {
        match self.of(send) {
            None if waits => SendState::InProgress,
            None => SendState::Unseen,
            Some(Kept::Begun) => SendState::InProgress,
            Some(Kept::NotStarted) => SendState::NotStarted,
            Some(Kept::Interrupted) => SendState::Interrupted,
            Some(Kept::Answered { facts, reply }) => SendState::Answered { facts, reply },
        }
    }
}
