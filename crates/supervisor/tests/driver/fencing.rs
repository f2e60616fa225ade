//! Another supervisor with a higher epoch: the instance is let go of.

use std::sync::atomic::Ordering;

use warden_domain::Span;
use warden_store::HotState as _;
use warden_supervisor::{Wish, WishError};

use crate::rig::{Rig, id, pass, settle};

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
async fn rec_2_an_idle_instance_is_let_go_of_when_its_lease_is_renewed() {
    let rig = Rig::up(2).await;
    taken_by_another(&rig).await;
    pass(6).await;
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
