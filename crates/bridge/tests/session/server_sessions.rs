//! How sessions begin, replace each other and end, over a real socket.

use std::num::{NonZeroU32, NonZeroUsize};

use crate::support::{
    id,
    peer::Peer,
    rig::{Rig, envelope},
    served, soon, until,
    wire::{self, gateway_frame::Body as Said},
};
use warden_bridge::{
    Inbound, Mt5Bridge, PROTOCOL_VERSION, RefusalReason, SendError,
    server::{BindError, Listener, ServerConfig, ServerConfigError},
};
use warden_domain::{Epoch, Span};

#[tokio::test]
async fn beyond_loopback_nothing_is_listened_on() {
    let config = ServerConfig::new("0.0.0.0:0".parse().unwrap());
    let (inbound, _events) = tokio::sync::mpsc::channel(1);
    let nobody = |_: &_, _| Err::<Epoch, _>(warden_bridge::Refused::Unavailable);
    let fault = Listener::bind(config, std::sync::Arc::new(nobody), inbound).await.unwrap_err();
    assert!(matches!(fault, BindError::Config(ServerConfigError::TlsRequired(_))), "{fault}");
}

#[tokio::test]
async fn a_port_in_use_is_said() {
    let rig = Rig::start().await;
    let (inbound, _events) = tokio::sync::mpsc::channel(1);
    let nobody = |_: &_, _| Err::<Epoch, _>(warden_bridge::Refused::Unavailable);
    let config = ServerConfig::new(rig.address);
    let fault = Listener::bind(config, std::sync::Arc::new(nobody), inbound).await.unwrap_err();
    assert!(matches!(fault, BindError::Address { address, .. } if address == rig.address), "{fault}");
}

#[tokio::test]
async fn a_second_session_replaces_the_first_and_down_comes_before_up() {
    let mut rig = Rig::start().await;
    let (mut first, _) = Peer::greet(rig.address, vec![served("a", 0, 0), served("b", 0, 0)]).await;
    assert_eq!((rig.up().await.0, rig.up().await.0), (id("a"), id("b")));
    let (mut second, welcome) = Peer::greet(rig.address, vec![served("a", 1, 0)]).await;
    assert_eq!(welcome.accepted[0].epoch, 2);
    assert_eq!(rig.next().await, Inbound::Down { instance: id("a") });
    assert_eq!(rig.up().await, (id("a"), Epoch(1)));
    first.report("a", 1, 1).await;
    assert_eq!(first.refusal().await.reason(), wire::RefusalReason::UnknownInstance);
    first.report("b", 1, 5).await;
    assert_eq!(rig.positions().await, 5, "what was not replaced goes on");
    rig.bridge.send(envelope("a", 2, 1)).unwrap();
    assert_eq!(second.command().await.1.epoch, 2);
    drop(first);
    assert_eq!(rig.next().await, Inbound::Down { instance: id("b") }, "only what it still had");
    second.report("a", 1, 6).await;
    assert_eq!(rig.positions().await, 6);
}

#[tokio::test]
async fn a_gateway_that_comes_back_under_the_same_epoch_is_told_what_was_taken() {
    let mut rig = Rig::start().await;
    let (first, _) = Peer::greet(rig.address, vec![served("same-epoch", 1, 0)]).await;
    rig.up().await;
    first.report("same-epoch", 1, 1).await;
    assert_eq!(rig.positions().await, 1);
    drop(first);
    assert!(matches!(rig.next().await, Inbound::Down { .. }));
    let (back, welcome) = Peer::greet(rig.address, vec![served("same-epoch", 1, 3)]).await;
    assert_eq!(welcome.accepted[0].last_received, 1, "2 and 3 were lost");
    rig.up().await;
    back.done("same-epoch", 4, 1, 9).await;
    assert!(matches!(rig.next().await, Inbound::Finished(_)));
    let (_restarted, welcome) = Peer::greet(rig.address, vec![served("same-epoch", 1, 0)]).await;
    assert_eq!(welcome.accepted[0].last_received, 0, "a gateway that restarted counts anew");
}

