//! The order inbox over a real socket: what a gateway says of sends, and that it starts none twice.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use tokio::sync::mpsc;
use warden_bridge::{
    Command, CommandId, Finished, Outcome, SendId, Snapshot, TradeReply,
    client::{
        ClientConfig, ClientEvent, ClientHandle, MemoryEpochs, MemorySends, SendFile, SendRecord, SendStep,
        SendStore, SendStoreError, connect,
    },
};
use warden_domain::{Epoch, Facts, InstanceId, Span, Timestamp};

use crate::support::{
    boss::{Boss, Desk},
    id, report, soon,
    wire::{self, SendStanding as Standing, command::Action, command_result::Outcome as Told},
};

/// A gateway that serves instance `a`.
struct Gateway {
    handle: ClientHandle,
    events: mpsc::Receiver<ClientEvent>,
}

impl Gateway {
    fn dial(boss: &Boss, sends: Arc<dyn SendStore>) -> Self {
        Self::with(boss, sends, |_| ())
    }

    fn with(boss: &Boss, sends: Arc<dyn SendStore>, change: impl FnOnce(&mut ClientConfig)) -> Self {
        let mut config = ClientConfig::new(vec![boss.address]);
        config.first_wait = Span::from_millis(1);
        config.longest_wait = Span::from_millis(20);
        config.sends = sends;
        change(&mut config);
        let instances = vec![(id("a"), report(1))];
        let (handle, events) =
            connect(config, instances, Arc::new(MemoryEpochs::default())).expect("it begins");
        Self { handle, events }
    }

    /// The next command.
    async fn command(&mut self) -> (Epoch, CommandId, Command) {
        loop {
            if let ClientEvent::Command(it) = soon(self.events.recv()).await.expect("an event") {
                return (it.epoch, it.id, it.command);
            }
        }
    }

    /// The next command, which is this send.
    async fn order(&mut self, magic: u64) -> (Epoch, CommandId) {
        match self.command().await {
            (epoch, id, Command::Order(order)) => {
                assert_eq!(order.send, send(magic));
                (epoch, id)
            }
            other => panic!("an order was expected, not {other:?}"),
        }
    }

    fn end(&self, (epoch, number): (Epoch, CommandId), outcome: Outcome) {
        let (facts, detail) = (Facts { retcode: Some(10_009), ..Facts::default() }, "words".to_owned());
        let finished = Finished { instance: id("a"), id: number, outcome, facts, detail };
        self.handle.finished(epoch, finished).expect("it runs");
    }
}

fn send(magic: u64) -> SendId {
    SendId { magic, attempt: 1 }
}

fn trade(order: u64) -> Outcome {
    Outcome::Trade(TradeReply { deal: 1, order, volume: 0.1, price: 1.1 })
}

pub(crate) fn order(magic: u64) -> Action {
    let order = wire::OrderCommand {
        action: 1,
        magic,
        attempt: 1,
        symbol: "EURUSD".into(),
        volume: 0.1,
        filling: 1,
        ..wire::OrderCommand::default()
    };
    Action::Order(order)
}

/// Asks for these sends.
pub(crate) fn look(magics: &[u64]) -> Action {
    let sends = magics.iter().map(|magic| wire::SendId { magic: *magic, attempt: 1 }).collect();
    Action::Snapshot(wire::SnapshotCommand { sends, ..wire::SnapshotCommand::default() })
}

pub(crate) async fn ask(desk: &Desk, sequence: u64, epoch: u64, number: u64, action: Action) {
    ask_until(desk, sequence, epoch, number, i64::MAX, action).await;
}

async fn ask_until(desk: &Desk, sequence: u64, epoch: u64, number: u64, deadline_ms: i64, action: Action) {
    let command = wire::Command { epoch, id: number, deadline_ms, action: Some(action) };
    desk.say("a", sequence, wire::supervisor_frame::Body::Command(command)).await;
}

