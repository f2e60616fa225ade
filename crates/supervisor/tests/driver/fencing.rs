//! Another supervisor with a higher epoch: the instance is let go of.

use std::sync::{Arc, atomic::Ordering};

use warden_domain::{IncidentKind, Span};
use warden_store::HotState as _;
use warden_supervisor::{Wish, WishError};

use crate::rig::{FaultyJournal, Gateways, Manner, Rig, id, pass, settle};

async fn taken_by_another(rig: &Rig) {
    let epoch = rig.view(&id(0)).await.epoch;
    let lease = [(id(0), epoch.next())];
    assert_eq!(rig.hot.acquire(&lease, "other", Span::from_secs(3_600)).await.unwrap(), [true]);
}

async fn assert_let_go(rig: &Rig) {
    let rows = rig.rows(&id(0)).await.len();
    rig.gateways.forget_sent();
    assert_eq!(rig.fleet().stats().fenced.load(Ordering::Relaxed), 1);
    assert_eq!(rig.ownership.epoch(&id(0)), None);
    assert!(rig.fleet().views().await.iter().all(|view| view.instance != id(0)));
    for wish in [Wish::Start, Wish::Reset, Wish::ConfirmClosure] {
        assert_eq!(rig.fleet().wish(&id(0), wish).await, Err(WishError::Elsewhere(id(0))));
    }
    rig.gateways.crash(&id(0)).await;
    pass(600).await;
    assert_eq!(rig.rows(&id(0)).await.len(), rows, "nothing more is decided");
    assert_eq!(rig.gateways.commands(&id(0)), [] as [&str; 0]);
    let text = rig.fleet().registry().render();
    assert!(text.contains("warden_alert_active{alert=\"LeaseLost\",instance=\"i0\"} 1\n"), "{text}");
    assert!(text.contains("warden_instances{status=\"CONNECTED\"} 1\n"), "the other one: {text}");
    assert!(text.contains("warden_instances{status=\"DISCONNECTED\"} 0\n"), "{text}");
    rig.assert_consistent(&id(1)).await;
}

#[tokio::test(start_paused = true)]
async fn rec_2_a_fenced_writer_lets_go_without_doing_what_it_decided() {
    let rig = Rig::up(2).await;
    taken_by_another(&rig).await;
    rig.gateways.drop_connection(&id(0)).await;
    settle().await;
    assert_let_go(&rig).await;
}

#[tokio::test(start_paused = true)]
async fn rec_2_a_wish_that_meets_the_fence_is_void_and_said_to_be() {
    let rig = Rig::up(2).await;
    taken_by_another(&rig).await;
    rig.gateways.forget_sent();
    let mut feed = rig.fleet().feed();
    let wish = Wish::Stop(warden_domain::StopMode::Close);
    assert_eq!(rig.fleet().wish(&id(0), wish).await, Err(WishError::Elsewhere(id(0))));
    assert!(feed.try_recv().is_err());
    assert_eq!(rig.gateways.commands(&id(0)), [] as [&str; 0]);
    assert_let_go(&rig).await;
}

#[tokio::test(start_paused = true)]
async fn rec_2_an_idle_instance_is_let_go_of_when_its_lease_is_renewed() {
    let rig = Rig::up(2).await;
    taken_by_another(&rig).await;
    pass(6).await;
    assert_let_go(&rig).await;
}

#[tokio::test(start_paused = true)]
async fn net_3_what_is_let_go_of_when_the_store_is_back_is_no_backlog() {
    let rig = Rig::up(2).await;
    taken_by_another(&rig).await;
    rig.hot.set_reachable(false);
    rig.gateways.hold_positions(&id(0), 1).await;
    settle().await;
    assert_eq!(rig.fleet().stats().hot_backlog.load(Ordering::Relaxed), 2);
    rig.hot.set_reachable(true);
    pass(11).await;
    assert_eq!(rig.fleet().stats().hot_backlog.load(Ordering::Relaxed), 0);
    assert_let_go(&rig).await;
}

