//! Journal and hot state are both gone: instances go on from what the history has of them (ACC-6).

mod ended;
mod silent;

use std::{collections::HashMap, sync::Arc};

use warden_domain::{Epoch, FailureReason, IncidentKind, OpId, Span, Status, StopMode, Version};
use warden_policy::decode_step;
use warden_store::{
    Cas, History as _, HistoryRows, HotState as _, HotUpdate, Journal as _, Row, history::Range,
    memory::Damage,
};
use warden_supervisor::{Derived, Deriver, View, Wish};

use crate::rig::{AskedHistory, FaultyJournal, Manner, Rig, id, pass, settle};

impl Rig {
    pub(crate) fn asked(&self) -> &AskedHistory {
        self.history.as_ref().expect("there is a history")
    }

    /// Everything that was journalled of the instances.
    pub(crate) async fn everything(&self) -> Vec<Row> {
        self.journal.read(0, u32::MAX).await.unwrap()
    }
}

/// The history has these rows of the journal.
pub(crate) async fn export(rig: &Rig, rows: Vec<Row>) {
    let (Some(first), Some(last)) = (rows.first().map(|row| row.seq), rows.last().map(|row| row.seq)) else {
        return;
    };
    let servers = rig.specs.iter().map(|spec| (spec.id.clone(), spec.server.clone()));
    let journal = rig.journal.id();
    let mut deriver = Deriver::new(journal, Arc::new(servers.collect::<HashMap<_, _>>()));
    let mut derived = HistoryRows::default();
    for row in rows {
        assert_eq!(deriver.add(row, &mut derived), Derived::Whole);
    }
    rig.asked().insert(Range { journal, first, last }, &derived).await.unwrap();
}

/// The process dies, and journal and hot state are lost.
async fn lose_both(rig: &mut Rig) {
    rig.kill().await;
    rig.journal = Arc::new(FaultyJournal::default());
    for id in rig.ids() {
        rig.hot.forget(&id);
    }
    rig.gateways.forget_sent();
    rig.asked().take_asked();
}

/// The same, when everything was exported before.
async fn lose_all_but_the_history(rig: &mut Rig) {
    export(rig, rig.everything().await).await;
    lose_both(rig).await;
}

/// The first row after a loss continues the versions of `before`, under a later epoch.
async fn assert_goes_on(rig: &Rig, before: &View, kind: &str) {
    let first = rig.rows(&before.instance).await.swap_remove(0);
    assert_eq!(first.kind, kind);
    assert_eq!(first.version, before.version.next(), "no version comes twice");
    assert!(first.epoch > before.epoch, "{} after {}", first.epoch, before.epoch);
    rig.assert_consistent(&before.instance).await;
}

#[tokio::test(start_paused = true)]
async fn acc_6_a_running_instance_goes_on_from_the_history() {
    let mut rig = Rig::up(2).await;
    rig.gateways.hold_positions(&id(0), 4).await;
    settle().await;
    let before = rig.view(&id(0)).await;
    lose_all_but_the_history(&mut rig).await;
    rig.start().await;
    assert_goes_on(&rig, &before, "RESUME").await;
    assert_eq!(rig.view(&id(0)).await.positions, 4);
    assert_eq!(rig.asked().take_asked(), [rig.ids()], "one question about all");
    rig.gateways.connect_all().await;
    rig.reaches(&id(0), Status::Connected, 5).await;
    rig.reaches(&id(1), Status::Connected, 5).await;
    assert_eq!(rig.gateways.commands(&id(0)), ["confirm"], "the session is confirmed, nobody logs in again");
    rig.assert_consistent(&id(0)).await;
    rig.assert_consistent(&id(1)).await;
}

#[tokio::test(start_paused = true)]
async fn acc_6_rec_4_after_four_refused_logins_the_fifth_stops_it() {
    let mut rig = Rig::new(1);
    rig.gateways.behave(&id(0), Manner::Refuses);
    rig.start_all().await;
    let planned = rig.waits_after(&id(0), IncidentKind::LoginFailed, 4).await;
    settle().await;
    let before = rig.view(&id(0)).await;
    lose_all_but_the_history(&mut rig).await;
    rig.start_all().await;
    let after = rig.view(&id(0)).await;
    assert_eq!((after.login_attempt_count, after.next_deadline), (4, Some(planned)));
    assert_eq!(after.incidents, before.incidents);
    assert_goes_on(&rig, &before, "RESUME").await;
    rig.reaches(&id(0), Status::Failed, 70).await;
    let view = rig.view(&id(0)).await;
    assert_eq!((view.last_failure_reason, view.login_attempt_count), (FailureReason::LoginFailed, 5));
    let [attempt] = rig.gateways.moments(&id(0), "login")[..] else { panic!("one attempt was left") };
    assert!(attempt >= planned, "{attempt} before {planned}");
    rig.assert_consistent(&id(0)).await;
}

