//! What holds for sends whatever a supervisor asks and whenever the gateway is killed.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    sync::Arc,
};

use proptest::{collection::vec, prelude::*};
use warden_domain::{Epoch, Facts, InstanceId, Timestamp};

use super::{
    book::Book,
    member::{Ended, Member},
    sends::{MemorySends, SendRecord, SendStep, SendStore},
};
use crate::{
    CommandId, Envelope, Finished, Outcome, Report, SendId, TradeReply,
    wire::{self, command_result::Outcome as Told, gateway_frame::Body},
};

/// What may happen.
#[derive(Clone, Debug)]
enum Act {
    /// An order comes; the gateway may be killed before or after its start is written.
    Order { magic: u64, late: bool, again: bool, killed: Option<bool> },
    /// An order comes under an older epoch.
    Stale(u64),
    /// The program ends the oldest order that runs.
    Finish(u8),
    /// Ends are written.
    Write,
    /// The gateway is killed, and begins anew under the next owner.
    Kill,
    /// Frames leave.
    Send(usize),
}

fn act() -> impl Strategy<Value = Act> {
    let killed = prop_oneof![8 => Just(None), 1 => any::<bool>().prop_map(Some)];
    let order = (0..4_u64, prop::bool::weighted(0.1), prop::bool::weighted(0.1), killed);
    prop_oneof![
        6 => order.prop_map(|(magic, late, again, killed)| Act::Order { magic, late, again, killed }),
        1 => (0..4_u64).prop_map(Act::Stale),
        3 => (0..3_u8).prop_map(Act::Finish),
        3 => Just(Act::Write),
        1 => Just(Act::Kill),
        3 => (0..8_usize).prop_map(Act::Send),
    ]
}

/// A gateway and its disk, with what was seen of its sends from outside.
struct World {
    store: Arc<MemorySends>,
    book: Book,
    epoch: u64,
    sequence: u64,
    number: u64,
    /// Ends on their way to the disk.
    ends: Vec<SendRecord>,
    /// What the program carries out.
    running: BTreeMap<(Epoch, CommandId), SendId>,
    /// Everything that ever came out.
    started: BTreeSet<SendId>,
    /// What the program did, with the ticket of its trade.
    done: BTreeMap<SendId, Option<u64>>,
    /// Which send a command asked for.
    asked: BTreeMap<(Epoch, CommandId), SendId>,
}

fn instance() -> InstanceId {
    InstanceId::new("a").unwrap()
}

fn book(store: &Arc<MemorySends>, epoch: u64) -> Book {
    let mut book = Book::new(Arc::clone(store) as _);
    let inbox = NonZeroUsize::new(1_000).unwrap();
    assert!(book.add(Member::new(instance(), Report::default(), Epoch(epoch), inbox)));
    book.accept(&[wire::Accepted { instance: "a".into(), epoch, ..wire::Accepted::default() }]);
    book
}

