use std::fmt::Write as _;

use warden::sim::FleetPlan;
use warden_testkit::Persistence;

use super::{Plan, Seat, Trading};

/// Numbers of trades short enough for a test. The proof keeps its shape: several looks over a window that is longer than
/// the simulator lets an order come late, and two readings that are apart.
const QUICK: [(&str, &str); 20] = [
    ("trade.signal.start_within", r#""1s""#),
    ("trade.unknown.probes", "3"),
    ("trade.unknown.window", r#""5500ms""#),
    ("trade.unknown.waits", r#"["200ms", "300ms", "500ms"]"#),
    ("trade.unknown.synchronised_after", r#""200ms""#),
    ("trade.timeout.execute_within", r#""1s""#),
    ("trade.timeout.recover_after", r#""300ms""#),
    ("trade.timeout.stop_after", "200"),
    ("trade.duplicate.stop_after", "200"),
    ("trade.protection.reread_after", r#""300ms""#),
    ("trade.pending.waits", r#"["300ms", "500ms", "1s"]"#),
    ("trade.pending.attempts", "200"),
    ("trade.look.every", r#""2s""#),
    ("trade.look.answer_within", r#""2s""#),
    ("network.drop.attempts", "200"),
    ("network.state_store.attempts", "200"),
    ("recovery.failed", "200"),
    // One gateway that is away is no broker that is.
    ("broker.incident.members", "1000"),
    ("session.start_within", r#""3s""#),
    ("session.reconnect_deadline", r#""5s""#),
];

impl Plan {
    /// What the simulator draws its world by.
    pub const SEED: u64 = 7;

    /// The group of every instance that trades.
    pub const GROUP: &'static str = "fleet";

    /// So many instances `acct-1`, `acct-2`, … that trade, with short waits: hedging and netting in turn, every third
    /// account with a position that a person opened. Prices of all symbols are watched; the gateways dial through a
    /// network that can be cut; Redis keeps what it was told over a crash.
    #[must_use]
    pub fn trading(count: usize) -> Self {
        let mut plan = QUICK.iter().fold(Self::quick(&[]), |plan, (key, value)| plan.set(key, value));
        let fleet = FleetPlan::demo(count, Self::SEED);
        let seat = |account: &warden::sim::AccountPlan| Seat {
            instance: account.instance.to_string(),
            server: account.server.to_string(),
            login: account.login.number(),
        };
        plan.seats = fleet.accounts.iter().map(seat).collect();
        let mut sections =
            "\n[trading]\nsymbols = [\"EURUSD\", \"USDJPY\", \"GBPUSD\"]\nclaim_after = \"1s\"\n\n\
                            [[group]]\nname = \"fleet\"\norders_per_minute = 6000\norder_burst = 100\n"
                .to_owned();
        for seat in &plan.seats {
            let _ =
                write!(sections, "\n[[instance]]\nid = \"{}\"\ngroup = \"{}\"\n", seat.instance, Self::GROUP);
        }
        plan.trading = Some(Trading { fleet, sections, redis: Persistence::AppendOnly });
        plan
    }

    /// How many accounts the simulator is to draw; nothing when they stand in their file.
    #[must_use]
    pub fn fleet(&self) -> Option<usize> {
        self.trading.as_ref().map(|trading| trading.fleet.accounts.len())
    }

    /// Whether an account keeps one position for each symbol.
    ///
    /// # Panics
    /// When there is no such account in a plan that trades.
    #[must_use]
    pub fn is_netting(&self, instance: &str) -> bool {
        let accounts = self.trading.iter().flat_map(|trading| &trading.fleet.accounts);
        let account = accounts.into_iter().find(|account| account.instance.as_str() == instance);
        let account = account.unwrap_or_else(|| panic!("{instance} does not trade"));
        account.mode == warden_domain::AccountMode::Netting
    }

    pub(crate) fn persistence(&self) -> Persistence {
        self.trading.as_ref().map_or(Persistence::None, |trading| trading.redis)
    }
}
