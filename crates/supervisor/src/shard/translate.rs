//! From what gateways say to what the policy hears.

use warden_bridge::{Finished, Inbound, Outcome as Ended, Report as Said};
use warden_policy::{CommandId, Event, Outcome, Report};

use super::slot::Slot;

/// The event behind a message, and the words behind its facts.
pub(crate) fn event(inbound: Inbound, slot: &Slot) -> (Event, String) {
    match inbound {
        Inbound::Up { report, .. } => {
            let (report, detail) = standing(report);
            (Event::GatewayUp(report), detail)
        }
        Inbound::Down { .. } => (Event::GatewayDown, String::new()),
        Inbound::Report { report, .. } => {
            let (report, detail) = standing(report);
            (Event::Report(report), detail)
        }
        Inbound::Finished(finished) => ended(finished, slot),
    }
}

fn standing(said: Said) -> (Report, String) {
    let positions = u16::try_from(said.positions).unwrap_or(u16::MAX);
    (Report { terminal_alive: said.terminal_alive, positions, facts: said.facts }, said.detail)
}

fn ended(finished: Finished, slot: &Slot) -> (Event, String) {
    let outcome = match finished.outcome {
        Ended::Done | Ended::Trade(_) => Outcome::Done,
        Ended::Failed => Outcome::Failed,
        Ended::NotStarted => Outcome::NotStarted,
        Ended::Session(session) => Outcome::Session {
            matches: slot.login.is_some_and(|login| session.login == login.number())
                && session.server == slot.server.as_str(),
            // Whatever is open is taken over as external and counted: no trade of ours is in flight yet (TRD-8).
            reconciled: true,
            positions: u16::try_from(session.positions.len()).unwrap_or(u16::MAX),
        },
    };
    (Event::Finished { id: CommandId(finished.id.0), outcome, facts: finished.facts }, finished.detail)
}
