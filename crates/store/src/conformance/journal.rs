//! The cases of [`Journal`].
//!
//! Panics are how a case fails; none happens on a journal that keeps the port's promises.

mod trades;

use std::{collections::BTreeMap, sync::Arc};

use warden_domain::{Epoch, InstanceId, Magic, OpId, Timestamp, Version};

use self::trades::*;
pub use self::trades::{assert_goes_on, steps};
use crate::{
    Commit, Head, Journal, JournalError, Pending, Record, Row,
    chain::{self, Content},
};

/// Runs every case, each on a fresh journal.
///
/// # Panics
/// When a case finds that the journal does not keep what the port promises.
pub async fn run(make_store: impl Fn() -> Pending<'static, Arc<dyn Journal>>) {
    macro_rules! each {
        ($($case:ident),+ $(,)?) => {$( $case(&*make_store().await).await; )+};
    }
    each!(
        journal_01_an_empty_journal_answers_nothing,
        journal_02_a_batch_is_read_back_as_it_was_given,
        journal_03_seq_rises_by_one_from_1_across_batches,
        journal_04_every_hash_covers_its_predecessor,
        journal_05_latest_is_the_newest_row_of_every_instance,
        journal_06_history_is_the_last_rows_before_a_place,
        journal_07_read_goes_on_after_a_place,
        journal_08_an_empty_batch_commits_nothing,
        journal_09_batches_of_many_callers_stay_whole,
        journal_10_any_bytes_and_texts_are_kept,
        journal_11_rec_4_numbers_at_their_limits_stay_exact,
        journal_12_only_old_exported_rows_are_forgotten,
        journal_13_latest_survives_forgetting,
        journal_14_an_emptied_journal_goes_on_from_its_head,
        journal_15_a_closed_journal_refuses_everything,
        journal_16_a_batch_larger_than_a_commit_stays_whole,
        journal_17_a_journal_keeps_its_own_id,
        journal_18_latest_upto_a_place_is_what_was_latest_there,
        journal_19_latest_upto_the_export_survives_forgetting,
        journal_22_rec_4_trades_are_the_newest_row_of_each_that_goes_on,
        journal_23_steps_of_trades_are_none_of_their_instance,
        journal_24_the_history_of_a_trade_is_its_last_rows,
        journal_25_trd_4_keys_are_those_accepted_since,
        journal_26_every_hash_covers_the_mark,
        journal_27_rec_4_marks_at_their_limits_stay_exact,
        journal_28_rec_4_trades_that_go_on_survive_forgetting,
        journal_29_trd_4_a_young_key_is_not_forgotten,
        journal_30_rec_4_whatever_is_forgotten_trading_goes_on,
    );
    journal_20_no_two_journals_have_one_id(&*make_store().await, &*make_store().await);
}

/// Runs the case that needs a journal to be opened again: each call of `reopen` opens the same one, which the caller
/// made empty, after the last was closed.
///
/// # Panics
/// When the case finds that the journal does not keep what the port promises.
pub async fn run_reopened(reopen: impl Fn() -> Pending<'static, Arc<dyn Journal>>) {
    let journal = reopen().await;
    append(&*journal, vec![record("a", 1), record("b", 1), record("a", 2)]).await;
    let before = (journal.id(), journal.head());
    journal.close().await.expect("closes");
    drop(journal);
    let journal = reopen().await;
    assert_eq!((journal.id(), journal.head()), before, "journal_21: id and head are those of before");
    assert_eq!(seqs(&latest_upto(&*journal, 2).await), [("a", 1), ("b", 2)]);
    assert_eq!(forget(&*journal, 100, 2).await, 2);
    journal.close().await.expect("closes");
    drop(journal);
    let journal = reopen().await;
    assert_eq!(journal.id(), before.0, "journal_21: the id outlives what is forgotten");
    assert_eq!(seqs(&latest_upto(&*journal, 2).await), [("a", 1), ("b", 2)]);
    assert_eq!(seqs(&latest_upto(&*journal, 3).await), [("a", 3), ("b", 2)]);
    reopened(journal, reopen).await;
}

