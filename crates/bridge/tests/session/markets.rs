//! How accounts and symbols stand: the newest counts, and nothing else waits for it.

use warden_bridge::{
    Command, CommandId, Envelope, Finished, Inbound, Market, Mt5Bridge, Outcome, RefusalReason,
    SnapshotQuery, SymbolNow,
    client::{ClientConfig, ClientEvent, HandleError, MemoryEpochs, connect},
};
use warden_domain::{
    AccountMode, Epoch, Facts, FillingModes, Lots, Points, Price, Session, Span, Timestamp, TradeMode,
};

use crate::support::{
    boss::{Boss, Desk},
    id,
    peer::Peer,
    report,
    rig::Rig,
    served, soon,
    wire::{self, gateway_frame::Body as Said},
};

/// A market that is known again by its balance.
fn market(balance: f64) -> Market {
    Market { mode: AccountMode::Hedging, balance, equity: 0.0, symbols: vec![symbol("EURUSD")] }
}

fn symbol(name: &str) -> SymbolNow {
    SymbolNow {
        name: name.into(),
        point: Price::from_units(1_000),
        tick: Price::from_units(1_000),
        tick_value: 1.0,
        volume_step: Lots::from_units(1_000_000),
        volume_min: Lots::from_units(1_000_000),
        volume_max: Lots::from_units(50_000_000_000),
        stops_level: Points(0),
        freeze_level: Points(0),
        filling: FillingModes::default(),
        trade_mode: TradeMode::Full,
        session: Session::Open,
        quote: None,
    }
}

fn told(balance: f64) -> Said {
    let mode = wire::AccountMode::Netting.into();
    Said::Market(wire::Market { mode, balance, equity: 0.0, symbols: Vec::new() })
}

/// The balance of an event that is a market.
fn balance(event: Inbound) -> f64 {
    match event {
        Inbound::Market { instance, market } => {
            assert_eq!(instance, id("a"));
            market.balance
        }
        other @ (Inbound::Up { .. }
        | Inbound::Down { .. }
        | Inbound::Report { .. }
        | Inbound::Finished(_)) => panic!("a market was expected, not {other:?}"),
    }
}

#[tokio::test]
async fn a_market_is_handed_over_and_takes_no_number() {
    let mut rig = Rig::start().await;
    let (peer, _) = Peer::greet(rig.address, vec![served("a", 0, 0)]).await;
    rig.up().await;
    peer.report("a", 1, 1).await;
    peer.say("a", 0, told(5.0)).await;
    peer.say("a", 0, told(6.0)).await;
    peer.report("a", 2, 2).await;
    assert_eq!(rig.positions().await, 1);
    assert_eq!((balance(rig.next().await), balance(rig.next().await)), (5.0, 6.0));
    assert_eq!(rig.positions().await, 2);
    assert_eq!(rig.bridge.counters().refused.total(), 0);
}

