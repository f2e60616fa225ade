//! What a supervisor's side does with each kind of frame, over a real socket, against a gateway that says anything.

use crate::support::{
    id,
    peer::Peer,
    rig::{Rig, envelope},
    served, until,
    wire::{self, gateway_frame::Body as Said, supervisor_frame::Body},
};
use prost::Message;
use warden_bridge::{Inbound, Mt5Bridge, Outcome, PROTOCOL_VERSION, RefusalReason, SendError, SendState};
use warden_domain::Epoch;

#[tokio::test]
async fn an_announced_instance_is_up_reports_and_takes_commands() {
    let mut rig = Rig::start().await;
    let (mut peer, welcome) = Peer::greet(rig.address, vec![served("a", 4, 0)]).await;
    assert_eq!(welcome.protocol_version, PROTOCOL_VERSION);
    assert_eq!((welcome.heartbeat_interval_ms, welcome.heartbeat_timeout_ms), (5_000, 15_000));
    assert_eq!((welcome.accepted[0].epoch, welcome.accepted[0].last_sequence), (5, 0));
    assert_eq!(rig.up().await, (id("a"), Epoch(4)));
    peer.report("a", 1, 7).await;
    assert_eq!(rig.positions().await, 7);
    rig.bridge.send(envelope("a", 5, 1)).unwrap();
    let (sequence, command) = peer.command().await;
    assert_eq!((sequence, command.epoch, command.id), (1, 5, 1));
    peer.done("a", 2, 5, 1).await;
    assert!(matches!(rig.next().await, Inbound::Finished(it) if it.outcome == Outcome::Done));
    peer.say("", 0, Said::Goodbye(wire::Goodbye::default())).await;
    assert_eq!(rig.next().await, Inbound::Down { instance: id("a") });
    assert_eq!(rig.bridge.send(envelope("a", 5, 2)), Err(SendError::NotConnected(id("a"))));
    assert_eq!(rig.bridge.counters().refused.total(), 0);
    until(|| rig.bridge.counters().sessions_open == 0).await;
}

#[tokio::test]
async fn instances_that_are_not_owned_are_turned_away_with_a_reason() {
    let mut rig = Rig::start().await;
    let strange = vec![
        served("unknown", 0, 0),
        served("stale", 9, 0),
        served("a:b", 0, 0),
        served("a", 0, 0),
        served("a", 0, 0),
    ];
    let mut peer = Peer::dial(rig.address).await;
    let first = peer.hello(strange).await;
    assert_eq!(first.accepted.len(), 1);
    let Some(Body::Welcome(second)) = peer.next().await.body else { panic!("the refused follow") };
    let reasons: Vec<_> = second.refused.iter().map(|it| (it.instance.as_str(), it.reason())).collect();
    assert_eq!(
        reasons,
        [
            ("unknown", wire::TurnReason::UnknownInstance),
            ("stale", wire::TurnReason::StaleEpoch),
            ("a:b", wire::TurnReason::BadField),
            ("a", wire::TurnReason::BadField),
        ]
    );
    assert_eq!(rig.up().await.0, id("a"));
    peer.report("unknown", 1, 1).await;
    assert_eq!(peer.refusal().await.reason(), wire::RefusalReason::UnknownInstance);
    peer.report("a", 1, 3).await;
    assert_eq!(rig.positions().await, 3);
}

#[tokio::test]
async fn an_unsupported_version_is_refused_and_ends_the_session() {
    for protocol_version in [0, 1, 3, u32::MAX] {
        let rig = Rig::start().await;
        let mut peer = Peer::dial(rig.address).await;
        let hello =
            wire::Hello { protocol_version, instances: vec![served("a", 0, 0)], ..wire::Hello::default() };
        peer.say("", 0, Said::Hello(hello)).await;
        let refusal = peer.refusal().await;
        assert_eq!(refusal.reason(), wire::RefusalReason::UnsupportedVersion);
        assert_eq!(refusal.detail, "this supervisor speaks version 2");
        assert_eq!(peer.goodbye().await, wire::GoodbyeReason::Protocol);
        rig.refused(RefusalReason::UnsupportedVersion, 1).await;
    }
}

