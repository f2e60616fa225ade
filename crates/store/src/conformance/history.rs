//! The cases of [`History`].
//!
//! Panics are how a case fails; none happens on a history that keeps the port's promises. Every row is dated around
//! the turn to the year 2080, so that no retention of an adapter reaches it.

mod latest;
mod once;
mod questions;
mod rows;
mod timeline;
mod trades;

use std::{ops::RangeInclusive, sync::Arc};

use warden_domain::{InstanceId, Timestamp};

pub use self::{latest::*, once::*, questions::*, rows::*, timeline::*, trades::*};
use crate::{
    History, HistoryRows, JournalId, Pending,
    history::{InstanceEvent, Period, Range},
};

/// Runs every case, each on a fresh history.
///
/// # Panics
/// When a case finds that the history does not keep what the port promises.
pub async fn run(make_store: impl Fn() -> Pending<'static, Arc<dyn History>>) {
    macro_rules! each {
        ($($case:ident),+ $(,)?) => {$( $case(&*make_store().await).await; )+};
    }
    each!(
        history_01_an_empty_history_answers_nothing,
        history_02_a_range_is_found_whole,
        history_03_a_range_that_comes_again_changes_nothing,
        history_04_ranges_of_two_journals_do_not_collide,
        history_05_a_range_without_rows_is_fine,
        history_06_a_large_range_is_found_whole,
        history_07_the_last_row_of_an_incident_counts,
        history_08_an_incident_goes_on_in_the_journal_of_the_next_owner,
        history_09_a_timeline_ends_with_the_newest_event,
        history_10_events_of_one_moment_keep_their_order,
        history_11_a_timeline_is_that_of_one_instance_within_a_period,
        history_12_time_to_recover_by_server_and_kind,
        history_13_only_what_recovered_has_a_time_to_recover,
        history_14_failures_are_counted_by_the_hour,
        history_15_logins_are_counted_by_the_hour,
        history_16_slippage_by_server_and_symbol,
        history_17_a_period_ends_before_its_end,
        history_18_the_latest_event_is_the_highest_version_of_the_highest_epoch,
        history_19_latest_events_come_in_the_order_asked,
        history_20_the_latest_events_of_many_are_found_whole,
        history_21_rows_of_trades_are_no_events_of_their_instance,
        history_22_of_a_trades_rows_only_fills_have_slippage,
    );
}

/// Where the moments of the cases are counted from: 2080-01-01T00:00:00Z, the begin of an hour, a month and a year.
const NEW_YEAR: i64 = 3_471_292_800_000;

const HOUR: i64 = 3_600_000;

/// The moment so many milliseconds after the turn of the year.
fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(NEW_YEAR + millis)
}

/// A period around all moments of the cases.
fn always() -> Period {
    Period { from: at(-48 * HOUR), until: at(48 * HOUR) }
}

fn id(name: &str) -> InstanceId {
    InstanceId::new(name).expect("cases use well-formed ids")
}

async fn insert(store: &dyn History, journal: JournalId, seqs: RangeInclusive<u64>, rows: &HistoryRows) {
    let range = Range { journal, first: *seqs.start(), last: *seqs.end() };
    store.insert(range, rows).await.expect("the rows are acknowledged");
}

async fn timeline(store: &dyn History, instance: &str, limit: u32) -> Vec<InstanceEvent> {
    store.timeline(&id(instance), always(), limit).await.expect("the history answers")
}

/// What every question answers about a period, as one text to compare.
async fn answers(store: &dyn History, period: Period) -> String {
    let recovery = store.time_to_recover(period).await.expect("the history answers");
    let failures = store.failures_per_hour(period).await.expect("the history answers");
    let logins = store.login_success(period).await.expect("the history answers");
    let slippage = store.slippage(period).await.expect("the history answers");
    format!("{recovery:#?}\n{failures:#?}\n{logins:#?}\n{slippage:#?}")
}
