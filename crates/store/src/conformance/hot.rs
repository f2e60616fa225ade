//! The cases of [`HotState`].
//!
//! Panics are how a case fails; none happens on a store that keeps the port's promises.

mod cas;
mod lease;
mod restore;
mod trades;

use std::{collections::BTreeMap, sync::Arc};

use warden_domain::{
    ConnectionState, Epoch, FailureReason, InstanceId, Magic, OpId, Span, Status, Timestamp, Version,
};

pub use self::{cas::*, lease::*, restore::*, trades::*};
use crate::{Cas, HotKey, HotState, HotUpdate, Pending, Projection, Snapshot, Stored, memory::Damage};

/// A fresh store together with the ways to look behind it and to spoil it.
pub trait Fixture: Send + Sync {
    /// The store.
    fn store(&self) -> &dyn HotState;

    /// Every present key of an instance as `instance_state:<id>:…`, and of its trades as `order_state:<id>:…` and
    /// `order_key:<id>:…`, without the braces of the cluster style, and without those that only the store itself reads.
    /// The text of the snapshot and of a trade may be anything; that of `order_state:<id>:open` is its tags, in ascending
    /// order with spaces in between.
    fn keys<'a>(&'a self, instance: &'a InstanceId) -> Pending<'a, BTreeMap<String, String>>;

    /// Puts a text under a documented key behind the store's back.
    fn overwrite<'a>(&'a self, instance: &'a InstanceId, key: HotKey, text: &'a str) -> Pending<'a, ()>;

    /// Spoils the snapshot of an instance.
    fn damage<'a>(&'a self, instance: &'a InstanceId, damage: Damage) -> Pending<'a, ()>;

    /// Removes every key of an instance, as a store that was restarted empty has none.
    fn forget<'a>(&'a self, instance: &'a InstanceId) -> Pending<'a, ()>;

    /// The fields of a trade's hash; `None` when there is none.
    fn trade<'a>(
        &'a self,
        instance: &'a InstanceId,
        tag: Magic,
    ) -> Pending<'a, Option<BTreeMap<String, String>>>;

    /// How long a key stays, by its name as [`keys`](Self::keys) has it; `None` when it never expires, or is not there.
    fn expires_in<'a>(&'a self, instance: &'a InstanceId, key: &'a str) -> Pending<'a, Option<Span>>;
}

/// Runs every case, each on a fresh store.
///
/// # Panics
/// When a case finds that the store does not keep what the port promises.
pub async fn run(make_store: impl Fn() -> Pending<'static, Arc<dyn Fixture>>) {
    macro_rules! each {
        ($($case:ident),+ $(,)?) => {$( $case(&*make_store().await).await; )+};
    }
    each!(
        hot_01_an_empty_store_loads_nothing,
        hot_02_a_written_state_is_loaded_with_its_keys,
        hot_03_a_write_given_again_is_already_applied,
        hot_04_several_writes_given_again_are_all_already_applied,
        hot_05_an_empty_store_is_behind,
        hot_06_an_older_store_is_behind,
        hot_07_a_newer_store_is_ahead,
        hot_08_another_operation_at_this_version_is_ahead,
        hot_09_a_higher_epoch_fences,
        hot_10_a_spoilt_snapshot_is_corrupt,
        hot_11_a_spoilt_key_is_corrupt,
        hot_12_answers_keep_the_order_of_the_updates,
        hot_13_updates_of_one_instance_follow_each_other,
        hot_14_the_last_login_attempt_is_absent_before_the_first,
        hot_15_only_changed_keys_are_written,
        hot_16_numbers_beyond_two_to_the_53_stay_exact,
        hot_17_a_thousand_instances_in_one_call,
        hot_18_any_bytes_are_a_state,
        hot_19_a_takeover_goes_on_from_the_older_owners_state,
        hot_20_a_restore_heals_whatever_is_older_or_spoilt,
        hot_21_a_restore_yields_to_what_is_newer,
        hot_22_a_removed_instance_leaves_no_key,
        hot_23_a_lease_is_kept_by_its_owner,
        hot_24_a_lease_runs_out,
        hot_25_a_higher_epoch_takes_the_lease,
        hot_26_a_lease_fences_writes_before_the_first_own_one,
        hot_27_log_10_one_login_at_a_time,
        hot_28_an_empty_call_answers_nothing,
        hot_29_a_trade_is_shown_with_every_field,
        hot_30_a_field_that_is_no_more_is_gone,
        hot_31_a_trade_given_again_stays_as_it_is,
        hot_32_an_older_version_of_a_trade_is_told_what_is_stored,
        hot_33_a_higher_epoch_fences_trades,
        hot_34_a_trade_that_ended_leaves_the_index_and_expires,
        hot_35_a_clients_key_holds_its_first_tag_for_a_day,
        hot_36_trades_of_many_instances_in_one_call,
        hot_37_acc_3_a_removed_instance_leaves_no_key_of_its_trades,
        hot_38_trades_do_not_touch_the_state,
        hot_39_numbers_of_trades_beyond_two_to_the_53_stay_exact,
        hot_40_a_wrong_belief_of_what_is_shown_does_no_harm,
    );
}

