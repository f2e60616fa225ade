//! How a login ended, from the event and the states on both sides of it.

use warden_domain::retcode::PlacedReading;
use warden_policy::{CommandId, Event, Instance, Outcome, Phase, Verdict, classify};
use warden_store::history::LoginOutcome;

/// How the login that was under way, if one was, ended with this step.
///
/// A login is under way from its command on; it has succeeded when the session is to be confirmed. What the broker
/// refuses later, such as a session of another account, ends no login and stands among the incidents.
pub(super) fn outcome(under_way: Option<CommandId>, event: &Event, after: &Instance) -> LoginOutcome {
    let Some(command) = under_way else { return LoginOutcome::None };
    match after.phase() {
        Phase::LoggingIn if after.awaited() == Some(command) => LoginOutcome::None,
        Phase::Confirming | Phase::Up => LoginOutcome::Succeeded,
        // One that ended for want of an answer may be followed by the next one in the same step.
        Phase::LoggingIn
        | Phase::Stopped { .. }
        | Phase::LoginDue
        | Phase::Waiting(_)
        | Phase::Recovering(_)
        | Phase::Closing(_) => {
            if is_refusal(event) {
                LoginOutcome::Refused
            } else {
                LoginOutcome::Failed
            }
        }
    }
}

/// Whether the broker refused the credentials or the account (LOG-9). How 10008 is read (BRK-3) decides nothing here:
/// in every reading it is something else than a refusal, and what a journal line refuses it does not overrule.
fn is_refusal(event: &Event) -> bool {
    let verdict = |facts| classify(facts, PlacedReading::Evidence);
    match event {
        Event::Finished { outcome: Outcome::Failed, facts, .. } => {
            matches!(verdict(facts), Verdict::Refused { .. } | Verdict::Disabled)
        }
        // Only the outcome of a login refuses credentials; that the account is disabled can be heard at any time.
        Event::Report(report) | Event::GatewayUp(report) => verdict(&report.facts) == Verdict::Disabled,
        Event::Finished { .. }
        | Event::Start
        | Event::Resume
        | Event::Stop(_)
        | Event::Reset
        | Event::CredentialsChanged
        | Event::ConfirmClosure
        | Event::GatewayDown
        | Event::Tick { .. }
        | Event::Hold
        | Event::Release { .. }
        | Event::StateStore(_)
        | Event::State(_)
        | Event::StoreDone(..)
        | Event::UnresolvedSends(_)
        | Event::Trade(_)
        | Event::Absorbed { .. }
        | Event::Halt
        | Event::Unhalt => false,
    }
}
