//! The cases of rows that carry a trade's mark.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use warden_domain::{ClientTradeId, Magic, Timestamp};

use super::{append, forget, history, id, latest, latest_upto, read, record, rows_of, seqs};
use crate::{
    Journal, KEYS_KEPT, KnownKey, Pending, Record, Row, SignalKey, TradeMark,
    chain::{self, Content, Fields},
};

pub(super) async fn there_are_none(journal: &dyn Journal) {
    assert_eq!(trades(journal).await, []);
    assert_eq!(keys(journal, i64::MIN).await, []);
    assert_eq!(journal.trade_history(&id("a"), magic(1), 10).await.expect("rows are read"), []);
}

pub(super) async fn journal_22_rec_4_trades_are_the_newest_row_of_each_that_goes_on(journal: &dyn Journal) {
    append(
        journal,
        vec![
            step("a", 1, 1),
            step("b", 1, 2), // the same tag at another instance is another trade
            end("a", 1, 3),
            step("a", 2, 4),
            step("c", 5, 5),
        ],
    )
    .await;
    append(journal, vec![step("a", 2, 6), record("a", 7), end("c", 5, 8), end("b", 7, 9)]).await;
    assert_eq!(trades(journal).await, [("a", 2, 6), ("b", 1, 2), ("b", 7, 9), ("c", 5, 8)]);
    append(journal, vec![end("a", 2, 10)]).await;
    assert_eq!(
        trades(journal).await,
        [("a", 2, 10), ("b", 1, 2), ("b", 7, 9), ("c", 5, 8)],
        "the newest of an instance's trades stays when all have ended"
    );
    append(journal, vec![end("a", 1, 11)]).await;
    assert_eq!(trades(journal).await, [("a", 1, 11), ("b", 1, 2), ("b", 7, 9), ("c", 5, 8)]);
}

pub(super) async fn journal_23_steps_of_trades_are_none_of_their_instance(journal: &dyn Journal) {
    let batch = vec![step("a", 1, 1), record("a", 2), end("a", 1, 3), step("b", 1, 4), record("a", 5)];
    append(journal, batch.clone()).await;
    assert_eq!(read(journal, 0, 10).await, rows_of(&batch, 1), "they stand beside one another");
    assert_eq!(seqs(&latest(journal).await), [("a", 5)]);
    assert_eq!(seqs(&latest_upto(journal, 4).await), [("a", 2)]);
    assert_eq!(seqs(&latest_upto(journal, 1).await), []);
    let own: Vec<u64> = history(journal, "a", u64::MAX, 10).await.iter().map(|row| row.seq).collect();
    assert_eq!(own, [2, 5]);
    assert_eq!(history(journal, "b", u64::MAX, 10).await, []);
    assert_eq!(forget(journal, 100, 4).await, 4);
    assert_eq!(seqs(&latest_upto(journal, 4).await), [("a", 2)]);
}

pub(super) async fn journal_24_the_history_of_a_trade_is_its_last_rows(journal: &dyn Journal) {
    for moment in 1..=4 {
        append(journal, vec![step("a", 1, moment), step("a", 2, moment), step("b", 1, moment)]).await;
    }
    let found = async |name: &str, trade: u64, limit: u32| -> Vec<u64> {
        let rows = journal.trade_history(&id(name), magic(trade), limit).await.expect("rows are read");
        assert!(rows.iter().all(|row| row.instance == id(name) && tag(row) == Some(magic(trade))));
        rows.iter().map(|row| row.seq).collect()
    };
    assert_eq!(found("a", 1, 10).await, [1, 4, 7, 10]);
    assert_eq!(found("a", 2, 2).await, [8, 11]);
    assert_eq!(found("b", 1, 1).await, [12]);
    assert_eq!(found("b", 1, 0).await, [0; 0]);
    assert_eq!(found("b", 2, 10).await, [0; 0]);
    assert_eq!(forget(journal, 100, 5).await, 5);
    assert_eq!(found("a", 1, 10).await, [7, 10]);
}

pub(super) async fn journal_25_trd_4_keys_are_those_accepted_since(journal: &dyn Journal) {
    append(journal, vec![accepted("b", 1, 10, "s-1"), accepted("a", 1, 10, "s-1")]).await;
    append(journal, vec![end("a", 1, 20), record("a", 25), accepted("a", 2, 30, "s-2")]).await;
    let all = [("b", 1, "s-1", 10), ("a", 1, "s-1", 10), ("a", 2, "s-2", 30)];
    assert_eq!(keys(journal, i64::MIN).await, known(&all));
    assert_eq!(keys(journal, 10).await, known(&all));
    assert_eq!(keys(journal, 11).await, known(&all[2..]));
    assert_eq!(keys(journal, 31).await, []);
}

