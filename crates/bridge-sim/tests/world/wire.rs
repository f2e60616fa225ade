use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;
use warden_bridge::{
    Command, CommandId, Envelope, Finished, Inbound, Mt5Bridge, OrderAction, Outcome, Refused, SendId,
    SendState, Snapshot, SnapshotQuery,
    server::{Listener, Listening, ServerConfig},
};
use warden_bridge_sim::{
    Bars, Dialling, FaultScript, FleetPlan, Gateways, Market, Settings, World, WorldClock,
};
use warden_domain::{Epoch, InstanceId, Side, Span, Timestamp};

use crate::hand::{deal, id, query, retcode};

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
        tokio::time::timeout(Duration::from_secs(60), listen).await.expect("heard in time")
    }

    /// Waits for an instance; answers the epoch that it is owned under, one above the highest its gateway has seen.
    async fn up(&mut self, at: usize) -> Epoch {
        self.hear(|inbound| match inbound {
            Inbound::Up { instance, epoch, .. } if *instance == id(at) => Some(epoch.next()),
            _ => None,
        })
        .await
    }

    fn send(&mut self, at: usize, epoch: Epoch, command: Command) -> CommandId {
        self.commands += 1;
        let sent = CommandId(self.commands);
        let deadline = utc().after(Span::from_secs(60));
        let envelope = Envelope { instance: id(at), epoch, id: sent, deadline, command };
        self.listening.bridge.send(envelope).unwrap();
        sent
    }

    async fn ask(&mut self, at: usize, epoch: Epoch, command: Command) -> Finished {
        let sent = self.send(at, epoch, command);
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
    let _listening = tokio::time::timeout(Duration::from_secs(60), bound).await.expect("bound in time");
    let first = tokio::time::timeout(Duration::from_secs(60), heard.recv()).await.expect("dialled in time");
    assert!(matches!(first, Some(Inbound::Up { .. })), "{first:?}");
    gateways.close().await;
}

fn snapshot(sends: &[SendId]) -> Command {
    Command::Snapshot(SnapshotQuery { sends: sends.to_vec(), ..query() })
}

fn read(finished: Finished) -> Snapshot {
    match finished.outcome {
        Outcome::Snapshot(snapshot) => *snapshot,
        other => panic!("a snapshot, not {other:?}"),
    }
}

#[tokio::test]
async fn trd_7_a_send_is_known_to_a_gateway_that_was_restarted() {
    let mut wire = Wire::new(2, 20.0).await;
    let epoch = wire.up(1).await;
    assert_eq!(wire.login(1, epoch).await.outcome, Outcome::Done);
    let order = deal(OrderAction::Deal(Side::Buy));
    let first = wire.ask(1, epoch, Command::Order(order.clone())).await;
    wire.fault(r#"{ who = "gateway:gw1", what = "gateway_down", for = "5s" }"#);
    wire.hear(|inbound| matches!(inbound, Inbound::Down { instance } if *instance == id(1)).then_some(()))
        .await;
    let epoch = wire.up(1).await;
    let again = wire.ask(1, epoch, Command::Order(order.clone())).await;
    assert_eq!(again.outcome, first.outcome, "answered from the inbox");
    let unseen = SendId { magic: 7, attempt: 1 };
    let snapshot = read(wire.ask(1, epoch, snapshot(&[order.send, unseen])).await);
    let [SendState::Answered { reply: Some(_), .. }, SendState::Unseen] = snapshot.sends[..] else {
        panic!("{:?}", snapshot.sends)
    };
    assert_eq!((snapshot.deals.len(), snapshot.waiting), (1, 0));
    assert_eq!(wire.gateways.with_world(|world, _| world.ledger().deals_of(42).count()), 1);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_told_late_as_none_and_the_inbox_does_not_wait_for_it() {
    let mut wire = Wire::new(1, 20.0).await;
    let epoch = wire.up(1).await;
    assert_eq!(wire.login(1, epoch).await.outcome, Outcome::Done);
    wire.fault(r#"{ who = "acct-1", what = "lost_reply" }"#);
    let order = deal(OrderAction::Deal(Side::Buy));
    wire.send(1, epoch, Command::Order(order.clone()));
    let first = read(wire.ask(1, epoch, snapshot(&[order.send])).await);
    assert_eq!(first.positions.len(), 1, "it executed");
    // Its end is in the inbox when it is written, which is done beside all else.
    for _ in 0..100 {
        let later = read(wire.ask(1, epoch, snapshot(&[order.send])).await);
        if let [SendState::Answered { facts, reply: None }] = later.sends[..] {
            assert_eq!((facts.last_error, later.waiting), (Some(-10_005), 0));
            return;
        }
    }
    panic!("the inbox waits for ever");
}

#[tokio::test]
async fn a_watched_market_comes_over_the_wire() {
    let mut wire = Wire::new(1, 20.0).await;
    let epoch = wire.up(1).await;
    assert_eq!(wire.login(1, epoch).await.outcome, Outcome::Done);
    wire.send(1, epoch, Command::Watch(vec!["EURUSD".into()]));
    let market = wire.hear(|inbound| match inbound {
        Inbound::Market { market, .. } => Some(market.clone()),
        _ => None,
    });
    assert_eq!(market.await.symbols[0].name, "EURUSD");
}