/// The next result, which answers an order with this order ticket.
async fn traded(desk: &mut Desk, number: u64, ticket: u64) {
    let (_, result) = desk.result().await;
    assert_eq!(result.id, number);
    assert!(matches!(&result.outcome, Some(Told::Trade(it)) if it.order == ticket), "{result:?}");
    assert_eq!((result.facts.and_then(|it| it.retcode), result.detail.as_str()), (Some(10_009), "words"));
}

/// The next result, which is a snapshot: what it says of sends, and how many wait.
async fn standings(desk: &mut Desk, number: u64) -> (Vec<Standing>, u32) {
    let (_, result) = desk.result().await;
    assert_eq!(result.id, number);
    match result.outcome {
        Some(Told::Snapshot(it)) => (it.sends.iter().map(wire::SendState::standing).collect(), it.waiting),
        other => panic!("a snapshot was expected, not {other:?}"),
    }
}

async fn met(sends: Arc<dyn SendStore>) -> (Boss, Desk, Gateway) {
    let mut boss = Boss::start().await;
    let gateway = Gateway::dial(&boss, sends);
    let (desk, _) = boss.welcome(&[("a", 1)]).await;
    (boss, desk, gateway)
}

fn memory() -> Arc<dyn SendStore> {
    Arc::new(MemorySends::default())
}

#[tokio::test]
async fn a_send_is_carried_out_once_whatever_its_command_is_called() {
    let (_boss, mut desk, mut gateway) = met(memory()).await;
    ask(&desk, 1, 1, 1, order(7)).await;
    let first = gateway.order(7).await;
    ask(&desk, 2, 1, 2, order(7)).await;
    ask(&desk, 3, 2, 1, order(7)).await;
    ask(&desk, 4, 2, 2, order(8)).await;
    let second = gateway.order(8).await;
    assert_eq!(second, (Epoch(2), CommandId(2)), "nothing came out for the repeated ones");
    gateway.end(first, trade(70));
    for number in [1, 2, 1] {
        traded(&mut desk, number, 70).await;
    }
    ask(&desk, 5, 3, 9, order(7)).await;
    traded(&mut desk, 9, 70).await;
    gateway.end(second, Outcome::Failed);
    let (_, result) = desk.result().await;
    assert_eq!((result.id, result.outcome), (2, Some(Told::Failed(wire::Failed {}))));
}

#[tokio::test]
async fn a_send_is_kept_as_started_before_it_comes_out_and_as_answered_before_that_is_told() {
    let store = Arc::new(Steps::default());
    let (_boss, mut desk, mut gateway) = met(Arc::clone(&store) as _).await;
    ask(&desk, 1, 1, 1, order(7)).await;
    let asked = gateway.order(7).await;
    assert_eq!(store.steps(), ["started 7"]);
    gateway.end(asked, trade(70));
    traded(&mut desk, 1, 70).await;
    assert_eq!(store.steps(), ["started 7", "answered 7"]);
    ask_until(&desk, 2, 1, 2, 0, order(8)).await;
    let (_, result) = desk.result().await;
    assert_eq!((result.id, result.outcome), (2, Some(Told::NotStarted(wire::NotStarted {}))));
    assert_eq!(result.detail, "the deadline has passed");
    assert_eq!(store.steps(), ["started 7", "answered 7", "refused 8"]);
}

#[tokio::test]
async fn a_send_that_was_too_late_once_is_never_started() {
    let (_boss, mut desk, mut gateway) = met(memory()).await;
    ask_until(&desk, 1, 1, 1, 0, order(7)).await;
    assert_eq!(desk.result().await.1.outcome, Some(Told::NotStarted(wire::NotStarted {})));
    ask(&desk, 2, 1, 2, order(7)).await;
    let (_, result) = desk.result().await;
    assert_eq!((result.id, result.outcome), (2, Some(Told::NotStarted(wire::NotStarted {}))));
    ask(&desk, 3, 1, 3, look(&[7, 8])).await;
    let (epoch, number, _) = gateway.command().await;
    gateway.end((epoch, number), Outcome::Snapshot(Box::default()));
    assert_eq!(standings(&mut desk, 3).await, (vec![Standing::NotStarted, Standing::Unseen], 0));
}

