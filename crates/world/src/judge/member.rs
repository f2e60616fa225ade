use std::collections::{BTreeMap, BTreeSet};

use warden_bridge::CommandId;
use warden_domain::{Epoch, Timestamp, Version};
use warden_policy::{Escalation, Event, Instance, Phase, Trouble, trade::Tally};

use super::{Life, LifeRow, StepRow};
use crate::invariant::trouble::troubles;

/// What is certain of one instance.
#[derive(Debug, Default)]
pub(crate) struct Member {
    pub(crate) epoch: Epoch,
    pub(crate) version: Version,
    /// The newest journalled state.
    pub(crate) state: Option<Instance>,
    /// When it was decided.
    pub(crate) at: Option<Timestamp>,
    /// A person halted its trading, and let it not go on since.
    pub(crate) halted: bool,
    /// Commands whose intent is durable, by the epoch of the row.
    pub(crate) intended: BTreeSet<(Epoch, CommandId)>,
    /// Commands that left.
    pub(crate) sent: BTreeSet<(Epoch, CommandId)>,
    /// A broker incident holds it, or has released it and it is not back yet (BRK-5).
    shared: bool,
    /// What trade rules counted since a person reset it.
    pub(crate) tally: Tally,
    /// What its trades asked of it, and it did not do yet (TRD-2 to TRD-5).
    pub(crate) owed: Vec<Trouble>,
    /// Its trades, by their tags.
    pub(crate) lives: BTreeMap<u64, Life>,
    /// When its terminal hung, from and until, by the world's time.
    pub(crate) hung: Vec<(Timestamp, Timestamp)>,
}

impl Member {
    /// A row became durable.
    pub(crate) fn take_in(&mut self, row: StepRow) {
        self.shared = self.shares(&row.step.state);
        if let Event::Trade(trouble) = row.step.event {
            self.owed.retain(|owed| *owed != trouble);
        }
        if matches!(row.step.state.phase(), Phase::Stopped { .. } | Phase::Closing(_)) {
            self.owed.clear();
        }
        self.halted = match row.kind {
            "HALT" => true,
            "UNHALT" => false,
            _ => self.halted,
        };
        self.intended.extend(row.commands().map(|id| (row.epoch, CommandId(id.0))));
        self.epoch = row.epoch;
        self.version = row.version;
        self.at = Some(row.at);
        self.state = Some(row.step.state);
    }

    /// A row of a trade became durable.
    pub(crate) fn take_in_life(&mut self, row: &LifeRow) {
        self.epoch = row.epoch;
        let (magic, more) = (row.magic.number(), self.counts(row));
        self.tally = row.row.tally;
        let rests = |state: &Instance| matches!(state.phase(), Phase::Stopped { .. } | Phase::Closing(_));
        if !self.state.as_ref().is_some_and(rests) {
            self.owed.extend(troubles(row).filter(|trouble| trouble.escalation != Escalation::Clear));
        }
        match self.lives.get_mut(&magic) {
            Some(life) => {
                life.duplicates += more;
                life.take_in(row);
            }
            None => {
                self.lives.insert(magic, Life::begun(row));
            }
        }
    }

    /// Whether a broker incident speaks for it in this state, or in the last one and it is not back yet (BRK-5).
    pub(crate) fn shares(&self, state: &Instance) -> bool {
        let over = matches!(state.phase(), Phase::Up | Phase::Stopped { .. });
        state.is_held() || (self.shared && !over)
    }

    /// The duplicates that a step counts.
    pub(crate) fn counts(&self, row: &LifeRow) -> u32 {
        u32::from(row.row.tally.duplicates.saturating_sub(self.tally.duplicates))
    }

    /// The trades that have not ended.
    pub(crate) fn open(&self) -> impl Iterator<Item = (u64, &Life)> {
        self.lives.iter().filter(|(_, life)| !life.ended).map(|(magic, life)| (*magic, life))
    }
}
