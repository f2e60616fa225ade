//! What a gateway's side does with each kind of frame, over a real socket, against a supervisor that says anything.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use tokio::sync::mpsc;
use warden_bridge::{
    CommandId, Finished, Outcome, PROTOCOL_VERSION, Refused, Report,
    client::{
        ClientConfig, ClientConfigError, ClientEvent, ClientHandle, ConnectError, EpochFile, EpochStore,
        HandleError, MemoryEpochs, connect,
    },
};
use warden_domain::{Epoch, Facts, Span, Timestamp};

use crate::support::{
    boss::{Boss, Desk, command, welcome},
    id, report, soon,
    wire::{self, gateway_frame::Body as Heard, supervisor_frame::Body},
};

/// A gateway that serves instance `a`.
struct Gateway {
    handle: ClientHandle,
    events: mpsc::Receiver<ClientEvent>,
}

impl Gateway {
    fn dial(boss: &Boss) -> Self {
        Self::with(boss, Arc::new(MemoryEpochs::default()), |_| ())
    }

    fn with(boss: &Boss, epochs: Arc<dyn EpochStore>, change: impl FnOnce(&mut ClientConfig)) -> Self {
        let mut config = ClientConfig::new(vec![boss.address]);
        config.first_wait = Span::from_millis(1);
        config.longest_wait = Span::from_millis(20);
        change(&mut config);
        let (handle, events) = connect(config, vec![(id("a"), report(1))], epochs).expect("it begins");
        Self { handle, events }
    }

    async fn next(&mut self) -> ClientEvent {
        soon(self.events.recv()).await.expect("an event")
    }

    async fn connected(&mut self) {
        let event = self.next().await;
        assert!(matches!(event, ClientEvent::Connected { .. }), "{event:?}");
    }

    /// The next event, which is a command.
    async fn command(&mut self) -> (Epoch, CommandId) {
        let event = self.next().await;
        let ClientEvent::Command(envelope) = event else { panic!("a command was expected, not {event:?}") };
        (envelope.epoch, envelope.id)
    }

    fn done(&self, epoch: u64, number: u64) -> Result<(), HandleError> {
        self.handle.finished(Epoch(epoch), finished(number))
    }
}

fn finished(number: u64) -> Finished {
    Finished {
        instance: id("a"),
        id: CommandId(number),
        outcome: Outcome::Done,
        facts: Facts::default(),
        detail: String::new(),
    }
}

/// A gateway in a welcomed session under epoch 1.
async fn met() -> (Boss, Desk, Gateway) {
    let mut boss = Boss::start().await;
    let mut gateway = Gateway::dial(&boss);
    let (desk, _) = boss.welcome(&[("a", 1)]).await;
    gateway.connected().await;
    (boss, desk, gateway)
}

#[tokio::test]
async fn a_gateway_announces_itself_reports_and_answers() {
    let mut boss = Boss::start().await;
    let mut gateway = Gateway::dial(&boss);
    let (mut desk, hello) = boss.welcome(&[("a", 1)]).await;
    assert_eq!(hello.protocol_version, PROTOCOL_VERSION);
    assert_eq!(hello.gateway_version, env!("CARGO_PKG_VERSION"));
    let announced = &hello.instances[0];
    assert_eq!((announced.instance.as_str(), announced.highest_epoch, announced.last_sequence), ("a", 0, 0));
    assert_eq!(announced.report.as_ref().unwrap().positions, 1);
    gateway.connected().await;
    gateway.handle.report(&id("a"), report(2)).unwrap();
    let frame = desk.next().await;
    assert!(matches!(&frame.body, Some(Heard::Report(it)) if it.positions == 2), "{frame:?}");
    assert_eq!((frame.instance.as_str(), frame.sequence), ("a", 1));
    desk.command("a", 1, 1, 7).await;
    assert_eq!(gateway.command().await, (Epoch(1), CommandId(7)));
    gateway.done(1, 7).unwrap();
    let (sequence, result) = desk.result().await;
    assert_eq!((sequence, result.epoch, result.id), (2, 1, 7));
}