#[tokio::test]
async fn a_send_of_an_older_owner_is_answered_when_it_was_done_and_refused_when_it_was_not() {
    let (_boss, mut desk, mut gateway) = met(memory()).await;
    ask(&desk, 1, 2, 1, order(7)).await;
    let asked = gateway.order(7).await;
    gateway.end(asked, trade(70));
    traded(&mut desk, 1, 70).await;
    ask(&desk, 2, 1, 5, order(7)).await;
    assert_eq!(desk.refusal().await.reason(), wire::RefusalReason::StaleEpoch);
    traded(&mut desk, 5, 70).await;
    ask(&desk, 3, 1, 6, order(8)).await;
    assert_eq!(desk.refusal().await.reason(), wire::RefusalReason::StaleEpoch);
    assert_eq!(desk.result().await.1.outcome, Some(Told::NotStarted(wire::NotStarted {})));
    ask(&desk, 4, 2, 2, order(8)).await;
    assert_eq!(desk.result().await.1.outcome, Some(Told::NotStarted(wire::NotStarted {})), "and for good");
}

#[tokio::test]
async fn a_snapshot_says_what_the_inbox_knows_whatever_the_program_says() {
    let (_boss, mut desk, mut gateway) = met(memory()).await;
    ask(&desk, 1, 1, 1, order(7)).await;
    let running = gateway.order(7).await;
    ask(&desk, 2, 1, 2, order(8)).await;
    let ended = gateway.order(8).await;
    gateway.end(ended, trade(80));
    traded(&mut desk, 2, 80).await;
    ask(&desk, 3, 1, 3, look(&[9, 8, 7])).await;
    let (epoch, number, command) = gateway.command().await;
    assert!(matches!(&command, Command::Snapshot(query) if query.sends == [send(9), send(8), send(7)]));
    let said = Snapshot { login: 5_001, waiting: 77, ..Snapshot::default() };
    gateway.end((epoch, number), Outcome::Snapshot(Box::new(said)));
    let (_, result) = desk.result().await;
    let Some(Told::Snapshot(it)) = result.outcome else { panic!("a snapshot") };
    let told: Vec<_> = it.sends.iter().map(wire::SendState::standing).collect();
    assert_eq!(told, [Standing::Unseen, Standing::Answered, Standing::InProgress]);
    assert_eq!((it.login, it.waiting), (5_001, 1));
    let answer = &it.sends[1];
    assert_eq!(answer.reply.as_ref().unwrap().order, 80);
    assert_eq!(answer.facts.unwrap().retcode, Some(10_009));
    gateway.end(running, Outcome::NotStarted);
    assert_eq!(desk.result().await.1.outcome, Some(Told::NotStarted(wire::NotStarted {})));
}

#[tokio::test]
async fn a_snapshot_that_does_not_fit_is_failed_with_words_and_never_a_part() {
    let (_boss, mut desk, mut gateway) = met(memory()).await;
    ask(&desk, 1, 1, 1, look(&[])).await;
    let (epoch, number, _) = gateway.command().await;
    let order = warden_bridge::PastOrder {
        ticket: u64::MAX,
        magic: u64::MAX,
        symbol: "EURUSD".into(),
        side: warden_domain::Side::Buy,
        volume: warden_domain::Lots::from_units(1),
        position: u64::MAX,
    };
    let large = Snapshot { past_orders: vec![order; 2_000], ..Snapshot::default() };
    gateway.end((epoch, number), Outcome::Snapshot(Box::new(large)));
    let (_, result) = desk.result().await;
    assert_eq!(result.outcome, Some(Told::Failed(wire::Failed {})));
    assert!(result.detail.contains("more than a frame of 65536 bytes"), "{}", result.detail);
}