#[tokio::test]
async fn a_new_owner_does_not_ask_for_results_that_it_would_refuse() {
    let mut rig = Rig::start().await;
    let (_peer, welcome) = Peer::greet(rig.address, vec![served("a", 3, 70)]).await;
    assert_eq!(welcome.accepted[0].last_received, 70);
    rig.up().await;
}

#[tokio::test]
async fn further_instances_may_be_announced_later() {
    let mut rig = Rig::start().await;
    let (mut peer, _) = Peer::greet(rig.address, vec![served("a", 0, 0)]).await;
    let welcome = peer.hello(vec![served("b", 0, 0)]).await;
    assert_eq!(welcome.accepted[0].instance, "b");
    assert_eq!((rig.up().await.0, rig.up().await.0), (id("a"), id("b")));
    assert_eq!(rig.bridge.sessions()[0].instances, 2);
    assert_eq!(rig.bridge.sessions()[0].gateway_version, "test");
}

#[tokio::test]
async fn a_silent_gateway_is_closed_and_its_instances_are_down() {
    let short = |config: &mut ServerConfig| {
        config.heartbeat_interval = Span::from_millis(20);
        config.heartbeat_timeout = Span::from_millis(500);
    };
    let mut rig = Rig::with(16, short).await;
    let (mut peer, _) = Peer::greet(rig.address, vec![served("a", 0, 0), served("b", 0, 0)]).await;
    assert_eq!((rig.up().await.0, rig.up().await.0), (id("a"), id("b")));
    assert_eq!(peer.goodbye().await, wire::GoodbyeReason::HeartbeatMissed);
    let mut down = Vec::new();
    for _ in 0..2 {
        let Inbound::Down { instance } = rig.next().await else { panic!("down") };
        down.push(instance);
    }
    down.sort();
    assert_eq!(down, [id("a"), id("b")]);
}

#[tokio::test]
async fn heartbeats_keep_a_quiet_session_open() {
    let short = |config: &mut ServerConfig| {
        config.heartbeat_interval = Span::from_millis(20);
        config.heartbeat_timeout = Span::from_secs(2);
    };
    let mut rig = Rig::with(16, short).await;
    let (peer, _) = Peer::greet(rig.address, vec![served("a", 0, 0)]).await;
    rig.up().await;
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(20));
    for _ in 0..300 {
        ticks.tick().await;
        peer.say("", 0, Said::Heartbeat(wire::Heartbeat::default())).await;
    }
    peer.report("a", 1, 4).await;
    assert_eq!(rig.positions().await, 4, "three timeouts later it is still open");
}

