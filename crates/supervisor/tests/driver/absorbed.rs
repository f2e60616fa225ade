//! States that only a person ends, in the accounts store: recorded, cleared, and obeyed at the start (REC-3, ACC-2).

use std::sync::{Arc, atomic::Ordering};

use warden_domain::{Alert, Epoch, FailureReason, Span, Status, StopMode, Timestamp};
use warden_policy::{Effect, Notice, decode_step};
use warden_store::{Absorbed, Accounts as _, Journal as _, Record, Row};
use warden_supervisor::Wish;

use crate::rig::{FaultyJournal, Manner, Moment, Rig, Side, id, pass, settle};

async fn recorded(rig: &Rig) -> Option<Absorbed> {
    rig.accounts.inner.registered().await.unwrap().remove(0).absorbed
}

async fn record(rig: &Rig, state: Absorbed) {
    rig.accounts.inner.absorb(&id(0), Epoch(u64::MAX), Some(state)).await.unwrap();
}

fn given_up(since: Timestamp) -> Absorbed {
    Absorbed::Stopped { reason: FailureReason::BrokerDown, permanently: true, since }
}

fn closed(since: Timestamp) -> Absorbed {
    Absorbed::Closed { reason: FailureReason::AccountDisabled, since }
}

/// A rig whose only instance has given its broker up.
async fn stopped() -> Rig {
    let rig = Rig::up(1).await;
    stop(&rig).await;
    rig
}

async fn stop(rig: &Rig) {
    rig.gateways.behave(&id(0), Manner::Unreachable);
    rig.gateways.drop_connection(&id(0)).await;
    rig.reaches(&id(0), Status::PermanentlyFailed, 400).await;
    settle().await;
}

async fn reset(rig: &Rig) {
    rig.gateways.behave(&id(0), Manner::Well);
    rig.fleet().wish(&id(0), Wish::Reset).await.unwrap();
    rig.reaches(&id(0), Status::Connected, 200).await;
    settle().await;
}

/// Loses the journal.
fn lose_journal(rig: &mut Rig) {
    rig.journal = Arc::new(FaultyJournal::default());
}