pub(super) async fn journal_26_every_hash_covers_the_mark(journal: &dyn Journal) {
    let mut expected = chain::START;
    let batch = [accepted("a", 1, 1, "s-1"), step("a", 1, 2), end("a", 1, 3), record("a", 4)];
    for (record, seq) in batch.iter().zip(1..) {
        expected = chain::link(&expected, seq, &Content::of(&record.into()));
        append(journal, vec![record.clone()]).await;
        assert_eq!(journal.head().hash, expected, "head after row {seq}");
    }
    for record in &batch[..3] {
        let bare = Fields { trade: None, ..record.into() };
        assert_ne!(Content::of(&record.into()), Content::of(&bare));
    }
}

pub(super) async fn journal_27_rec_4_marks_at_their_limits_stay_exact(journal: &dyn Journal) {
    let longest = "x_-9".repeat(16);
    let marks = [
        (Magic::new(1, 0), "0", 0, false),
        (Magic::new(Magic::MAX_INSTALLATION, Magic::MAX_COUNTER), longest.as_str(), u64::MAX, true),
        (Magic::new(1, Magic::MAX_COUNTER), "-", (1 << 53) + 1, true),
    ];
    let batch: Vec<Record> = marks
        .into_iter()
        .map(|(magic, key, digest, ended)| {
            let id = ClientTradeId::new(key).expect("cases use valid ids");
            let magic = magic.expect("cases use valid tags");
            let mark = TradeMark { magic, ended, key: Some(SignalKey { id, digest }) };
            Record { trade: Some(mark), ..record("a", 1) }
        })
        .collect();
    append(journal, batch.clone()).await;
    assert_eq!(read(journal, 0, 10).await, rows_of(&batch, 1));
    let known = journal.keys(Timestamp::from_millis(i64::MIN)).await.expect("keys are read");
    let marks: Vec<TradeMark> = batch.into_iter().filter_map(|record| record.trade).collect();
    let as_marked = |known: &KnownKey, mark: &TradeMark| {
        known.trade == mark.magic && Some(&known.key) == mark.key.as_ref()
    };
    assert_eq!(known.len(), marks.len());
    assert!(known.iter().zip(&marks).all(|(known, mark)| as_marked(known, mark)), "{known:?}");
}

pub(super) async fn journal_28_rec_4_trades_that_go_on_survive_forgetting(journal: &dyn Journal) {
    append(journal, vec![step("a", 1, 1), step("a", 2, 2), step("b", 9, 3), record("a", 4)]).await;
    append(journal, vec![end("a", 2, 5), end("b", 9, 6), step("a", 1, 7)]).await;
    let before = newest(journal).await;
    for exported in 1..=7 {
        assert_eq!(forget(journal, 100, exported).await, 1);
        assert_eq!(newest(journal).await, before, "rows up to {exported} are forgotten");
    }
    assert_eq!(trades(journal).await, [("a", 1, 7), ("b", 9, 6)]);
    append(journal, vec![end("a", 1, 8), step("b", 10, 9)]).await;
    assert_eq!(trades(journal).await, [("a", 1, 8), ("b", 10, 9)]);
    assert_eq!(forget(journal, 100, 9).await, 2);
    assert_eq!(trades(journal).await, [("a", 1, 8), ("b", 10, 9)]);
    append(journal, vec![record("b", 10), step("a", 1, 11)]).await;
    assert_eq!(forget(journal, 100, 11).await, 2);
    assert_eq!(
        trades(journal).await,
        [("a", 1, 11), ("b", 10, 9)],
        "the newest row says whether it has ended"
    );
}

/// A key holds up what comes after it, too, because rows are forgotten in their order.
pub(super) async fn journal_29_trd_4_a_young_key_is_not_forgotten(journal: &dyn Journal) {
    let day = KEYS_KEPT.as_millis();
    append(journal, vec![record("a", 0), accepted("a", 1, 5, "s-1"), end("a", 1, 6)]).await;
    append(journal, vec![accepted("a", 2, day, "s-2"), end("a", 2, day + 1), record("a", day + 4)]).await;
    let all = u64::MAX;
    let keys = async || -> Vec<String> {
        let known = journal.keys(Timestamp::from_millis(0)).await.expect("keys are read");
        known.iter().map(|known| known.key.id.as_str().to_owned()).collect()
    };
    assert_eq!(forget(journal, i64::MAX, all).await, 1, "the first key is younger than a day");
    assert_eq!(keys().await, ["s-1", "s-2"]);
    append(journal, vec![record("a", day + 5)]).await;
    assert_eq!(forget(journal, i64::MAX, all).await, 2, "the first key is a day old, the second is not");
    assert_eq!(keys().await, ["s-2"]);
    append(journal, vec![record("a", 2 * day)]).await;
    assert_eq!(forget(journal, i64::MAX, all).await, 5);
    assert_eq!(trades(journal).await, [("a", 2, day + 1)]);
}

