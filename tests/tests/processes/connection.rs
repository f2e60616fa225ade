//! The other ways in which a session is lost: NET-1, NET-4, BRK-4, ACC-5, LOG-8, REC-1.

use warden_domain::{FailureReason, Gate, IncidentKind, Rule, Status};
use warden_policy::{Command, Notice, Phase};
use warden_tests::{Plan, World, keys};

#[test]
fn net_1_net_4_brk_4_acc_5_log_8_each_loss_has_its_own_way_back() {
    let plan = Plan::quick(&["drop", "market", "rights", "reader", "dial"])
        .set("broker.maintenance.retry_after", r#""8s""#)
        .set("network.drop.alert_after", r#""1s""#)
        .set("account.permissions.reconnect_after", r#""2s""#)
        .fault("0s", "dial", "network_lost_during_login");
    let world = World::connected(plan);
    world.fault_for("drop", "network_drop", "3s");
    world.fault_for("market", "maintenance", "2s");
    world.fault_for("rights", "permissions_revoked", "1s");
    world.fault("reader", "investor_mode");

    world.wait_for("drop", "DISCONNECTED", "NETWORK_LOST");
    let market = world
        .wait_for_state("market", "its market is closed", |state| state.status() == Status::Disconnected);
    assert_eq!(market.gate(), Gate::Shut(FailureReason::Maintenance));
    assert_eq!(keys::documented(&world.redis, "market")["last_failure_reason"], "MAINTENANCE");
    world.wait_for("drop", "CONNECTED", "NETWORK_LOST");
    world.wait_for("market", "CONNECTED", "MAINTENANCE");
    world.wait_for("rights", "CONNECTED", "PERMISSIONS_CHANGED");
    world.wait_for_state("reader", "it is stopped", |state| {
        state.status() == Status::Failed && state.next_deadline().is_none()
    });
    assert_eq!(keys::documented(&world.redis, "reader")["last_failure_reason"], "PERMISSIONS_CHANGED");

    let story = world.judge();
    assert_eq!(story.notices("drop", Notice::ConnectionLost).len(), 1, "NET-4");
    let logins = story.commands("market").into_iter().filter(|given| given.command == Command::Login);
    let logins: Vec<_> = logins.map(|given| given.at).collect();
    let closed = story
        .states("market")
        .find(|(_, state)| state.incident(IncidentKind::Maintenance).is_some())
        .unwrap()
        .0;
    assert!(logins[1].since(closed).as_millis() >= 8_000, "BRK-4: not before its time");
    assert_eq!(story.notices("reader", Notice::PermissionsChanged).len(), 1, "ACC-5: a person must act");
    assert_eq!(story.given_by("reader", Rule::Acc5, Command::Reconnect).len(), 1, "ACC-5: one reconnect");
    let counts: Vec<u8> = story.states("dial").map(|(_, state)| state.login_attempt_count()).collect();
    assert!(counts.iter().all(|count| *count <= 1), "LOG-8: a lost network is no refused login, {counts:?}");
    assert_eq!(story.given_by("dial", Rule::Log2, Command::Login).len(), 2, "LOG-8: it is tried again");
}

#[test]
fn rec_1_recoveries_that_do_not_last_end_in_a_stop() {
    let world = World::connected(Plan::quick(&["a"]).set("recovery.healthy", r#""60s""#));
    for drops in 0..5_u8 {
        // Whoever looks too late to see a drop sees that it was counted.
        let reason = if drops == 0 { FailureReason::None } else { FailureReason::NetworkLost };
        world.wait_for_state("a", &format!("it is up after {drops} drops"), |state| {
            state.phase() == Phase::Up
                && state.last_failure_reason() == reason
                && state.failed_recoveries() == drops.saturating_sub(1)
        });
        world.fault_for("a", "network_drop", "1s");
    }
    world.wait_for("a", "FAILED", "RECOVERY_EXHAUSTED");

    let story = world.judge();
    assert_eq!(story.notices("a", Notice::RecoveryExhausted).len(), 1);
    let failed: Vec<u8> = story.states("a").map(|(_, state)| state.failed_recoveries()).collect();
    assert!(failed.is_sorted() && failed.contains(&3), "{failed:?}");
    assert_eq!(story.last("a").step.state.next_deadline(), None, "only a person starts it again");
}