async fn journal_01_an_empty_journal_answers_nothing(journal: &dyn Journal) {
    assert_eq!(journal.head(), Head::default());
    assert_eq!(all(journal).await, []);
    assert_eq!(latest(journal).await, BTreeMap::new());
    assert_eq!(history(journal, "a", u64::MAX, 10).await, []);
    there_are_none(journal).await;
}

async fn journal_02_a_batch_is_read_back_as_it_was_given(journal: &dyn Journal) {
    let batch = vec![record("a", 1), record("b", 1), record("a", 2)];
    assert_eq!(append(journal, batch.clone()).await, Commit { first: 1, last: 3 });
    assert_eq!(all(journal).await, rows_of(&batch, 1));
}

async fn journal_03_seq_rises_by_one_from_1_across_batches(journal: &dyn Journal) {
    assert_eq!(append(journal, many("a", 1, 3)).await, Commit { first: 1, last: 3 });
    assert_eq!(append(journal, many("b", 1, 1)).await, Commit { first: 4, last: 4 });
    assert_eq!(append(journal, many("a", 4, 200)).await, Commit { first: 5, last: 204 });
    assert_eq!(journal.head().seq, 204);
    let seqs: Vec<u64> = all(journal).await.iter().map(|row| row.seq).collect();
    assert_eq!(seqs, (1..=204).collect::<Vec<_>>());
}

async fn journal_04_every_hash_covers_its_predecessor(journal: &dyn Journal) {
    let mut expected = chain::START;
    for (index, version) in (1..=5).enumerate() {
        let record = record("a", version);
        expected = chain::link(&expected, index as u64 + 1, &Content::of(&(&record).into()));
        append(journal, vec![record]).await;
        assert_eq!(journal.head().hash, expected, "head after row {}", index + 1);
    }
}

async fn journal_05_latest_is_the_newest_row_of_every_instance(journal: &dyn Journal) {
    append(journal, vec![record("a", 1), record("b", 1), record("a", 2), record("c", 7)]).await;
    append(journal, vec![record("b", 2)]).await;
    let newest = latest(journal).await;
    let found: Vec<(&str, u64, u64)> =
        newest.values().map(|row| (row.instance.as_str(), row.seq, row.version.0)).collect();
    assert_eq!(found, [("a", 3, 2), ("b", 5, 2), ("c", 4, 7)]);
    assert_eq!(newest["b"].payload, record("b", 2).payload);
}

async fn journal_06_history_is_the_last_rows_before_a_place(journal: &dyn Journal) {
    for version in 1..=6 {
        append(journal, vec![record("a", version), record("b", version)]).await;
    }
    let versions = |rows: Vec<Row>| rows.iter().map(|row| (row.seq, row.version.0)).collect::<Vec<_>>();
    assert_eq!(versions(history(journal, "a", u64::MAX, 2).await), [(9, 5), (11, 6)]);
    assert_eq!(versions(history(journal, "b", 10, 3).await), [(4, 2), (6, 3), (8, 4)]);
    assert_eq!(versions(history(journal, "b", 3, 10).await), [(2, 1)]);
    assert_eq!(versions(history(journal, "a", u64::MAX, 0).await), []);
    assert_eq!(versions(history(journal, "nobody", u64::MAX, 10).await), []);
}

async fn journal_07_read_goes_on_after_a_place(journal: &dyn Journal) {
    append(journal, many("a", 1, 10)).await;
    let seqs = |rows: Vec<Row>| rows.iter().map(|row| row.seq).collect::<Vec<_>>();
    assert_eq!(seqs(read(journal, 0, 3).await), [1, 2, 3]);
    assert_eq!(seqs(read(journal, 8, 100).await), [9, 10]);
    assert_eq!(seqs(read(journal, 10, 100).await), []);
    assert_eq!(seqs(read(journal, u64::MAX, 100).await), []);
    assert_eq!(seqs(read(journal, 3, 0).await), []);
    assert_eq!(seqs(read(journal, 9, u32::MAX).await), [10]);
}

