use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;
use warden_bridge::{
    Command, CommandId, Envelope, Finished, Inbound, Mt5Bridge, OrderAction, Outcome, Refused,
    server::{Listener, Listening, ServerConfig},
};
use warden_bridge_sim::{
    Bars, Dialling, FaultScript, FleetPlan, Gateways, Market, Settings, World, WorldClock,
};
use warden_domain::{Epoch, InstanceId, Side, Span, Timestamp};

use crate::hand::{deal, id, retcode};

/// A supervisor's side that owns everything, and a world of two gateways that dials it.
struct Wire {
    listening: Listening,
    heard: mpsc::Receiver<Inbound>,
    gateways: Gateways,
    plan: FleetPlan,
    commands: u64,
}

impl Wire {
    async fn new(count: usize, speed: f64) -> Self {
        let (inbound, heard) = mpsc::channel(256);
        let everything = |_: &InstanceId, seen: Epoch| Ok::<_, Refused>(seen.next());
        let config = ServerConfig::new("127.0.0.1:0".parse().unwrap());
        let listening = Listener::bind(config, Arc::new(everything), inbound).await.unwrap();
        let mut plan = FleetPlan::demo(count, 7);
        plan.share_among(2);
        let clock = WorldClock::from(utc(), speed);
        let market = Market::usual(Bars::eurusd(), 7);
        let world = World::new(&plan, market, Settings::default(), 7, clock.now());
        let dialling =
            Dialling { longest_wait: Span::from_millis(100), ..Dialling::new(vec![listening.address]) };
        let gateways = Gateways::serve(world, clock, dialling).unwrap();
        Self { listening, heard, gateways, plan, commands: 0 }
    }

    async fn hear<T>(&mut self, wanted: impl Fn(&Inbound) -> Option<T>) -> T {
        let listen = async {
            loop {
                let inbound = self.heard.recv().await.expect("the listener lives");
                if let Some(found) = wanted(&inbound) {
                    return found;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), listen).await.expect("heard in time")
    }

    /// Waits for an instance; answers the epoch that it is owned under, one above the highest its gateway has seen.
    async fn up(&mut self, at: usize) -> Epoch {
        self.hear(|inbound| match inbound {
            Inbound::Up { instance, epoch, .. } if *instance == id(at) => Some(epoch.next()),
            _ => None,
        })
        .await
    }

    async fn ask(&mut self, at: usize, epoch: Epoch, command: Command) -> Finished {
        self.commands += 1;
        let sent = CommandId(self.commands);
        let deadline = utc().after(Span::from_secs(20));
        let envelope = Envelope { instance: id(at), epoch, id: sent, deadline, command };
        self.listening.bridge.send(envelope).unwrap();
        self.hear(|inbound| match inbound {
            Inbound::Finished(finished) if finished.id == sent => Some(finished.clone()),
            _ => None,
        })
        .await
    }

    async fn login(&mut self, at: usize, epoch: Epoch) -> Finished {
        let account = self.plan.accounts[at - 1].clone();
        let (login, server) = (account.login, account.server);
        self.ask(at, epoch, Command::Login { login, server, password: account.password }).await
    }

    fn fault(&self, line: &str) {
        self.gateways.with_world(|world, now| {
            let script = FaultScript::parse_line(line, world.roster()).unwrap();
            world.fault_now(script.faults, now);
        });
    }
}

fn utc() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}

#[tokio::test]
async fn a_world_serves_its_terminals_over_the_published_protocol() {
    let mut wire = Wire::new(3, 20.0).await;
    let epoch = wire.up(1).await;
    let login = wire.login(1, epoch).await;
    assert_eq!(login.outcome, Outcome::Done, "{login:?}");
    let order = wire.ask(1, epoch, Command::Order(deal(OrderAction::Deal(Side::Buy)))).await;
    assert_eq!((retcode(&order), order.facts.ticket), (10_009, true));
    let confirm = wire.ask(1, epoch, Command::Confirm).await;
    let Outcome::Session(session) = confirm.outcome else { panic!("a session: {confirm:?}") };
    assert_eq!((session.login, session.positions.len()), (5_001, 1));
    assert_eq!(wire.gateways.with_world(|world, _| world.ledger().deals_of(42).count()), 1);

    wire.fault(r#"{ who = "acct-1", what = "terminal_crash" }"#);
    wire.hear(|inbound| match inbound {
        Inbound::Report { instance, report } if *instance == id(1) => (!report.terminal_alive).then_some(()),
        _ => None,
    })
    .await;
    wire.gateways.close().await;
    wire.hear(|inbound| matches!(inbound, Inbound::Down { instance } if *instance == id(1)).then_some(()))
        .await;
}

#[tokio::test]
async fn net_1_a_gateway_that_went_down_comes_back_under_a_higher_epoch() {
    let mut wire = Wire::new(2, 20.0).await;
    let epoch = wire.up(1).await;
    assert_eq!(wire.login(1, epoch).await.outcome, Outcome::Done);
    wire.fault(r#"{ who = "gateway:gw1", what = "gateway_down", for = "20s" }"#);
    wire.hear(|inbound| matches!(inbound, Inbound::Down { instance } if *instance == id(1)).then_some(()))
        .await;
    let again = wire.up(1).await;
    assert!(again > epoch, "{again:?} after {epoch:?}");
    let confirm = wire.ask(1, again, Command::Confirm).await;
    assert!(matches!(confirm.outcome, Outcome::Session(_)), "the terminal went on: {confirm:?}");
}

#[tokio::test]
async fn a_supervisor_that_is_not_there_is_dialled_until_it_is() {
    let Wire { listening, gateways, .. } = Wire::new(2, 1.0).await;
    let address = listening.address;
    gateways.close().await;
    drop(listening);
    let plan = FleetPlan::demo(1, 7);
    let clock = WorldClock::from(utc(), 1.0);
    let world = World::new(&plan, Market::usual(Bars::eurusd(), 7), Settings::default(), 7, clock.now());
    let dialling = Dialling { longest_wait: Span::from_millis(50), ..Dialling::new(vec![address]) };
    let gateways = Gateways::serve(world, clock, dialling).unwrap();
    let (inbound, mut heard) = mpsc::channel(16);
    let everything = |_: &InstanceId, seen: Epoch| Ok::<_, Refused>(seen.next());
    let bind = || Listener::bind(ServerConfig::new(address), Arc::new(everything), inbound.clone());
    let bound = async {
        loop {
            // The port is free again when the first listener's sockets are closed.
            match bind().await {
                Ok(listening) => return listening,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    let _listening = tokio::time::timeout(Duration::from_secs(20), bound).await.expect("bound in time");
    let first = tokio::time::timeout(Duration::from_secs(20), heard.recv()).await.expect("dialled in time");
    assert!(matches!(first, Some(Inbound::Up { .. })), "{first:?}");
    gateways.close().await;
}