#[tokio::test]
async fn a_command_after_its_deadline_is_not_started() {
    let mut boss = Boss::start().await;
    let now = Arc::new(AtomicI64::new(1_000));
    let clock = Arc::clone(&now);
    let mut gateway = Gateway::with(&boss, Arc::new(MemoryEpochs::default()), |config| {
        config.clock = Arc::new(move || Timestamp::from_millis(clock.load(Ordering::SeqCst)));
    });
    let (mut desk, _) = boss.welcome(&[("a", 1)]).await;
    gateway.connected().await;
    desk.command_until("a", 1, 1, 1, 999).await;
    let (_, result) = desk.result().await;
    assert_eq!(result.outcome, Some(wire::command_result::Outcome::NotStarted(wire::NotStarted {})));
    assert_eq!(result.detail, "the deadline has passed");
    desk.command_until("a", 2, 1, 2, 1_000).await;
    assert_eq!(gateway.command().await, (Epoch(1), CommandId(2)), "at the deadline it still may start");
    now.store(1_001, Ordering::SeqCst);
    desk.command_until("a", 3, 1, 3, 1_000).await;
    assert_eq!(desk.result().await.1.id, 3);
}

#[tokio::test]
async fn a_command_of_a_lower_epoch_is_refused_and_not_started() {
    let (_boss, mut desk, mut gateway) = met().await;
    desk.command("a", 1, 3, 1).await;
    assert_eq!(gateway.command().await, (Epoch(3), CommandId(1)));
    desk.command("a", 2, 2, 9).await;
    let refusal = desk.refusal().await;
    assert_eq!((refusal.reason(), refusal.command_id), (wire::RefusalReason::StaleEpoch, 9));
    let (_, result) = desk.result().await;
    assert_eq!((result.epoch, result.id), (2, 9));
    assert_eq!(result.outcome, Some(wire::command_result::Outcome::NotStarted(wire::NotStarted {})));
}

#[tokio::test]
async fn the_highest_epoch_survives_a_restart_and_an_older_owner_is_not_obeyed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("epochs");
    let mut boss = Boss::start().await;
    let mut gateway = Gateway::with(&boss, Arc::new(EpochFile::open(&path).unwrap()), |_| ());
    let (desk, _) = boss.welcome(&[("a", 4)]).await;
    gateway.connected().await;
    desk.command("a", 1, 5, 1).await;
    assert_eq!(gateway.command().await, (Epoch(5), CommandId(1)));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a 5\n", "on disk before the command came out");
    drop((gateway, desk));

    let mut gateway = Gateway::with(&boss, Arc::new(EpochFile::open(&path).unwrap()), |_| ());
    let (mut desk, hello) = boss.welcome(&[("a", 4)]).await;
    assert_eq!(hello.instances[0].highest_epoch, 5);
    gateway.connected().await;
    assert_eq!(desk.refusal().await.reason(), wire::RefusalReason::StaleEpoch);
    desk.command("a", 1, 4, 2).await;
    assert_eq!(desk.refusal().await.reason(), wire::RefusalReason::UnknownInstance);
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_obeyed() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("gone").join("epochs");
    let mut boss = Boss::start().await;
    let mut gateway = Gateway::with(&boss, Arc::new(EpochFile::open(&nowhere).unwrap()), |_| ());
    let (mut desk, _) = boss.welcome(&[("a", 1)]).await;
    assert_eq!(desk.try_next().await, None, "the session ends");
    assert!(gateway.events.try_recv().is_err(), "it never was one");
    // an epoch that rises within a session, on a disk that was there and is not any more
    let (mut desk, _) = boss.welcome(&[("a", 0)]).await;
    gateway.connected().await;
    desk.command("a", 1, 1, 1).await;
    assert_eq!(desk.try_next().await, None, "the session ends");
    let ClientEvent::Disconnected { why, .. } = gateway.next().await else { panic!("disconnected") };
    assert!(why.contains("an epoch could not be kept"), "{why}");
}

