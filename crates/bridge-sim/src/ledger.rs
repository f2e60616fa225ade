use serde::{Serialize, Serializer};
use warden_bridge::{DealEntry, SendId};
use warden_domain::{Login, Side, Timestamp, TradeServer};

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
    /// MQL5 `magic` as the broker keeps it: of the request, or of what a price triggered or a request changed.
    pub magic: u64,
    /// The deal's ticket; 0 where no deal was made.
    pub ticket: u64,
    /// The order's ticket; 0 where none is concerned.
    pub order: u64,
    /// The position's identifier (MQL5 `POSITION_IDENTIFIER`); 0 where none is concerned.
    pub position: u64,
    /// The symbol.
    pub symbol: String,
    /// Bought or sold.
    pub side: Side,
    /// What a deal did to its position; `null` where no deal was made.
    #[serde(serialize_with = "entry")]
    pub entry: Option<DealEntry>,
    /// In lots.
    pub volume: f64,
    /// Price of the deal or of the pending order.
    pub price: f64,
    /// What caused it.
    pub reason: Reason,
    /// The send whose request, or whose pending order, it is; `null` for what no supervisor sent.
    #[serde(serialize_with = "send")]
    pub send: Option<SendId>,
    /// The volume that a request to open asked for, in lots; 0 for all others.
    pub asked: f64,
    /// The trade server executed a request once more by itself.
    pub repeated: bool,
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
    /// Price, stop loss or take profit of a pending order were changed.
    Modified,
    /// An order was removed, or what was left of it.
    Cancelled,
    /// Stop loss or take profit of a position were changed.
    Protected,
}

/// What caused a line of the ledger (MQL5 `ENUM_DEAL_REASON`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A request of our gateway.
    Client,
    /// A person at a terminal.
    Hand,
    /// Another program on the account.
    Program,
    /// The price reached a pending order, or the rest of an order was filled.
    Trigger,
    /// The price reached the stop loss.
    StopLoss,
    /// The price reached the take profit.
    TakeProfit,
}

fn rfc3339<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

#[expect(clippy::ref_option, reason = "serde hands the field over so")]
fn entry<S: Serializer>(entry: &Option<DealEntry>, serializer: S) -> Result<S::Ok, S::Error> {
    let name = entry.map(|entry| match entry {
        DealEntry::In => "in",
        DealEntry::Out => "out",
        DealEntry::InOut => "in_out",
    });
    name.serialize(serializer)
}

#[derive(Serialize)]
struct Send {
    magic: u64,
    attempt: u32,
}

#[expect(clippy::ref_option, reason = "serde hands the field over so")]
fn send<S: Serializer>(send: &Option<SendId>, serializer: S) -> Result<S::Ok, S::Error> {
    send.map(|SendId { magic, attempt }| Send { magic, attempt }).serialize(serializer)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A deal of magic 77's first send, 0.1 lots as asked.
    pub(crate) fn deal() -> LedgerEntry {
        LedgerEntry {
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
            entry: Some(DealEntry::In),
            volume: 0.1,
            price: 1.07216,
            reason: Reason::Client,
            send: Some(SendId { magic: 77, attempt: 1 }),
            asked: 0.1,
            repeated: false,
        }
    }

    #[test]
    fn an_entry_is_one_line_of_json_with_a_time_that_people_read() {
        assert_eq!(
            deal().to_json(),
            r#"{"time":"2023-11-14T22:13:20.123Z","kind":"deal","server":"Broker-Live","login":5001,"magic":77,"ticket":3,"order":2,"position":2,"symbol":"EURUSD","side":"BUY","entry":"in","volume":0.1,"price":1.07216,"reason":"client","send":{"magic":77,"attempt":1},"asked":0.1,"repeated":false}"#
        );
        let by_hand = LedgerEntry { kind: EntryKind::Placed, entry: None, send: None, ..deal() };
        assert!(
            by_hand.to_json().contains(r#""entry":null"#) && by_hand.to_json().contains(r#""send":null"#)
        );
    }
}