/// LOG-10 and leases in the cases: long enough that none runs out while a case looks at it.
const LONG: Span = Span::from_secs(60);

fn id(name: &str) -> InstanceId {
    InstanceId::new(name).expect("cases use well-formed ids")
}

fn projection() -> Projection {
    Projection {
        status: Status::Connecting,
        connection_state: ConnectionState::Disconnected,
        login_attempt_count: 1,
        last_login_attempt: Some(Timestamp::from_millis(1_700_000_000_123)),
        login_failure_reason: FailureReason::None,
        last_failure_reason: FailureReason::BrokerDown,
    }
}

/// The step of `instance` at `epoch` that makes `version` out of the one before.
fn step(instance: &str, epoch: u64, version: u64) -> HotUpdate {
    HotUpdate {
        instance: id(instance),
        epoch: Epoch(epoch),
        expected: Version(version - 1),
        version: Version(version),
        op: OpId(version * 10),
        projection: projection(),
        previous: None,
        state: format!("state {version}").into_bytes(),
    }
}

async fn cas_one(fixture: &dyn Fixture, update: &HotUpdate) -> Cas {
    let answers = fixture.store().cas(std::slice::from_ref(update)).await.expect("the store answers");
    assert_eq!(answers.len(), 1, "one answer for one update");
    answers[0]
}

async fn restore_one(fixture: &dyn Fixture, update: &HotUpdate) -> Cas {
    let answers = fixture.store().restore(std::slice::from_ref(update)).await.expect("the store answers");
    assert_eq!(answers.len(), 1, "one answer for one update");
    answers[0]
}

async fn load_one(fixture: &dyn Fixture, instance: &InstanceId) -> Stored {
    let mut found = fixture.store().load(std::slice::from_ref(instance)).await.expect("the store answers");
    assert_eq!(found.len(), 1, "one answer for one instance");
    found.remove(0)
}

/// What a load must find after `update` was written.
fn stored(update: &HotUpdate) -> Stored {
    let HotUpdate { epoch, version, op, state, projection, .. } = update.clone();
    Stored::State(Snapshot { epoch, version, op, state }, projection)
}

/// Writes the first `versions` steps of an instance.
async fn written(fixture: &dyn Fixture, instance: &str, epoch: u64, versions: u64) -> HotUpdate {
    for version in 1..=versions {
        assert_eq!(cas_one(fixture, &step(instance, epoch, version)).await, Cas::Applied);
    }
    step(instance, epoch, versions)
}

fn key_of(instance: &InstanceId, suffix: &str) -> String {
    format!("instance_state:{instance}:{suffix}")
}
