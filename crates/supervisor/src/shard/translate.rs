//! From what gateways say to what the policy hears.

use warden_bridge::{Finished, Inbound, Outcome as Ended, Report as Said, SessionFacts};
use warden_domain::Timestamp;
use warden_policy::{CommandId, Event, Outcome, Params, Report};

use super::slot::Slot;

/// The event behind a message, and the words behind its facts; `None` when it is nothing to the instance machine.
pub(super) fn event(
    inbound: Inbound,
    slot: &mut Slot,
    now: Timestamp,
    params: &Params,
) -> Option<(Event, String)> {
    match inbound {
        Inbound::Up { report, .. } => {
            let (report, detail) = standing(report);
            Some((Event::GatewayUp(report), detail))
        }
        Inbound::Down { .. } => Some((Event::GatewayDown, String::new())),
        Inbound::Report { report, .. } => {
            let (report, detail) = standing(report);
            Some((Event::Report(report), detail))
        }
        Inbound::Finished(finished) => Some(ended(finished, slot, now, params)),
        Inbound::Market { .. } => None,
    }
}

fn standing(said: Said) -> (Report, String) {
    let positions = u16::try_from(said.positions).unwrap_or(u16::MAX);
    (Report { terminal_alive: said.terminal_alive, positions, facts: said.facts }, said.detail)
}

fn ended(finished: Finished, slot: &mut Slot, now: Timestamp, params: &Params) -> (Event, String) {
    let outcome = match finished.outcome {
        Ended::Done | Ended::Trade(_) | Ended::Snapshot(_) => Outcome::Done,
        Ended::Failed => Outcome::Failed,
        Ended::NotStarted => Outcome::NotStarted,
        Ended::Session(session) => confirmed(&session, slot, now, params),
    };
    (Event::Finished { id: CommandId(finished.id.0), outcome, facts: finished.facts }, finished.detail)
}

fn confirmed(session: &SessionFacts, slot: &mut Slot, now: Timestamp, params: &Params) -> Outcome {
    Outcome::Session {
        matches: slot.login.is_some_and(|login| session.login == login.number())
            && session.server == slot.server.as_str(),
        reconciled: slot.trading.reconciles(session, now, params),
        positions: u16::try_from(session.positions.len()).unwrap_or(u16::MAX),
    }
}
