//! Trades from their journal rows, at the start (REC-4).

use std::collections::HashMap;

use warden_domain::{InstanceId, Magic, Timestamp};
use warden_policy::{DecodeError, trade::decode_trade_row};
use warden_store::{Row, SignalKey, TradeMark};

use super::{Held, Trading, first_counter, waits::Noted};

/// The journal rows that trading goes on from, by instance.
#[derive(Debug, Default)]
pub(crate) struct TradeRows(HashMap<InstanceId, Vec<Row>>);

impl TradeRows {
    pub(crate) fn new(rows: Vec<Row>) -> Self {
        let mut of: HashMap<InstanceId, Vec<Row>> = HashMap::new();
        for row in rows {
            of.entry(row.instance.clone()).or_default().push(row);
        }
        Self(of)
    }

    /// The trades of an instance as they were durable last.
    ///
    /// # Errors
    /// When a row cannot be read: nothing is traded on half of what was.
    pub(crate) fn of(
        &mut self,
        instance: &InstanceId,
        installation: u16,
        now: Timestamp,
    ) -> Result<Trading, DecodeError> {
        let mut trading = Trading::new(installation, now);
        let mut newest = 0;
        for row in self.0.remove(instance).unwrap_or_default() {
            let Some(mark) = &row.trade else { continue };
            let seq = row.seq;
            let (tally, counter) = trading.take_row(mark, &row)?;
            // A clock that went back, or a journal that lost its tail, gives no tag out twice.
            trading.counter = trading.counter.max(counter).max(first_counter(now));
            if seq > newest {
                (newest, trading.tally) = (seq, tally);
            }
        }
        Ok(trading)
    }
}

impl Trading {
    fn take_row(
        &mut self,
        mark: &TradeMark,
        row: &Row,
    ) -> Result<(warden_policy::trade::Tally, u64), DecodeError> {
        let read = decode_trade_row(&row.payload)?;
        let magic: Magic = mark.magic;
        if read.step.trade.end().is_none() {
            let symbol = self.enlist(&read.symbol);
            self.insert(Held {
                trade: read.step.trade,
                key: SignalKey { id: read.key, digest: read.digest },
                part: read.part,
                symbol,
                version: row.version,
                shown: None,
                dirty: false,
                ticking: false,
                sent_at: read.sent_at,
                stepped_at: row.at,
                noted: Noted::default(),
            });
            self.desk.unshown.insert(magic);
        }
        Ok((read.tally, read.counter))
    }

    /// The tags of the trades that were recovered.
    pub(in crate::shard) fn tags(&self) -> Vec<Magic> {
        self.desk.trades.keys().copied().collect()
    }
}