#[tokio::test]
async fn a_frame_before_the_hello_ends_the_session() {
    let rig = Rig::start().await;
    let mut peer = Peer::dial(rig.address).await;
    peer.report("a", 1, 1).await;
    assert_eq!(peer.refusal().await.reason(), wire::RefusalReason::OutOfPlace);
    assert_eq!(peer.goodbye().await, wire::GoodbyeReason::Protocol);
    rig.refused(RefusalReason::OutOfPlace, 1).await;
}

#[tokio::test]
async fn an_oversized_frame_is_refused_and_ends_the_session() {
    let mut rig = Rig::start().await;
    let (mut peer, _) = Peer::greet(rig.address, vec![served("a", 0, 0)]).await;
    rig.up().await;
    let report = wire::Report { detail: "x".repeat(65_536), ..wire::Report::default() };
    peer.say("a", 1, Said::Report(report)).await;
    assert_eq!(peer.refusal().await.reason(), wire::RefusalReason::Oversized);
    assert_eq!(peer.goodbye().await, wire::GoodbyeReason::Protocol);
    assert_eq!(rig.next().await, Inbound::Down { instance: id("a") });
    rig.refused(RefusalReason::Oversized, 1).await;
}

#[tokio::test]
async fn a_frame_of_the_largest_size_is_taken() {
    let mut rig = Rig::start().await;
    let (peer, _) = Peer::greet(rig.address, vec![served("a", 0, 0)]).await;
    rig.up().await;
    let sized = |detail| {
        let body = Said::Report(wire::Report { detail, ..wire::Report::default() });
        wire::GatewayFrame { instance: "a".into(), sequence: 1, body: Some(body) }.encode_to_vec()
    };
    let around = sized("x".repeat(60_000)).len() - 60_000;
    let frame = sized("x".repeat(65_536 - around));
    assert_eq!(frame.len(), 65_536);
    peer.send(frame).await;
    let Inbound::Report { report, .. } = rig.next().await else { panic!("a report") };
    assert_eq!(report.detail.len(), 256, "cut, not refused");
}

#[tokio::test]
async fn an_unknown_frame_type_is_refused_and_the_session_goes_on() {
    let mut rig = Rig::start().await;
    let (mut peer, _) = Peer::greet(rig.address, vec![served("a", 0, 0)]).await;
    rig.up().await;
    // field 99, length-delimited, two bytes: a body of some later version
    let mut frame = wire::GatewayFrame { instance: "a".into(), sequence: 0, body: None }.encode_to_vec();
    frame.extend([0x9a, 0x06, 0x02, 0x08, 0x01]);
    peer.send(frame).await;
    assert_eq!(peer.refusal().await.reason(), wire::RefusalReason::UnknownType);
    peer.report("a", 1, 3).await;
    assert_eq!(rig.positions().await, 3);
    rig.refused(RefusalReason::UnknownType, 1).await;
}

#[tokio::test]
async fn bytes_that_are_no_frame_are_refused_and_end_the_session() {
    let mut rig = Rig::start().await;
    let (mut peer, _) = Peer::greet(rig.address, vec![served("a", 0, 0)]).await;
    rig.up().await;
    peer.send(vec![0xff; 100]).await;
    assert_eq!(peer.refusal().await.reason(), wire::RefusalReason::BadField);
    assert_eq!(peer.goodbye().await, wire::GoodbyeReason::Protocol);
    assert_eq!(rig.next().await, Inbound::Down { instance: id("a") });
    rig.refused(RefusalReason::BadField, 1).await;
}

#[tokio::test]
async fn a_bad_field_is_refused_consumes_its_number_and_the_session_goes_on() {
    let mut rig = Rig::start().await;
    let (mut peer, _) = Peer::greet(rig.address, vec![served("a", 0, 0)]).await;
    rig.up().await;
    let facts = Some(wire::Facts { journal_line: 99, ..wire::Facts::default() });
    peer.say("a", 1, Said::Report(wire::Report { facts, ..wire::Report::default() })).await;
    let refusal = peer.refusal().await;
    assert_eq!((refusal.reason(), refusal.sequence), (wire::RefusalReason::BadField, 1));
    assert!(refusal.detail.contains("journal_line holds 99"), "{}", refusal.detail);
    peer.report("a", 2, 3).await;
    assert_eq!(rig.positions().await, 3);
}

