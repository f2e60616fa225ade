//! Trading inside another program: one signal for a group of two simulated accounts, and what became of it.
//!
//! `cargo run -p warden --example signal --features sim`

use std::{error::Error, sync::Arc, time::Duration};

use tokio::{sync::mpsc, time};
use warden::{
    distribution::{AccountRules, OutcomeKind, Report, Signal, Symbol, settings::Value},
    domain::{Desired, Span},
    policy::Params,
    sim::{self, AccountPlan, Bars, FleetPlan, Market, Settings, World, WorldClock},
    store::{
        Account, Password,
        memory::{MemoryAccounts, MemoryHot, MemoryJournal},
    },
    supervisor::{Clock as _, Distribution, Fleet, InstanceSpec, Options, Ownership, Parts, SystemClock},
};

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let clock = SystemClock::new(SPEED);
    let fleet = start(&clock).await?;
    // Before its sessions are confirmed nothing is known of balances and prices.
    if !fleet.distributor().ready(Span::from_secs(60)).await {
        return Err("no confirmed session".into());
    }

    // Each account opens for a balance of 10,000 what the source opens for 100,000; the rules of an account come on top.
    let signal = format!(
        r#"{{"key": "demo-1", "source": "example", "created_at": "{}", "group": "majors", "action": "open",
            "symbol": "EURUSD", "side": "BUY", "sizing": "ratio", "source_lots": "2", "source_balance": "100000"}}"#,
        clock.now()
    );
    let signal = fleet.distributor().read_json(signal.as_bytes())?;
    // Given again after a lost answer, the same key is the same signal: no account opens twice.
    let _accepted: Report = fleet.signal(signal.clone()).await?;
    let report = settled(&fleet, signal).await?;
    for line in &report.lines {
        println!("{line}");
    }
    for trade in fleet.trades(None).await {
        println!("{} {} {} {} of {}", trade.instance, trade.tag, trade.state, trade.filled, trade.volume);
    }
    fleet.drain().await?;
    match report.lines.iter().find(|line| line.kind() != OutcomeKind::Filled) {
        None => Ok(()),
        Some(line) => Err(format!("not every account took part: {line}").into()),
    }
}

/// How many times as fast as the wall's time passes.
const SPEED: u32 = 10;

/// Two accounts of a group with their terminals, in process, over stores in memory.
async fn start(clock: &SystemClock) -> Result<Fleet, Box<dyn Error>> {
    let plan = FleetPlan::demo(2, 7);
    let world = World::new(&plan, Market::usual(Bars::eurusd(), 7), Settings::default(), 7, clock.now());
    let (to_fleet, inbound) = mpsc::channel(1_024);
    let of_world = clock.clone();
    let world_clock = WorldClock::new(move || of_world.now(), f64::from(SPEED));
    let bridge = Arc::new(sim::Fleet::in_process(world, world_clock, to_fleet));

    let accounts = MemoryAccounts::new(plan.accounts.iter().map(|account| {
        let password = Password::new(account.password.reveal().to_owned());
        let (login, server) = (account.login, account.server.clone());
        (account.instance.clone(), Account { login, server, password, rejected: false })
    }))?;
    // The second account trades half of what a signal asks for.
    let mut half = AccountRules::default();
    half.set("multiplier", &Value::Text("0.5"))?;
    let rules = [Arc::default(), Arc::new(half)];
    let spec = |(account, rules): (&AccountPlan, Arc<AccountRules>)| InstanceSpec {
        id: account.instance.clone(),
        login: Some(account.login),
        server: account.server.clone(),
        desired: Desired::Running,
        group: "majors".to_owned(),
        rules,
    };
    let symbols = vec![Symbol::new("EURUSD")?];
    let distribution = Distribution { symbols, ..Distribution::default() };
    let parts = Parts {
        instances: plan.accounts.iter().zip(rules).map(spec).collect(),
        params: Arc::new(Params::default()),
        journal: Arc::new(MemoryJournal::new()),
        hot: Arc::new(MemoryHot::default()),
        accounts: Arc::new(accounts),
        history: None,
        bridge,
        inbound,
        ownership: Arc::new(Ownership::default()),
        clock: Arc::new(clock.clone()),
        options: Options { distribution, ..Options::default() },
    };
    Ok(Fleet::start(parts).await?)
}

/// Waits until nothing more will be learnt of the signal.
async fn settled(fleet: &Fleet, signal: Signal) -> Result<Report, Box<dyn Error>> {
    let mut look = time::interval(Duration::from_millis(20));
    loop {
        look.tick().await;
        match fleet.report(&signal.key).await? {
            Some(report) if report.is_settled() => return Ok(report),
            Some(_) => {}
            None => return Err("nothing is known of the signal".into()),
        }
    }
}