#[tokio::test]
async fn a_command_seen_twice_is_answered_from_the_inbox() {
    let (_boss, mut desk, mut gateway) = met().await;
    desk.command("a", 1, 1, 7).await;
    assert_eq!(gateway.command().await, (Epoch(1), CommandId(7)));
    desk.command("a", 2, 1, 7).await;
    // what the gateway refuses shows that it has read so far
    desk.send(wire::SupervisorFrame::default()).await;
    assert_eq!(desk.refusal().await.reason(), wire::RefusalReason::UnknownType);
    gateway.done(1, 7).unwrap();
    let (first, result) = desk.result().await;
    assert_eq!(result.id, 7);
    desk.command_until("a", 3, 1, 7, 0).await;
    let (second, again) = desk.result().await;
    assert_eq!(again, result, "the kept result, although the deadline has passed by now");
    assert!(second > first);
    desk.command("a", 4, 2, 7).await;
    assert_eq!(gateway.command().await, (Epoch(2), CommandId(7)), "the same id of another epoch is new");
    desk.command("a", 5, 1, 7).await;
    assert_eq!(desk.refusal().await.reason(), wire::RefusalReason::StaleEpoch);
    assert_eq!(desk.result().await.1, result, "it was done, so it is never said to be not started");
}

#[tokio::test]
async fn each_command_is_answered_once() {
    let (_boss, desk, mut gateway) = met().await;
    let not_running =
        |number| HandleError::NotRunning { instance: id("a"), epoch: Epoch(1), id: CommandId(number) };
    assert_eq!(gateway.done(1, 7), Err(not_running(7)));
    desk.command("a", 1, 1, 7).await;
    gateway.command().await;
    assert_eq!(gateway.done(1, 7), Ok(()));
    assert_eq!(gateway.done(1, 7), Err(not_running(7)));
    let stranger = Finished { instance: id("b"), ..finished(7) };
    assert_eq!(gateway.handle.finished(Epoch(1), stranger), Err(HandleError::UnknownInstance(id("b"))));
    assert_eq!(
        gateway.handle.report(&id("b"), Report::default()),
        Err(HandleError::UnknownInstance(id("b")))
    );
}

#[tokio::test]
async fn missed_commands_are_asked_for_and_duplicates_ignored() {
    let (_boss, mut desk, mut gateway) = met().await;
    desk.command("a", 1, 1, 1).await;
    assert_eq!(gateway.command().await.1, CommandId(1));
    desk.command("a", 1, 1, 2).await;
    assert_eq!(desk.refusal().await.reason(), wire::RefusalReason::Duplicate);
    desk.command("a", 4, 1, 4).await;
    assert_eq!(desk.refusal().await.reason(), wire::RefusalReason::Gap);
    assert_eq!(desk.answer().await.body, Some(Heard::Resync(wire::Resync { after: 1 })));
    desk.command("a", 5, 1, 5).await;
    desk.say("", 0, Body::Heartbeat(wire::Heartbeat::default())).await;
    assert_eq!(desk.answer().await.body, Some(Heard::Resync(wire::Resync { after: 1 })), "asked again");
    desk.say("a", 0, Body::Resumed(wire::Resumed { next_sequence: 6 })).await;
    desk.command("a", 6, 1, 4).await;
    assert_eq!(gateway.command().await.1, CommandId(4), "what came meanwhile was not taken");
    desk.say("a", 0, Body::Resumed(wire::Resumed { next_sequence: 9 })).await;
    assert_eq!(desk.refusal().await.reason(), wire::RefusalReason::OutOfPlace);
}

#[tokio::test]
async fn a_supervisor_that_missed_frames_gets_the_standing_and_the_results_since() {
    let (_boss, mut desk, mut gateway) = met().await;
    for number in 1..=3 {
        desk.command("a", number, 1, number).await;
        gateway.command().await;
        gateway.done(1, number).unwrap();
        assert_eq!(desk.result().await, (number, desk_result(number)));
    }
    desk.say("a", 0, Body::Resync(wire::Resync { after: 1 })).await;
    assert_eq!(desk.next().await.body, Some(Heard::Resumed(wire::Resumed { next_sequence: 4 })));
    let standing = desk.next().await;
    assert!(matches!(&standing.body, Some(Heard::Report(it)) if it.positions == 1), "{standing:?}");
    assert_eq!(standing.sequence, 4);
    assert_eq!(desk.result().await, (5, desk_result(2)));
    assert_eq!(desk.result().await, (6, desk_result(3)));
    desk.say("b", 0, Body::Resync(wire::Resync { after: 1 })).await;
    assert_eq!(desk.refusal().await.reason(), wire::RefusalReason::UnknownInstance);
}