#[tokio::test]
async fn trd_9_an_unlisted_retcode_is_passed_on_with_its_number() {
    let mut rig = Rig::start().await;
    let (peer, _) = Peer::greet(rig.address, vec![served("a", 0, 0)]).await;
    rig.up().await;
    let facts = Some(wire::Facts { retcode: Some(99_999), ..wire::Facts::default() });
    peer.say("a", 1, Said::Report(wire::Report { facts, ..wire::Report::default() })).await;
    let Inbound::Report { report, .. } = rig.next().await else { panic!("a report") };
    assert_eq!(report.facts.retcode, Some(99_999));
    assert_eq!(rig.bridge.counters().refused.total(), 0);
}

#[tokio::test]
async fn ses_1_a_wrong_login_is_passed_on_as_a_fact() {
    let mut rig = Rig::start().await;
    let (peer, _) = Peer::greet(rig.address, vec![served("a", 0, 0)]).await;
    rig.up().await;
    let session = wire::Session { login: 666, server: "Other-Server".into(), ..wire::Session::default() };
    let outcome = Some(wire::command_result::Outcome::Session(session));
    let result = wire::CommandResult { epoch: 1, id: 1, outcome, ..wire::CommandResult::default() };
    peer.say("a", 1, Said::Result(result)).await;
    let Inbound::Finished(finished) = rig.next().await else { panic!("a result") };
    let Outcome::Session(session) = finished.outcome else { panic!("a session") };
    assert_eq!((session.login, session.server.as_str()), (666, "Other-Server"));
}

#[tokio::test]
async fn a_snapshot_is_handed_over_whole_and_one_with_a_bad_number_is_refused() {
    let mut rig = Rig::start().await;
    let (mut peer, _) = Peer::greet(rig.address, vec![served("a", 0, 0)]).await;
    rig.up().await;
    let position = |volume| wire::OpenPosition {
        ticket: 5,
        symbol: "EURUSD".into(),
        side: wire::Side::Buy.into(),
        volume,
        price: 1.1,
        ..wire::OpenPosition::default()
    };
    let snapshot = |volume| {
        let (newest, sends) =
            (Some(wire::Tickets::default()), vec![wire::SendState { standing: 4, ..Default::default() }]);
        let positions = vec![position(volume)];
        let snapshot = wire::Snapshot { login: 5_001, positions, newest, sends, ..wire::Snapshot::default() };
        let outcome = Some(wire::command_result::Outcome::Snapshot(snapshot));
        Said::Result(wire::CommandResult { epoch: 1, id: 1, outcome, ..wire::CommandResult::default() })
    };
    peer.say("a", 1, snapshot(f64::NAN)).await;
    let refusal = peer.refusal().await;
    assert_eq!((refusal.reason(), refusal.command_id), (wire::RefusalReason::BadField, 1));
    assert!(refusal.detail.contains("positions.volume"), "{}", refusal.detail);
    peer.say("a", 2, snapshot(0.1)).await;
    let Inbound::Finished(finished) = rig.next().await else { panic!("a result") };
    let Outcome::Snapshot(it) = finished.outcome else { panic!("a snapshot") };
    assert_eq!((it.login, it.positions[0].volume.to_string().as_str()), (5_001, "0.1"));
    assert_eq!(it.sends, [SendState::Interrupted]);
}

#[tokio::test]
async fn a_duplicate_is_ignored_and_counted() {
    let mut rig = Rig::start().await;
    let (mut peer, _) = Peer::greet(rig.address, vec![served("a", 0, 10)]).await;
    rig.up().await;
    peer.report("a", 11, 1).await;
    peer.report("a", 11, 2).await;
    peer.report("a", 3, 2).await;
    peer.report("a", 12, 3).await;
    assert_eq!(rig.positions().await, 1);
    assert_eq!(rig.positions().await, 3);
    for sequence in [11, 3] {
        let refusal = peer.refusal().await;
        assert_eq!((refusal.reason(), refusal.sequence), (wire::RefusalReason::Duplicate, sequence));
    }
    rig.refused(RefusalReason::Duplicate, 2).await;
    assert_eq!(rig.bridge.sessions()[0].refused.count(RefusalReason::Duplicate), 2);
}

