//! How the account and its symbols stand, as the gateway says it.

use std::{collections::BTreeSet, sync::Arc};

use warden_bridge::{Market, SnapshotQuery, SymbolNow};
use warden_domain::{AccountMode, Lots, Magic, Points, Price, Quote, Timestamp};
use warden_policy::{
    Params,
    trade::{Lane, SymbolRules, Wait},
};

use super::{Desk, Trading, Watch, waits::Levels};
use crate::shard::Shard;

/// How the account stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct MarketNow {
    /// How it keeps positions.
    pub(crate) mode: AccountMode,
    /// MQL5 `ACCOUNT_BALANCE`, in the account's currency.
    pub(crate) balance: f64,
    /// MQL5 `ACCOUNT_EQUITY`, in the account's currency.
    pub(crate) equity: f64,
    /// When it was said.
    pub(crate) at: Timestamp,
}

/// A symbol of an instance: what is known of it, its lane, and who waits for it.
#[derive(Debug, Default)]
pub(crate) struct SymbolState {
    /// What was said of it last, and when.
    said: Option<Box<(SymbolNow, Timestamp)>>,
    /// One order in flight at a time.
    pub(super) lane: Lane,
    /// Trades of it in memory.
    pub(super) trades: u32,
    /// Somebody wants to know its prices without a trade.
    wanted: bool,
    /// Trades that wait for what must be known of it.
    snapshot_waits: BTreeSet<Magic>,
    /// Trades that wait for its session.
    session_waits: BTreeSet<Magic>,
    pub(super) levels: Option<Box<Levels>>,
}

impl SymbolState {
    /// What was said of it last.
    pub(crate) fn now(&self) -> Option<&SymbolNow> {
        self.said.as_deref().map(|(now, _)| now)
    }

    /// Its prices, where they are known and not stale; MT5 writes zero for one that it does not know yet.
    pub(crate) fn quote(&self, now: Timestamp, params: &Params) -> Option<Quote> {
        let (said, at) = self.said.as_deref()?;
        let quote = said.quote.filter(|quote| quote.bid != Price::ZERO && quote.ask != Price::ZERO);
        quote.filter(|_| now.since(*at) < params.look.price_valid_for)
    }

    /// What one point of it is; zero when that is not known.
    pub(super) fn point(&self) -> Price {
        self.now().map_or(Price::ZERO, |said| said.point)
    }

    /// What it allows, as the trade machine knows it; `slippage` where the symbol has a threshold of its own (TRD-2).
    ///
    /// A terminal that has not read the symbol yet shows steps of zero: nothing can be counted in them.
    pub(super) fn rules(&self, slippage: Option<Points>) -> Option<SymbolRules> {
        let read = |said: &&SymbolNow| {
            said.point > Price::ZERO && said.tick > Price::ZERO && said.volume_step > Lots::ZERO
        };
        let said = self.now().filter(read)?;
        Some(SymbolRules {
            point: said.point,
            tick: said.tick,
            volume_step: said.volume_step,
            volume_min: said.volume_min,
            volume_max: said.volume_max,
            stops_level: said.stops_level,
            freeze_level: said.freeze_level,
            filling: said.filling,
            trade_mode: said.trade_mode,
            slippage,
        })
    }

    pub(super) fn note_waits(&mut self, magic: Magic, before: Option<Wait>, after: Option<Wait>) {
        if before == after {
            return;
        }
        for (wait, adds) in [(before, false), (after, true)] {
            let set = match wait {
                Some(Wait::Snapshot) => &mut self.snapshot_waits,
                Some(Wait::Session) => &mut self.session_waits,
                Some(Wait::Gate | Wait::Lane | Wait::Connection | Wait::Delay) | None => continue,
            };
            if adds {
                set.insert(magic);
            } else {
                set.remove(&magic);
            }
        }
    }

    /// Takes in what is said of it now; answers who is concerned.
    fn take(&mut self, said: SymbolNow, now: Timestamp) -> Vec<Magic> {
        let session = self.now().map(|known| known.session);
        let mut concerned: Vec<Magic> = self.snapshot_waits.iter().copied().collect();
        if session != Some(said.session) {
            concerned.extend(&self.session_waits);
        }
        if let (Some(quote), Some(levels)) = (said.quote, &mut self.levels) {
            concerned.extend(levels.crossed(quote));
        }
        match &mut self.said {
            Some(known) => **known = (said, now),
            None => self.said = Some(Box::new((said, now))),
        }
        concerned
    }
}

