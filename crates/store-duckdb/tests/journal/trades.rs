//! Trades in large numbers.

use std::time::{Duration, Instant};

use warden_domain::Timestamp;
use warden_store::{Journal, KEYS_KEPT, Record};
use warden_store_duckdb::DuckJournal;

use crate::{accepted, open, record, step};

const TRADES: u64 = 100_000;
const OPEN: u64 = 100;
const INSTANCES: u64 = 1_000;

fn instance(trade: u64) -> String {
    format!("account-{}", trade % INSTANCES)
}

/// [`TRADES`] trades, all but [`OPEN`] of which have ended.
async fn trade(journal: &DuckJournal) {
    for first in (0..TRADES).step_by(5_000) {
        let trades = first..first + 5_000;
        let begin = trades.clone().map(|trade| accepted(&instance(trade), trade, trade));
        let over = trades.filter(|trade| trade % (TRADES / OPEN) != 0);
        let end = over.map(|trade| step(&instance(trade), trade, trade, true));
        let batch: Vec<Record> = begin.chain(end).collect();
        journal.append(batch).await.unwrap();
    }
}

async fn within<T>(what: &str, question: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let answer = question.await;
    let took = began.elapsed();
    println!("{what}: {took:?}");
    assert!(took < Duration::from_secs(60), "{what}: {took:?}"); // tens of milliseconds when optimised
    answer
}

/// The open ones all belong to one instance, and each other instance has its newest trade.
#[tokio::test]
async fn rec_4_what_goes_on_of_100_000_trades_is_found_at_once_and_the_rest_is_freed() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    trade(&journal).await;
    let going = OPEN + INSTANCES - 1;
    let trades = within("trades", journal.trades()).await.unwrap();
    assert_eq!(trades.len() as u64, going);
    let keys = within("keys", journal.keys(Timestamp::from_millis(0))).await.unwrap();
    assert_eq!(keys.len() as u64, TRADES);
    let young = Timestamp::from_millis(99_000);
    assert_eq!(within("young keys", journal.keys(young)).await.unwrap().len(), 1_000);
    assert_eq!(within("latest", journal.latest()).await.unwrap(), []);

    let rows = journal.head().seq;
    assert_eq!(journal.retain(Timestamp::MAX, rows).await.unwrap(), 0, "every key is younger than a day");
    let next_day = TRADES + KEYS_KEPT.as_millis();
    journal.append(vec![record("account-1", next_day)]).await.unwrap();
    let began = Instant::now();
    assert_eq!(journal.retain(Timestamp::MAX, rows).await.unwrap(), rows);
    println!("retain: {:?}", began.elapsed());
    let mut kept = within("trades of what was forgotten", journal.trades()).await.unwrap();
    let mut before = trades;
    kept.sort_by_key(|row| row.seq);
    before.sort_by_key(|row| row.seq);
    assert_eq!(kept, before);
    assert_eq!(journal.verify().await.unwrap(), journal.head());
    journal.close().await.unwrap();
    drop(journal);

    let conn = duckdb::Connection::open(folder.path().join("journal.duckdb")).unwrap();
    let sql = "SELECT (SELECT count(*) FROM journal), (SELECT count(*) FROM snapshot)";
    let counts: (u64, u64) = conn.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(counts, (1, going), "nothing else is kept");
}
