//! What people and other parts see: wishes, the feed, several shards, the end, explanations, figures.

use std::sync::atomic::Ordering;

use warden_bridge::{Inbound, Report};
use warden_domain::{InstanceId, Span, Status, StopMode, TradeServer};
use warden_store::{Journal as _, JournalError};
use warden_supervisor::{Clock as _, FleetError, Wish, WishError, why};

use crate::rig::{Manner, Rig, id, pass, settle, spec};

#[tokio::test(start_paused = true)]
async fn what_is_said_of_unknown_instances_is_counted_and_nothing_else() {
    for shards in [1, 3] {
        let mut rig = Rig::new(1);
        rig.options.shards = shards;
        rig.come_up().await;
        let stranger = InstanceId::new("stranger").unwrap();
        rig.gateways.say(Inbound::Report { instance: stranger, report: Report::default() }).await;
        settle().await;
        assert_eq!(rig.fleet().stats().strangers.load(Ordering::Relaxed), 1);
        assert!(rig.fleet().registry().render().contains("warden_refusals_total{kind=\"stranger\"} 1\n"));
        assert_eq!(rig.fleet().views().await.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn wishes_are_refused_with_the_reason() {
    let rig = Rig::up(1).await;
    let unknown = InstanceId::new("nobody").unwrap();
    assert_eq!(rig.fleet().wish(&unknown, Wish::Start).await, Err(WishError::Unknown(unknown)));
    assert_eq!(
        rig.fleet().wish(&id(0), Wish::Start).await,
        Err(WishError::Refused(warden_policy::Refused::Running))
    );
}

#[tokio::test(start_paused = true)]
async fn acc_7_a_wish_is_answered_when_it_is_durable() {
    let rig = Rig::up(1).await;
    rig.journal.fail(5);
    let before = rig.journal.head().seq;
    rig.fleet().wish(&id(0), Wish::Stop(StopMode::Preserve)).await.unwrap();
    assert!(rig.journal.head().seq > before);
    assert!(rig.rows(&id(0)).await.iter().any(|row| row.kind == "STOP"));
}

#[tokio::test(start_paused = true)]
async fn the_feed_tells_what_was_decided_in_order() {
    let mut rig = Rig::new(1);
    rig.start().await;
    let mut feed = rig.fleet().feed();
    rig.gateways.connect_all().await;
    rig.reaches(&id(0), Status::Connected, 5).await;
    let mut decisions = Vec::new();
    while let Ok(decision) = feed.try_recv() {
        decisions.push(decision);
    }
    let last = decisions.last().unwrap();
    assert_eq!((last.before, last.after), (Status::Connecting, Status::Connected));
    assert!(decisions.iter().any(|d| d.actions == ["log in"] && d.event == "TICK"), "{decisions:#?}");
    let rows = rig.rows(&id(0)).await;
    let told: Vec<_> = decisions.iter().map(|decision| decision.event).collect();
    let journalled: Vec<_> = rows.iter().map(|row| row.kind.as_str()).collect();
    assert_eq!(told[..], journalled[journalled.len() - told.len()..]);
}

async fn kinds_by_instance(shards: usize) -> Vec<Vec<(String, String, u64)>> {
    let mut rig = Rig::new(12);
    rig.options.shards = shards;
    for (number, spec) in (0..).zip(&mut rig.specs) {
        spec.server = TradeServer::new(&format!("Broker-{}", number % 4)).unwrap();
    }
    rig.gateways.move_to_servers(&rig.specs);
    for number in [1, 5] {
        rig.gateways.behave(&id(number), Manner::Refuses);
    }
    rig.start_all().await;
    pass(20).await;
    rig.gateways.crash(&id(3)).await;
    rig.gateways.drop_connection(&id(4)).await;
    pass(300).await;
    let mut all = Vec::new();
    for instance in rig.ids() {
        let rows = rig.rows(&instance).await;
        all.push(rows.into_iter().map(|row| (row.kind, row.rule, row.version.0)).collect());
    }
    all
}

#[tokio::test(start_paused = true)]
async fn several_shards_decide_the_same() {
    let one = kinds_by_instance(1).await;
    assert!(one.iter().all(|rows: &Vec<_>| rows.len() >= 5), "{one:?}");
    assert_eq!(one, kinds_by_instance(3).await);
}

#[tokio::test(start_paused = true)]
async fn ended_reports_a_journal_that_was_closed() {
    for shards in [1, 3] {
        let mut rig = Rig::new(8);
        rig.options.shards = shards;
        for (number, spec) in (0..).zip(&mut rig.specs) {
            spec.server = TradeServer::new(&format!("Broker-{number}")).unwrap();
        }
        rig.gateways.move_to_servers(&rig.specs);
        rig.come_up().await;
        rig.journal.close().await.unwrap();
        rig.gateways.hold_positions(&id(7), 1).await;
        let ended = tokio::time::timeout(std::time::Duration::from_secs(10), rig.fleet_mut().ended()).await;
        assert!(matches!(ended, Ok(FleetError::Journal(JournalError::Closed))), "{shards}: {ended:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_though_the_journal_takes_nothing_more() {
    let mut rig = Rig::up(1).await;
    rig.journal.fail(u64::MAX);
    rig.gateways.hold_positions(&id(0), 1).await;
    settle().await;
    let ended = tokio::time::timeout(std::time::Duration::from_secs(30), rig.drain()).await.expect("it ends");
    assert!(matches!(ended, Err(FleetError::Journal(JournalError::DiskFull { .. }))), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn a_drain_finishes_what_is_under_way_at_a_store() {
    let mut rig = Rig::up(1).await;
    rig.accounts.slow.store(true, Ordering::SeqCst);
    rig.gateways.crash(&id(0)).await;
    rig.reaches_that(&id(0), 60, "fetching credentials", |view| view.login_attempt_count == 1).await;
    let accounts = rig.accounts.clone();
    tokio::spawn(async move {
        pass(2).await;
        accounts.slow.store(false, Ordering::SeqCst);
    });
    let began = rig.now();
    rig.drain().await.unwrap();
    let took = rig.clock.now().since(began);
    assert!(took >= Span::from_secs(2) && took < Span::from_secs(3), "{took}");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_fleet_does_nothing_more() {
    let mut rig = Rig::up(1).await;
    rig.gateways.drop_connection(&id(0)).await;
    rig.kill().await;
    let rows = rig.rows(&id(0)).await.len();
    rig.gateways.forget_sent();
    pass(600).await;
    assert_eq!(rig.rows(&id(0)).await.len(), rows);
    assert!(rig.gateways.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_configured_twice_is_refused_and_owned_by_nobody() {
    let mut rig = Rig::new(1);
    rig.specs.push(spec(0));
    let refused = rig.try_start().await.unwrap_err();
    assert!(matches!(refused, FleetError::Twice(twice) if twice == id(0)));
    rig.specs.pop();
    rig.come_up().await;
    assert_eq!(rig.view(&id(0)).await.epoch, warden_domain::Epoch(1), "no epoch was raised in vain");
}

#[tokio::test(start_paused = true)]
async fn an_account_belongs_to_one_instance() {
    let mut rig = Rig::new(3);
    rig.specs[2].login = rig.specs[0].login;
    let refused = rig.try_start().await.unwrap_err();
    let told = "instances i0 and i2 have the same account; remove one, or give it an account of its own";
    assert_eq!(refused.to_string(), told);
    rig.specs[2].server = TradeServer::new("Another-Live").unwrap();
    rig.try_start().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn brk_1_why_explains_an_incident_from_the_journal() {
    let rig = Rig::up(1).await;
    rig.gateways.behave(&id(0), Manner::Unreachable);
    rig.gateways.drop_connection(&id(0)).await;
    // Past the moment at which NET-4 tells people, so that the reconnect is next.
    pass(31).await;
    let rows = rig.rows(&id(0)).await;
    let explanation = why::explain(&rows, rig.now()).unwrap().unwrap();
    assert_eq!(explanation.status, Status::Failed);
    let text = explanation.to_string();
    for part in [
        "i0 is FAILED (last failure BROKER_DOWN)",
        "NO_CONNECTION",
        "FINISHED: session of the expected account, reconciled, 0 positions",
        "BRK-1",
        "→ reconnect",
        "open:",
        "BROKER_DOWN for ",
        "next: BROKER_DOWN in ",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert_eq!(why::explain(&[], rig.now()).unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn net_4_alerts_and_figures_follow_the_fleet() {
    let mut rig = Rig::up(2).await;
    let text = rig.fleet().registry().render();
    assert!(text.contains("warden_instances{status=\"CONNECTED\"} 2\n"), "{text}");
    assert!(text.contains("warden_commands_total{kind=\"login\"} 2\n"), "{text}");
    assert!(text.contains("warden_journal_queue_rows 0\n"), "{text}");
    let journalled = format!("warden_transitions_total {}\n", rig.journal.head().seq);
    assert!(text.contains(&journalled), "{text}");
    rig.gateways.behave(&id(0), Manner::Silent);
    rig.gateways.drop_connection(&id(0)).await;
    pass(40).await;
    let lost = "warden_alert_active{alert=\"ConnectionLost\",instance=\"i0\"} 1\n";
    let text = rig.fleet().registry().render();
    assert!(text.contains(lost), "{text}");
    assert!(text.contains("warden_incidents_open{kind=\"NETWORK_LOST\"} 1\n"), "{text}");
    assert!(text.contains("warden_instances{status=\"CONNECTED\"} 1\n"), "{text}");
    // A supervisor that takes over shows what stands.
    rig.kill().await;
    rig.start().await;
    assert!(rig.fleet().registry().render().contains(lost));
    rig.gateways.behave(&id(0), Manner::Well);
    rig.gateways.connect_all().await;
    rig.reaches(&id(0), Status::Connected, 60).await;
    let text = rig.fleet().registry().render();
    assert!(!text.contains("warden_alert_active"), "{text}");
    assert!(text.contains("warden_incidents_open{kind=\"NETWORK_LOST\"} 0\n"), "{text}");
}
