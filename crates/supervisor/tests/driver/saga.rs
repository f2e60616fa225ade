//! ACC-3: the destruction of an account completes once, wherever the process dies.

use warden_domain::{FailureReason, Status};
use warden_policy::{Effect, Notice, account::Closure, decode_step};
use warden_store::{Absorbed, Accounts as _, AccountsError};
use warden_supervisor::{Wish, WishError};

use crate::rig::{Manner, Moment, Rig, Side, id, pass, settle};

/// The broker does not know the account any more: the first login that it refuses is a proof, one a minute later
/// confirms it.
async fn disown(rig: &Rig) {
    rig.gateways.behave(&id(0), Manner::Refuses);
    rig.gateways.drop_connection(&id(0)).await;
}

/// How often the journal says that the credentials were destroyed.
pub(crate) async fn times_recorded(rig: &Rig) -> usize {
    let rows = rig.rows(&id(0)).await;
    let effects = rows.iter().flat_map(|row| decode_step(&row.payload).unwrap().effects.list().to_vec());
    effects.filter(|(_, effect)| *effect == Effect::Notify(Notice::CredentialsDeleted)).count()
}

/// Nothing is left of the account but its archive, and nothing starts it again.
pub(crate) async fn assert_destroyed(rig: &Rig, when: &str) {
    assert!(rig.hot.keys(&id(0)).is_empty(), "{when}: {:?}", rig.hot.keys(&id(0)));
    assert_eq!(rig.accounts.account(&id(0)).await, Err(AccountsError::Revoked(id(0))), "{when}");
    let registered = rig.accounts.registered().await.unwrap().remove(0);
    assert_eq!(registered.login, None, "{when}: the login is gone with the credentials");
    assert!(
        matches!(registered.absorbed, Some(Absorbed::Closed { reason: FailureReason::AccountClosed, .. })),
        "{when}: {registered:?}"
    );
    let last = rig.rows(&id(0)).await.pop().unwrap();
    let state = decode_step(&last.payload).unwrap().state;
    assert_eq!((state.status(), state.closure()), (Status::Inactive, Closure::Done), "{when}");
    assert_eq!(state.login_attempt_count(), 0, "{when}");
    assert_eq!(state.last_failure_reason(), FailureReason::AccountClosed, "{when}");
    assert_eq!(times_recorded(rig).await, 1, "{when}");
    for wish in [Wish::Start, Wish::Reset] {
        let refused = rig.fleet().wish(&id(0), wish).await.unwrap_err();
        assert_eq!(refused, WishError::Refused(warden_policy::Refused::AccountClosed), "{when}");
    }
}

/// Waits until the process has come to the moment where it dies.
async fn dies(rig: &Rig, when: &str) {
    for _ in 0..300 {
        if rig.hooks.died() {
            return;
        }
        pass(1).await;
    }
    panic!("never came to {when}");
}

/// An instance as the accounts store registers it now.
async fn register_anew(rig: &mut Rig) {
    rig.specs[0].login = rig.accounts.registered().await.unwrap().remove(0).login;
}

