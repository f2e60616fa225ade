use serde_json::Value;
use warden_domain::{Lots, Side};

use crate::must;

/// One line of the simulator's ledger: what a trade server really did.
#[derive(Clone, Debug)]
pub struct LedgerLine {
    /// `deal`, `placed`, `modified`, `cancelled`, `protected`.
    pub kind: String,
    /// The account's number.
    pub login: u64,
    /// MQL5 `magic` as the broker keeps it.
    pub magic: u64,
    /// The deal's ticket; 0 where none was made.
    pub ticket: u64,
    /// The order's ticket; 0 where none is concerned.
    pub order: u64,
    /// The position; 0 where none is concerned.
    pub position: u64,
    /// The symbol.
    pub symbol: String,
    /// Bought or sold.
    pub side: Side,
    /// How much.
    pub volume: Lots,
    /// What caused it: `client`, `hand`, `program`, `trigger`, `stop_loss`, `take_profit`.
    pub reason: String,
    /// Tag and number of the send that asked for it; nothing of what no supervisor sent.
    pub send: Option<(u64, u64)>,
    /// How much the request to open asked for; nothing of all others.
    pub asked: Lots,
}

impl LedgerLine {
    /// Reads a ledger, its last line too when it is whole.
    ///
    /// # Panics
    /// When a whole line cannot be read.
    #[must_use]
    pub fn read(text: &str) -> Vec<Self> {
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(Self::of).collect()
    }

    fn of(line: &str) -> Self {
        let told: Value = must(serde_json::from_str(line), "read a line of the ledger");
        let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{line}: {value} is no number"));
        let text = |key: &str| told[key].as_str().unwrap_or_else(|| panic!("{line}: no {key}")).to_owned();
        let lots = |key: &str| {
            let value = told[key].as_f64().unwrap_or_else(|| panic!("{line}: no {key}"));
            must(Lots::from_f64(value), "read lots")
        };
        let send = &told["send"];
        Self {
            kind: text("kind"),
            login: number(&told["login"]),
            magic: number(&told["magic"]),
            ticket: number(&told["ticket"]),
            order: number(&told["order"]),
            position: number(&told["position"]),
            symbol: text("symbol"),
            side: Side::from_text(&text("side")).unwrap_or_else(|| panic!("{line}: no side")),
            volume: lots("volume"),
            reason: text("reason"),
            send: (!send.is_null()).then(|| (number(&send["magic"]), number(&send["attempt"]))),
            asked: lots("asked"),
        }
    }

    /// Whether it is a deal.
    #[must_use]
    pub fn is_deal(&self) -> bool {
        self.kind == "deal"
    }

    /// Whether a send of this tag, or the pending order that it placed, made the deal.
    #[must_use]
    pub fn is_deal_of(&self, tag: u64) -> bool {
        self.is_deal() && self.send.is_some_and(|(magic, _)| magic == tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_is_read_up_to_its_last_whole_line() {
        let line = r#"{"time":"2023-11-14T22:13:20.123Z","kind":"deal","server":"B","login":5001,"magic":77,"ticket":3,"order":2,"position":2,"symbol":"EURUSD","side":"BUY","entry":"in","volume":0.1,"price":1.07216,"reason":"client","send":{"magic":77,"attempt":1},"asked":0.1,"repeated":false}"#;
        let read = LedgerLine::read(&format!("{line}\n{{\"time\":"));
        assert_eq!(read.len(), 1);
        assert!(read[0].is_deal_of(77) && !read[0].is_deal_of(78));
        assert_eq!(read[0].volume, Lots::from_f64(0.1).unwrap());
    }
}
