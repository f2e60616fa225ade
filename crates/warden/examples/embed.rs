//! A supervisor inside another program: stores in memory, one simulated terminal, brought to `CONNECTED`.
//!
//! `cargo run -p warden --example embed --features sim`

use std::{error::Error, sync::Arc};

use tokio::sync::mpsc;
use warden::{
    domain::{Desired, Status},
    policy::Params,
    sim::{self, Bars, FleetPlan, Market, Settings, World, WorldClock},
    store::{
        Account, Password,
        memory::{MemoryAccounts, MemoryHot, MemoryJournal},
    },
    supervisor::{Clock as _, Fleet, InstanceSpec, Options, Ownership, Parts, SystemClock},
};

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    // One account, one terminal and its gateway, in process and fifty times as fast as real ones.
    const SPEED: u32 = 50;
    let plan = FleetPlan::demo(1, 7);
    let clock = SystemClock::new(SPEED);
    let world = World::new(&plan, Market::usual(Bars::eurusd(), 7), Settings::default(), 7, clock.now());
    let (to_fleet, inbound) = mpsc::channel(1_024);
    let of_world = clock.clone();
    let world_clock = WorldClock::new(move || of_world.now(), f64::from(SPEED));
    let bridge = Arc::new(sim::Fleet::in_process(world, world_clock, to_fleet));

    // A real program keeps its accounts elsewhere and journals to a file.
    let accounts = MemoryAccounts::new(plan.accounts.iter().map(|account| {
        let password = Password::new(account.password.reveal().to_owned());
        let (login, server) = (account.login, account.server.clone());
        (account.instance.clone(), Account { login, server, password, rejected: false })
    }))?;
    let spec = |account: &sim::AccountPlan| InstanceSpec {
        id: account.instance.clone(),
        login: Some(account.login),
        server: account.server.clone(),
        desired: Desired::Running,
        group: String::new(),
        rules: Arc::default(),
    };
    let fleet = Fleet::start(Parts {
        instances: plan.accounts.iter().map(spec).collect(),
        params: Arc::new(Params::default()),
        journal: Arc::new(MemoryJournal::new()),
        hot: Arc::new(MemoryHot::default()),
        accounts: Arc::new(accounts),
        history: None,
        bridge,
        inbound,
        ownership: Arc::new(Ownership::default()),
        clock: Arc::new(clock),
        options: Options::default(),
    })
    .await?;

    let mut feed = fleet.feed();
    loop {
        let decision = feed.recv().await?;
        let rule = decision.rule.map_or("-", |rule| rule.as_str());
        println!(
            "{} {:<12} {rule:<6} {} → {}  {}",
            decision.instance,
            decision.event,
            decision.before,
            decision.after,
            decision.actions.join(", ")
        );
        if decision.after == Status::Connected {
            break;
        }
    }
    fleet.drain().await?;
    Ok(())
}
