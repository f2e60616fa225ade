//! What holds for a gateway whatever a supervisor sends and whenever sessions break.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    sync::Arc,
};

use proptest::{collection::vec, prelude::*};
use warden_domain::{AccountMode, Epoch, Facts, InstanceId, Timestamp};

use super::{
    book::Book,
    member::{Ended, Member},
    sends::MemorySends,
};
use crate::{
    CommandId, Finished, Market, Outcome, Report,
    wire::{self, gateway_frame::Body},
};

/// What may happen to a gateway.
#[derive(Clone, Debug)]
enum Act {
    Accept { epoch: u64, last_received: u64 },
    Lose,
    Command { sequence: u64, epoch: u64, id: u64, deadline: i64 },
    Resync(u64),
    Resumed(u64),
    Finish,
    Report(u32),
    Repeat,
    Market(i32),
    Send(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (1..4_u64, 0..6_u64).prop_map(|(epoch, last_received)| Act::Accept { epoch, last_received }),
        Just(Act::Lose),
        (0..6_u64, 0..5_u64, 0..5_u64, 4..7_i64).prop_map(|(sequence, epoch, id, deadline)| Act::Command {
            sequence,
            epoch,
            id,
            deadline
        }),
        (1..5_u64, 1..5_u64).prop_map(|(sequence, id)| Act::Command { sequence, epoch: 4, id, deadline: 6 }),
        (0..8_u64).prop_map(Act::Resync),
        (0..8_u64).prop_map(Act::Resumed),
        Just(Act::Finish),
        any::<u32>().prop_map(Act::Report),
        Just(Act::Repeat),
        any::<i32>().prop_map(Act::Market),
        (0..8_usize).prop_map(Act::Send),
    ]
}

/// A gateway that serves one instance, with what was seen of it from outside.
struct World {
    book: Book,
    now: Timestamp,
    started: BTreeSet<(Epoch, CommandId)>,
    running: BTreeSet<(Epoch, CommandId)>,
    highest: Epoch,
    served: bool,
    sent: u64,
    /// The balance of the newest market that was told to somebody.
    market: Option<f64>,
    results: BTreeMap<(Epoch, CommandId), wire::CommandResult>,
}

impl World {
    fn new() -> Self {
        let instance = InstanceId::new("a").unwrap();
        let mut book = Book::new(Arc::new(MemorySends::default()));
        let member = Member::new(instance, Report::default(), Epoch(0), NonZeroUsize::new(1_000).unwrap());
        assert!(book.add(member));
        Self {
            book,
            now: Timestamp::from_millis(5),
            started: BTreeSet::new(),
            running: BTreeSet::new(),
            highest: Epoch(0),
            served: false,
            sent: 0,
            market: None,
            results: BTreeMap::new(),
        }
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Accept { epoch, last_received } => self.accept(epoch, last_received),
            Act::Lose => {
                self.book.lose();
                self.served = false;
                self.market = None;
            }
            Act::Command { sequence, epoch, id, deadline } => self.command(sequence, epoch, id, deadline),
            Act::Resync(after) => self.book.resync("a", after),
            Act::Resumed(next) => self.book.resumed("a", next),
            Act::Finish => self.finish(),
            Act::Report(positions) => {
                let report = Report { positions, ..Report::default() };
                assert!(self.book.report(&InstanceId::new("a").unwrap(), report));
            }
            Act::Repeat => self.book.repeat(),
            Act::Market(balance) => self.tell_market(balance.into()),
            Act::Send(frames) => (0..frames).for_each(|_| self.send()),
        }
    }

    fn tell_market(&mut self, balance: f64) {
        let market = Market { mode: AccountMode::Netting, balance, equity: 0.0, symbols: Vec::new() };
        assert!(self.book.market(&InstanceId::new("a").unwrap(), market));
        self.market = self.served.then_some(balance);
    }

    fn accept(&mut self, epoch: u64, last_received: u64) {
        for announced in self.book.announce() {
            assert_eq!((announced.seen, announced.last_sequence), (self.highest, self.sent));
        }
        let accepted = wire::Accepted { instance: "a".into(), epoch, last_received, last_sequence: 0 };
        let risen = self.book.risen(std::slice::from_ref(&accepted));
        self.book.raised(&risen);
        self.book.accept(&[accepted]);
        if Epoch(epoch) >= self.highest {
            self.served = true;
            self.highest = Epoch(epoch);
        }
    }

    fn command(&mut self, sequence: u64, epoch: u64, id: u64, deadline: i64) {
        let risen = self.book.risen_by("a", Epoch(epoch));
        if let Some((_, epoch)) = &risen {
            self.highest = *epoch;
        }
        self.book.raised(risen.as_slice());
        let action = Some(wire::command::Action::Confirm(wire::ConfirmCommand {}));
        let command = wire::Command { epoch, id, deadline_ms: deadline, action };
        let Some(started) = self.book.command("a", sequence, command, self.now).start else { return };
        assert!(self.served, "nobody else may command");
        assert!(started.epoch >= self.highest, "an older owner is not obeyed");
        assert!(self.now <= started.deadline, "not after its deadline");
        assert!(self.started.insert((started.epoch, started.id)), "never twice");
        self.running.insert((started.epoch, started.id));
    }

    fn finish(&mut self) {
        let Some((epoch, id)) = self.running.pop_first() else { return };
        let finished = Finished {
            instance: InstanceId::new("a").unwrap(),
            id,
            outcome: Outcome::Done,
            facts: Facts::default(),
            detail: String::new(),
        };
        assert_eq!(self.book.finished(epoch, finished.clone(), self.now), Some(Ended::Told));
        assert_eq!(self.book.finished(epoch, finished, self.now), Some(Ended::NotRunning), "once");
    }

    fn send(&mut self) {
        let Some(frame) = self.book.next_frame() else { return };
        let body = frame.body.expect("a body");
        let note = matches!(body, Body::Refusal(_) | Body::Resync(_));
        assert!(self.served || note, "nothing of a terminal is said to nobody");
        match body {
            Body::Report(_) => self.numbered(frame.sequence),
            Body::Result(result) => {
                self.numbered(frame.sequence);
                let command = (Epoch(result.epoch), CommandId(result.id));
                let done = result.outcome == Some(wire::command_result::Outcome::Done(wire::Done {}));
                assert_eq!(done, self.started.contains(&command), "not started means not started");
                let first = self.results.entry(command).or_insert_with(|| result.clone());
                assert_eq!(*first, result, "the same answer every time");
            }
            Body::Resumed(resumed) => assert_eq!(resumed.next_sequence, self.sent + 1),
            Body::Market(market) => {
                assert_eq!(frame.sequence, 0);
                assert_eq!(Some(market.balance), self.market.take(), "the newest, and once");
            }
            Body::Refusal(_) | Body::Resync(_) => assert_eq!(frame.sequence, 0),
            body @ (Body::Hello(_) | Body::Heartbeat(_) | Body::Goodbye(_)) => panic!("{body:?}"),
        }
    }

    fn numbered(&mut self, sequence: u64) {
        self.sent += 1;
        assert_eq!(sequence, self.sent, "numbers have no gap");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn a_command_is_obeyed_at_most_once_and_answered_truthfully(acts in vec(act(), 0..60)) {
        let mut world = World::new();
        for act in &acts {
            world.act(act);
        }
        // at last every command that ended is answered to whoever serves then
        while !world.running.is_empty() {
            world.finish();
        }
        world.accept(4, 0);
        for _ in 0..4_000 {
            world.send();
        }
        for command in &world.started {
            prop_assert!(world.results.contains_key(command), "{command:?} has no answer");
        }
    }
}