#[tokio::test]
async fn a_gateway_that_does_not_keep_up_fills_its_queue_and_nothing_is_lost() {
    let small = |config: &mut ServerConfig| config.queue = NonZeroUsize::new(64).unwrap();
    let mut rig = Rig::with(16, small).await;
    let (mut peer, _) = Peer::greet(rig.address, vec![served("a", 0, 0)]).await;
    rig.up().await;
    let mut taken = 0;
    // the socket takes some before the queue is full for good
    let full = soon(async {
        loop {
            match settled(&rig, taken + 1).await {
                Some(fault) => break fault,
                None => taken += 1,
            }
        }
    })
    .await;
    assert_eq!(full, SendError::Full(id("a")));
    for number in 1..=taken {
        let (sequence, command) = peer.command().await;
        assert_eq!((sequence, command.id), (number, number), "no number is skipped");
    }
    soon(async {
        while rig.bridge.send(envelope("a", 1, taken + 1)).is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(peer.command().await.1.id, taken + 1);
}

/// Tries for a while; `Some` when the queue stays full, `None` when the command was taken.
async fn settled(rig: &Rig, number: u64) -> Option<SendError> {
    let mut last = None;
    for _ in 0..100 {
        match rig.bridge.send(envelope("a", 1, number)) {
            Ok(()) => return None,
            Err(fault) => last = Some(fault),
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    last
}

#[tokio::test]
async fn while_nobody_takes_events_the_session_stops_reading_and_loses_nothing() {
    let short = |config: &mut ServerConfig| {
        config.heartbeat_interval = Span::from_millis(20);
        config.heartbeat_timeout = Span::from_secs(2);
        config.window = 65_535;
    };
    let mut rig = Rig::with(1, short).await;
    let (peer, _) = Peer::greet(rig.address, vec![served("a", 0, 0)]).await;
    rig.up().await;
    let sender = tokio::spawn(async move {
        for number in 1..=20_000_u32 {
            peer.report("a", number.into(), number).await;
        }
        peer
    });
    // the reading has stopped: far beyond the timeout the session is open, and the sender waits
    let mut beats = tokio::time::interval(std::time::Duration::from_millis(100));
    for _ in 0..50 {
        beats.tick().await;
    }
    assert_eq!(rig.bridge.counters().sessions_open, 1);
    assert!(!sender.is_finished(), "20,000 reports do not fit in the windows");
    for number in 1..=20_000 {
        assert_eq!(rig.positions().await, number);
    }
    let peer = soon(sender).await.unwrap();
    drop(peer);
    assert_eq!(rig.next().await, Inbound::Down { instance: id("a") });
    assert_eq!(rig.bridge.counters().refused.total(), 0);
}

#[tokio::test]
async fn one_gateway_too_many_is_told_to_go_elsewhere() {
    let one = |config: &mut ServerConfig| config.sessions = NonZeroU32::new(1).unwrap();
    let mut rig = Rig::with(16, one).await;
    let (first, _) = Peer::greet(rig.address, vec![served("a", 0, 0)]).await;
    rig.up().await;
    assert_eq!(Peer::dial(rig.address).await.goodbye().await, wire::GoodbyeReason::Busy);
    drop(first);
    assert!(matches!(rig.next().await, Inbound::Down { .. }));
    until(|| rig.bridge.counters().sessions_open == 0).await;
    soon(async {
        loop {
            let mut peer = Peer::dial(rig.address).await;
            peer.say(
                "",
                0,
                Said::Hello(wire::Hello { protocol_version: PROTOCOL_VERSION, ..wire::Hello::default() }),
            )
            .await;
            if matches!(peer.next().await.body, Some(wire::supervisor_frame::Body::Welcome(_))) {
                break;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_shutdown_says_goodbye_and_tells_every_down() {
    let mut rig = Rig::start().await;
    let (mut peer, _) = Peer::greet(rig.address, vec![served("a", 0, 0), served("b", 0, 0)]).await;
    assert_eq!((rig.up().await.0, rig.up().await.0), (id("a"), id("b")));
    let Rig { bridge, address, server, mut inbound } = rig;
    let (reason, ()) = tokio::join!(peer.goodbye(), soon(server.shutdown()));
    assert_eq!(reason, wire::GoodbyeReason::Shutdown);
    let mut down = 0;
    while let Some(event) = soon(inbound.recv()).await {
        assert!(matches!(event, Inbound::Down { .. }), "{event:?}");
        down += 1;
    }
    assert_eq!(down, 2, "and the channel is closed");
    assert_eq!(bridge.send(envelope("a", 1, 1)), Err(SendError::NotConnected(id("a"))));
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nothing listens any more");
}

#[tokio::test]
async fn a_shutdown_that_nobody_waits_for_ends_in_time() {
    let brief = |config: &mut ServerConfig| config.drain = Span::from_millis(50);
    let mut rig = Rig::with(1, brief).await;
    let (peer, _) = Peer::greet(rig.address, vec![served("a", 0, 0)]).await;
    rig.up().await;
    for number in 1..=3 {
        peer.report("a", number, 0).await;
    }
    // nobody takes the reports, so the session cannot tell `Down`
    soon(rig.server.shutdown()).await;
}

#[tokio::test]
async fn refusals_of_one_session_are_not_those_of_another() {
    let mut rig = Rig::start().await;
    let (mut first, _) = Peer::greet(rig.address, vec![served("a", 0, 0)]).await;
    let (_second, _) = Peer::greet(rig.address, vec![served("b", 0, 0)]).await;
    rig.up().await;
    first.report("a", 0, 0).await;
    assert_eq!(first.refusal().await.reason(), wire::RefusalReason::BadField);
    let counts: Vec<_> =
        rig.bridge.sessions().iter().map(|it| it.refused.count(RefusalReason::BadField)).collect();
    assert_eq!(counts, [1, 0]);
}