#[tokio::test(start_paused = true)]
async fn acc_6_what_the_history_has_not_yet_heard_of_is_found_at_the_terminal() {
    let mut rig = Rig::up(1).await;
    rig.gateways.hold_positions(&id(0), 1).await;
    settle().await;
    let known = rig.view(&id(0)).await;
    let exported = rig.everything().await;
    rig.gateways.hold_positions(&id(0), 3).await;
    settle().await;
    assert!(rig.view(&id(0)).await.version > known.version);
    export(&rig, exported).await;
    lose_both(&mut rig).await;
    rig.start().await;
    assert_eq!(rig.view(&id(0)).await.positions, 1, "the last that was exported");
    assert_goes_on(&rig, &known, "RESUME").await;
    rig.gateways.connect_all().await;
    rig.reaches(&id(0), Status::Connected, 5).await;
    assert_eq!(rig.view(&id(0)).await.positions, 3);
    rig.assert_consistent(&id(0)).await;
}

#[tokio::test(start_paused = true)]
async fn acc_6_a_resting_instance_is_journalled_too_and_not_started() {
    let mut rig = Rig::up(1).await;
    rig.fleet().wish(&id(0), Wish::Stop(StopMode::Preserve)).await.unwrap();
    rig.reaches(&id(0), Status::Inactive, 5).await;
    settle().await;
    rig.gateways.disconnect(&id(0)).await;
    settle().await;
    let before = rig.view(&id(0)).await;
    lose_all_but_the_history(&mut rig).await;
    rig.start_all().await;
    pass(120).await;
    assert_goes_on(&rig, &before, "RESUME").await;
    assert_eq!(rig.status(&id(0)).await, Status::Inactive);
    assert!(!rig.gateways.commands(&id(0)).contains(&"login"), "a user stopped it (ACC-7)");
}

#[tokio::test(start_paused = true)]
async fn acc_6_lost_again_and_again_the_newest_of_all_journals_counts() {
    let mut rig = Rig::new(1);
    rig.gateways.behave(&id(0), Manner::Refuses);
    for attempts in 1..=4 {
        rig.start_all().await;
        rig.waits_after(&id(0), IncidentKind::LoginFailed, attempts).await;
        settle().await;
        let before = rig.view(&id(0)).await;
        assert_eq!(before.login_attempt_count, attempts);
        lose_all_but_the_history(&mut rig).await;
        rig.start().await;
        assert_goes_on(&rig, &before, "RESUME").await;
        rig.kill().await;
    }
    rig.start_all().await;
    rig.reaches(&id(0), Status::Failed, 70).await;
    assert_eq!(rig.view(&id(0)).await.last_failure_reason, FailureReason::LoginFailed);
}

#[tokio::test(start_paused = true)]
async fn acc_6_killed_right_after_the_first_row_of_a_rebuild_it_goes_on() {
    let mut rig = Rig::up(1).await;
    rig.gateways.hold_positions(&id(0), 2).await;
    settle().await;
    let before = rig.view(&id(0)).await;
    lose_all_but_the_history(&mut rig).await;
    rig.journal.hang_after_commit(true);
    rig.start().await;
    rig.kill().await;
    rig.journal.hang_after_commit(false);
    rig.asked().take_asked();
    rig.start_all().await;
    assert!(rig.asked().take_asked().is_empty(), "the journal knows it again");
    rig.reaches(&id(0), Status::Connected, 5).await;
    assert_eq!(rig.view(&id(0)).await.positions, 2);
    assert_goes_on(&rig, &before, "RESUME").await;
}