impl World {
    fn new() -> Self {
        let store = Arc::new(MemorySends::default());
        Self {
            book: book(&store, 2),
            store,
            epoch: 2,
            sequence: 0,
            number: 0,
            ends: Vec::new(),
            running: BTreeMap::new(),
            started: BTreeSet::new(),
            done: BTreeMap::new(),
            asked: BTreeMap::new(),
        }
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Order { magic, late, again, killed } => {
                self.number += u64::from(!again || self.number == 0);
                self.order(magic, self.epoch, self.number, late, killed);
            }
            Act::Stale(magic) => self.order(magic, self.epoch - 1, 1_000_000 + self.sequence, false, None),
            Act::Finish(how) => self.finish(how),
            Act::Write => self.write(),
            Act::Kill => self.kill(),
            Act::Send(frames) => (0..frames).for_each(|_| self.send()),
        }
    }

    fn order(&mut self, magic: u64, epoch: u64, number: u64, late: bool, killed: Option<bool>) {
        let send = SendId { magic, attempt: 1 };
        let now = Timestamp::from_millis(5);
        self.sequence += 1;
        self.asked.entry((Epoch(epoch), CommandId(number))).or_insert(send);
        let order = wire::OrderCommand { action: 1, magic, attempt: 1, ..wire::OrderCommand::default() };
        let action = Some(wire::command::Action::Order(order));
        let command = wire::Command { epoch, id: number, deadline_ms: if late { 4 } else { 6 }, action };
        let taken = self.book.command("a", self.sequence, command, now);
        self.ends.extend(taken.write);
        let Some(Envelope { epoch, id, .. }) = taken.start else { return };
        assert_eq!(epoch, Epoch(self.epoch), "an older owner is not obeyed");
        assert!(!late, "not after its deadline");
        if killed == Some(false) {
            return self.kill();
        }
        let step = SendStep::Started;
        self.store.write(&[SendRecord { instance: instance(), send, at: now, step }]).unwrap();
        if killed == Some(true) {
            return self.kill();
        }
        assert!(self.started.insert(send), "never twice");
        self.running.insert((epoch, id), send);
    }

    fn finish(&mut self, how: u8) {
        let Some(((epoch, id), send)) = self.running.pop_first() else { return };
        let ticket = id.0;
        let outcome = match how {
            0 => Outcome::NotStarted,
            1 => Outcome::Failed,
            _ => Outcome::Trade(TradeReply { deal: 0, order: ticket, volume: 0.1, price: 1.0 }),
        };
        if how > 0 {
            self.done.insert(send, (how > 1).then_some(ticket));
        }
        let finished =
            Finished { instance: instance(), id, outcome, facts: Facts::default(), detail: String::new() };
        match self.book.finished(epoch, finished.clone(), Timestamp::from_millis(5)) {
            Some(Ended::Write(record)) => self.ends.push(record),
            other @ (None | Some(Ended::NotRunning | Ended::Told)) => panic!("it runs: {other:?}"),
        }
        let again = self.book.finished(epoch, finished, Timestamp::from_millis(5));
        assert_eq!(again, Some(Ended::NotRunning), "once");
    }

    fn write(&mut self) {
        self.store.write(&self.ends).unwrap();
        let sends: Vec<_> = self.ends.drain(..).map(|it| (it.instance, it.send)).collect();
        self.book.written(&sends);
    }

    fn kill(&mut self) {
        self.epoch += 1;
        self.book = book(&self.store, self.epoch);
        (self.sequence, self.number) = (0, 0);
        self.ends.clear();
        self.running.clear();
    }

    fn send(&mut self) {
        let Some(frame) = self.book.next_frame() else { return };
        let Some(Body::Result(result)) = frame.body else { return };
        let send = self.asked[&(Epoch(result.epoch), CommandId(result.id))];
        let known = self.store.known(&instance(), send);
        assert_ne!(known, None, "nothing is told that is not on the disk");
        match result.outcome.expect("an outcome") {
            Told::Trade(it) => {
                assert_eq!(self.done.get(&send), Some(&Some(it.order)), "the answer that there was");
                assert!(matches!(known, Some(SendStep::Answered(_))), "on the disk before it is told");
            }
            Told::Failed(_) => assert!(matches!(known, Some(SendStep::Answered(_) | SendStep::Started))),
            Told::NotStarted(_) => assert!(!self.done.contains_key(&send), "it was done"),
            it @ (Told::Done(_) | Told::Session(_) | Told::Snapshot(_)) => panic!("{it:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn a_send_is_carried_out_at_most_once_and_told_truthfully_over_every_kill(acts in vec(act(), 0..80)) {
        let mut world = World::new();
        for act in &acts {
            world.act(act);
        }
        // at last every command of this life is answered
        for how in 0..200 {
            world.finish(how % 3);
        }
        world.write();
        (0..1_000).for_each(|_| world.send());
        prop_assert!(!world.book.is_writing());
    }
}
