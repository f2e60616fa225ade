use serde::{Serialize, Serializer};
use warden_domain::{Login, Timestamp, TradeServer};

use crate::engine::Side;

/// What really executed, in order; only ever added to.
///
/// The judge of duplicates and losses: whatever replies were lost or repeated, this is what the broker did.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    entries: Vec<LedgerEntry>,
}

impl Ledger {
    /// Every entry.
    #[must_use]
    pub fn entries(&self) -> &[LedgerEntry] {
        &self.entries
    }

    /// The deals that carry this `magic`, in order.
    pub fn deals_of(&self, magic: u64) -> impl Iterator<Item = &LedgerEntry> {
        self.entries.iter().filter(move |entry| entry.kind == EntryKind::Deal && entry.magic == magic)
    }

    pub(crate) fn add(&mut self, entry: LedgerEntry) {
        self.entries.push(entry);
    }
}

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LedgerEntry {
    /// When, in UTC.
    #[serde(serialize_with = "rfc3339")]
    pub time: Timestamp,
    /// What happened.
    pub kind: EntryKind,
    /// At which trade server.
    pub server: TradeServer,
    /// On which account.
    pub login: Login,
    /// MQL5 `magic` of the request, or of the position that its stop loss or take profit closed.
    pub magic: u64,
    /// The deal's ticket; 0 where no deal was made.
    pub ticket: u64,
    /// The order's ticket.
    pub order: u64,
    /// The position's ticket; 0 where none is concerned.
    pub position: u64,
    /// The symbol.
    pub symbol: String,
    /// Bought or sold.
    pub side: Side,
    /// In lots.
    pub volume: f64,
    /// Price of the deal or of the pending order.
    pub price: f64,
    /// What caused it.
    pub reason: Reason,
}

impl LedgerEntry {
    /// The entry as one line of JSON, without the line's end.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("its keys are text and its values are plain")
    }
}

/// What a line of the ledger is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A deal: bought or sold.
    Deal,
    /// A pending order was placed.
    Placed,
    /// A pending order was removed.
    Cancelled,
    /// Stop loss or take profit of a position were changed.
    Protected,
}

/// What caused a line of the ledger (MQL5 `ENUM_DEAL_REASON`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A request of the client.
    Client,
    /// The price reached a pending order.
    Trigger,
    /// The price reached the stop loss.
    StopLoss,
    /// The price reached the take profit.
    TakeProfit,
}

fn rfc3339<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_line_of_json_with_a_time_that_people_read() {
        let entry = LedgerEntry {
            time: Timestamp::from_millis(1_700_000_000_123),
            kind: EntryKind::Deal,
            server: TradeServer::new("Broker-Live").unwrap(),
            login: Login::new(5_001).unwrap(),
            magic: 77,
            ticket: 3,
            order: 2,
            position: 2,
            symbol: "EURUSD".into(),
            side: Side::Buy,
            volume: 0.1,
            price: 1.07216,
            reason: Reason::Client,
        };
        assert_eq!(
            entry.to_json(),
            r#"{"time":"2023-11-14T22:13:20.123Z","kind":"deal","server":"Broker-Live","login":5001,"magic":77,"ticket":3,"order":2,"position":2,"symbol":"EURUSD","side":"buy","volume":0.1,"price":1.07216,"reason":"client"}"#
        );
    }
}