fn desk_result(number: u64) -> wire::CommandResult {
    wire::CommandResult {
        epoch: 1,
        id: number,
        facts: Some(wire::Facts::default()),
        detail: String::new(),
        outcome: Some(wire::command_result::Outcome::Done(wire::Done {})),
    }
}

#[tokio::test]
async fn a_result_survives_the_loss_of_its_session() {
    let (mut boss, desk, mut gateway) = met().await;
    desk.command("a", 1, 1, 1).await;
    desk.command("a", 2, 1, 2).await;
    gateway.command().await;
    gateway.command().await;
    drop(desk);
    assert!(matches!(gateway.next().await, ClientEvent::Disconnected { .. }));
    gateway.done(1, 1).unwrap();
    gateway.handle.report(&id("a"), report(5)).unwrap();
    let mut desk = boss.session().await;
    let hello = desk.hello().await;
    assert_eq!(hello.instances[0].report.as_ref().unwrap().positions, 5, "the announcement is up to date");
    desk.accept(&[("a", 1)], 0).await;
    gateway.connected().await;
    assert_eq!(desk.result().await, (1, desk_result(1)));
    gateway.done(1, 2).unwrap();
    assert_eq!(desk.result().await, (2, desk_result(2)));
    // the supervisor dies before it takes the second one
    drop(desk);
    let mut desk = boss.session().await;
    assert_eq!(desk.hello().await.instances[0].last_sequence, 2);
    desk.accept(&[("a", 1)], 1).await;
    assert_eq!(desk.result().await, (3, desk_result(2)));
}

#[tokio::test]
async fn strange_heartbeat_intervals_are_borne() {
    for (heartbeat_interval_ms, heartbeat_timeout_ms) in [(0, 0), (u64::MAX, u64::MAX), (u64::MAX, 0)] {
        let mut boss = Boss::start().await;
        let mut gateway = Gateway::dial(&boss);
        let mut desk = boss.session().await;
        desk.hello().await;
        let strange = wire::Welcome { heartbeat_interval_ms, heartbeat_timeout_ms, ..welcome() };
        desk.say("", 0, Body::Welcome(strange)).await;
        gateway.connected().await;
    }
}

#[tokio::test]
async fn a_silent_supervisor_is_left_and_dialled_again() {
    let mut boss = Boss::start().await;
    let mut gateway = Gateway::dial(&boss);
    let mut desk = boss.session().await;
    desk.hello().await;
    let brisk = wire::Welcome { heartbeat_interval_ms: 10, heartbeat_timeout_ms: 2_000, ..welcome() };
    let accepted = vec![wire::Accepted { instance: "a".into(), epoch: 1, ..wire::Accepted::default() }];
    desk.say("", 0, Body::Welcome(wire::Welcome { accepted, ..brisk })).await;
    gateway.connected().await;
    let standing = desk.next().await;
    assert!(
        matches!(standing.body, Some(Heard::Report(_))),
        "the standing comes with a heartbeat: {standing:?}"
    );
    let ClientEvent::Disconnected { why, .. } = gateway.next().await else { panic!("disconnected") };
    assert_eq!(why, "nothing was heard from the supervisor in time");
    boss.session().await.hello().await;
}

#[tokio::test]
async fn brk_2_a_report_of_a_call_is_told_once_and_in_order() {
    let (_boss, mut desk, gateway) = met().await;
    let limited = Report { facts: Facts { retcode: Some(10_024), ..Facts::default() }, ..report(2) };
    gateway.handle.report(&id("a"), limited.clone()).unwrap();
    gateway.handle.report(&id("a"), limited).unwrap();
    gateway.handle.report(&id("a"), report(3)).unwrap();
    gateway.handle.report(&id("a"), report(4)).unwrap();
    let mut heard = Vec::new();
    while heard.last() != Some(&(4, None)) {
        let Some(Heard::Report(it)) = desk.next().await.body else { panic!("a report") };
        heard.push((it.positions, it.facts.unwrap().retcode));
    }
    let limits = heard.iter().filter(|it| it.1 == Some(10_024)).count();
    assert_eq!(limits, 2, "each of them, and none twice: {heard:?}");
    desk.say("a", 0, Body::Resync(wire::Resync { after: 0 })).await;
    assert!(matches!(desk.next().await.body, Some(Heard::Resumed(_))));
    let Some(Heard::Report(it)) = desk.next().await.body else { panic!("a report") };
    assert_eq!((it.positions, it.facts.unwrap().retcode), (4, None));
}

