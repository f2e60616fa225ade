//! Both real sides together.

use std::{collections::BTreeSet, sync::Arc};

use tokio::sync::mpsc;
use warden_bridge::{
    Command, CommandId, Envelope, Finished, Inbound, Mt5Bridge, Order, OrderAction, Outcome, SendError,
    SendId, SendState, SnapshotQuery, TradeReply,
    client::{ClientConfig, ClientEvent, ClientHandle, MemoryEpochs, SendFile, SendStep, SendStore, connect},
};
use warden_domain::{Epoch, Facts, Filling, InstanceId, Side, Span, Timestamp};

use crate::support::{
    id, report,
    rig::{Rig, envelope},
    soon,
};

fn dial(rig: &Rig, instances: Vec<InstanceId>) -> (ClientHandle, mpsc::Receiver<ClientEvent>) {
    dial_with(rig, instances, |_| ())
}

fn dial_with(
    rig: &Rig,
    instances: Vec<InstanceId>,
    change: impl FnOnce(&mut ClientConfig),
) -> (ClientHandle, mpsc::Receiver<ClientEvent>) {
    let mut config = ClientConfig::new(vec![rig.address]);
    change(&mut config);
    config.first_wait = Span::from_millis(1);
    config.longest_wait = Span::from_millis(20);
    let instances = instances.into_iter().map(|it| (it, report(0))).collect();
    connect(config, instances, Arc::new(MemoryEpochs::default())).expect("it begins")
}

