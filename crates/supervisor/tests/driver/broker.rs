//! BRK-5: twelve instances of one trade server.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use warden_domain::{IncidentKind, InstanceId, Status};
use warden_policy::{Effect, decode_step};
use warden_store::{Journal as _, Row};

use crate::rig::{Manner, Rig, id, pass, settle};

async fn cut_off_together() -> Rig {
    let rig = Rig::up(12).await;
    rig.gateways.hold_positions(&id(7), 2).await;
    settle().await;
    rig.gateways.forget_sent();
    outage(&rig).await;
    rig
}

async fn outage(rig: &Rig) {
    for instance in rig.ids() {
        rig.gateways.behave(&instance, Manner::Unreachable);
        rig.gateways.drop_connection(&instance).await;
    }
    settle().await;
}

fn who_was_asked(rig: &Rig) -> BTreeSet<InstanceId> {
    rig.gateways.sent().into_iter().map(|sent| sent.envelope.instance).collect()
}

/// The instances that notified of something of their own.
async fn who_told(rig: &Rig) -> BTreeSet<InstanceId> {
    let rows = rig.journal.read(0, 10_000).await.unwrap();
    let told = |row: &Row| {
        let effects = decode_step(&row.payload).unwrap().effects;
        effects.list().iter().any(|(_, effect)| matches!(effect, Effect::Notify(_)))
    };
    rows.into_iter().filter(told).map(|row| row.instance).collect()
}

