//! The cases of [`SignalStream`].
//!
//! Panics are how a case fails; none happens on a stream that keeps the port's promises.

mod claim;
mod dead;
mod read;

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use warden_domain::Span;

pub use self::{claim::*, dead::*, read::*};
use crate::{Backlog, Claimed, Content, EntryId, Fields, Pending, SignalStream, StreamEntry, Subscription};

/// A fresh store of streams together with the ways to look behind it. The stream is always `trade_signals`.
pub trait Fixture: Send + Sync {
    /// A consumer of the stream.
    fn signals(&self, subscription: Subscription) -> Pending<'_, Arc<dyn SignalStream>>;

    /// Adds an entry as a sender does.
    fn add<'a>(&'a self, fields: &'a [(&'a [u8], &'a [u8])]) -> Pending<'a, EntryId>;

    /// Removes an entry from the stream, as a sender does who bounds it.
    fn delete(&self, id: EntryId) -> Pending<'_, ()>;

    /// Loses everything, as a store that was restarted empty does.
    fn forget(&self) -> Pending<'_, ()>;

    /// The fields of every dead letter, oldest first.
    fn dead(&self) -> Pending<'_, Vec<Fields>>;
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
        sig_01_an_empty_stream_answers_with_nothing,
        sig_02_entries_are_read_once_in_their_order,
        sig_03_what_was_added_before_the_group_is_read,
        sig_04_a_group_shares_the_entries,
        sig_05_each_group_reads_every_entry,
        sig_06_a_read_that_waits_gets_what_comes,
        sig_07_any_bytes_are_an_entry,
        sig_08_an_entry_that_is_too_large_is_cut,
        sig_09_what_was_acknowledged_never_comes_again,
        sig_10_what_a_consumer_left_is_claimed_once,
        sig_11_many_entries_are_claimed_in_pieces,
        sig_12_a_claim_passes_over_what_is_worked_on,
        sig_13_an_entry_that_is_gone_is_reported_once,
        sig_14_a_dead_letter_stands_in_for_its_entry,
        sig_15_old_dead_letters_go,
        sig_16_a_lost_store_is_begun_anew,
        sig_17_a_call_about_nothing_is_harmless,
        sig_18_what_a_consumer_was_given_comes_again_to_it_alone,
    );
}

/// Long enough for whatever is on its way on a busy machine.
const LONG: Span = Span::from_secs(20);
/// How long an entry stays with its consumer before others claim it, in cases that wait for it.
const IDLE: Span = Span::from_millis(50);

fn most(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).expect("cases ask for something")
}

async fn consumer(fixture: &dyn Fixture, name: &str) -> Arc<dyn SignalStream> {
    fixture.signals(Subscription::new(name)).await
}

/// Adds entries that hold their own number.
async fn add(fixture: &dyn Fixture, numbers: std::ops::Range<usize>) -> Vec<EntryId> {
    let mut ids = Vec::new();
    for number in numbers {
        ids.push(fixture.add(&[(b"number", number.to_string().as_bytes())]).await);
    }
    ids
}

/// What is new, at once.
async fn read(signals: &dyn SignalStream, number: usize) -> Vec<StreamEntry> {
    signals.read(most(number), Span::ZERO).await.expect("the store answers")
}

async fn claim(signals: &dyn SignalStream, number: usize, idle: Span) -> Claimed {
    signals.claim(most(number), idle).await.expect("the store answers")
}

async fn backlog(signals: &dyn SignalStream) -> Backlog {
    signals.backlog().await.expect("the store answers")
}

/// Claims until there is something to claim.
async fn claim_in_time(signals: &dyn SignalStream, number: usize) -> Claimed {
    let look = async {
        loop {
            let claimed = claim(signals, number, IDLE).await;
            if !claimed.is_empty() {
                return claimed;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG.into(), look).await.expect("what was left is claimed in time")
}

fn ids(entries: &[StreamEntry]) -> Vec<EntryId> {
    entries.iter().map(|entry| entry.id).collect()
}

fn whole(fields: &[(&[u8], &[u8])]) -> Content {
    Content::Whole(fields.iter().map(|(field, value)| (field.to_vec(), value.to_vec())).collect())
}