#[tokio::test]
async fn of_markets_that_find_no_room_the_newest_waits_and_results_are_all_handed_over() {
    let mut rig = Rig::with(1, |_| ()).await;
    let (mut peer, _) = Peer::greet(rig.address, vec![served("a", 0, 0)]).await;
    // `Up` takes the only place
    for n in 1..=1_000 {
        peer.say("a", 0, told(f64::from(n))).await;
    }
    // what the supervisor refuses shows that it has read so far, although nobody takes events
    peer.say("b", 0, told(1.0)).await;
    assert_eq!(peer.refusal().await.reason(), wire::RefusalReason::UnknownInstance);
    for n in 1..=20 {
        peer.done("a", n, 1, n).await;
    }
    rig.up().await;
    let (mut balances, mut ended) = (Vec::new(), Vec::new());
    while ended.len() < 20 || balances.is_empty() {
        match rig.next().await {
            Inbound::Market { market, .. } => balances.push(market.balance),
            Inbound::Finished(it) => ended.push(it.id.0),
            other @ (Inbound::Up { .. } | Inbound::Down { .. } | Inbound::Report { .. }) => {
                panic!("{other:?}")
            }
        }
    }
    assert_eq!(balances, [1_000.0], "the newest, once");
    assert_eq!(ended, (1..=20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_market_with_a_bad_field_or_of_somebody_else_is_refused() {
    let mut rig = Rig::start().await;
    let (mut first, _) = Peer::greet(rig.address, vec![served("a", 0, 0)]).await;
    rig.up().await;
    first.say("a", 0, told(f64::NAN)).await;
    let refusal = first.refusal().await;
    assert_eq!((refusal.reason(), refusal.sequence), (wire::RefusalReason::BadField, 0));
    assert!(refusal.detail.contains("balance"), "{}", refusal.detail);
    let (second, _) = Peer::greet(rig.address, vec![served("a", 1, 0)]).await;
    assert_eq!(rig.next().await, Inbound::Down { instance: id("a") });
    rig.up().await;
    first.say("a", 0, told(1.0)).await;
    assert_eq!(first.refusal().await.reason(), wire::RefusalReason::UnknownInstance);
    second.say("a", 0, told(2.0)).await;
    assert_eq!(balance(rig.next().await), 2.0);
    rig.refused(RefusalReason::UnknownInstance, 1).await;
}

#[tokio::test]
async fn a_market_that_waited_is_not_told_after_another_session_took_over() {
    let mut rig = Rig::with(1, |_| ()).await;
    let (mut first, _) = Peer::greet(rig.address, vec![served("a", 0, 0)]).await;
    first.say("a", 0, told(1.0)).await;
    first.say("b", 0, told(1.0)).await;
    assert_eq!(first.refusal().await.reason(), wire::RefusalReason::UnknownInstance, "the first waits now");
    let second = Peer::dial(rig.address).await;
    let hello = wire::Hello {
        protocol_version: warden_bridge::PROTOCOL_VERSION,
        gateway_version: String::new(),
        instances: vec![served("a", 1, 0)],
    };
    second.say("", 0, Said::Hello(hello)).await;
    rig.up().await;
    let mut told_before = Vec::new();
    loop {
        match rig.next().await {
            Inbound::Market { market, .. } => told_before.push(market.balance),
            Inbound::Down { .. } => break,
            other @ (Inbound::Up { .. } | Inbound::Report { .. } | Inbound::Finished(_)) => {
                panic!("{other:?}")
            }
        }
    }
    assert!(told_before.len() <= 1, "before the end of its session, or never: {told_before:?}");
    rig.up().await;
    second.say("a", 0, told(2.0)).await;
    assert_eq!(balance(rig.next().await), 2.0);
}

/// A gateway that was asked to watch.
async fn watching(
    boss: &mut Boss,
) -> (Desk, warden_bridge::client::ClientHandle, tokio::sync::mpsc::Receiver<ClientEvent>) {
    let mut config = ClientConfig::new(vec![boss.address]);
    config.first_wait = Span::from_millis(1);
    config.longest_wait = Span::from_millis(20);
    let epochs = std::sync::Arc::new(MemoryEpochs::default());
    let (handle, mut events) = connect(config, vec![(id("a"), report(1))], epochs).expect("it begins");
    let (mut desk, _) = boss.welcome(&[("a", 1)]).await;
    let watch = wire::WatchCommand { symbols: vec!["EURUSD".into(), "GER40".into()] };
    let action = Some(wire::command::Action::Watch(watch));
    let command = wire::Command { epoch: 1, id: 1, deadline_ms: i64::MAX, action };
    desk.say("a", 1, wire::supervisor_frame::Body::Command(command)).await;
    loop {
        if let ClientEvent::Command(it) = soon(events.recv()).await.expect("an event") {
            assert!(matches!(&it.command, Command::Watch(symbols) if symbols == &["EURUSD", "GER40"]));
            let (outcome, facts, detail) = (Outcome::Done, Facts::default(), String::new());
            handle
                .finished(it.epoch, Finished { instance: it.instance, id: it.id, outcome, facts, detail })
                .expect("it runs");
            break;
        }
    }
    assert_eq!(desk.result().await.1.id, 1);
    (desk, handle, events)
}

#[tokio::test]
async fn a_gateway_tells_the_newest_market_and_reports_go_on() {
    let mut boss = Boss::start().await;
    let (mut desk, handle, _events) = watching(&mut boss).await;
    for n in 1..=10_000 {
        handle.market(&id("a"), market(f64::from(n))).unwrap();
    }
    let mut balances = Vec::new();
    while balances.last() != Some(&10_000.0) {
        let frame = desk.answer().await;
        assert_eq!((frame.instance.as_str(), frame.sequence), ("a", 0));
        let Some(Said::Market(it)) = frame.body else { panic!("a market") };
        assert_eq!(it.symbols[0].name, "EURUSD");
        balances.push(it.balance);
    }
    assert!(balances.is_sorted(), "never an older one behind a newer one");
    assert!(
        balances.len() < 100,
        "{} of 10,000 were told to a reader that was not there yet",
        balances.len()
    );
}

#[tokio::test]
async fn a_market_without_a_supervisor_is_forgotten_because_it_would_be_old() {
    let mut boss = Boss::start().await;
    let (desk, handle, mut events) = watching(&mut boss).await;
    drop(desk);
    while !matches!(soon(events.recv()).await, Some(ClientEvent::Disconnected { .. })) {}
    handle.market(&id("a"), market(1.0)).unwrap();
    let (mut desk, _) = boss.welcome(&[("a", 1)]).await;
    while !matches!(soon(events.recv()).await, Some(ClientEvent::Connected { .. })) {}
    handle.report(&id("a"), report(9)).unwrap();
    loop {
        match desk.next().await.body {
            Some(Said::Report(it)) if it.positions == 9 => break,
            Some(Said::Report(_) | Said::Result(_)) => {}
            other => panic!("no market: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_market_that_nobody_can_have_asked_for_is_said_at_once() {
    let mut boss = Boss::start().await;
    let (_desk, handle, _events) = watching(&mut boss).await;
    let large = Market { symbols: vec![symbol("EURUSD"); SnapshotQuery::MOST + 1], ..market(1.0) };
    let fault = handle.market(&id("a"), large).unwrap_err();
    assert_eq!(fault, HandleError::TooManySymbols { instance: id("a"), symbols: 129 });
    let stranger = handle.market(&id("b"), market(1.0)).unwrap_err();
    assert_eq!(stranger, HandleError::UnknownInstance(id("b")));
}

#[tokio::test]
async fn a_supervisor_asks_to_watch() {
    let mut rig = Rig::start().await;
    let (mut peer, _) = Peer::greet(rig.address, vec![served("a", 0, 0)]).await;
    rig.up().await;
    let (epoch, number, deadline) = (Epoch(1), CommandId(1), Timestamp::MAX);
    let command = Command::Watch(vec!["EURUSD".into()]);
    rig.bridge.send(Envelope { instance: id("a"), epoch, id: number, deadline, command }).unwrap();
    let (_, command) = peer.command().await;
    let Some(wire::command::Action::Watch(watch)) = command.action else { panic!("watch") };
    assert_eq!(watch.symbols, ["EURUSD"]);
}