async fn attempts(rig: &Rig, instance: &InstanceId) -> u8 {
    rig.view(instance).await.incidents.iter().map(|incident| incident.attempt).max().unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn brk_5_one_incident_one_notification_one_canary_and_the_others_keep_their_budgets() {
    let rig = cut_off_together().await;
    let told = rig.fleet().stats().notifications.load(Ordering::Relaxed);
    pass(90).await;
    assert_eq!(rig.fleet().stats().broker_incidents.load(Ordering::Relaxed), 1);
    assert_eq!(told, 1, "the incident's own notification");
    let asked = who_was_asked(&rig);
    assert_eq!(asked.len(), 1, "only the canary probes: {asked:?}");
    assert_eq!(who_told(&rig).await.difference(&asked).count(), 0, "the others tell nobody");
    assert!(!asked.contains(&id(7)), "a canary without open positions is preferred");
    for instance in rig.ids().iter().filter(|instance| !asked.contains(*instance)) {
        assert_eq!(attempts(&rig, instance).await, 0, "{instance}");
    }
    let text = rig.fleet().registry().render();
    assert!(text.contains("warden_broker_incident_active{server=\"Broker-Live\"} 1\n"), "{text}");
    let own = text.matches("alert=\"BrokerDown\",instance").count();
    assert!(own <= 1, "the incident speaks for its members, all but the canary: {text}");
}

#[tokio::test(start_paused = true)]
async fn brk_5_the_others_are_released_with_jitter_those_with_open_positions_first() {
    let rig = cut_off_together().await;
    pass(40).await;
    for instance in rig.ids() {
        rig.gateways.behave(&instance, Manner::Well);
    }
    let canary = who_was_asked(&rig).into_iter().next().unwrap();
    rig.reaches(&canary, Status::Connected, 60).await;
    for instance in rig.ids() {
        rig.reaches(&instance, Status::Connected, 120).await;
    }
    let mut back: Vec<_> = rig
        .ids()
        .into_iter()
        .filter(|instance| *instance != canary)
        .map(|instance| (rig.gateways.moments(&instance, "reconnect")[0], instance))
        .collect();
    back.sort();
    assert_eq!(back[0].1, id(7), "{back:?}");
    let moments: BTreeSet<_> = back.iter().map(|(at, _)| *at).collect();
    assert!(moments.len() > 8, "they come back one after the other: {back:?}");
    assert_eq!(rig.fleet().stats().broker_incidents.load(Ordering::Relaxed), 1);
    assert!(!rig.fleet().registry().render().contains("warden_broker_incident_active"));
}

#[tokio::test(start_paused = true)]
async fn brk_5_rec_4_the_incident_goes_on_after_a_restart_and_is_not_told_again() {
    let mut rig = cut_off_together().await;
    pass(20).await;
    rig.kill().await;
    rig.gateways.forget_sent();
    rig.start_all().await;
    assert!(rig.fleet().registry().render().contains("warden_broker_incident_active"));
    pass(60).await;
    assert_eq!(rig.fleet().stats().broker_incidents.load(Ordering::Relaxed), 0);
    let asked = who_was_asked(&rig);
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(who_told(&rig).await.len() <= 2, "the canaries at most");
    for instance in rig.ids() {
        rig.gateways.behave(&instance, Manner::Well);
    }
    for instance in rig.ids() {
        rig.reaches(&instance, Status::Connected, 200).await;
    }
}

#[tokio::test(start_paused = true)]
async fn brk_5_a_canary_that_loses_its_gateway_is_replaced() {
    let rig = cut_off_together().await;
    pass(2).await;
    let canary = who_was_asked(&rig).into_iter().next().unwrap();
    rig.gateways.disconnect(&canary).await;
    settle().await;
    rig.gateways.forget_sent();
    pass(90).await;
    let asked = who_was_asked(&rig);
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(!asked.contains(&canary));
    for instance in rig.ids() {
        rig.gateways.behave(&instance, Manner::Well);
    }
    rig.gateways.connect(&canary).await;
    for instance in rig.ids() {
        rig.reaches(&instance, Status::Connected, 200).await;
    }
}

#[tokio::test(start_paused = true)]
async fn brk_5_a_canary_that_is_given_up_is_replaced_and_nobody_is_left_held() {
    let rig = cut_off_together().await;
    // 5 attempts 30 s apart and then some: the first canary is given up.
    pass(260).await;
    let views = rig.fleet().views().await;
    let stopped = views.iter().filter(|view| view.status == Status::PermanentlyFailed).count();
    assert!((1..=2).contains(&stopped), "{stopped}");
    for instance in rig.ids() {
        rig.gateways.behave(&instance, Manner::Well);
    }
    pass(200).await;
    let views = rig.fleet().views().await;
    let up = views.iter().filter(|view| view.status == Status::Connected).count();
    assert_eq!(up, 12 - stopped);
}

#[tokio::test(start_paused = true)]
async fn brk_5_a_canary_that_another_supervisor_took_is_replaced() {
    use warden_store::HotState as _;
    let rig = cut_off_together().await;
    pass(2).await;
    let canary = who_was_asked(&rig).into_iter().next().unwrap();
    let epoch = rig.view(&canary).await.epoch;
    let lease = [(canary.clone(), epoch.next())];
    rig.hot.acquire(&lease, "other", warden_domain::Span::from_secs(600)).await.unwrap();
    rig.gateways.report(&canary).await;
    pass(40).await;
    assert!(rig.fleet().views().await.iter().all(|view| view.instance != canary));
    assert!(who_was_asked(&rig).iter().any(|instance| *instance != canary), "another one probes");
}

#[tokio::test(start_paused = true)]
async fn brk_1_few_instances_fail_by_themselves() {
    let rig = Rig::up(12).await;
    for instance in [id(0), id(1)] {
        rig.gateways.behave(&instance, Manner::Unreachable);
        rig.gateways.drop_connection(&instance).await;
    }
    pass(20).await;
    assert_eq!(rig.fleet().stats().broker_incidents.load(Ordering::Relaxed), 0);
    for instance in [id(0), id(1)] {
        let view = rig.view(&instance).await;
        assert!(view.incidents.iter().any(|incident| incident.kind == IncidentKind::BrokerDown), "{view:#?}");
    }
}
