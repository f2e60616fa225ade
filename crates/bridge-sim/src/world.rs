//! The world: time, trade servers, terminals, faults. Pure: no clock, no I/O; the same seed, script and commands make
//! the same world.

mod admission;
mod commands;
mod events;
mod execute;
mod faults;
mod hands;
mod orders;
mod reports;
mod sends;
mod settings;
mod snapshot;
mod trace;
mod truth;
mod watching;

pub use settings::Settings;
pub use truth::Truth;

use std::collections::{BTreeSet, HashMap};

use events::{Event, Queue};
use trace::Trace;
use warden_bridge::Inbound;
use warden_domain::{InstanceId, Login, Side, Span, Timestamp, TradeServer};

use crate::{
    account::Account,
    audit::Audit,
    engine::{History, Lots, Market, Position, Stops},
    fault::{Fault, FaultMix, Rate, Roster},
    ledger::Ledger,
    plan::{AccountPlan, FleetPlan},
    rng::Rng,
    terminal::Terminal,
};

/// Trade servers, accounts, terminals and gateways, and what goes wrong with them.
///
/// # Expected flow
/// Build it from a [`FleetPlan`], give it faults, then in turn [`advance_to`](Self::advance_to) the present moment and
/// hand over [`command`](Self::command)s; [`next_event`](Self::next_event) says how long one may sleep.
///
/// # Guarantees
/// Time goes only forward; what happens at one moment happens in the order in which it was planned. The same seed,
/// plan, faults and commands give the same messages, told by [`trace_hash`](Self::trace_hash).
///
/// # Caveats
/// A terminal whose connection is lost does not come back by itself: it waits for the gateway's command.
///
/// ```
/// use warden_bridge_sim::{Bars, FleetPlan, Market, Settings, World};
/// use warden_domain::{Span, Timestamp};
///
/// let start = Timestamp::from_millis(1_700_000_000_000);
/// let market = Market::usual(Bars::eurusd(), 7);
/// let mut world = World::new(&FleetPlan::demo(3, 7), market, Settings::default(), 7, start);
/// let first = world.advance_to(start.after(Span::from_millis(1)));
/// assert_eq!(first.len(), 3, "every instance is announced");
/// ```
#[derive(Debug)]
pub struct World {
    start: Timestamp,
    now: Timestamp,
    settings: Settings,
    market: Market,
    servers: Vec<Server>,
    accounts: Vec<Account>,
    terminals: Vec<Terminal>,
    places: HashMap<InstanceId, usize>,
    /// The place of each account.
    logins: HashMap<(Login, TradeServer), usize>,
    gateways: Vec<Gateway>,
    roster: Roster,
    queue: Queue,
    planned: Vec<Fault>,
    rates: Vec<Rate>,
    begun: u64,
    taken: u64,
    latency: Rng,
    chance: Rng,
    /// What becomes of requests that are torn off, and what people do.
    fate: Rng,
    ledger: Ledger,
    /// Accounts that prices can change.
    waiting: BTreeSet<usize>,
    ticking: bool,
    out: Vec<Inbound>,
    trace: Trace,
}

/// A trade server.
#[derive(Debug)]
struct Server {
    name: String,
    tickets: u64,
}

/// A gateway process.
#[derive(Debug)]
struct Gateway {
    name: String,
    /// Faults that keep it down.
    down: Vec<u64>,
    /// Faults that cut its session.
    cut: Vec<u64>,
    /// What it has to say when it is back.
    held: Vec<Inbound>,
    /// Faults that slow it, and by how much.
    slow: Vec<(u64, Span)>,
    /// Nothing is told before what was told before it.
    told_until: Timestamp,
}

impl Gateway {
    /// No supervisor hears it.
    fn is_away(&self) -> bool {
        !self.down.is_empty() || !self.cut.is_empty()
    }
}

impl World {
    /// A world that begins at `start`, with every gateway up and every terminal started but not logged in.
    #[must_use]
    pub fn new(plan: &FleetPlan, market: Market, settings: Settings, seed: u64, start: Timestamp) -> Self {
        let mut world = Self {
            start,
            now: start,
            settings,
            market,
            servers: Vec::new(),
            accounts: Vec::new(),
            terminals: Vec::new(),
            places: HashMap::new(),
            logins: HashMap::new(),
            gateways: Vec::new(),
            roster: plan.roster(),
            queue: Queue::default(),
            planned: Vec::new(),
            rates: Vec::new(),
            begun: 0,
            taken: 0,
            latency: Rng::new(seed, "latency"),
            chance: Rng::new(seed, "faults"),
            fate: Rng::new(seed, "fate"),
            ledger: Ledger::default(),
            waiting: BTreeSet::new(),
            ticking: false,
            out: Vec::new(),
            trace: Trace::default(),
        };
        for account in &plan.accounts {
            world.settle(account);
        }
        world
    }

    /// Plans faults; their moments count from the world's beginning, and what is past begins at once.
    pub fn add_faults(&mut self, faults: impl IntoIterator<Item = Fault>) {
        for fault in faults {
            let at = self.start.after(fault.at).max(self.now);
            self.queue.push(at, Event::FaultBegins(self.planned.len()));
            self.planned.push(fault);
        }
    }

    /// Plans a mix of faults.
    pub fn add_mix(&mut self, mix: FaultMix) {
        self.add_faults(mix.faults);
        for rate in mix.rates {
            let at = self.now.after(self.chance.wait(rate.every));
            self.queue.push(at, Event::FaultArrives(self.rates.len()));
            self.rates.push(rate);
        }
    }

