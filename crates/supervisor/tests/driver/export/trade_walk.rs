//! One trade that is walked through the policy; what it decides becomes records for a journal.

use warden_domain::{
    ClientTradeId, Epoch, Facts, InstanceId, Magic, OpId, OrderKind, Price, Side, Ticket, Timestamp, Version,
};
use warden_policy::{
    Params, Stepped,
    trade::{
        Goal, Intent, Opening, Protection, Reply, SymbolRules, Tally, Trade, TradeContext, TradeEffect,
        TradeEffects, TradeEvent, TradeHead, encode_trade_row, step,
    },
};
use warden_store::{Record, SignalKey, TradeMark};

use crate::rig::{id, without_jitter};

pub(crate) struct TradeWalk {
    pub(crate) instance: InstanceId,
    pub(crate) trade: Trade,
    pub(crate) now: Timestamp,
    pub(crate) context: TradeContext,
    params: Params,
    effects: TradeEffects,
    key: SignalKey,
    version: u64,
    sent_at: Timestamp,
}

pub(crate) fn price(text: &str) -> Price {
    text.parse().unwrap()
}

/// A new position at the market.
pub(crate) fn opening(side: Side, volume: &str) -> Goal {
    Goal::Open(Opening {
        side,
        kind: OrderKind::Market,
        volume: volume.parse().unwrap(),
        price: None,
        trigger: None,
        protection: Protection::default(),
    })
}

impl TradeWalk {
    pub(crate) fn new(number: u32, counter: u64, goal: Goal) -> Self {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let (magic, params) = (Magic::new(1, counter).unwrap(), without_jitter());
        Self {
            instance: id(number),
            trade: Trade::new(Intent::new(magic, goal, now, None, &params)),
            now,
            context: surroundings(),
            params,
            effects: TradeEffects::default(),
            key: SignalKey { id: ClientTradeId::new(&format!("signal-{counter}")).unwrap(), digest: counter },
            version: 0,
            sent_at: Timestamp::from_millis(0),
        }
    }

    pub(crate) fn magic(&self) -> Magic {
        self.trade.intent().magic
    }

    pub(crate) fn pass(&mut self, millis: i64) {
        self.now = Timestamp::from_millis(self.now.as_millis() + millis);
    }

    /// The first row, with which its order leaves.
    pub(crate) fn accept(&mut self) -> Record {
        Record { kind: "ACCEPTED", ..self.give(TradeEvent::Tick) }
    }

    /// Gives an event that changes something.
    pub(crate) fn give(&mut self, event: TradeEvent) -> Record {
        self.try_give(event).unwrap_or_else(|| panic!("{event:?} changes nothing in {:?}", self.trade))
    }

    /// Gives an event; the record of the step, when it changed anything.
    pub(crate) fn try_give(&mut self, event: TradeEvent) -> Option<Record> {
        let filled_before = self.trade.holdings().filled;
        let stepped = step(&mut self.trade, &event, self.now, &self.context, &self.params, &mut self.effects);
        (stepped == Stepped::Changed).then(|| self.record(event, filled_before))
    }

    fn record(&mut self, event: TradeEvent, filled_before: warden_domain::Lots) -> Record {
        self.version += 1;
        let head = TradeHead {
            key: &self.key.id,
            digest: self.key.digest,
            part: 1,
            symbol: "EURUSD",
            counter: self.magic().parts().1,
            tally: Tally::default(),
            filled_before,
            point: self.context.symbol.map_or(Price::ZERO, |symbol| symbol.point),
            sent_at: self.sent_at,
        };
        let mut payload = Vec::new();
        encode_trade_row(&head, &event, &self.effects, &self.trade, &mut payload);
        if self.effects.list().iter().any(|(_, effect)| matches!(effect, TradeEffect::Send(_))) {
            self.sent_at = self.now;
        }
        let key = (self.version == 1).then(|| self.key.clone());
        Record {
            instance: self.instance.clone(),
            trade: Some(TradeMark { magic: self.magic(), ended: self.trade.end().is_some(), key }),
            epoch: Epoch(3),
            version: Version(self.version),
            op: OpId(self.version + 2_000),
            at: self.now,
            kind: event.kind(),
            rule: self.effects.rule().map_or("", |rule| rule.as_str()),
            payload,
        }
    }

    /// The trade server's answer to the last send, so many milliseconds after now.
    pub(crate) fn answer(&mut self, after: i64, retcode: u32, volume: &str, at: &str) -> Record {
        self.pass(after);
        let volume = volume.parse().unwrap();
        let ticket = Ticket::of(100 + u64::from(self.trade.attempt().0));
        let dealt = volume > warden_domain::Lots::ZERO;
        let reply = Reply {
            facts: Facts { retcode: Some(retcode), ticket: dealt, ..Facts::default() },
            order: ticket.filter(|_| dealt),
            deal: ticket.filter(|_| dealt),
            volume,
            price: price(at),
        };
        self.give(TradeEvent::Replied { attempt: self.trade.attempt(), reply })
    }

    /// A step that cannot be read.
    pub(crate) fn damaged(&mut self) -> Record {
        Record { payload: vec![255, 1], ..self.record(TradeEvent::Resume, self.trade.holdings().filled) }
    }
}

/// Everything permits trading.
fn surroundings() -> TradeContext {
    use warden_policy::trade::{AccountMode, Filling, FillingModes, Quote, Session, SnapshotId, TradeMode};
    TradeContext {
        gate: warden_domain::Gate::Open,
        connected: true,
        session: Session::Open,
        lane_free: true,
        symbol: Some(SymbolRules {
            point: price("0.00001"),
            tick: price("0.00001"),
            volume_step: "0.01".parse().unwrap(),
            volume_min: "0.01".parse().unwrap(),
            volume_max: "50".parse().unwrap(),
            stops_level: warden_domain::Points(0),
            freeze_level: warden_domain::Points(0),
            filling: FillingModes::of(&[Filling::FillOrKill, Filling::ImmediateOrCancel]),
            trade_mode: TradeMode::Full,
            slippage: None,
        }),
        quote: Some(Quote { bid: price("1.10000"), ask: price("1.10010") }),
        mode: AccountMode::Hedging,
        marks: Some(Default::default()),
        synchronised: Some(SnapshotId(Timestamp::from_millis(1_700_000_000_000))),
        ..TradeContext::default()
    }
}
