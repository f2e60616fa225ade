use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use tokio::time::Instant;
use warden_domain::{ClientTradeId, InstanceId, Magic, Span};

use crate::{KEYS_KEPT, TRADES_KEPT, TradeUpdate, TradeWrite};

/// Every key of the trades of one instance. What has expired is not there, whether it was cleared away or not.
#[derive(Debug, Default)]
pub(super) struct Trades {
    shown: BTreeMap<Magic, Shown>,
    keys: BTreeMap<ClientTradeId, Key>,
    /// What expires, in the order in which it does.
    ends: VecDeque<(Instant, Magic)>,
    key_ends: VecDeque<(Instant, ClientTradeId)>,
}

#[derive(Debug)]
struct Shown {
    update: TradeUpdate,
    /// When it expires, once it has ended.
    until: Option<Instant>,
}

#[derive(Debug)]
struct Key {
    tag: Magic,
    until: Instant,
}

impl Trades {
    /// Shows a trade of an instance that no higher epoch owns.
    pub(super) fn show(&mut self, update: &TradeUpdate, now: Instant) -> TradeWrite {
        self.clear(now);
        let tag = update.trade.tag;
        let stored = self.shown.get(&tag).map(|shown| (shown.update.epoch, shown.update.version));
        match stored {
            Some((by, _)) if by > update.epoch => return TradeWrite::Fenced { by },
            Some((_, stored)) if stored > update.version => return TradeWrite::Ahead { stored },
            Some(same) if same == (update.epoch, update.version) => return TradeWrite::Written,
            Some(_) => {}
            None => self.know(&update.trade.key, tag, now),
        }
        let until = update.trade.state.is_terminal().then(|| now + Duration::from(TRADES_KEPT));
        self.ends.extend(until.map(|until| (until, tag)));
        let update = TradeUpdate {
            previous: None,
            trade: update.trade.clone(),
            instance: update.instance.clone(),
            ..*update
        };
        self.shown.insert(tag, Shown { update, until });
        TradeWrite::Written
    }

    /// A key that is there keeps its tag.
    fn know(&mut self, key: &ClientTradeId, tag: Magic, now: Instant) {
        if !self.keys.contains_key(key) {
            let until = now + Duration::from(KEYS_KEPT);
            self.keys.insert(key.clone(), Key { tag, until });
            self.key_ends.push_back((until, key.clone()));
        }
    }

    fn clear(&mut self, now: Instant) {
        while let Some((_, tag)) = self.ends.pop_front_if(|(until, _)| *until <= now) {
            if self.shown.get(&tag).and_then(|shown| shown.until).is_some_and(|until| until <= now) {
                self.shown.remove(&tag);
            }
        }
        while let Some((_, key)) = self.key_ends.pop_front_if(|(until, _)| *until <= now) {
            self.keys.remove(&key);
        }
    }

    fn present(&self, now: Instant) -> impl Iterator<Item = (&Magic, &Shown)> {
        self.shown.iter().filter(move |(_, shown)| shown.until.is_none_or(|until| until > now))
    }

    /// The fields of the hash of a trade.
    pub(super) fn fields(&self, tag: Magic, now: Instant) -> Option<BTreeMap<String, String>> {
        let (_, shown) = self.present(now).find(|(known, _)| **known == tag)?;
        let mut fields = BTreeMap::new();
        shown.update.fields(|name, value| {
            fields.insert(name.to_owned(), value.to_string());
        });
        Some(fields)
    }

    /// Every present key by its full name, with its text and how long it stays; hashes and sets in one line.
    pub(super) fn texts(&self, instance: &InstanceId, now: Instant) -> Vec<(String, String, Option<Span>)> {
        let left =
            |until: Instant| Span::from_millis(u64::try_from((until - now).as_millis()).unwrap_or(u64::MAX));
        let mut texts = Vec::new();
        let mut open = BTreeSet::new();
        for (tag, shown) in self.present(now) {
            let mut line = Vec::new();
            shown.update.fields(|name, value| line.push(format!("{name}={value}")));
            let name = format!("order_state:{instance}:{}", tag.number());
            texts.push((name, line.join(" "), shown.until.map(left)));
            if shown.until.is_none() {
                open.insert(tag.number().to_string());
            }
        }
        if !open.is_empty() {
            let tags: Vec<_> = open.into_iter().collect();
            texts.push((format!("order_state:{instance}:open"), tags.join(" "), None));
        }
        let keys = self.keys.iter().filter(|(_, key)| key.until > now);
        texts.extend(keys.map(|(name, key)| {
            let text = key.tag.number().to_string();
            (format!("order_key:{instance}:{}", name.as_str()), text, Some(left(key.until)))
        }));
        texts
    }
}
