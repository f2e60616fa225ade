//! How many steps a world makes in a second of one core: instances that are watched, trade, and are troubled.
//!
//! `cargo run --release -p warden-bridge-sim --example pace [INSTANCES] [SECONDS]`: so many seconds of the world's time.

use std::{env, time::Instant};

use warden_bridge::{
    Command, CommandId, Envelope, Finished, Inbound, Order, OrderAction, Outcome, SendId, SnapshotQuery,
};
use warden_bridge_sim::{Bars, FaultMix, FleetPlan, Market, Settings, World};
use warden_domain::{Epoch, Filling, InstanceId, Side, Span, Timestamp};

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn main() {
    let mut numbers = env::args().skip(1).filter_map(|number| number.parse::<u64>().ok());
    let instances = usize::try_from(numbers.next().unwrap_or(4)).unwrap_or(4);
    let seconds = numbers.next().unwrap_or(20_000);
    let plan = FleetPlan::demo(instances, 7);
    let mut world = World::new(&plan, Market::usual(Bars::eurusd(), 7), Settings::default(), 7, START);
    world.add_mix(FaultMix::trades(Span::from_secs(5)));
    let (mut steps, mut said, mut number, end) = (0_u64, 0, 0, START.after(Span::from_secs(seconds)));
    let began = Instant::now();
    while let Some(now) = world.next_event().filter(|now| *now < end) {
        steps += 1;
        for inbound in world.advance_to(now) {
            said += 1;
            for (instance, command) in answers(&plan, inbound, &number) {
                number += 1;
                let (id, deadline) = (CommandId(number), now.after(Span::from_secs(5)));
                // A gateway that went down takes nothing.
                let _ = world.command(Envelope { instance, epoch: Epoch(1), id, deadline, command }, now);
            }
        }
    }
    let took = began.elapsed().as_secs_f64();
    let (faults, deals) = (world.faults_begun(), world.ledger().entries().len());
    println!(
        "{instances} instances, {seconds} s: {steps} steps, {said} messages, {number} commands, {faults} faults, {deals} \
         ledger lines in {took:.2} s: {:.0} steps/s",
        steps as f64 / took
    );
}

/// A supervisor of the simplest kind: logs in what is not, watches, trades with each market, looks after each order.
fn answers(plan: &FleetPlan, inbound: Inbound, number: &u64) -> Vec<(InstanceId, Command)> {
    let login = |instance: &InstanceId| {
        let account = plan.accounts.iter().find(|account| account.instance == *instance);
        account.map(|account| Command::Login {
            login: account.login,
            server: account.server.clone(),
            password: account.password.clone(),
        })
    };
    match inbound {
        Inbound::Up { instance, .. } => {
            let watch = Command::Watch(vec!["EURUSD".into(), "GBPUSD".into()]);
            login(&instance).into_iter().chain([watch]).map(|command| (instance.clone(), command)).collect()
        }
        Inbound::Report { instance, report } if !report.facts.trading_permitted().unwrap_or(false) => {
            login(&instance).map(|command| (instance, command)).into_iter().collect()
        }
        Inbound::Market { instance, .. } => {
            let side = if number.is_multiple_of(2) { Side::Buy } else { Side::Sell };
            vec![(instance, Command::Order(order(*number, OrderAction::Deal(side))))]
        }
        Inbound::Finished(Finished { instance, outcome: Outcome::Snapshot(snapshot), .. }) => {
            let ours = snapshot.positions.iter().find(|position| position.magic != 0);
            let close = |position| OrderAction::Close { position };
            let close = |position| Command::Order(Order { volume: 0.0, ..order(*number, close(position)) });
            ours.map(|position| (instance, close(position.ticket))).into_iter().collect()
        }
        Inbound::Finished(finished) if finished.facts.retcode.is_some() => {
            let (tags, back) = (vec![*number], Span::from_secs(3_600));
            let query = SnapshotQuery { tags, newer_than: u64::MAX, back, sends: Vec::new() };
            vec![(finished.instance, Command::Snapshot(query))]
        }
        Inbound::Report { .. } | Inbound::Finished(_) | Inbound::Down { .. } => Vec::new(),
    }
}

fn order(magic: u64, action: OrderAction) -> Order {
    Order {
        action,
        send: SendId { magic, attempt: 1 },
        symbol: "EURUSD".into(),
        volume: 0.01,
        price: 0.0,
        stop_loss: 0.0,
        take_profit: 0.0,
        deviation: 20,
        filling: Some(Filling::ImmediateOrCancel),
        comment: String::new(),
    }
}
