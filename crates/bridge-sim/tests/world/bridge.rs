use std::time::Duration;

use tokio::sync::mpsc;
use warden_bridge::{Command, CommandId, Inbound, Mt5Bridge, Outcome, SendError};
use warden_bridge_sim::{Bars, FaultScript, Fleet, FleetPlan, Market, Settings, World, WorldClock};
use warden_domain::{InstanceId, Span};

use crate::hand::{Hand, START, id};

fn fleet(count: usize) -> (Fleet, WorldClock, mpsc::Receiver<Inbound>) {
    let plan = FleetPlan::demo(count, 7);
    let world = World::new(&plan, Market::usual(Bars::eurusd(), 7), Settings::default(), 7, START);
    let clock = WorldClock::from(START, 100.0);
    let (inbound, heard) = mpsc::channel(256);
    (Fleet::in_process(world, clock.clone(), inbound), clock, heard)
}

async fn hear<T>(heard: &mut mpsc::Receiver<Inbound>, wanted: impl Fn(&Inbound) -> Option<T>) -> T {
    let listen = async {
        loop {
            let inbound = heard.recv().await.expect("the fleet speaks");
            if let Some(found) = wanted(&inbound) {
                return found;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), listen).await.expect("heard in time")
}

#[tokio::test]
async fn a_fleet_in_process_announces_answers_and_reports() {
    let (fleet, clock, mut heard) = fleet(3);
    for _ in 0..3 {
        hear(&mut heard, |inbound| matches!(inbound, Inbound::Up { .. }).then_some(())).await;
    }
    let hand = Hand::new(3);
    let account = hand.plan.accounts[1].clone();
    let login = Command::Login { login: account.login, server: account.server, password: account.password };
    let mut envelope = hand.envelope(2, CommandId(1), login);
    envelope.deadline = clock.now().after(Span::from_secs(600));
    fleet.send(envelope).unwrap();
    let outcome = hear(&mut heard, |inbound| match inbound {
        Inbound::Finished(finished) if finished.instance == id(2) => Some(finished.outcome.clone()),
        _ => None,
    });
    assert_eq!(outcome.await, Outcome::Done);
    assert!(fleet.with_world(|world, _| world.truth(&id(2)).unwrap().trade_permitted));

    fleet.with_world(|world, now| {
        let line = r#"{ who = "acct-2", what = "network_drop" }"#;
        let script = FaultScript::parse_line(line, world.roster()).unwrap();
        world.fault_now(script.faults, now);
    });
    hear(&mut heard, |inbound| match inbound {
        Inbound::Report { instance, report } if *instance == id(2) => {
            report.facts.terminal.is_some_and(|flags| !flags.connected).then_some(())
        }
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn a_command_for_nobody_is_refused_at_once() {
    let (fleet, _, _heard) = fleet(1);
    let mut envelope = Hand::new(1).envelope(1, CommandId(1), Command::Confirm);
    envelope.instance = InstanceId::new("nobody").unwrap();
    assert!(matches!(fleet.send(envelope), Err(SendError::NotConnected(_))));
}

#[tokio::test]
async fn a_command_for_a_gateway_that_is_down_is_answered_as_not_started() {
    let (fleet, clock, mut heard) = fleet(1);
    fleet.with_world(|world, now| {
        let line = r#"{ who = "all", what = "gateway_down" }"#;
        let script = FaultScript::parse_line(line, world.roster()).unwrap();
        world.fault_now(script.faults, now);
    });
    hear(&mut heard, |inbound| matches!(inbound, Inbound::Down { .. }).then_some(())).await;
    let mut envelope = Hand::new(1).envelope(1, CommandId(1), Command::Confirm);
    envelope.deadline = clock.now().after(Span::from_secs(600));
    fleet.send(envelope).unwrap();
    let outcome = hear(&mut heard, |inbound| match inbound {
        Inbound::Finished(finished) => Some(finished.outcome.clone()),
        _ => None,
    });
    assert_eq!(outcome.await, Outcome::NotStarted);
}
