//! TRD-9: one action for each code and kind of call, never in conflict with the code's class.

use warden_domain::retcode::{Call, Class, PlacedReading, RETCODES, Retcode};
use warden_policy::trade::{Action, action_of};

const CALLS: [Call; 5] = [Call::Market, Call::Pending, Call::Modify, Call::Cancel, Call::Close];

/// Whether the action is one that the class allows.
fn fits(class: Class, action: Action) -> bool {
    match class {
        Class::Success => action == Action::Executed,
        Class::AlreadyTrue => action == Action::AlreadyTrue,
        Class::RetryNow => {
            matches!(action, Action::FreshPrice | Action::FreshPriceOnce | Action::AwaitPrice)
        }
        Class::RateLimit => action == Action::Slower,
        Class::MarketClosed => action == Action::AwaitSession,
        Class::FatalAccount => action == Action::NotPermitted,
        // Each is sent again once at most, corrected, or not at all.
        Class::FatalRequest => matches!(
            action,
            Action::Refuse
                | Action::Look
                | Action::OnceMore
                | Action::FixVolume
                | Action::FixStops
                | Action::NextFilling
                | Action::Later
        ),
        Class::Permission => matches!(action, Action::NotPermitted | Action::NotAllowed | Action::Heal),
        Class::Duplicate => action == Action::Look,
        // A clamp reads the position before it closes anything.
        Class::Network | Class::UnknownVerify => matches!(action, Action::Verify | Action::Clamp),
    }
}

#[test]
fn trd_9_every_code_has_an_action_that_fits_its_class() {
    for entry in RETCODES {
        let code = Retcode::of(entry.number);
        for call in CALLS {
            for ticket in [false, true] {
                let placed = PlacedReading::Evidence;
                let (class, action) =
                    (code.class(call, ticket, placed), action_of(code, call, ticket, placed));
                assert!(fits(class, action), "{code} after {call:?} is {class}, and asks for {action:?}");
            }
        }
    }
}

#[test]
fn trd_9_an_unlisted_code_is_verified() {
    for number in [0, 1, 10_005, 10_037, 10_047, u32::MAX] {
        for call in CALLS {
            let action = action_of(Retcode::of(number), call, true, PlacedReading::Evidence);
            assert_eq!(action, Action::Verify, "{number} after {call:?}");
        }
    }
}
