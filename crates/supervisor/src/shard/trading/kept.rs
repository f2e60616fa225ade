//! Ends of commands that the instance machine hears of a moment later: when the trades are ready for what follows.
//!
//! A stop that closed what was open is over when the trades have seen it (ACC-7): the session that shows it ends with it. A
//! session is confirmed when the prices that its first orders need are there, and the broker was read once (SES-1): a
//! signal that comes with it finds them. Neither is waited for longer than it may take.

use warden_bridge::{Finished, Inbound};
use warden_domain::{Layer, Magic, Timestamp};
use warden_policy::{CommandId, Params, Phase};

use super::Trading;
use crate::shard::{Shard, Slot};

/// The end of a command that is told later.
#[derive(Debug)]
pub(super) struct Kept {
    finished: Finished,
    waits_for: WaitsFor,
    /// It is told then at the latest.
    until: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WaitsFor {
    /// The trades have seen what was closed.
    Looks,
    /// The broker was read once: what stands there already is known.
    First,
    /// The same, and the gateway has said how the market stands.
    Market,
}

impl Shard {
    /// Keeps the end of a command back, where the trades are not ready for it; answers one that is not kept.
    pub(in crate::shard) fn keep_back(
        &mut self,
        index: u32,
        finished: Finished,
        now: Timestamp,
    ) -> Option<Finished> {
        let params = &self.shared.params;
        let slot = &mut self.slots[index as usize];
        let awaited = slot.state.awaited() == Some(CommandId(finished.id.0));
        let says_connected = finished.facts.terminal.is_some_and(|flags| flags.connected);
        let reached = |waits_for| slot.is_connected() || (waits_for == WaitsFor::First && says_connected);
        let Some(waits_for) = slot.not_ready_for().filter(|waits_for| awaited && reached(*waits_for)) else {
            return Some(finished);
        };
        let within = match waits_for {
            WaitsFor::Looks => {
                slot.trading.look_at_all(now, params);
                params.look.answer_within
            }
            WaitsFor::First | WaitsFor::Market => params.unknown.synchronised_after.times(2),
        };
        slot.trading.desk.kept = Some(Box::new(Kept { finished, waits_for, until: now.after(within) }));
        self.touch(index);
        None
    }

    /// Tells of the ends that were kept back long enough.
    pub(super) fn tell_kept(&mut self, now: Timestamp) {
        for at in 0..self.batch.touched.len() {
            let index = self.batch.touched[at];
            let slot = &mut self.slots[index as usize];
            let reached = slot.is_reached();
            let Some(kept) = slot.trading.take_kept(reached, now) else { continue };
            self.take_event(index, Inbound::Finished(kept.finished), now);
        }
    }
}

impl Slot {
    /// Whether its terminal is connected, as the instance machine knows or is about to hear.
    pub(super) fn is_reached(&self) -> bool {
        let kept = self.trading.desk.kept.as_ref();
        let about_to_hear = kept.is_some_and(|kept| kept.waits_for == WaitsFor::First);
        self.is_connected() || (about_to_hear && self.state.health().is_up(Layer::GatewayAlive))
    }

    /// What the trades wait for before what follows from the present phase.
    fn not_ready_for(&self) -> Option<WaitsFor> {
        match self.state.phase() {
            Phase::Closing(_) => (!self.trading.desk.waits.at_broker.is_empty()).then_some(WaitsFor::Looks),
            Phase::Confirming if self.trading.desk.symbols.is_empty() => None,
            Phase::Confirming if self.is_connected() => {
                (!self.trading.may_open()).then_some(WaitsFor::Market)
            }
            // It is the session's confirmation that says that the terminal is connected.
            Phase::Confirming => self.trading.desk.marks.is_none().then_some(WaitsFor::First),
            Phase::Stopped { .. }
            | Phase::LoginDue
            | Phase::LoggingIn
            | Phase::Up
            | Phase::Waiting(_)
            | Phase::Recovering(_) => None,
        }
    }
}

impl Trading {
    fn look_at_all(&mut self, now: Timestamp, params: &Params) {
        let open: Vec<Magic> = self.desk.waits.at_broker.iter().copied().collect();
        for magic in open {
            self.ask(magic, now, params);
        }
    }

    fn take_kept(&mut self, reached: bool, now: Timestamp) -> Option<Box<Kept>> {
        let (looked, told) = (!self.desk.looks.is_wanted(), self.may_open());
        let first = self.desk.marks.is_some();
        let ready = |waits_for| match waits_for {
            WaitsFor::Looks => looked,
            WaitsFor::First => first,
            WaitsFor::Market => told,
        };
        self.desk.known()?.kept.take_if(|kept| ready(kept.waits_for) || !reached || kept.until <= now)
    }

    /// Whether what a first order needs is known: prices, and what stands at the broker already.
    fn may_open(&self) -> bool {
        self.desk.market_is_told && self.desk.marks.is_some()
    }

    /// When the end is told at the latest.
    pub(super) fn next_kept(&self) -> Option<Timestamp> {
        self.desk.kept.as_ref().map(|kept| kept.until)
    }
}