#[tokio::test]
async fn a_bad_command_is_refused_and_not_started() {
    let (_boss, mut desk, mut gateway) = met().await;
    let login = wire::LoginCommand { login: 0, server: "Broker-Live".into(), password: "s3cret".into() };
    let action = Some(wire::command::Action::Login(login));
    desk.say("a", 1, Body::Command(wire::Command { epoch: 1, id: 1, deadline_ms: i64::MAX, action })).await;
    let refusal = desk.refusal().await;
    assert_eq!((refusal.reason(), refusal.command_id), (wire::RefusalReason::BadField, 1));
    assert_eq!(refusal.detail, "login is zero; give the account number");
    let (_, result) = desk.result().await;
    assert_eq!(result.outcome, Some(wire::command_result::Outcome::NotStarted(wire::NotStarted {})));
    desk.send(wire::SupervisorFrame { instance: "a".into(), sequence: 0, body: None }).await;
    assert_eq!(desk.refusal().await.reason(), wire::RefusalReason::UnknownType);
    desk.command("b", 1, 1, 1).await;
    assert_eq!(desk.refusal().await.reason(), wire::RefusalReason::UnknownInstance);
    desk.command("a", 2, 1, 2).await;
    assert_eq!(gateway.command().await.1, CommandId(2), "the session went on");
}

#[tokio::test]
async fn an_oversized_frame_of_the_supervisor_ends_the_session() {
    let (_boss, desk, mut gateway) = met().await;
    let refusal = wire::Refusal { detail: "x".repeat(70_000), ..wire::Refusal::default() };
    desk.say("a", 0, Body::Refusal(refusal)).await;
    let ClientEvent::Disconnected { why, .. } = gateway.next().await else { panic!("disconnected") };
    assert!(why.contains("too large"), "{why}");
}

#[tokio::test]
async fn a_refused_instance_is_told_and_announced_again() {
    let mut boss = Boss::start().await;
    let mut gateway = Gateway::with(&boss, Arc::new(MemoryEpochs::default()), |config| {
        config.announce_again = Span::from_millis(20);
    });
    let mut desk = boss.session().await;
    desk.hello().await;
    let mut turned = wire::Turned { instance: "a".into(), ..wire::Turned::default() };
    turned.set_reason(wire::TurnReason::OwnedElsewhere);
    desk.say("", 0, Body::Welcome(wire::Welcome { refused: vec![turned], ..welcome() })).await;
    gateway.connected().await;
    let event = gateway.next().await;
    let ClientEvent::Refused { instance, reason } = event else { panic!("{event:?}") };
    assert_eq!((instance, reason), (id("a"), Refused::OwnedElsewhere));
    assert_eq!(desk.hello().await.instances[0].instance, "a");
    desk.accept(&[("a", 1)], 0).await;
    desk.command("a", 1, 1, 1).await;
    assert_eq!(gateway.command().await.1, CommandId(1));
}

#[tokio::test]
async fn the_next_address_is_dialled_when_one_does_not_answer() {
    // taken, so that nobody else gets it, and not listened at
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let nobody = taken.local_addr().unwrap();
    let mut boss = Boss::start().await;
    let address = boss.address;
    let mut gateway = Gateway::with(&boss, Arc::new(MemoryEpochs::default()), |config| {
        config.addresses = vec![nobody, address];
    });
    let (desk, _) = boss.welcome(&[("a", 1)]).await;
    assert!(matches!(gateway.next().await, ClientEvent::Connected { address: it } if it == address));
    desk.say("", 0, Body::Goodbye(wire::Goodbye { detail: "later".into(), ..wire::Goodbye::default() }))
        .await;
    let ClientEvent::Disconnected { why, .. } = gateway.next().await else { panic!("disconnected") };
    assert_eq!(why, "the supervisor said goodbye: later");
    boss.welcome(&[("a", 1)]).await;
    gateway.connected().await;
}