async fn journal_08_an_empty_batch_commits_nothing(journal: &dyn Journal) {
    append(journal, many("a", 1, 2)).await;
    let head = journal.head();
    assert_eq!(append(journal, Vec::new()).await, Commit { first: 3, last: 2 });
    assert_eq!(journal.head(), head);
    assert_eq!(append(journal, many("a", 3, 1)).await, Commit { first: 3, last: 3 });
}

async fn journal_09_batches_of_many_callers_stay_whole(journal: &dyn Journal) {
    let names: Vec<String> = (0..40).map(|index| format!("caller-{index}")).collect();
    let mut waiting: Vec<_> = names.iter().map(|name| journal.append(many(name, 1, 7))).collect();
    let mut commits = Vec::new();
    std::future::poll_fn(|context| {
        waiting.retain_mut(|pending| match pending.as_mut().poll(context) {
            std::task::Poll::Ready(done) => {
                commits.push(done.expect("the batch is committed"));
                false
            }
            std::task::Poll::Pending => true,
        });
        if waiting.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    assert_eq!(journal.head().seq, 280);
    for commit in commits {
        let rows = read(journal, commit.first - 1, 7).await;
        assert_eq!(rows.last().map(|row| row.seq), Some(commit.last));
        let versions: Vec<u64> = rows.iter().map(|row| row.version.0).collect();
        assert_eq!(versions, [1, 2, 3, 4, 5, 6, 7]);
        assert!(rows.iter().all(|row| row.instance == rows[0].instance));
    }
}

async fn journal_10_any_bytes_and_texts_are_kept(journal: &dyn Journal) {
    let payloads = [Vec::new(), vec![0], (0..=255).collect(), vec![0xff; 300_000], b"''\";\\x00--".to_vec()];
    let kinds = ["", "ein Ereignis – 事件", "it's", "a\0b", "x"];
    let batch: Vec<Record> = payloads
        .iter()
        .zip(kinds)
        .map(|(payload, kind)| Record { payload: payload.clone(), kind, rule: "", ..record("a", 1) })
        .collect();
    append(journal, batch.clone()).await;
    assert_eq!(all(journal).await, rows_of(&batch, 1));
}

async fn journal_11_rec_4_numbers_at_their_limits_stay_exact(journal: &dyn Journal) {
    let limits = [0, 1, (1 << 53) + 1, u64::MAX];
    let batch: Vec<Record> = limits
        .iter()
        .map(|&limit| Record {
            epoch: Epoch(limit),
            version: Version(limit),
            op: OpId(limit),
            at: Timestamp::from_millis(limit.cast_signed()),
            ..record("a", 1)
        })
        .chain([Record { at: Timestamp::from_millis(i64::MIN), ..record("a", 1) }, record("b", 1)])
        .collect();
    append(journal, batch.clone()).await;
    assert_eq!(all(journal).await, rows_of(&batch, 1));
}

async fn journal_12_only_old_exported_rows_are_forgotten(journal: &dyn Journal) {
    append(journal, many("a", 1, 10)).await; // decided at 1..=10 ms
    assert_eq!(forget(journal, 6, 0).await, 0, "nothing was exported");
    assert_eq!(forget(journal, 1, 10).await, 0, "nothing is older");
    assert_eq!(forget(journal, 6, 3).await, 3, "the export stops it");
    assert_eq!(forget(journal, 6, 10).await, 2, "the age stops it");
    assert_eq!(forget(journal, 6, 10).await, 0, "given again");
    assert_eq!(journal.head().seq, 10);
    let left: Vec<u64> = all(journal).await.iter().map(|row| row.seq).collect();
    assert_eq!(left, [6, 7, 8, 9, 10]);
    let left: Vec<u64> = history(journal, "a", 8, 100).await.iter().map(|row| row.seq).collect();
    assert_eq!(left, [6, 7]);
}

async fn journal_13_latest_survives_forgetting(journal: &dyn Journal) {
    append(journal, vec![record("gone", 1), record("here", 2), record("gone", 3), record("here", 4)]).await;
    let before = latest(journal).await;
    assert_eq!(forget(journal, 4, 4).await, 3);
    assert_eq!(latest(journal).await, before);
    append(journal, vec![record("here", 5)]).await;
    let after = latest(journal).await;
    assert_eq!((after["gone"].seq, after["here"].seq), (3, 5));
    append(journal, vec![record("gone", 6)]).await;
    assert_eq!(latest(journal).await["gone"].seq, 6);
    assert_eq!(forget(journal, 100, 6).await, 3);
    let newest = latest(journal).await;
    assert_eq!((newest["gone"].seq, newest["here"].seq), (6, 5));
}

async fn journal_14_an_emptied_journal_goes_on_from_its_head(journal: &dyn Journal) {
    append(journal, many("a", 1, 4)).await;
    let head = journal.head();
    assert_eq!(forget(journal, 100, u64::MAX).await, 4);
    assert_eq!(all(journal).await, []);
    assert_eq!(journal.head(), head);
    let next = record("a", 5);
    assert_eq!(append(journal, vec![next.clone()]).await, Commit { first: 5, last: 5 });
    assert_eq!(journal.head().hash, chain::link(&head.hash, 5, &Content::of(&(&next).into())));
    assert_eq!(all(journal).await, rows_of(&[next], 5));
}

async fn journal_15_a_closed_journal_refuses_everything(journal: &dyn Journal) {
    append(journal, many("a", 1, 4)).await;
    let head = journal.head();
    journal.close().await.expect("closes");
    assert!(matches!(journal.append(many("a", 5, 1)).await, Err(JournalError::Closed)));
    assert!(matches!(journal.append(Vec::new()).await, Err(JournalError::Closed)));
    assert!(matches!(journal.latest().await, Err(JournalError::Closed)));
    assert!(matches!(journal.latest_upto(9).await, Err(JournalError::Closed)));
    assert!(matches!(journal.history(&id("a"), 9, 9).await, Err(JournalError::Closed)));
    assert!(matches!(journal.trades().await, Err(JournalError::Closed)));
    assert!(matches!(journal.keys(Timestamp::MAX).await, Err(JournalError::Closed)));
    let magic = Magic::new(1, 1).expect("a tag");
    assert!(matches!(journal.trade_history(&id("a"), magic, 9).await, Err(JournalError::Closed)));
    assert!(matches!(journal.read(0, 9).await, Err(JournalError::Closed)));
    assert!(matches!(journal.retain(Timestamp::MAX, 9).await, Err(JournalError::Closed)));
    assert!(matches!(journal.close().await, Err(JournalError::Closed)));
    assert_eq!(journal.head(), head);
}

async fn journal_16_a_batch_larger_than_a_commit_stays_whole(journal: &dyn Journal) {
    let batch = many("a", 1, 20_000);
    assert_eq!(append(journal, batch.clone()).await, Commit { first: 1, last: 20_000 });
    assert_eq!(all(journal).await, rows_of(&batch, 1));
}

async fn journal_17_a_journal_keeps_its_own_id(journal: &dyn Journal) {
    let before = journal.id();
    append(journal, many("a", 1, 3)).await;
    assert_eq!(journal.id(), before);
    forget(journal, 100, 3).await;
    assert_eq!(journal.id(), before);
    journal.close().await.expect("closes");
    assert_eq!(journal.id(), before);
}

async fn journal_18_latest_upto_a_place_is_what_was_latest_there(journal: &dyn Journal) {
    assert_eq!(latest_upto(journal, 0).await, BTreeMap::new());
    assert_eq!(latest_upto(journal, u64::MAX).await, BTreeMap::new());
    append(journal, vec![record("a", 1), record("b", 1), record("a", 2), record("c", 7)]).await;
    append(journal, vec![record("b", 2)]).await;
    assert_eq!(seqs(&latest_upto(journal, 0).await), []);
    assert_eq!(seqs(&latest_upto(journal, 1).await), [("a", 1)]);
    assert_eq!(seqs(&latest_upto(journal, 3).await), [("a", 3), ("b", 2)]);
    assert_eq!(seqs(&latest_upto(journal, 4).await), [("a", 3), ("b", 2), ("c", 4)]);
    for head in [5, 6, u64::MAX] {
        assert_eq!(latest_upto(journal, head).await, latest(journal).await);
    }
    assert_eq!(latest_upto(journal, 2).await["b"].payload, record("b", 1).payload);
}

async fn journal_19_latest_upto_the_export_survives_forgetting(journal: &dyn Journal) {
    let batch = [("a", 1), ("b", 2), ("a", 3), ("c", 4), ("b", 5)];
    append(journal, batch.iter().map(|&(name, version)| record(name, version)).collect()).await;
    let before = latest_upto(journal, 3).await;
    for exported in 1..=3 {
        assert_eq!(forget(journal, 100, exported).await, 1);
        assert_eq!(latest_upto(journal, 3).await, before, "rows up to {exported} are forgotten");
    }
    assert_eq!(seqs(&latest_upto(journal, 4).await), [("a", 3), ("b", 2), ("c", 4)]);
    assert_eq!(seqs(&latest_upto(journal, 5).await), [("a", 3), ("b", 5), ("c", 4)]);
    assert_eq!(forget(journal, 100, 5).await, 2);
    assert_eq!(latest_upto(journal, 5).await, latest(journal).await);
}

fn journal_20_no_two_journals_have_one_id(one: &dyn Journal, other: &dyn Journal) {
    assert_ne!(one.id(), other.id());
}

fn id(name: &str) -> InstanceId {
    InstanceId::new(name).expect("the cases use valid names")
}

/// A step of `name`, decided at `version` milliseconds.
fn record(name: &str, version: u64) -> Record {
    Record {
        instance: id(name),
        trade: None,
        epoch: Epoch(1),
        version: Version(version),
        op: OpId(version * 3),
        at: Timestamp::from_millis(version.cast_signed()),
        kind: "login_failed",
        rule: "LOG-2",
        payload: format!("{name} at {version}").into_bytes(),
    }
}

fn many(name: &str, first: u64, count: u64) -> Vec<Record> {
    (first..first + count).map(|version| record(name, version)).collect()
}

fn rows_of(batch: &[Record], first: u64) -> Vec<Row> {
    let row = |(record, seq): (&Record, u64)| Row {
        trade: record.trade.clone(),
        seq,
        instance: record.instance.clone(),
        epoch: record.epoch,
        version: record.version,
        op: record.op,
        at: record.at,
        kind: record.kind.to_owned(),
        rule: record.rule.to_owned(),
        payload: record.payload.clone(),
    };
    batch.iter().zip(first..).map(row).collect()
}

async fn append(journal: &dyn Journal, batch: Vec<Record>) -> Commit {
    journal.append(batch).await.expect("the batch is committed")
}

async fn all(journal: &dyn Journal) -> Vec<Row> {
    read(journal, 0, 1_000_000).await
}

async fn read(journal: &dyn Journal, after: u64, limit: u32) -> Vec<Row> {
    journal.read(after, limit).await.expect("rows are read")
}

async fn history(journal: &dyn Journal, instance: &str, before: u64, limit: u32) -> Vec<Row> {
    journal.history(&id(instance), before, limit).await.expect("history is read")
}

async fn latest(journal: &dyn Journal) -> BTreeMap<String, Row> {
    by_instance(journal.latest().await.expect("the newest rows are read"))
}

async fn latest_upto(journal: &dyn Journal, upto: u64) -> BTreeMap<String, Row> {
    by_instance(journal.latest_upto(upto).await.expect("the newest rows are read"))
}

fn by_instance(rows: Vec<Row>) -> BTreeMap<String, Row> {
    let count = rows.len();
    let newest: BTreeMap<String, Row> =
        rows.into_iter().map(|row| (row.instance.as_str().to_owned(), row)).collect();
    assert_eq!(newest.len(), count, "one row an instance");
    newest
}

fn seqs(newest: &BTreeMap<String, Row>) -> Vec<(&str, u64)> {
    newest.values().map(|row| (row.instance.as_str(), row.seq)).collect()
}

async fn forget(journal: &dyn Journal, older: i64, exported: u64) -> u64 {
    journal.retain(Timestamp::from_millis(older), exported).await.expect("rows are forgotten")
}
