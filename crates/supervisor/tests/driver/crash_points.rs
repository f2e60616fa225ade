//! The write path where it is cut, and stores that disagree at the start (C0–C3, C10).

use std::sync::{Arc, atomic::Ordering};

use warden_domain::{IncidentKind, Status, StopMode, Version};
use warden_store::{Cas, HotState as _, HotUpdate, Journal as _, Projection, Record, Row};
use warden_supervisor::Wish;

use crate::rig::{FaultyJournal, Manner, Rig, id, pass, settle};

#[tokio::test(start_paused = true)]
async fn nothing_is_acted_or_written_or_told_before_the_journal_has_it() {
    let mut rig = Rig::new(1);
    rig.journal.fail(3);
    rig.start().await;
    let mut feed = rig.fleet().feed();
    rig.gateways.connect_all().await;
    settle().await;
    assert_eq!(rig.journal.head().seq, 0);
    assert!(rig.gateways.sent().is_empty());
    assert!(rig.keys(&id(0)).is_empty());
    assert!(feed.try_recv().is_err(), "nothing is told before it is durable");
    let text = rig.fleet().registry().render();
    assert!(!text.contains("warden_journal_queue_rows 0\n"), "a journal that is stuck shows: {text}");
    rig.reaches(&id(0), Status::Connected, 5).await;
    assert_eq!(rig.fleet().stats().commit_failures.load(Ordering::Relaxed), 3);
    assert!(feed.try_recv().is_ok());
    rig.assert_consistent(&id(0)).await;
}

#[tokio::test(start_paused = true)]
async fn c0_what_was_not_durable_did_not_happen() {
    let mut rig = Rig::up(1).await;
    rig.journal.fail(u64::MAX);
    rig.gateways.hold_positions(&id(0), 9).await;
    settle().await;
    rig.kill().await;
    rig.journal.fail(0);
    let before = rig.rows(&id(0)).await;
    rig.start().await;
    let rows = rig.rows(&id(0)).await;
    assert_eq!(rows.len(), before.len() + 1, "only the restart itself");
    assert_eq!(rig.view(&id(0)).await.positions, 0);
}