#[tokio::test(start_paused = true)]
async fn log_10_a_login_under_way_is_not_sent_after_its_instance_was_let_go() {
    let mut rig = Rig::new(2);
    rig.accounts.slow.store(true, Ordering::SeqCst);
    rig.start_all().await;
    taken_by_another(&rig).await;
    pass(6).await;
    rig.accounts.slow.store(false, Ordering::SeqCst);
    pass(5).await;
    assert_eq!(rig.gateways.commands(&id(0)), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_instance_of_a_higher_epoch_at_the_start_is_not_owned() {
    let mut rig = Rig::new(2);
    let lease = [(id(0), warden_domain::Epoch(900))];
    rig.hot.acquire(&lease, "other", Span::from_secs(3_600)).await.unwrap();
    rig.start_all().await;
    assert_eq!(rig.ownership.epoch(&id(0)), None);
    pass(60).await;
    assert!(rig.rows(&id(0)).await.is_empty());
    assert_eq!(rig.gateways.commands(&id(0)), [] as [&str; 0]);
    assert_eq!(rig.ownership.epoch(&id(1)), Some(warden_domain::Epoch(1)));
    assert_eq!(rig.fleet().stats().fenced.load(Ordering::Relaxed), 1);
    let text = rig.fleet().registry().render();
    assert!(text.contains("warden_alert_active{alert=\"LeaseLost\",instance=\"i0\"} 1\n"), "{text}");
}

/// Another supervisor over the same stores, with a journal and gateways of its own.
fn second(first: &Rig) -> Rig {
    let mut second = Rig::new(2);
    second.clock = first.clock.clone();
    second.hot = first.hot.clone();
    second.accounts = first.accounts.clone();
    second.journal = Arc::new(FaultyJournal::default());
    let (clock, journal, hot) = (second.clock.clone(), second.journal.clone(), second.hot.clone());
    second.gateways = Arc::new(Gateways::new(&second.specs, clock, journal, hot));
    second.options.owner = "you".to_owned();
    second
}

#[tokio::test(start_paused = true)]
async fn rec_4_a_second_supervisor_takes_over_where_the_first_one_was() {
    let mut first = Rig::new(2);
    first.gateways.behave(&id(0), Manner::Refuses);
    first.start_all().await;
    let planned = first.waits_after(&id(0), IncidentKind::LoginFailed, 3).await;
    settle().await;
    let mut second = second(&first);
    second.gateways.behave(&id(0), Manner::Refuses);
    second.start_all().await;
    let view = second.view(&id(0)).await;
    assert_eq!((view.epoch.0, view.login_attempt_count), (2, 3));
    first.gateways.forget_sent();
    pass(6).await;
    assert_eq!(first.fleet().stats().fenced.load(Ordering::Relaxed), 2);
    assert!(first.fleet().views().await.is_empty());
    pass(200).await;
    assert!(first.gateways.sent().is_empty(), "{:?}", first.gateways.sent());
    assert_eq!(second.gateways.moments(&id(0), "login")[0], planned);
    assert_eq!(second.gateways.moments(&id(0), "login").len(), 2, "five logins in all");
    second.assert_consistent(&id(0)).await;
}

#[tokio::test(start_paused = true)]
async fn log_10_a_second_supervisor_does_not_log_in_while_the_first_ones_login_runs() {
    let mut first = Rig::new(2);
    first.gateways.behave(&id(0), Manner::Silent);
    first.start_all().await;
    let began = first.gateways.moments(&id(0), "login")[0];
    let mut second = second(&first);
    second.start_all().await;
    pass(300).await;
    let login = second.gateways.moments(&id(0), "login")[0];
    let ttl = second.params.login.lock_ttl;
    assert!(login.since(began) >= ttl, "the lock of the first outlives it by {}", login.since(began));
    assert!(login.since(began) <= ttl.times(2));
    assert_eq!(second.status(&id(0)).await, warden_domain::Status::Connected);
}