#[tokio::test(start_paused = true)]
async fn acc_3_killed_at_any_point_it_completes_once() {
    for moment in Moment::ALL {
        for side in [Side::Before, Side::After] {
            let when = format!("killed {side:?} {moment:?}");
            let mut rig = Rig::up(1).await;
            rig.hooks.die_at(moment, side);
            disown(&rig).await;
            dies(&rig, &when).await;
            rig.kill().await;
            rig.hooks.live();
            register_anew(&mut rig).await;
            rig.gateways.forget_sent();
            rig.start_all().await;
            pass(200).await;
            assert_destroyed(&rig, &when).await;
            assert!(
                moment == Moment::Suspected || rig.gateways.commands(&id(0)).contains(&"end session"),
                "{when}: the session may not have been closed before: {:?}",
                rig.gateways.commands(&id(0))
            );
            // Started once more there is nothing left to do.
            rig.kill().await;
            rig.gateways.forget_sent();
            register_anew(&mut rig).await;
            rig.start_all().await;
            pass(200).await;
            assert_destroyed(&rig, &when).await;
            assert!(!rig.gateways.commands(&id(0)).contains(&"login"), "{when}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn acc_3_killed_at_every_point_one_after_the_other_it_completes_once() {
    let mut rig = Rig::up(1).await;
    disown(&rig).await;
    for moment in Moment::ALL {
        for side in [Side::Before, Side::After] {
            let when = format!("{side:?} {moment:?}");
            rig.hooks.die_at(moment, side);
            // What has been done for good does not come again; all else does.
            let done_before = moment == Moment::Absorbed && side == Side::After;
            if !done_before {
                dies_or_done(&rig, &when).await;
            }
            rig.kill().await;
            rig.hooks.live();
            register_anew(&mut rig).await;
            rig.start_all().await;
        }
    }
    pass(200).await;
    assert_destroyed(&rig, "killed at every point").await;
}

/// Waits until the process dies at the moment, or is beyond it.
async fn dies_or_done(rig: &Rig, when: &str) {
    for _ in 0..300 {
        if rig.hooks.died() || times_recorded(rig).await > 0 {
            return;
        }
        pass(1).await;
    }
    panic!("never came to {when}");
}

#[tokio::test(start_paused = true)]
async fn acc_3_a_journal_that_refuses_each_row_for_a_while_delays_it_and_no_more() {
    let rig = Rig::up(1).await;
    disown(&rig).await;
    for _ in 0..60 {
        rig.journal.fail(3);
        pass(3).await;
    }
    pass(100).await;
    assert_destroyed(&rig, "with a journal that fails").await;
}

#[tokio::test(start_paused = true)]
async fn acc_3_net_3_while_the_hot_state_is_lost_it_waits_and_then_completes() {
    for restarts in [false, true] {
        let when = format!("restarts: {restarts}");
        let mut rig = Rig::up(1).await;
        disown(&rig).await;
        rig.reaches_that(&id(0), 100, "suspected", |view| {
            view.incidents.iter().any(|incident| incident.kind == warden_domain::IncidentKind::AccountClosed)
        })
        .await;
        rig.hot.set_reachable(false);
        rig.fleet().wish(&id(0), Wish::ConfirmClosure).await.unwrap();
        // Longer than the store is tried for: it is given up, the destruction is not.
        pass(120).await;
        assert!(rig.accounts.account(&id(0)).await.is_err(), "{when}: revoked at once");
        if restarts {
            rig.kill().await;
            rig.start_all().await;
            pass(100).await;
        }
        assert_eq!(times_recorded(&rig).await, 0, "{when}: keys may be left");
        rig.hot.set_reachable(true);
        pass(60).await;
        assert_destroyed(&rig, &when).await;
    }
}

#[tokio::test(start_paused = true)]
async fn acc_3_while_the_accounts_store_is_down_it_waits_and_then_completes() {
    let mut rig = Rig::up(1).await;
    rig.accounts.refuse_revoke.store(true, std::sync::atomic::Ordering::SeqCst);
    rig.hooks.refuse_absorb.store(true, std::sync::atomic::Ordering::SeqCst);
    rig.fleet().wish(&id(0), Wish::ConfirmClosure).await.unwrap();
    pass(300).await;
    assert!(!rig.hot.keys(&id(0)).is_empty(), "nothing is removed before the credentials are unusable");
    rig.kill().await;
    rig.start_all().await;
    pass(300).await;
    assert_eq!(times_recorded(&rig).await, 0);
    assert_eq!(rig.gateways.moments(&id(0), "login").len(), 1, "the one before it was closed");
    rig.accounts.refuse_revoke.store(false, std::sync::atomic::Ordering::SeqCst);
    rig.hooks.refuse_absorb.store(false, std::sync::atomic::Ordering::SeqCst);
    pass(60).await;
    settle().await;
    assert_destroyed(&rig, "accounts store back").await;
}