#[tokio::test]
async fn a_gap_is_asked_for_and_resumed() {
    let mut rig = Rig::start().await;
    let (mut peer, _) = Peer::greet(rig.address, vec![served("a", 0, 0)]).await;
    rig.up().await;
    peer.report("a", 1, 1).await;
    assert_eq!(rig.positions().await, 1);
    peer.done("a", 3, 1, 7).await;
    let refusal = peer.refusal().await;
    assert_eq!((refusal.reason(), refusal.sequence, refusal.command_id), (wire::RefusalReason::Gap, 3, 7));
    assert_eq!(peer.next().await.body, Some(Body::Resync(wire::Resync { after: 1 })));
    peer.report("a", 4, 99).await;
    // the question is repeated with a heartbeat, until it is answered
    peer.say("", 0, Said::Heartbeat(wire::Heartbeat::default())).await;
    assert_eq!(peer.next().await.body, Some(Body::Resync(wire::Resync { after: 1 })));
    peer.say("a", 0, Said::Resumed(wire::Resumed { next_sequence: 5 })).await;
    peer.report("a", 5, 2).await;
    peer.done("a", 6, 1, 7).await;
    assert_eq!(rig.positions().await, 2, "what came meanwhile was not taken");
    assert!(matches!(rig.next().await, Inbound::Finished(_)));
    peer.say("a", 0, Said::Resumed(wire::Resumed { next_sequence: 9 })).await;
    assert_eq!(peer.refusal().await.reason(), wire::RefusalReason::OutOfPlace, "nobody asked again");
    rig.refused(RefusalReason::Gap, 1).await;
}

#[tokio::test]
async fn a_gateway_that_missed_commands_gets_those_without_a_result_again() {
    let mut rig = Rig::start().await;
    let (mut peer, _) = Peer::greet(rig.address, vec![served("a", 0, 0)]).await;
    rig.up().await;
    for number in 1..=4 {
        rig.bridge.send(envelope("a", 1, number)).unwrap();
        assert_eq!(peer.command().await.1.id, number);
    }
    peer.done("a", 1, 1, 3).await;
    assert!(matches!(rig.next().await, Inbound::Finished(_)));
    peer.say("a", 0, Said::Resync(wire::Resync { after: 1 })).await;
    assert_eq!(peer.next().await.body, Some(Body::Resumed(wire::Resumed { next_sequence: 5 })));
    let mut again = Vec::new();
    for _ in 0..2 {
        let (sequence, command) = peer.command().await;
        again.push((sequence, command.id));
    }
    assert_eq!(again, [(5, 2), (6, 4)]);
    rig.bridge.send(envelope("a", 1, 5)).unwrap();
    assert_eq!(peer.command().await.0, 7);
}

#[tokio::test]
async fn a_result_of_a_lower_epoch_is_refused_and_counted() {
    let mut rig = Rig::start().await;
    let (mut peer, _) = Peer::greet(rig.address, vec![served("a", 4, 0)]).await;
    rig.up().await;
    peer.done("a", 1, 4, 1).await;
    let refusal = peer.refusal().await;
    assert_eq!((refusal.reason(), refusal.command_id), (wire::RefusalReason::StaleEpoch, 1));
    peer.done("a", 2, 5, 2).await;
    assert!(matches!(rig.next().await, Inbound::Finished(it) if it.id.0 == 2));
    // the owner raises its epoch within the session: what is under way is stale
    rig.bridge.send(envelope("a", 6, 1)).unwrap();
    assert_eq!(peer.command().await.1.epoch, 6);
    peer.done("a", 3, 5, 3).await;
    assert_eq!(peer.refusal().await.reason(), wire::RefusalReason::StaleEpoch);
    rig.refused(RefusalReason::StaleEpoch, 2).await;
}

#[tokio::test]
async fn what_a_gateway_refuses_is_counted() {
    let mut rig = Rig::start().await;
    let (peer, _) = Peer::greet(rig.address, vec![served("a", 0, 0)]).await;
    rig.up().await;
    let mut refusal = wire::Refusal::default();
    refusal.set_reason(wire::RefusalReason::WrongLogin);
    peer.say("a", 0, Said::Refusal(refusal)).await;
    until(|| rig.bridge.counters().refused_by_gateway.count(RefusalReason::WrongLogin) == 1).await;
    assert_eq!(rig.bridge.sessions()[0].refused_by_gateway.total(), 1);
}
