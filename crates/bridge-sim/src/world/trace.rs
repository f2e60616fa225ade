use std::hash::{Hash, Hasher};

use warden_bridge::{Finished, Inbound, Market, Outcome, Report, SendState, Snapshot, TradeReply};
use warden_domain::{Session, Timestamp};

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
            Outcome::Session(session) => {
                (5_u8, session.login, &session.server, &session.orders, &session.positions).hash(self);
            }
            Outcome::Snapshot(snapshot) => {
                6_u8.hash(self);
                self.snapshot(snapshot);
            }
        }
    }

    fn snapshot(&mut self, it: &Snapshot) {
        let newest = (it.newest.order, it.newest.deal, it.newest.position);
        (it.login, &it.server, it.connected, newest, it.waiting).hash(self);
        for order in &it.orders {
            (order.ticket, order.magic, &order.symbol, order.side, order.volume).hash(self);
            (order.price, order.stop_loss, order.take_profit).hash(self);
        }
        for position in &it.positions {
            (position.ticket, position.magic, &position.symbol, position.side, position.volume).hash(self);
            (position.price, position.stop_loss, position.take_profit).hash(self);
        }
        for order in &it.past_orders {
            (order.ticket, order.magic, &order.symbol, order.side, order.volume, order.position).hash(self);
        }
        for deal in &it.deals {
            (deal.ticket, deal.order, deal.position, deal.magic, &deal.symbol).hash(self);
            (deal.side, deal.entry as u8, deal.volume, deal.price).hash(self);
        }
        for send in &it.sends {
            self.send(send);
        }
    }

    fn send(&mut self, send: &SendState) {
        match send {
            SendState::Unseen => 1_u8.hash(self),
            SendState::InProgress => 2_u8.hash(self),
            SendState::NotStarted => 3_u8.hash(self),
            SendState::Interrupted => 4_u8.hash(self),
            SendState::Answered { facts, reply } => {
                let reply = reply.map(|it| (it.deal, it.order, it.volume.to_bits(), it.price.to_bits()));
                (5_u8, facts, reply).hash(self);
            }
        }
    }

    fn market(&mut self, market: &Market) {
        (market.balance.to_bits(), market.equity.to_bits(), market.symbols.len()).hash(self);
        for symbol in &market.symbols {
            let quote = symbol.quote.map(|quote| (quote.bid, quote.ask));
            (&symbol.name, quote, symbol.tick_value.to_bits()).hash(self);
            let session = match symbol.session {
                Session::Open => None,
                Session::Closed { opens_at } => Some(opens_at),
            };
            (session, symbol.trade_mode as u8).hash(self);
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

    fn write_u8(&mut self, word: u8) {
        self.write_u64(u64::from(word));
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    fn write_i64(&mut self, word: i64) {
        self.write_u64(word.cast_unsigned());
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn write_isize(&mut self, word: isize) {
        self.write_u64(word.cast_unsigned() as u64);
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
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