    /// Begins faults now, and so much later as each says.
    pub fn fault_now(&mut self, faults: impl IntoIterator<Item = Fault>, now: Timestamp) {
        self.run_until(now);
        let since = self.now.since(self.start).as_millis();
        self.add_faults(faults.into_iter().map(|fault| {
            let at = Span::from_millis(fault.at.as_millis().saturating_add(since));
            Fault { at, ..fault }
        }));
        self.run_until(now);
    }

    /// Lets time pass, and answers what the gateways say meanwhile, in order.
    #[must_use = "what the gateways say is lost otherwise"]
    pub fn advance_to(&mut self, now: Timestamp) -> Vec<Inbound> {
        self.run_until(now);
        std::mem::take(&mut self.out)
    }

    /// When something happens next; `None` when nothing is planned.
    #[must_use]
    pub fn next_event(&self) -> Option<Timestamp> {
        if self.out.is_empty() { self.queue.next() } else { Some(self.now) }
    }

    /// When the world began.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// The moment up to which time has passed.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// What really executed.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What the ledger says about exactly-once.
    #[must_use]
    pub fn audit(&self) -> Audit {
        Audit::of(&self.ledger)
    }

    /// How many faults have begun.
    #[must_use]
    pub fn faults_begun(&self) -> u64 {
        self.begun
    }

    /// How many commands were taken, repeated ones apart.
    #[must_use]
    pub fn commands_taken(&self) -> u64 {
        self.taken
    }

    /// Who there is, for reading fault scripts.
    #[must_use]
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// A hash of everything the gateways said, and when.
    #[must_use]
    pub fn trace_hash(&self) -> u64 {
        self.trace.hash()
    }

    fn run_until(&mut self, now: Timestamp) {
        while let Some((at, event)) = self.queue.pop_until(now) {
            self.now = self.now.max(at);
            self.happens(event);
        }
        self.now = self.now.max(now);
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Announce(terminal) => self.announce(terminal),
            Event::Heartbeat(terminal) => self.heartbeat(terminal),
            Event::CommandOver(terminal, turn) => self.command_over(terminal, turn),
            Event::OrderArrives(account, order) => self.order_arrives(account, &order),
            Event::MarketDue(terminal, watch) => self.market_due(terminal, watch),
            Event::FaultBegins(planned) => {
                let fault = self.planned[planned].clone();
                self.fault_begins(&fault);
            }
            Event::FaultArrives(rate) => self.fault_arrives(rate),
            Event::FaultEnds(id, kind, terminals) => self.fault_ends(id, kind, &terminals),
            Event::Deliver(gateway, inbound) => self.say(gateway, *inbound),
            Event::PricesMove => self.prices_move(),
        }
    }

    /// Gives an account its place at its trade server, its terminal and its gateway.
    fn settle(&mut self, plan: &AccountPlan) {
        let server = self.server(plan.server.as_str());
        let gateway = self.gateway(&plan.gateway);
        let terminal = self.terminals.len();
        let mut account = Account {
            login: plan.login,
            server,
            server_name: plan.server.clone(),
            password: plan.password.reveal().to_owned(),
            mode: plan.mode,
            state: plan.state,
            limits: plan.limits,
            balance: plan.balance,
            leverage: self.settings.leverage,
            positions: Vec::new(),
            orders: Vec::new(),
            history: History::default(),
        };
        for _ in 0..plan.by_hand.min(u32::try_from(self.market.len()).unwrap_or(0)) {
            account.positions.push(self.opened_by_hand(server, account.positions.len()));
        }
        self.accounts.push(account);
        self.terminals.push(Terminal::new(plan.instance.clone(), gateway, terminal));
        self.places.insert(plan.instance.clone(), terminal);
        self.logins.insert((plan.login, plan.server.clone()), terminal);
        self.queue.push(self.start, Event::Announce(terminal));
        // Spread over the interval, so that a large fleet does not report all at once.
        let step = self.settings.heartbeat.as_millis().max(1);
        let phase = u64::try_from(terminal).unwrap_or(0).wrapping_mul(997) % step;
        self.queue.push(self.start.after(Span::from_millis(step + phase)), Event::Heartbeat(terminal));
    }

    fn opened_by_hand(&mut self, server: usize, symbol: usize) -> Position {
        let price = self.market.quote(symbol, Span::ZERO).ask;
        self.servers[server].tickets += 1;
        let (ticket, volume) = (self.servers[server].tickets, Lots::read(0.1).unwrap_or_default());
        let (side, stops) = (Side::Buy, Stops::default());
        Position { ticket, id: ticket, magic: 0, symbol, side, volume, price, stops }
    }

    fn server(&mut self, name: &str) -> usize {
        self.servers.iter().position(|server| server.name == name).unwrap_or_else(|| {
            self.servers.push(Server { name: name.to_owned(), tickets: 1_000 });
            self.servers.len() - 1
        })
    }

    fn gateway(&mut self, name: &str) -> usize {
        self.gateways.iter().position(|gateway| gateway.name == name).unwrap_or_else(|| {
            let name = name.to_owned();
            self.gateways.push(Gateway {
                name,
                down: Vec::new(),
                cut: Vec::new(),
                held: Vec::new(),
                slow: Vec::new(),
                told_until: self.start,
            });
            self.gateways.len() - 1
        })
    }
}
