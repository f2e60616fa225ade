//! ACC-7: a stop that closed what was open is over when the trades have seen it: the session that shows it ends with it.

use warden_bridge::{Finished, Inbound};
use warden_domain::{Magic, Timestamp};
use warden_policy::{CommandId, Params, Phase};

use super::Trading;
use crate::shard::Shard;

/// The end of a command that closed what was open; the instance machine hears of it when the trades have seen it.
#[derive(Debug)]
pub(super) struct Closing {
    finished: Finished,
    /// It is told then at the latest.
    until: Timestamp,
}

impl Shard {
    /// Keeps the end of the command back that closed what was open, while trades have not seen what it did.
    pub(in crate::shard) fn keep_closing(
        &mut self,
        index: u32,
        finished: Finished,
        now: Timestamp,
    ) -> Option<Finished> {
        let slot = &mut self.slots[index as usize];
        let closes = matches!(slot.state.phase(), Phase::Closing(_))
            && slot.state.awaited() == Some(CommandId(finished.id.0));
        if !closes || !slot.is_connected() || slot.trading.waits.at_broker.is_empty() {
            return Some(finished);
        }
        slot.trading.look_at_all(now, &self.shared.params);
        let until = now.after(self.shared.params.look.answer_within);
        slot.trading.closing = Some(Closing { finished, until });
        self.touch(index);
        None
    }

    /// Tells of the ends that were kept back long enough.
    pub(super) fn end_closings(&mut self, now: Timestamp) {
        for at in 0..self.batch.touched.len() {
            let index = self.batch.touched[at];
            let slot = &mut self.slots[index as usize];
            let connected = slot.is_connected();
            let Some(closing) = slot.trading.closed_and_seen(connected, now) else { continue };
            self.take_event(index, Inbound::Finished(closing.finished), now);
        }
    }
}

impl Trading {
    fn look_at_all(&mut self, now: Timestamp, params: &Params) {
        let open: Vec<Magic> = self.waits.at_broker.iter().copied().collect();
        for magic in open {
            self.ask(magic, now, params);
        }
    }

    fn closed_and_seen(&mut self, connected: bool, now: Timestamp) -> Option<Closing> {
        let seen = !self.looks.is_wanted();
        self.closing.take_if(|closing| seen || !connected || closing.until <= now)
    }

    /// When the end is told at the latest.
    pub(super) fn next_closing(&self) -> Option<Timestamp> {
        self.closing.as_ref().map(|closing| closing.until)
    }
}
