use std::{
    fmt::{self, Write as _},
    hash::{Hash, Hasher},
};

use warden_bridge::{Finished, Inbound, Market, Outcome, Report, TradeReply};
use warden_domain::Timestamp;

/// A running hash of everything that was told, and when; the same on every machine of one word size.
#[derive(Debug)]
pub(super) struct Trace(u64);

impl Default for Trace {
    fn default() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }
}

impl Trace {
    pub(super) fn add(&mut self, now: Timestamp, inbound: &Inbound) {
        now.as_millis().hash(self);
        match inbound {
            Inbound::Up { instance, epoch, report } => {
                (1_u8, instance, epoch).hash(self);
                self.report(report);
            }
            Inbound::Down { instance } => (2_u8, instance).hash(self),
            Inbound::Report { instance, report } => {
                (3_u8, instance).hash(self);
                self.report(report);
            }
            Inbound::Finished(finished) => self.finished(finished),
            Inbound::Market { instance, market } => {
                (5_u8, instance).hash(self);
                self.market(market);
            }
        }
    }

    pub(super) fn hash(&self) -> u64 {
        self.0
    }

    fn report(&mut self, report: &Report) {
        (report.terminal_alive, report.facts, report.positions, &report.detail).hash(self);
    }

    fn finished(&mut self, finished: &Finished) {
        let Finished { instance, id, outcome, facts, detail } = finished;
        (4_u8, instance, id, facts, detail).hash(self);
        match outcome {
            Outcome::Done => 1_u8.hash(self),
            Outcome::Failed => 2_u8.hash(self),
            Outcome::NotStarted => 3_u8.hash(self),
            Outcome::Trade(TradeReply { deal, order, volume, price }) => {
                (4_u8, deal, order, volume.to_bits(), price.to_bits()).hash(self);
            }
            // Rare, and of many parts: as people would read them. Writing to a hash cannot fail.
            Outcome::Session(session) => {
                let _ = write!(self, "{session:?}");
            }
            Outcome::Snapshot(snapshot) => {
                let _ = write!(self, "{snapshot:?}");
            }
        }
    }

    fn market(&mut self, market: &Market) {
        (market.balance.to_bits(), market.equity.to_bits(), market.symbols.len()).hash(self);
        for symbol in &market.symbols {
            let quote = symbol.quote.map(|quote| (quote.bid, quote.ask));
            (&symbol.name, quote, symbol.tick_value.to_bits()).hash(self);
            let _ = write!(self, "{:?}{:?}", symbol.session, symbol.trade_mode);
        }
    }
}

impl Hasher for Trace {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        let last = rest.iter().fold(rest.len() as u64, |word, byte| (word << 8) | u64::from(*byte));
        self.write_u64(last);
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

impl fmt::Write for Trace {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.write(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use warden_domain::InstanceId;

    use super::*;

    #[test]
    fn what_is_told_of_whom_and_when_tells_the_hash() {
        let hash = |millis, instance: &str| {
            let mut trace = Trace::default();
            let instance = InstanceId::new(instance).unwrap();
            trace.add(Timestamp::from_millis(millis), &Inbound::Down { instance });
            trace.hash()
        };
        assert_eq!(hash(1, "acct-1"), hash(1, "acct-1"));
        assert_ne!(hash(1, "acct-1"), hash(2, "acct-1"));
        assert_ne!(hash(1, "acct-1"), hash(1, "acct-2"));
    }
}