#[tokio::test]
async fn nothing_starts_that_cannot_be_kept_and_an_answer_is_told_nevertheless() {
    let store = Arc::new(Steps::default());
    let (_boss, mut desk, mut gateway) = met(Arc::clone(&store) as _).await;
    ask(&desk, 1, 1, 1, order(7)).await;
    let asked = gateway.order(7).await;
    store.full.store(true, Ordering::SeqCst);
    ask(&desk, 2, 1, 2, order(8)).await;
    let (_, result) = desk.result().await;
    assert_eq!((result.id, result.outcome), (2, Some(Told::NotStarted(wire::NotStarted {}))));
    assert!(result.detail.contains("the order inbox cannot be written"), "{}", result.detail);
    gateway.end(asked, trade(70));
    traded(&mut desk, 1, 70).await;
    store.full.store(false, Ordering::SeqCst);
    ask(&desk, 3, 1, 3, order(9)).await;
    gateway.order(9).await;
}

#[tokio::test]
async fn an_order_that_waited_too_long_to_be_taken_is_not_started() {
    let mut boss = Boss::start().await;
    let now = Arc::new(AtomicI64::new(1_000));
    let clock = Arc::clone(&now);
    let mut gateway = Gateway::with(&boss, memory(), |config| {
        config.events = NonZeroUsize::MIN;
        config.clock = Arc::new(move || Timestamp::from_millis(clock.load(Ordering::SeqCst)));
    });
    let (mut desk, _) = boss.welcome(&[("a", 1)]).await;
    // the event that the session began takes the only place in the channel
    ask_until(&desk, 1, 1, 1, 1_000, order(7)).await;
    desk.send(wire::SupervisorFrame::default()).await;
    assert_eq!(desk.refusal().await.reason(), wire::RefusalReason::UnknownType, "it has read so far");
    now.store(1_001, Ordering::SeqCst);
    ask_until(&desk, 2, 1, 2, 2_000, order(8)).await;
    gateway.order(8).await;
    let (_, result) = desk.result().await;
    assert_eq!((result.id, result.outcome), (1, Some(Told::NotStarted(wire::NotStarted {}))));
}

#[tokio::test]
async fn a_closed_gateway_keeps_and_tells_the_ends_that_were_handed_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sends");
    let store = Arc::new(SendFile::open(&path).unwrap());
    let (boss, mut desk, mut gateway) = met(Arc::clone(&store) as _).await;
    for number in 1..=50 {
        ask(&desk, number, 1, number, order(number)).await;
    }
    for number in 1..=50 {
        let asked = gateway.order(number).await;
        gateway.end(asked, trade(number));
    }
    gateway.handle.close();
    for number in 1..=50 {
        traded(&mut desk, number, number).await;
    }
    drop((boss, desk, gateway));
    let known = (1..=50).filter(|it| matches!(store.known(&id("a"), send(*it)), Some(SendStep::Answered(_))));
    assert_eq!(known.count(), 50);
}

/// An inbox that remembers what it was given, and may be full.
#[derive(Default)]
struct Steps {
    inner: MemorySends,
    steps: Mutex<Vec<String>>,
    full: AtomicBool,
}

impl Steps {
    fn steps(&self) -> Vec<String> {
        self.steps.lock().expect("no writer panicked").clone()
    }
}

impl SendStore for Steps {
    fn known(&self, instance: &InstanceId, send: SendId) -> Option<SendStep> {
        self.inner.known(instance, send)
    }

    fn write(&self, records: &[SendRecord]) -> Result<(), SendStoreError> {
        self.inner.write(records)?;
        if self.full.load(Ordering::SeqCst) {
            let source = std::io::ErrorKind::StorageFull.into();
            return Err(SendStoreError::Io { path: "sends".into(), source });
        }
        let step = |it: &SendRecord| {
            let word = match it.step {
                SendStep::Started => "started",
                SendStep::NotStarted { .. } => "refused",
                SendStep::Answered(_) => "answered",
            };
            format!("{word} {}", it.send.magic)
        };
        self.steps.lock().expect("no writer panicked").extend(records.iter().map(step));
        Ok(())
    }
}