/// Does every command at once.
async fn obey(handle: ClientHandle, mut events: mpsc::Receiver<ClientEvent>) -> u64 {
    let mut done = 0;
    while let Some(event) = events.recv().await {
        if let ClientEvent::Command(Envelope { instance, epoch, id, .. }) = event {
            let (outcome, facts, detail) = (Outcome::Done, Facts::default(), String::new());
            handle.finished(epoch, Finished { instance, id, outcome, facts, detail }).expect("it runs");
            done += 1;
        }
    }
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_stream_serves_a_thousand_instances() {
    let names: Vec<_> = (0..1_000).map(|n| id(&format!("acct-{n}"))).collect();
    let mut rig = Rig::start().await;
    let (handle, events) = dial(&rig, names.clone());
    let mut up = BTreeSet::new();
    while up.len() < names.len() {
        assert!(up.insert(rig.up().await.0), "each once");
    }
    assert_eq!(up, names.iter().cloned().collect());
    assert_eq!(rig.bridge.sessions()[0].instances, 1_000);
    let gateway = tokio::spawn(obey(handle.clone(), events));
    for round in 1..=3 {
        for name in &names {
            rig.bridge.send(envelope(name.as_str(), 1, round)).unwrap();
        }
        let mut ended = BTreeSet::new();
        while ended.len() < names.len() {
            match rig.next().await {
                Inbound::Finished(it) => {
                    assert_eq!(it.id.0, round);
                    assert!(ended.insert(it.instance), "each once");
                }
                Inbound::Report { .. } => {}
                other @ Inbound::Market { .. } => panic!("nobody watches: {other:?}"),
                other @ (Inbound::Up { .. } | Inbound::Down { .. }) => panic!("{other:?}"),
            }
        }
    }
    handle.close();
    assert_eq!(soon(gateway).await.unwrap(), 3_000);
    let mut down = 0;
    while down < 1_000 {
        if matches!(rig.next().await, Inbound::Down { .. }) {
            down += 1;
        }
    }
    assert_eq!(rig.bridge.counters().refused.total(), 0);
    assert_eq!(rig.bridge.counters().refused_by_gateway.total(), 0);
}

#[tokio::test]
async fn a_supervisor_that_lost_an_answer_is_told_it_by_a_snapshot() {
    let mut rig = Rig::start().await;
    let (handle, mut events) = dial(&rig, vec![id("a")]);
    rig.up().await;
    let look = |number| {
        let sends = [8, 7].map(|magic| SendId { magic, attempt: 1 }).to_vec();
        let command = Command::Snapshot(SnapshotQuery { sends, ..SnapshotQuery::default() });
        Envelope { id: CommandId(number), command, ..order(&id("a"), 7) }
    };
    let end = |it: &Envelope, outcome| {
        let (instance, facts, detail) = (it.instance.clone(), Facts::default(), String::new());
        handle.finished(it.epoch, Finished { instance, id: it.id, outcome, facts, detail }).unwrap();
    };
    let reply = TradeReply { deal: 1, order: 2, volume: 0.1, price: 1.1 };
    rig.bridge.send(order(&id("a"), 7)).unwrap();
    rig.bridge.send(look(8)).unwrap();
    let (first, second) = (next_command(&mut events).await, next_command(&mut events).await);
    assert!(matches!((&first.command, &second.command), (Command::Order(_), Command::Snapshot(_))));
    end(&first, Outcome::Trade(reply));
    assert_eq!(outcome(&mut rig).await, Outcome::Trade(reply));
    end(&second, Outcome::Snapshot(Box::default()));
    let Outcome::Snapshot(it) = outcome(&mut rig).await else { panic!("a snapshot") };
    // it was begun while the order ran, so it does not vouch for its end yet
    assert_eq!((it.sends, it.waiting), (vec![SendState::Unseen, SendState::InProgress], 0));
    rig.bridge.send(Envelope { id: CommandId(9), ..order(&id("a"), 7) }).unwrap();
    assert_eq!(outcome(&mut rig).await, Outcome::Trade(reply), "and nothing came out");
    rig.bridge.send(look(10)).unwrap();
    end(&next_command(&mut events).await, Outcome::Snapshot(Box::default()));
    let Outcome::Snapshot(it) = outcome(&mut rig).await else { panic!("a snapshot") };
    assert_eq!(it.sends[1], SendState::Answered { facts: Facts::default(), reply: Some(reply) });
}

/// How the next command ended.
async fn outcome(rig: &mut Rig) -> Outcome {
    loop {
        if let Inbound::Finished(it) = rig.next().await {
            return it.outcome;
        }
    }
}

/// The next command that comes out.
async fn next_command(events: &mut mpsc::Receiver<ClientEvent>) -> Envelope {
    loop {
        if let ClientEvent::Command(it) = soon(events.recv()).await.expect("an event") {
            return it;
        }
    }
}

#[tokio::test]
async fn a_gateway_finds_a_supervisor_that_was_restarted_and_goes_on_under_a_higher_epoch() {
    let mut rig = Rig::start().await;
    let (handle, events) = dial(&rig, vec![id("a")]);
    assert_eq!(rig.up().await, (id("a"), Epoch(0)));
    let gateway = tokio::spawn(obey(handle.clone(), events));
    let address = rig.address;
    soon(rig.server.shutdown()).await;
    let mut rig = Rig::with(16, |config| config.address = address).await;
    assert_eq!(rig.up().await, (id("a"), Epoch(1)), "it kept the epoch it had seen");
    rig.bridge.send(envelope("a", 2, 1)).unwrap();
    assert!(matches!(rig.next().await, Inbound::Finished(it) if it.outcome == Outcome::Done));
    rig.bridge.send(envelope("a", 1, 2)).unwrap();
    // not started, and its result is of a lower epoch
    rig.refused(warden_bridge::RefusalReason::StaleEpoch, 1).await;
    handle.close();
    assert_eq!(soon(gateway).await.unwrap(), 1);
}

fn order(instance: &InstanceId, magic: u64) -> Envelope {
    let order = Order {
        action: OrderAction::Deal(Side::Buy),
        send: SendId { magic, attempt: 1 },
        symbol: "EURUSD".into(),
        volume: 0.1,
        price: 0.0,
        stop_loss: 0.0,
        take_profit: 0.0,
        deviation: 10,
        filling: Some(Filling::FillOrKill),
        comment: String::new(),
    };
    Envelope {
        instance: instance.clone(),
        epoch: Epoch(1),
        id: CommandId(magic),
        deadline: Timestamp::MAX,
        command: Command::Order(order),
    }
}

/// Trades every order at once; how many.
async fn trade(handle: ClientHandle, mut events: mpsc::Receiver<ClientEvent>) -> u64 {
    let mut traded = 0;
    while let Some(event) = events.recv().await {
        if let ClientEvent::Command(Envelope { instance, epoch, id, .. }) = event {
            let outcome = Outcome::Trade(TradeReply { deal: 1, order: id.0, volume: 0.1, price: 1.1 });
            let (facts, detail) = (Facts::default(), String::new());
            handle.finished(epoch, Finished { instance, id, outcome, facts, detail }).expect("it runs");
            traded += 1;
        }
    }
    traded
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_orders_of_two_thousand_instances_go_through_one_inbox() {
    const ROUNDS: u64 = 10;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sends");
    let names: Vec<_> = (0..2_000).map(|n| id(&format!("acct-{n}"))).collect();
    let mut rig = Rig::start().await;
    let file = SendFile::open(&path).unwrap();
    let (handle, events) = dial_with(&rig, names.clone(), |config| config.sends = Arc::new(file));
    let gateway = tokio::spawn(trade(handle.clone(), events));
    let mut up = 0;
    while up < names.len() {
        up += usize::from(matches!(rig.next().await, Inbound::Up { .. }));
    }
    let bridge = rig.bridge.clone();
    let asked = names.clone();
    let asking = tokio::spawn(async move {
        for magic in 1..=ROUNDS {
            for name in &asked {
                while let Err(SendError::Full(_)) = bridge.send(order(name, magic)) {
                    tokio::task::yield_now().await;
                }
            }
        }
    });
    let mut ended = BTreeSet::new();
    while ended.len() as u64 != ROUNDS * 2_000 {
        if let Inbound::Finished(it) = rig.next().await {
            assert!(matches!(it.outcome, Outcome::Trade(reply) if reply.order == it.id.0), "{it:?}");
            assert!(ended.insert((it.instance, it.id)), "each once");
        }
    }
    soon(asking).await.unwrap();
    handle.close();
    assert_eq!(soon(gateway).await.unwrap(), ROUNDS * 2_000);
    drop(handle);
    let file = soon(reopened(&path)).await;
    for (name, magic) in names.iter().flat_map(|name| (1..=ROUNDS).map(move |it| (name, it))) {
        let step = file.known(name, SendId { magic, attempt: 1 });
        assert!(matches!(step, Some(SendStep::Answered(_))), "{name} {magic}: {step:?}");
    }
}

/// The inbox, once the gateway that had it is gone.
async fn reopened(path: &std::path::Path) -> SendFile {
    loop {
        match SendFile::open(path) {
            Ok(file) => return file,
            Err(_) => tokio::task::yield_now().await,
        }
    }
}