impl Trading {
    /// The symbol with this name, if it is watched.
    pub(crate) fn symbol(&self, name: &str) -> Option<&SymbolState> {
        self.desk.symbols.get(name).map(Box::as_ref)
    }

    /// The present prices of the trade's symbol.
    pub(super) fn quote_of(&self, magic: Magic, now: Timestamp, params: &Params) -> Option<Quote> {
        self.symbol(&self.desk.trades.get(&magic)?.symbol)?.quote(now, params)
    }

    /// Makes room for another symbol where as many are watched as may be: one without trades is not watched any more, and
    /// of those rather one that nobody asked for, or that the trade server does not have.
    pub(super) fn make_room(&mut self) {
        if self.desk.symbols.len() < SnapshotQuery::MOST {
            return;
        }
        let idle = self.desk.symbols.iter().filter(|(_, state)| state.trades == 0);
        let least = idle.min_by_key(|(_, state)| (state.wanted, state.said.is_some()));
        if let Some(name) = least.map(|(name, _)| Arc::clone(name)) {
            self.desk.symbols.remove(&name);
        }
    }

    /// Tells the gateway what to watch at the end of the turn.
    pub(super) fn watch_anew(&mut self) {
        if let Watch::Told(_) | Watch::Known = self.watch {
            self.watch = Watch::Due;
        }
    }

    /// What the gateway is to watch: the symbols of the trades first.
    pub(super) fn to_watch(&self) -> Vec<String> {
        let (needed, others): (Vec<_>, Vec<_>) =
            self.desk.symbols.iter().partition(|(_, state)| state.trades > 0);
        let names = needed.into_iter().chain(others).take(SnapshotQuery::MOST);
        names.map(|(name, _)| name.to_string()).collect()
    }
}

impl Shard {
    /// Sees to it that the prices of these symbols are known without a trade of them; those that were wanted before are
    /// kept while there is room.
    pub(crate) fn watch<'a>(&mut self, index: u32, names: impl IntoIterator<Item = &'a str>) {
        let trading = &mut self.slots[index as usize].trading;
        for name in names {
            if trading.desk.symbols.get(name).is_none_or(|state| !state.wanted) {
                let name = trading.enlist(name);
                if let Some(state) = trading.desk.symbols.get_mut(&name) {
                    state.wanted = true;
                }
            }
        }
        self.touch(index);
    }

    /// The gateway says how account and symbols stand.
    pub(in crate::shard) fn take_market(&mut self, index: u32, market: Market, now: Timestamp) {
        let slot = &mut self.slots[index as usize];
        let connected = slot.is_connected();
        let trading = &mut slot.trading;
        let Market { mode, balance, equity, symbols } = market;
        let before = trading.market.replace(MarketNow { mode, balance, equity, at: now });
        // Something was closed, or paid in: who did that, a look tells.
        #[expect(clippy::float_cmp, reason = "whether it is the same number again is what is asked")]
        let moved = before.is_some_and(|before| before.balance != balance);
        let desk = trading.desk.known();
        let concerned = desk.map(|desk| desk.take_market(symbols, moved, connected, now)).unwrap_or_default();
        for magic in concerned {
            self.tick_later(index, magic);
        }
        self.touch(index);
    }
}

impl Desk {
    /// Takes in what is said of the symbols now, and whether the balance moved; answers who is concerned.
    fn take_market(
        &mut self,
        symbols: Vec<SymbolNow>,
        moved: bool,
        connected: bool,
        now: Timestamp,
    ) -> Vec<Magic> {
        if moved && !self.waits.at_broker.is_empty() {
            self.looks.soon(now);
        }
        let mut concerned = Vec::new();
        for said in symbols {
            if let Some(state) = self.symbols.get_mut(said.name.as_str()) {
                // A terminal that was just connected may not have prices yet.
                self.market_is_told |= connected && said.quote.is_some();
                concerned.extend(state.take(said, now));
            }
        }
        concerned
    }
}
