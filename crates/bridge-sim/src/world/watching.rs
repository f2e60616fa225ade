//! How the account and the watched symbols stand, said again and again.

use warden_bridge::{Inbound, Market, Outcome, SymbolNow};
use warden_domain::{Facts, Lots, Points, Quote, Session, TradeMode};

use super::{Event, World};
use crate::{
    account::Account,
    engine::sign,
    fault::FaultKind,
    symbol::SymbolSpec,
    terminal::{Terminal, Watch},
};

impl World {
    /// Watches these symbols from now on, and no others.
    pub(super) fn watch(&mut self, at: usize, names: &[String]) -> (Outcome, Facts) {
        let mut symbols: Vec<usize> = names.iter().filter_map(|name| self.market.find(name)).collect();
        symbols.sort_unstable();
        symbols.dedup();
        let worker = &mut self.terminals[at].worker;
        worker.watches += 1;
        let number = worker.watches;
        worker.watch = Some(Watch { number, symbols, told: None });
        self.queue.push(self.now, Event::MarketDue(at, number));
        (Outcome::Done, self.observed(at))
    }

    /// Says how the market stands, where that is news, and looks again in a second.
    pub(super) fn market_due(&mut self, at: usize, number: u64) {
        let Some(watch) = self.terminals[at].worker.watch.as_ref().filter(|watch| watch.number == number)
        else {
            return;
        };
        self.queue.push(self.now.after(Watch::STEP), Event::MarketDue(at, number));
        let Some(market) = self.market_now(at, &watch.symbols).filter(|now| watch.is_news(now, self.now))
        else {
            return;
        };
        let (told, market) = (Box::new(market.clone()), Box::new(market));
        if let Some(watch) = &mut self.terminals[at].worker.watch {
            watch.told = Some((self.now, told));
        }
        let instance = self.terminals[at].instance.clone();
        self.tell(at, Inbound::Market { instance, market });
    }

    /// What the API says now; `None` when it says nothing.
    fn market_now(&self, at: usize, symbols: &[usize]) -> Option<Market> {
        let terminal = &self.terminals[at];
        let session = terminal.session.filter(|_| terminal.alive && !terminal.suffers(FaultKind::Freeze))?;
        let account = &self.accounts[session];
        Some(Market {
            mode: account.mode,
            balance: account.balance,
            equity: account.balance + self.floating(account),
            symbols: symbols.iter().map(|symbol| self.symbol_now(terminal, *symbol)).collect(),
        })
    }

    /// What open positions would win now.
    fn floating(&self, account: &Account) -> f64 {
        let elapsed = self.now.since(self.start);
        let won = account.positions.iter().map(|position| {
            let quote = self.market.quote(position.symbol, elapsed);
            let points = sign(position.side) * (quote.price(position.side.opposite()) - position.price);
            self.market.spec(position.symbol).money(points, position.volume.lots())
        });
        won.sum()
    }

    fn symbol_now(&self, terminal: &Terminal, symbol: usize) -> SymbolNow {
        let spec = self.market.spec(symbol);
        let lots = |lots: f64| Lots::from_f64(lots).unwrap_or_default();
        let quoted = terminal.connected && !terminal.suffers(FaultKind::NoQuotes);
        let close_only = terminal.suffers(FaultKind::CloseOnly);
        SymbolNow {
            name: spec.name.clone(),
            point: spec.told(1),
            tick: spec.told(1),
            tick_value: spec.money(1, 1.0),
            volume_step: lots(spec.volume_step),
            volume_min: lots(spec.volume_min),
            volume_max: lots(spec.volume_max),
            stops_level: Points(spec.stops_level),
            freeze_level: Points(spec.freeze_level),
            filling: spec.filling,
            trade_mode: if close_only { TradeMode::CloseOnly } else { spec.trade_mode },
            session: self.session_now(terminal, spec),
            quote: quoted.then(|| {
                let quote = self.market.quote(symbol, self.now.since(self.start));
                Quote { bid: spec.told(quote.bid), ask: spec.told(quote.ask) }
            }),
        }
    }

    fn session_now(&self, terminal: &Terminal, spec: &SymbolSpec) -> Session {
        let closed = terminal.faults.iter().filter(|fault| fault.kind == FaultKind::SessionClosed);
        match (spec.sessions.at(self.now), closed.max_by_key(|fault| fault.until.is_none())) {
            (Session::Open, None) => Session::Open,
            (Session::Open, Some(fault)) => Session::Closed { opens_at: fault.until },
            (Session::Closed { opens_at }, _) => Session::Closed { opens_at },
        }
    }
}