#[tokio::test(start_paused = true)]
async fn c1_c10_what_was_journalled_and_not_projected_is_projected_at_the_start() {
    let mut rig = Rig::up(2).await;
    rig.hot.set_reachable(false);
    rig.fleet().wish(&id(0), Wish::Stop(StopMode::Preserve)).await.unwrap();
    settle().await;
    let journalled = rig.rows(&id(0)).await.last().unwrap().version;
    assert!(rig.stored_version(&id(0)).unwrap() < journalled);
    rig.kill().await;
    rig.hot.set_reachable(true);
    rig.start().await;
    assert_eq!(rig.keys(&id(0))["status"], "INACTIVE");
    rig.assert_consistent(&id(0)).await;
    rig.assert_consistent(&id(1)).await;
    assert_eq!(rig.fleet().stats().hot_backlog.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn c1_killed_right_after_a_commit_the_intent_is_projected_and_stays_counted() {
    let mut rig = Rig::new(1);
    rig.gateways.behave(&id(0), Manner::Refuses);
    rig.start_all().await;
    let planned = rig.waits_after(&id(0), IncidentKind::LoginFailed, 2).await;
    pass(3).await;
    rig.journal.hang_after_commit(true);
    while rig.now() <= planned {
        pass(1).await;
    }
    assert_eq!(rig.gateways.moments(&id(0), "login").len(), 2, "the third was decided and never sent");
    let row = rig.rows(&id(0)).await.pop().unwrap();
    assert_eq!((row.kind.as_str(), row.rule.as_str()), ("TICK", "LOG-2"));
    assert!(rig.stored_version(&id(0)) < Some(row.version));
    rig.kill().await;
    rig.journal.hang_after_commit(false);
    rig.start_all().await;
    assert_eq!(rig.view(&id(0)).await.login_attempt_count, 3);
    rig.assert_consistent(&id(0)).await;
    pass(400).await;
    assert_eq!(rig.gateways.moments(&id(0), "login").len(), 4, "five were decided in all");
}

#[tokio::test(start_paused = true)]
async fn c1_c10_an_older_projection_of_a_resting_instance_is_brought_up() {
    let mut rig = Rig::up(1).await;
    rig.fleet().wish(&id(0), Wish::Stop(StopMode::Preserve)).await.unwrap();
    rig.gateways.disconnect(&id(0)).await;
    settle().await;
    let rows = rig.rows(&id(0)).await;
    rig.kill().await;
    let up = rows.iter().rfind(|row| row.rule == "SES-1").unwrap();
    put_back(&rig, up).await;
    assert_eq!(rig.keys(&id(0))["status"], "CONNECTED");
    rig.start().await;
    assert_eq!(rig.rows(&id(0)).await.len(), rows.len(), "a restart says nothing of an instance at rest");
    assert_eq!(rig.keys(&id(0))["status"], "INACTIVE");
    rig.assert_consistent(&id(0)).await;
}

/// The hot-state store holds what it held after this row.
async fn put_back(rig: &Rig, row: &Row) {
    rig.hot.forget(&row.instance);
    let (state, mut bytes) = (warden_policy::decode_step(&row.payload).unwrap().state, Vec::new());
    warden_policy::encode_state(&state, &mut bytes);
    let update = HotUpdate {
        instance: row.instance.clone(),
        epoch: row.epoch,
        expected: Version(0),
        version: row.version,
        op: row.op,
        projection: Projection {
            status: state.status(),
            connection_state: state.connection_state(),
            login_attempt_count: u32::from(state.login_attempt_count()),
            last_login_attempt: state.last_login_attempt(),
            login_failure_reason: state.login_failure_reason(),
            last_failure_reason: state.last_failure_reason(),
        },
        previous: None,
        state: bytes,
    };
    assert_eq!(rig.hot.cas(&[update]).await.unwrap(), [Cas::Applied]);
}

#[tokio::test(start_paused = true)]
async fn every_command_is_sent_after_its_row_and_its_projection() {
    let rig = Rig::up(3).await;
    for sent in rig.gateways.sent() {
        let rows = rig.journal.read(0, 1_000).await.unwrap();
        let instance = &sent.envelope.instance;
        let of_command =
            rows.iter().filter(|row| row.instance == *instance && row.seq <= sent.head).any(|row| {
                format!("{:?}", warden_policy::decode_step(&row.payload).unwrap().effects)
                    .contains(&format!("CommandId({})", sent.envelope.id.0))
            });
        assert!(of_command, "{sent:?} is durable");
        let snapshot = sent.snapshot.expect("the state was projected before");
        let newest = rows.iter().rfind(|row| row.instance == *instance && row.seq <= sent.head);
        assert!(snapshot.contains(&format!("version={} ", newest.unwrap().version)), "{snapshot}");
    }
}

#[tokio::test(start_paused = true)]
async fn c2_what_was_projected_and_not_sent_is_asked_again() {
    let mut rig = Rig::new(1);
    rig.gateways.fill(true);
    rig.start_all().await;
    assert!(rig.gateways.sent().is_empty());
    rig.kill().await;
    rig.gateways.fill(false);
    rig.start_all().await;
    rig.reaches(&id(0), Status::Connected, 30).await;
    assert_eq!(rig.gateways.commands(&id(0)), ["login", "confirm"]);
}

#[tokio::test(start_paused = true)]
async fn c3_a_command_whose_outcome_was_lost_is_resolved_by_what_the_gateway_reports() {
    let mut rig = Rig::up(1).await;
    rig.gateways.drop_connection(&id(0)).await;
    rig.reaches_that(&id(0), 10, "reconnecting", |_| rig.gateways.commands(&id(0)).contains(&"reconnect"))
        .await;
    // The reconnect succeeds after the supervisor died, and nobody hears of it.
    rig.kill().await;
    pass(1).await;
    rig.gateways.forget_sent();
    rig.start_all().await;
    rig.reaches(&id(0), Status::Connected, 2).await;
    assert_eq!(rig.gateways.commands(&id(0)), ["confirm"], "the session is confirmed, nothing is repeated");
}

#[tokio::test(start_paused = true)]
async fn both_gone_the_instance_begins_anew() {
    let mut rig = Rig::up(1).await;
    rig.kill().await;
    rig.journal = Arc::new(FaultyJournal::default());
    rig.hot.forget(&id(0));
    rig.start_all().await;
    rig.reaches(&id(0), Status::Connected, 5).await;
    assert_eq!(rig.rows(&id(0)).await[0].kind, "START");
}

#[tokio::test(start_paused = true)]
async fn journal_gone_the_hot_state_is_taken_over_and_journalled() {
    let mut rig = Rig::new(1);
    rig.gateways.behave(&id(0), Manner::Refuses);
    rig.start_all().await;
    let planned = rig.waits_after(&id(0), IncidentKind::LoginFailed, 2).await;
    settle().await;
    let before = rig.view(&id(0)).await;
    rig.kill().await;
    rig.journal = Arc::new(FaultyJournal::default());
    rig.start().await;
    let after = rig.view(&id(0)).await;
    assert_eq!(after.login_attempt_count, 2);
    assert!(after.version > before.version);
    rig.assert_consistent(&id(0)).await;
    rig.gateways.connect_all().await;
    settle().await;
    assert_eq!(rig.view(&id(0)).await.next_deadline, Some(planned));
}

#[tokio::test(start_paused = true)]
async fn journal_gone_a_resting_instance_is_journalled_too() {
    let mut rig = Rig::up(1).await;
    rig.fleet().wish(&id(0), Wish::Stop(StopMode::Preserve)).await.unwrap();
    rig.reaches(&id(0), Status::Inactive, 5).await;
    settle().await;
    rig.gateways.disconnect(&id(0)).await;
    settle().await;
    rig.kill().await;
    rig.journal = Arc::new(FaultyJournal::default());
    rig.start().await;
    assert_eq!(rig.rows(&id(0)).await.len(), 1);
    rig.assert_consistent(&id(0)).await;
}

#[tokio::test(start_paused = true)]
async fn rec_2_a_journal_that_lost_its_tail_at_our_epoch_is_a_conflict() {
    let mut rig = Rig::up(1).await;
    rig.gateways.hold_positions(&id(0), 4).await;
    settle().await;
    let rows = rig.rows(&id(0)).await;
    rig.kill().await;
    let (newest, kept) = (rows.last().unwrap().version, rows.len() - 2);
    let shorter = FaultyJournal::default();
    let records = rows.into_iter().take(kept).map(|row| Record {
        instance: row.instance,
        trade: None,
        epoch: row.epoch,
        version: row.version,
        op: row.op,
        at: row.at,
        kind: row.kind.leak(),
        rule: row.rule.leak(),
        payload: row.payload,
    });
    shorter.append(records.collect()).await.unwrap();
    rig.journal = Arc::new(shorter);
    rig.start_all().await;
    let view = rig.view(&id(0)).await;
    assert!(view.incidents.iter().any(|incident| incident.kind == IncidentKind::StateConflict), "{view:#?}");
    assert!(view.version > newest);
    assert_eq!(view.positions, 4, "the newer state was taken over");
    pass(20).await;
    assert_eq!(rig.status(&id(0)).await, Status::Connected);
    rig.assert_consistent(&id(0)).await;
}

#[tokio::test(start_paused = true)]
async fn hot_state_gone_every_key_is_restored_at_the_start() {
    let mut rig = Rig::up(2).await;
    rig.kill().await;
    rig.hot.forget(&id(0));
    rig.start().await;
    rig.assert_consistent(&id(0)).await;
    rig.assert_consistent(&id(1)).await;
    assert!(rig.stored_version(&id(0)).unwrap() > Version(1));
}