/// Trades begin, go on and end at random, rows are forgotten at random: what is asked for is what the rows that were
/// ever appended say.
pub(super) async fn journal_30_rec_4_whatever_is_forgotten_trading_goes_on(journal: &dyn Journal) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut appended, mut forgotten, mut now) = (Vec::new(), 0, 0);
    for round in 0..60 {
        let mut any = || {
            now += random.below(KEYS_KEPT.as_millis() / 40);
            any_record(&mut random, round / 10, now)
        };
        let batch: Vec<Record> = (0..round % 12).map(|_| any()).collect();
        appended.extend(rows_of(&batch, appended.len() as u64 + 1));
        append(journal, batch).await;
        if round % 3 == 0 {
            let older = (now - random.below(now + 1)).cast_signed();
            forgotten += forget(journal, older, random.below(appended.len() as u64 + 1)).await;
        }
        let rows = read(journal, 0, u32::MAX).await;
        assert_eq!(rows, appended[usize::try_from(forgotten).expect("a count")..]);
        assert_goes_on_from(journal, &appended).await;
    }
    assert!(forgotten > 50, "{forgotten} rows were forgotten");
}

/// The rest of the case of reopening.
pub(super) async fn reopened(
    journal: Arc<dyn Journal>,
    reopen: impl Fn() -> Pending<'static, Arc<dyn Journal>>,
) {
    let day = KEYS_KEPT.as_millis();
    let batch = vec![accepted("a", 1, 10, "s-1"), step("a", 2, 11), end("a", 1, 12), record("c", day + 10)];
    append(&*journal, batch).await;
    assert_eq!(forget(&*journal, i64::MAX, 6).await, 4);
    append(&*journal, vec![accepted("b", 1, day + 11, "s-2")]).await;
    let before = (newest(&*journal).await, keys(&*journal, 11).await, read(&*journal, 0, 10).await);
    journal.close().await.expect("closes");
    drop(journal);
    let journal = reopen().await;
    let after = (newest(&*journal).await, keys(&*journal, 11).await, read(&*journal, 0, 10).await);
    assert_eq!(after, before, "journal_21: trades go on where they were");
    assert_eq!(trades(&*journal).await, [("a", 1, 12), ("a", 2, 11), ("b", 1, day + 11)]);
}

fn magic(counter: u64) -> Magic {
    Magic::new(1, counter).expect("cases use valid tags")
}

/// A step of a trade, decided at `moment`.
fn step(name: &str, trade: u64, moment: u64) -> Record {
    let mark = TradeMark { magic: magic(trade), ended: false, key: None };
    Record { trade: Some(mark), kind: "TICK", ..record(name, moment) }
}

/// The step with which a trade ended.
fn end(name: &str, trade: u64, moment: u64) -> Record {
    let mark = TradeMark { magic: magic(trade), ended: true, key: None };
    Record { trade: Some(mark), kind: "REPLIED", ..record(name, moment) }
}

/// The first step of a trade.
fn accepted(name: &str, trade: u64, moment: u64, client_id: &str) -> Record {
    let mark = TradeMark { magic: magic(trade), ended: false, key: Some(key(client_id)) };
    Record { trade: Some(mark), kind: "ACCEPTED", ..record(name, moment) }
}

fn key(client_id: &str) -> SignalKey {
    let id = ClientTradeId::new(client_id).expect("cases use valid ids");
    SignalKey { digest: u64::MAX - client_id.len() as u64, id }
}

fn known(keys: &[(&str, u64, &str, i64)]) -> Vec<KnownKey> {
    let known = |&(name, trade, client_id, at): &(&str, u64, &str, i64)| KnownKey {
        instance: id(name),
        trade: magic(trade),
        key: key(client_id),
        at: Timestamp::from_millis(at),
    };
    keys.iter().map(known).collect()
}