/// The journal holds only these rows.
async fn shorten_journal(rig: &mut Rig, rows: Vec<Row>) {
    let shorter = FaultyJournal::default();
    let records = rows.into_iter().map(|row| Record {
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
}

async fn restart(rig: &mut Rig) {
    rig.gateways.behave(&id(0), Manner::Well);
    rig.gateways.forget_sent();
    rig.start_all().await;
    pass(120).await;
}

/// It stands as it was stopped, tries nothing, and goes on when a person resets it.
async fn assert_stopped_until_reset(rig: &Rig, when: &str) {
    let view = rig.view(&id(0)).await;
    assert_eq!(
        (view.status, view.last_failure_reason),
        (Status::PermanentlyFailed, FailureReason::BrokerDown)
    );
    assert!(view.alerts.contains(&Alert::InstanceStopped), "{when}: {view:#?}");
    assert!(view.alerts.contains(&Alert::BrokerDown), "{when}: {view:#?}");
    let commands = rig.gateways.commands(&id(0));
    assert!(commands.iter().all(|command| *command == "end session"), "{when}: {commands:?}");
    assert!(matches!(recorded(rig).await, Some(Absorbed::Stopped { permanently: true, .. })), "{when}");
    rig.assert_consistent(&id(0)).await;
    reset(rig).await;
    assert_eq!(recorded(rig).await, None, "{when}");
    rig.assert_consistent(&id(0)).await;
}

async fn assert_destroyed(rig: &Rig, notices: usize, when: &str) {
    let view = rig.view(&id(0)).await;
    assert_eq!((view.status, view.last_failure_reason), (Status::Inactive, FailureReason::AccountDisabled));
    assert!(rig.hot.keys(&id(0)).is_empty(), "{when}: {:?}", rig.hot.keys(&id(0)));
    assert_eq!(rig.accounts.inner.registered().await.unwrap().remove(0).login, None, "{when}");
    assert!(!rig.gateways.commands(&id(0)).contains(&"login"), "{when}");
    let rows = rig.rows(&id(0)).await;
    let effects = rows.iter().flat_map(|row| decode_step(&row.payload).unwrap().effects.list().to_vec());
    let told = effects.filter(|(_, effect)| *effect == Effect::Notify(Notice::CredentialsDeleted)).count();
    assert_eq!(told, notices, "{when}");
    assert!(rig.fleet().wish(&id(0), Wish::Start).await.is_err(), "{when}");
    assert!(matches!(recorded(rig).await, Some(Absorbed::Closed { .. })), "{when}");
}

#[tokio::test(start_paused = true)]
async fn rec_3_a_stop_is_recorded_when_it_is_durable_and_a_reset_clears_it() {
    let rig = stopped().await;
    let rows = rig.rows(&id(0)).await;
    let Some(Absorbed::Stopped { reason, permanently, since }) = recorded(&rig).await else {
        panic!("{:?}", recorded(&rig).await)
    };
    assert_eq!((reason, permanently), (FailureReason::BrokerDown, true));
    let stop = rows.iter().find(|row| row.at == since).expect("since the step that stopped it");
    assert_eq!(decode_step(&stop.payload).unwrap().state.status(), Status::PermanentlyFailed);
    reset(&rig).await;
    assert_eq!(recorded(&rig).await, None);
    assert_eq!(rig.hooks.absorbed.lock().unwrap().len(), 2, "each is told once");
}

#[tokio::test(start_paused = true)]
async fn acc_7_a_stop_that_a_person_asked_for_is_not_recorded() {
    let rig = Rig::up(1).await;
    rig.fleet().wish(&id(0), Wish::Stop(StopMode::Preserve)).await.unwrap();
    rig.reaches(&id(0), Status::Inactive, 5).await;
    settle().await;
    assert!(rig.hooks.absorbed.lock().unwrap().is_empty());
    let rig = stopped().await;
    rig.fleet().wish(&id(0), Wish::Stop(StopMode::Preserve)).await.unwrap();
    rig.reaches(&id(0), Status::Inactive, 5).await;
    settle().await;
    assert_eq!(recorded(&rig).await, None, "a person has taken over");
}

#[tokio::test(start_paused = true)]
async fn rec_3_an_accounts_store_that_is_down_is_told_later_and_holds_nothing_up() {
    let mut rig = Rig::up(2).await;
    rig.hooks.refuse_absorb.store(true, Ordering::SeqCst);
    stop(&rig).await;
    // The instance itself goes on meanwhile, and so does the other.
    reset(&rig).await;
    stop(&rig).await;
    rig.gateways.hold_positions(&id(1), 3).await;
    settle().await;
    assert_eq!(rig.view(&id(1)).await.positions, 3);
    rig.hooks.refuse_absorb.store(false, Ordering::SeqCst);
    pass(41).await;
    assert!(matches!(recorded(&rig).await, Some(Absorbed::Stopped { .. })));
    assert_eq!(rig.hooks.absorbed.lock().unwrap().len(), 1, "only as it is in the end");
    // What was not told before the end is told by the next start.
    rig.hooks.refuse_absorb.store(true, Ordering::SeqCst);
    reset(&rig).await;
    rig.drain().await.unwrap();
    rig.gateways.cut();
    assert!(recorded(&rig).await.is_some());
    rig.hooks.refuse_absorb.store(false, Ordering::SeqCst);
    rig.come_up().await;
    settle().await;
    assert_eq!(recorded(&rig).await, None, "the reset is newer than the stop");
}

#[tokio::test(start_paused = true)]
async fn rec_2_an_owner_that_was_overtaken_learns_it_when_it_records_and_lets_go() {
    let rig = Rig::up(2).await;
    rig.accounts.inner.raise_epochs(&[id(0)]).await.unwrap();
    rig.gateways.behave(&id(0), Manner::Unreachable);
    rig.gateways.drop_connection(&id(0)).await;
    pass(400).await;
    assert_eq!(recorded(&rig).await, None, "a fenced owner records nothing");
    assert_eq!(rig.fleet().stats().fenced.load(Ordering::Relaxed), 1);
    assert!(rig.fleet().views().await.iter().all(|view| view.instance != id(0)));
}

#[tokio::test(start_paused = true)]
async fn rec_3_an_accounts_store_that_never_answers_does_not_hold_the_next_login_up() {
    let rig = Rig::up(1).await;
    rig.hooks.die_at(Moment::Absorbed, Side::Before);
    stop(&rig).await;
    assert!(rig.hooks.died(), "the stop is being recorded, for ever");
    rig.gateways.behave(&id(0), Manner::Well);
    rig.fleet().wish(&id(0), Wish::Reset).await.unwrap();
    let took = rig.reaches(&id(0), Status::Connected, 60).await;
    assert!(took <= Span::from_secs(11), "{took}");
    rig.hooks.live();
    pass(60).await;
    assert_eq!(recorded(&rig).await, None);
}

#[tokio::test(start_paused = true)]
async fn rec_3_a_stop_that_was_journalled_and_not_recorded_is_recorded_at_the_start() {
    let mut rig = Rig::up(1).await;
    rig.hooks.refuse_absorb.store(true, Ordering::SeqCst);
    stop(&rig).await;
    rig.gateways.disconnect(&id(0)).await;
    rig.kill().await;
    rig.start().await;
    rig.kill().await;
    assert_eq!(recorded(&rig).await, None);
    rig.hooks.refuse_absorb.store(false, Ordering::SeqCst);
    let rows = rig.rows(&id(0)).await.len();
    rig.start().await;
    settle().await;
    assert_eq!(rig.rows(&id(0)).await.len(), rows, "an instance at rest says nothing");
    assert!(matches!(recorded(&rig).await, Some(Absorbed::Stopped { permanently: true, .. })));
}

#[tokio::test(start_paused = true)]
async fn rec_3_journal_and_hot_state_gone_a_stop_holds() {
    for hot_answers in [true, false] {
        let when = format!("hot state answers: {hot_answers}");
        let mut rig = stopped().await;
        rig.kill().await;
        lose_journal(&mut rig);
        rig.hot.forget(&id(0));
        rig.hot.set_reachable(hot_answers);
        restart(&mut rig).await;
        rig.hot.set_reachable(true);
        pass(15).await;
        let rows = rig.rows(&id(0)).await;
        assert_eq!((rows[0].kind.as_str(), rows[0].rule.as_str()), ("ABSORBED", "REC-4"), "{when}");
        assert_stopped_until_reset(&rig, &when).await;
    }
}

#[tokio::test(start_paused = true)]
async fn rec_3_a_stop_after_refused_logins_holds_too_with_its_alert() {
    let mut rig = Rig::new(1);
    let since = rig.now();
    let state = Absorbed::Stopped { reason: FailureReason::LoginFailed, permanently: false, since };
    record(&rig, state).await;
    restart(&mut rig).await;
    let view = rig.view(&id(0)).await;
    assert_eq!((view.status, view.last_failure_reason), (Status::Failed, FailureReason::LoginFailed));
    assert!(view.alerts.contains(&Alert::LoginFailure) && view.alerts.contains(&Alert::InstanceStopped));
    assert_eq!(rig.keys(&id(0))["status"], "FAILED");
    assert_eq!(recorded(&rig).await, Some(state), "as it was, since when it was");
    reset(&rig).await;
}

#[tokio::test(start_paused = true)]
async fn rec_3_a_journal_that_lost_its_tail_does_not_undo_a_stop() {
    let mut rig = Rig::up(1).await;
    let before = rig.rows(&id(0)).await;
    pass(60).await;
    stop(&rig).await;
    rig.kill().await;
    shorten_journal(&mut rig, before).await;
    rig.hot.forget(&id(0));
    restart(&mut rig).await;
    assert_stopped_until_reset(&rig, "journal without its tail").await;
}

#[tokio::test(start_paused = true)]
async fn rec_3_an_older_stop_that_the_journal_kept_gives_way_to_the_recorded_one() {
    let mut rig = stopped().await;
    let before = rig.rows(&id(0)).await;
    rig.kill().await;
    shorten_journal(&mut rig, before).await;
    rig.hot.forget(&id(0));
    let since = rig.now().after(Span::from_secs(5));
    let state = Absorbed::Stopped { reason: FailureReason::RecoveryExhausted, permanently: false, since };
    record(&rig, state).await;
    restart(&mut rig).await;
    let view = rig.view(&id(0)).await;
    assert_eq!((view.status, view.last_failure_reason), (Status::Failed, FailureReason::RecoveryExhausted));
    assert_eq!(recorded(&rig).await, Some(state));
}

#[tokio::test(start_paused = true)]
async fn rec_3_killed_right_after_the_first_row_of_a_start_the_stop_holds_still() {
    let mut rig = Rig::up(1).await;
    rig.kill().await;
    pass(60).await;
    record(&rig, given_up(rig.now())).await;
    pass(60).await;
    rig.options.batch = 1;
    rig.journal.hang_after_commit(true);
    rig.start().await;
    rig.kill().await;
    rig.journal.hang_after_commit(false);
    assert_eq!(rig.rows(&id(0)).await.pop().unwrap().kind, "ABSORBED", "it is decided before anything else");
    restart(&mut rig).await;
    assert_stopped_until_reset(&rig, "killed after its first row").await;
}

#[tokio::test(start_paused = true)]
async fn rec_3_a_hot_state_from_before_the_stop_does_not_undo_it() {
    let mut rig = Rig::up(1).await;
    rig.kill().await;
    lose_journal(&mut rig);
    pass(60).await;
    record(&rig, given_up(rig.now())).await;
    restart(&mut rig).await;
    assert_stopped_until_reset(&rig, "hot state from before").await;
}

#[tokio::test(start_paused = true)]
async fn rec_3_a_hot_state_from_after_a_reset_goes_on() {
    let mut rig = stopped().await;
    rig.hooks.refuse_absorb.store(true, Ordering::SeqCst);
    reset(&rig).await;
    rig.kill().await;
    assert!(recorded(&rig).await.is_some());
    rig.hooks.refuse_absorb.store(false, Ordering::SeqCst);
    lose_journal(&mut rig);
    restart(&mut rig).await;
    assert_eq!(rig.status(&id(0)).await, Status::Connected);
    assert_eq!(recorded(&rig).await, None);
}

#[tokio::test(start_paused = true)]
async fn acc_2_a_closed_account_does_not_log_in_and_is_destroyed_whatever_else_is_known() {
    for (journal, hot) in [(true, true), (true, false), (false, true), (false, false)] {
        let when = format!("journal {journal}, hot state {hot}");
        let mut rig = Rig::up(1).await;
        rig.kill().await;
        if !journal {
            lose_journal(&mut rig);
        }
        if !hot {
            rig.hot.forget(&id(0));
        }
        // Also where the journal went on after it.
        let since = Timestamp::from_millis(rig.now().as_millis() - 3_600_000);
        record(&rig, closed(since)).await;
        restart(&mut rig).await;
        assert_destroyed(&rig, 1, &when).await;
        assert_eq!(recorded(&rig).await, Some(closed(since)), "{when}");
    }
}

#[tokio::test(start_paused = true)]
async fn acc_2_a_closed_account_wins_over_a_stop_and_over_a_hot_state_that_does_not_answer() {
    let mut rig = stopped().await;
    rig.kill().await;
    record(&rig, closed(rig.now())).await;
    rig.hot.set_reachable(false);
    restart(&mut rig).await;
    assert!(rig.accounts.inner.account(&id(0)).await.is_err(), "revoked");
    rig.hot.set_reachable(true);
    pass(30).await;
    assert_destroyed(&rig, 1, "after a stop").await;
}

#[tokio::test(start_paused = true)]
async fn acc_3_a_destroyed_account_that_nobody_else_knows_is_over_and_nobody_is_told_again() {
    let mut rig = Rig::new(1);
    record(&rig, closed(rig.now())).await;
    rig.accounts.inner.delete(&id(0), Epoch(u64::MAX)).await.unwrap();
    rig.specs[0].login = None;
    restart(&mut rig).await;
    assert_destroyed(&rig, 0, "nothing is left").await;
    assert!(rig.rows(&id(0)).await.iter().all(|row| row.kind != "STORE_DONE"), "nothing is done");
    // Keys that are left are removed, and that is recorded.
    let mut rig = Rig::up(1).await;
    rig.kill().await;
    lose_journal(&mut rig);
    record(&rig, closed(rig.now())).await;
    rig.accounts.inner.delete(&id(0), Epoch(u64::MAX)).await.unwrap();
    rig.specs[0].login = None;
    restart(&mut rig).await;
    assert_destroyed(&rig, 1, "keys are left").await;
}

#[tokio::test(start_paused = true)]
async fn acc_3_an_account_without_login_is_a_destroyed_one_whatever_is_recorded() {
    for recorded_stop in [false, true] {
        let mut rig = Rig::up(1).await;
        rig.kill().await;
        if recorded_stop {
            record(&rig, given_up(rig.now())).await;
        }
        rig.accounts.inner.delete(&id(0), Epoch(u64::MAX)).await.unwrap();
        rig.specs[0].login = None;
        restart(&mut rig).await;
        let view = rig.view(&id(0)).await;
        assert_eq!((view.status, view.last_failure_reason), (Status::Inactive, FailureReason::AccountClosed));
        assert!(rig.hot.keys(&id(0)).is_empty());
        assert!(!rig.gateways.commands(&id(0)).contains(&"login"));
        assert!(matches!(recorded(&rig).await, Some(Absorbed::Closed { .. })));
    }
}

#[tokio::test(start_paused = true)]
async fn acc_1_new_credentials_of_a_disabled_account_are_not_closed_by_its_old_destruction() {
    let mut rig = Rig::up(1).await;
    rig.kill().await;
    record(&rig, closed(rig.now())).await;
    restart(&mut rig).await;
    assert_destroyed(&rig, 1, "before").await;
    rig.kill().await;
    rig.specs[0].login = None;
    rig.start_all().await;
    let spec = crate::rig::spec(0);
    rig.accounts.inner.put(id(0), crate::rig::account(&spec));
    rig.kill().await;
    rig.specs[0] = spec;
    rig.start_all().await;
    pass(10).await;
    assert_eq!(recorded(&rig).await, None);
    assert_eq!(rig.status(&id(0)).await, Status::Inactive, "a person starts it");
    rig.fleet().wish(&id(0), Wish::CredentialsChanged).await.unwrap();
    rig.fleet().wish(&id(0), Wish::Start).await.unwrap();
    rig.reaches(&id(0), Status::Connected, 200).await;
    rig.kill().await;
    rig.start_all().await;
    rig.reaches(&id(0), Status::Connected, 200).await;
    assert_eq!(recorded(&rig).await, None);
}
