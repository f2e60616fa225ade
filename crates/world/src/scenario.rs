use std::sync::Arc;

use warden_bridge_sim::{Bars, FleetPlan, Market};
use warden_domain::{Desired, Span};
use warden_policy::Params;
use warden_supervisor::InstanceSpec;

use crate::{point::Point, rng::Rng, weather::Weather};

/// The group of every instance.
pub(crate) const GROUP: &str = "all";

/// What happens far more often in some runs than in others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Emphasis {
    /// Nothing.
    #[default]
    None,
    /// Prices are asked for anew, and answers come twice.
    Repeats,
    /// A connection is cut while an order is on its way, and stands again before the order arrives.
    Cuts,
    /// Every order at the market is filled far from its price.
    Slips,
}

/// What a seed makes of a run: who there is, how long, and how rough.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) plan: FleetPlan,
    pub(crate) params: Arc<Params>,
    pub(crate) shards: usize,
    /// Events that a shard takes into one batch at most.
    pub(crate) batch: usize,
    pub(crate) with_history: bool,
    /// How long things go wrong, in milliseconds.
    pub(crate) trouble_for: u64,
    /// The mean time between two actions, in milliseconds.
    pub(crate) act_every: u64,
    pub(crate) weather: Weather,
    /// Where the supervisor dies: at each point after so many chances, one after the other.
    pub(crate) deaths: Vec<(Point, u32)>,
    pub(crate) emphasis: Emphasis,
}

impl Scenario {
    pub(crate) fn of(seed: u64) -> Self {
        let mut rng = Rng::new(seed, "scenario");
        let count = 2 + rng.place(4);
        let mut plan = FleetPlan::demo(count, seed);
        plan.share_among(1 + rng.place(3));
        let one_server = rng.per_mille(300);
        if one_server {
            let server = plan.accounts[0].server.clone();
            plan.accounts.iter_mut().for_each(|account| account.server = server.clone());
        }
        let calm = rng.per_mille(150);
        let rough = |rng: &mut Rng, most: u64| if calm { 0 } else { rng.below(most) };
        let weather = Weather {
            slow: rough(&mut rng, 60),
            failing: rough(&mut rng, 15),
            lost: rough(&mut rng, 30),
            twice: rough(&mut rng, 40),
            late: rough(&mut rng, 80),
            ..Weather::default()
        };
        let emphasis = Rng::new(seed, "emphasis").weighted(&[
            (7, Emphasis::None),
            (1, Emphasis::Repeats),
            (1, Emphasis::Cuts),
            (1, Emphasis::Slips),
        ]);
        let weather = match emphasis {
            Emphasis::Repeats => Weather { twice: 400, ..weather },
            Emphasis::None | Emphasis::Cuts | Emphasis::Slips => weather,
        };
        let deaths =
            (0..rng.place(6)).map(|_| (rng.pick(&Point::ALL), [0, 0, 1, 3, 8][rng.place(5)])).collect();
        Self {
            plan,
            params: Arc::new(params(&mut rng)),
            shards: 1 + rng.place(2),
            batch: rng.pick(&[2, 16, 1_024]),
            with_history: rng.per_mille(400),
            trouble_for: 30_000 + rng.below(150_000),
            act_every: rng.pick(&[400, 1_000, 3_000]),
            weather,
            deaths,
            emphasis,
        }
    }

    pub(crate) fn market(&self, seed: u64) -> Market {
        Market::usual(Bars::eurusd(), seed)
    }

    pub(crate) fn specs(&self) -> Vec<InstanceSpec> {
        let spec = |account: &warden_bridge_sim::AccountPlan| InstanceSpec {
            id: account.instance.clone(),
            login: Some(account.login),
            server: account.server.clone(),
            desired: Desired::Running,
            group: GROUP.to_owned(),
            rules: Arc::default(),
        };
        self.plan.accounts.iter().map(spec).collect()
    }
}

/// The rules' numbers: the defaults, or others; what is judged are the numbers that the run has.
fn params(rng: &mut Rng) -> Params {
    let mut params = Params::default();
    // An hour of waiting shows no more than two minutes of it.
    params.maintenance.retry_after = Span::from_secs(120);
    params.rate_limit.pause = rng.pick(&[Span::from_secs(60), Span::from_secs(20)]);
    if rng.per_mille(300) {
        params.down.reconnect_after = Span::from_secs(10);
        params.login.network_wait = Span::from_secs(5);
        params.recovery.failed = 5;
    }
    params
}