#[tokio::test]
async fn a_supervisor_that_does_not_read_is_not_read_either_and_misses_no_answer() {
    const COMMANDS: u64 = 20_000;
    let mut boss = Boss::start().await;
    let mut gateway = Gateway::with(&boss, Arc::new(MemoryEpochs::default()), |config| {
        config.inbox = 8.try_into().unwrap();
        config.window = 65_535;
    });
    let (mut desk, _) = boss.welcome(&[("a", 1)]).await;
    gateway.connected().await;
    let out = desk.out.clone();
    let asked = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&asked);
    let asking = tokio::spawn(async move {
        for number in 1..=COMMANDS {
            out.send(Ok(command("a", number, 1, number, 0))).await.expect("the session is open");
            counter.store(number, Ordering::Relaxed);
        }
    });
    soon(stalled(&asked)).await;
    assert!(asked.load(Ordering::Relaxed) < COMMANDS, "a gateway that goes on reading takes all of them");
    for number in 1..=COMMANDS {
        assert_eq!(desk.result().await.1.id, number);
    }
    soon(asking).await.unwrap();
}

/// Waits until the number has been the same for a while.
async fn stalled(number: &AtomicU64) {
    let (mut quiet, mut last) = (tokio::time::interval(std::time::Duration::from_millis(300)), 0);
    loop {
        quiet.tick().await;
        let now = number.load(Ordering::Relaxed);
        if now > 0 && now == last {
            return;
        }
        last = now;
    }
}

#[tokio::test]
async fn a_closed_gateway_sends_what_waits_and_says_goodbye() {
    let (_boss, mut desk, mut gateway) = met().await;
    desk.command("a", 1, 1, 1).await;
    gateway.command().await;
    gateway.done(1, 1).unwrap();
    gateway.handle.close();
    assert_eq!(desk.result().await.1.id, 1);
    assert!(matches!(desk.answer().await.body, Some(Heard::Goodbye(_))));
    assert_eq!(desk.try_next().await, None);
    drop(desk);
    assert!(soon(gateway.events.recv()).await.is_none(), "no more events, not even that it was closed");
}

#[tokio::test]
async fn a_gateway_whose_events_nobody_takes_ends() {
    let (_boss, mut desk, gateway) = met().await;
    drop(gateway.events);
    assert_eq!(desk.try_next().await, None);
}

#[tokio::test]
async fn faults_of_the_configuration_are_said_at_once() {
    let epochs = || Arc::new(MemoryEpochs::default());
    let far = "192.0.2.1:1".parse().unwrap();
    let near = || ClientConfig::new(vec!["127.0.0.1:1".parse().unwrap()]);
    let one = || (id("a"), Report::default());
    let fault = connect(ClientConfig::new(vec![far]), vec![one()], epochs()).unwrap_err();
    assert_eq!(fault, ConnectError::Config(ClientConfigError::TlsRequired(far)));
    assert_eq!(connect(near(), vec![], epochs()).unwrap_err(), ConnectError::NoInstance);
    assert_eq!(connect(near(), vec![one(), one()], epochs()).unwrap_err(), ConnectError::Twice(id("a")));
}

#[tokio::test]
async fn reports_that_cannot_leave_give_way_to_the_latest() {
    let mut boss = Boss::start().await;
    let mut gateway = Gateway::dial(&boss);
    for positions in 1..=10_000 {
        gateway.handle.report(&id("a"), report(positions)).unwrap();
    }
    let (mut desk, hello) = boss.welcome(&[("a", 1)]).await;
    gateway.connected().await;
    let announced = hello.instances[0].report.as_ref().unwrap().positions;
    gateway.handle.report(&id("a"), report(10_001)).unwrap();
    let mut frames = 0;
    until_positions(&mut desk, 10_001, &mut frames).await;
    assert!(announced >= 1 && frames <= 2, "{frames} frames told of it, {announced} were announced");
}

async fn until_positions(desk: &mut Desk, positions: u32, frames: &mut u32) {
    loop {
        *frames += 1;
        if matches!(desk.next().await.body, Some(Heard::Report(it)) if it.positions == positions) {
            return;
        }
    }
}
