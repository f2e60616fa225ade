use std::fmt;

use serde::Serialize;
use warden_bridge_sim::{Audit, EntryKind, World};

/// What a run came to.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    /// Simulated terminals.
    instances: usize,
    /// Gateways that dialled.
    gateways: usize,
    /// Terminals that are logged in at the end.
    logged_in: usize,
    /// Commands that supervisors gave.
    commands: u64,
    /// Faults that began.
    faults: u64,
    /// Deals that executed.
    deals: usize,
    /// Lines of the ledger.
    ledger_lines: usize,
    /// What the ledger says about exactly-once.
    audit: Audit,
    /// How long the world lasted, in its own seconds.
    world_seconds: u64,
}

impl Summary {
    pub(crate) fn of(world: &World) -> Self {
        let logged_in =
            world.instances().filter_map(|id| world.truth(id)).filter(|truth| truth.logged_in).count();
        let entries = world.ledger().entries();
        Self {
            instances: world.instances().count(),
            gateways: world.gateways().len(),
            logged_in,
            commands: world.commands_taken(),
            faults: world.faults_begun(),
            deals: entries.iter().filter(|entry| entry.kind == EntryKind::Deal).count(),
            ledger_lines: entries.len(),
            audit: world.audit(),
            world_seconds: world.now().since(world.start()).as_millis() / 1_000,
        }
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("its keys are text and its values are numbers")
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} terminals logged in after {} s; {} commands, {} faults, {} deals",
            self.logged_in, self.instances, self.world_seconds, self.commands, self.faults, self.deals
        )?;
        let audit = &self.audit;
        write!(f, "; {} intents executed, {} of them more than once", audit.intents, audit.duplicates.len())
    }
}