/// What the history has is older than everything else, so that whoever reads it shows that.
#[tokio::test(start_paused = true)]
async fn acc_6_the_history_is_not_asked_where_journal_or_hot_state_know() {
    for (journal, hot) in [(true, Hot::Whole), (true, Hot::Gone), (false, Hot::Whole), (true, Hot::Damaged)] {
        let when = format!("journal {journal}, hot state {hot:?}");
        let mut rig = Rig::up(1).await;
        export(&rig, rig.everything().await).await;
        rig.gateways.hold_positions(&id(0), 7).await;
        settle().await;
        let before = rig.view(&id(0)).await;
        rig.kill().await;
        if !journal {
            rig.journal = Arc::new(FaultyJournal::default());
        }
        hot.befall(&rig).await;
        rig.asked().take_asked();
        rig.start().await;
        assert!(rig.asked().take_asked().is_empty(), "{when}");
        let after = rig.view(&id(0)).await;
        assert_eq!(after.positions, 7, "{when}");
        assert!(after.version > before.version, "{when}");
        rig.gateways.connect_all().await;
        rig.reaches(&id(0), Status::Connected, 10).await;
        settle().await;
        rig.assert_consistent(&id(0)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn acc_6_net_3_a_hot_state_that_does_not_answer_may_know_more_than_the_history() {
    for journal in [true, false] {
        let mut rig = Rig::up(1).await;
        export(&rig, rig.everything().await).await;
        rig.kill().await;
        if !journal {
            rig.journal = Arc::new(FaultyJournal::default());
        }
        rig.hot.set_reachable(false);
        rig.asked().take_asked();
        rig.start().await;
        assert!(rig.asked().take_asked().is_empty(), "journal {journal}");
        let kind = if journal { "RESUME" } else { "START" };
        assert!(rig.rows(&id(0)).await.iter().any(|row| row.kind == kind), "journal {journal}");
    }
}

/// A hot state that cannot be read is gone too, and written anew.
#[tokio::test(start_paused = true)]
async fn acc_6_an_unreadable_hot_state_without_a_journal_is_rebuilt_from_the_history() {
    for hot in [Hot::Gone, Hot::Damaged, Hot::OfNoState] {
        let mut rig = Rig::up(1).await;
        rig.gateways.hold_positions(&id(0), 5).await;
        settle().await;
        let before = rig.view(&id(0)).await;
        export(&rig, rig.everything().await).await;
        rig.kill().await;
        rig.journal = Arc::new(FaultyJournal::default());
        hot.befall(&rig).await;
        rig.asked().take_asked();
        rig.start().await;
        assert_eq!(rig.asked().take_asked().len(), 1, "{hot:?}");
        assert_eq!(rig.view(&id(0)).await.positions, 5, "{hot:?}");
        settle().await;
        assert_goes_on(&rig, &before, "RESUME").await;
        let opened = rig.fleet().stats().incidents_opened();
        let unreadable = !matches!(hot, Hot::Gone);
        assert_eq!(opened.contains_key(&IncidentKind::StateCorrupted), unreadable, "{hot:?}");
        rig.gateways.connect_all().await;
        rig.reaches(&id(0), Status::Connected, 10).await;
        assert!(rig.view(&id(0)).await.incidents.is_empty(), "{hot:?}");
        rig.assert_consistent(&id(0)).await;
    }
}

/// What became of the hot state.
#[derive(Clone, Copy, Debug)]
enum Hot {
    Whole,
    Gone,
    Damaged,
    /// Its seal is right, and its bytes are no state that this program can read.
    OfNoState,
}

impl Hot {
    async fn befall(self, rig: &Rig) {
        match self {
            Self::Whole => {}
            Self::Gone => rig.hot.forget(&id(0)),
            Self::Damaged => rig.hot.damage(&id(0), Damage::FlippedBit),
            Self::OfNoState => put_no_state(rig).await,
        }
    }
}

async fn put_no_state(rig: &Rig) {
    let projection = warden_store::Projection {
        status: Status::Connected,
        connection_state: warden_domain::ConnectionState::Connected,
        login_attempt_count: 0,
        last_login_attempt: None,
        login_failure_reason: FailureReason::None,
        last_failure_reason: FailureReason::None,
    };
    let update = HotUpdate {
        instance: id(0),
        epoch: Epoch(1),
        expected: Version(0),
        version: Version(1_000),
        op: OpId(9),
        projection,
        previous: None,
        state: vec![u8::MAX],
    };
    rig.hot.forget(&id(0));
    assert_eq!(rig.hot.restore(&[update]).await.unwrap(), [Cas::Applied]);
}

#[tokio::test(start_paused = true)]
async fn acc_6_new_instances_cost_one_question_and_no_time() {
    let mut rig = Rig::new(50);
    let began = rig.now();
    rig.try_start().await.unwrap();
    assert!(rig.now().since(began) <= Span::from_millis(10), "it took {}", rig.now().since(began));
    assert_eq!(rig.asked().take_asked(), [rig.ids()]);
    for id in rig.ids() {
        let rows = rig.rows(&id).await;
        assert_eq!((rows[0].kind.as_str(), rows[0].version), ("START", Version(1)));
    }
    rig.kill().await;
    rig.specs.push(crate::rig::spec(50));
    rig.start().await;
    assert_eq!(rig.asked().take_asked(), [[id(50)]], "the one that is new");
}

#[tokio::test(start_paused = true)]
async fn acc_6_a_new_instance_beside_lost_ones_is_started() {
    let mut rig = Rig::up(1).await;
    lose_all_but_the_history(&mut rig).await;
    rig.specs.push(crate::rig::spec(1));
    rig.start().await;
    assert_eq!(rig.rows(&id(0)).await[0].kind, "RESUME");
    let first = rig.rows(&id(1)).await.swap_remove(0);
    assert_eq!((first.kind.as_str(), first.version), ("START", Version(1)));
    assert_eq!(decode_step(&first.payload).unwrap().state.status(), Status::Connecting);
}