fn tag(row: &Row) -> Option<Magic> {
    row.trade.as_ref().map(|trade| trade.magic)
}

/// Instance, counter and moment of what trading goes on from, in their order.
async fn trades(journal: &dyn Journal) -> Vec<(&'static str, u64, u64)> {
    let names = ["a", "b", "c"];
    let short = |row: Row| {
        let name = names.into_iter().find(|name| id(name) == row.instance).expect("a name of the cases");
        (name, tag(&row).expect("a row of a trade").parts().1, row.version.0)
    };
    newest(journal).await.into_values().map(short).collect()
}

type Newest = BTreeMap<(String, Magic), Row>;

/// What trading goes on from.
async fn newest(journal: &dyn Journal) -> Newest {
    by_trade(journal.trades().await.expect("trades are read"))
}

fn by_trade(rows: Vec<Row>) -> Newest {
    let count = rows.len();
    let place = |row: &Row| (row.instance.as_str().to_owned(), tag(row).expect("a row of a trade"));
    let rows: Newest = rows.into_iter().map(|row| (place(&row), row)).collect();
    assert_eq!(rows.len(), count, "one row a trade");
    rows
}

async fn keys(journal: &dyn Journal, since: i64) -> Vec<KnownKey> {
    journal.keys(Timestamp::from_millis(since)).await.expect("keys are read")
}

/// What [`Journal::trades`] says of these rows.
fn going_on(rows: &[Row]) -> Newest {
    let mut newest: HashMap<(&str, Magic), &Row> = HashMap::new();
    let mut last: HashMap<&str, u64> = HashMap::new();
    for (row, magic) in rows.iter().filter_map(|row| Some((row, tag(row)?))) {
        newest.insert((row.instance.as_str(), magic), row);
        last.insert(row.instance.as_str(), row.seq);
    }
    let stays = |row: &&Row| {
        row.trade.as_ref().is_some_and(|trade| !trade.ended) || last[row.instance.as_str()] == row.seq
    };
    by_trade(newest.into_values().filter(stays).cloned().collect())
}

/// What [`Journal::keys`] says of these rows.
fn accepted_since(rows: &[Row], since: Timestamp) -> Vec<KnownKey> {
    let known = rows.iter().filter(|row| row.at >= since).filter_map(|row| {
        let TradeMark { magic, ended: _, key } = row.trade.clone()?;
        Some(KnownKey { instance: row.instance.clone(), trade: magic, key: key?, at: row.at })
    });
    known.collect()
}

/// The records that an adapter's crash tests append as rows 1 to `last`, from `first` on: steps of three instances and
/// of trades that begin, go on and end, over about a day in a hundred rows.
#[must_use]
pub fn steps(first: u64, last: u64) -> Vec<Record> {
    (first..=last)
        .map(|seq| any_record(&mut Random(seq), seq / 20, seq * KEYS_KEPT.as_millis() / 100))
        .collect()
}

/// Asserts that the journal goes on from the rows that [`steps`] made, whichever were forgotten.
///
/// # Panics
/// When it does not.
pub async fn assert_goes_on(journal: &dyn Journal) {
    let head = journal.head().seq;
    let appended = rows_of(&steps(1, head), 1);
    let rows = read(journal, 0, u32::MAX).await;
    let forgotten = appended.len() - rows.len();
    assert_eq!(rows, appended[forgotten..]);
    assert_goes_on_from(journal, &appended).await;
}

async fn assert_goes_on_from(journal: &dyn Journal, appended: &[Row]) {
    let now = appended.last().map_or(0, |row| row.at.as_millis());
    let young = Timestamp::from_millis(now.saturating_sub_unsigned(KEYS_KEPT.as_millis()) + 1);
    assert_eq!(newest(journal).await, going_on(appended));
    let known = journal.keys(young).await.expect("keys are read");
    assert_eq!(known, accepted_since(appended, young));
}

/// A step of one of three instances, or of one of three trades of it.
fn any_record(random: &mut Random, trades: u64, moment: u64) -> Record {
    let (name, trade) = (["a", "b", "c"][random.index(3)], trades + random.below(3));
    match random.below(4) {
        0 => record(name, moment),
        1 => accepted(name, trade, moment, ["s-1", "signal-2", "s3"][random.index(3)]),
        2 => step(name, trade, moment),
        _ => end(name, trade, moment),
    }
}

/// Numbers that look random and are the same each time (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).checked_rem(end).unwrap_or(0)
    }

    fn index(&mut self, end: u64) -> usize {
        usize::try_from(self.below(end)).expect("a small number")
    }
}
