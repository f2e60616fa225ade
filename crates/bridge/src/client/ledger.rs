use std::collections::{BTreeMap, BTreeSet, HashMap};

use warden_domain::{Epoch, Facts, InstanceId, Timestamp};

use super::sends::{SendRecord, SendStep, SendStore};
use crate::{CommandId, Outcome, SendId, SendState, Snapshot, SnapshotQuery};

/// So many commands may ask for one send while it runs; more of them are told that it cannot be said.
const ASKED: usize = 16;

/// Which command.
pub(super) type Asked = (Epoch, CommandId);

/// What one instance's sends and looks at the broker come to in this life of the gateway; what ended is in the
/// [`SendStore`].
#[derive(Debug)]
pub(super) struct Ledger {
    instance: InstanceId,
    running: HashMap<SendId, Running>,
    /// The sends that run, by the command that is answered by the program.
    started: BTreeMap<Asked, SendId>,
    looks: BTreeMap<Asked, Look>,
}

/// A send that runs, or whose end is being written.
#[derive(Debug)]
struct Running {
    /// Who is to be answered.
    asked: Vec<Asked>,
    /// How it ended, until that is written.
    end: Option<SendStep>,
}

/// A snapshot that is being taken.
#[derive(Debug)]
struct Look {
    sends: Vec<SendId>,
    /// Those of them that ended since it began: what was read before says nothing about them.
    ended: BTreeSet<SendId>,
}

/// What to do with an order.
#[derive(Debug, PartialEq)]
pub(super) enum Sending {
    /// Start it, once that is written.
    Start,
    /// Do not start it; answer once this is written.
    Refuse(SendRecord),
    /// It runs; the command is answered when it ends.
    Wait,
    /// Answer with what is known.
    Answer(Outcome, Facts, String),
}

impl Ledger {
    pub(super) fn new(instance: InstanceId) -> Self {
        Self { instance, running: HashMap::new(), started: BTreeMap::new(), looks: BTreeMap::new() }
    }

    /// Decides on an order that came with a command; `refused` says why it may not start.
    pub(super) fn order(
        &mut self,
        send: SendId,
        asked: Asked,
        refused: Option<(&str, Timestamp)>,
        store: &dyn SendStore,
    ) -> Sending {
        if let Some(running) = self.running.get_mut(&send) {
            if running.asked.len() == ASKED {
                let why = "the send runs, and too many commands wait for its end".to_owned();
                return Sending::Answer(Outcome::Failed, Facts::default(), why);
            }
            running.asked.push(asked);
            return Sending::Wait;
        }
        if let Some(step) = store.known(&self.instance, send) {
            let (outcome, facts, detail) = step.result();
            return Sending::Answer(outcome, facts, detail);
        }
        self.running.insert(send, Running { asked: vec![asked], end: None });
        self.started.insert(asked, send);
        match refused {
            None => Sending::Start,
            Some((why, at)) => {
                let step = SendStep::NotStarted { detail: why.to_owned() };
                self.end(asked, step, at).map_or(Sending::Wait, Sending::Refuse)
            }
        }
    }

    /// The send of a command ended; what is to be written before that is told. `None` when none of the command's runs.
    pub(super) fn end(&mut self, asked: Asked, step: SendStep, at: Timestamp) -> Option<SendRecord> {
        let send = self.started.remove(&asked)?;
        let running = self.running.get_mut(&send)?;
        running.end = Some(step.clone());
        Some(SendRecord { instance: self.instance.clone(), send, at, step })
    }

    /// A send's end is written: who is answered, and what.
    pub(super) fn written(&mut self, send: SendId) -> Option<(Vec<Asked>, SendStep)> {
        self.running.get(&send)?.end.as_ref()?;
        for look in self.looks.values_mut().filter(|it| it.sends.contains(&send)) {
            look.ended.insert(send);
        }
        let Running { asked, end } = self.running.remove(&send)?;
        Some((asked, end?))
    }

    /// The command asks for a send that runs, or whose end is being written.
    pub(super) fn asks(&self, asked: Asked) -> bool {
        self.running.values().any(|it| it.asked.contains(&asked))
    }

    /// Ends wait to be written.
    pub(super) fn is_writing(&self) -> bool {
        self.running.len() > self.started.len()
    }

    /// The program begins to read what is at the broker.
    pub(super) fn look(&mut self, asked: Asked, query: &SnapshotQuery) {
        self.looks.insert(asked, Look { sends: query.sends.clone(), ended: BTreeSet::new() });
    }

    /// The program has read what is at the broker: adds what the inbox knows. A send that ran at any time since the reading
    /// began is in progress, because the reading may be older than its end.
    pub(super) fn looked(&mut self, asked: Asked, outcome: Outcome, store: &dyn SendStore) -> Outcome {
        let Some(look) = self.looks.remove(&asked) else { return outcome };
        let Outcome::Snapshot(mut snapshot) = outcome else { return outcome };
        let Snapshot { sends, waiting, .. } = snapshot.as_mut();
        *sends = look.sends.iter().map(|it| self.state(*it, &look, store)).collect();
        *waiting = u32::try_from(self.running.len()).unwrap_or(u32::MAX);
        Outcome::Snapshot(snapshot)
    }

    fn state(&self, send: SendId, look: &Look, store: &dyn SendStore) -> SendState {
        if self.running.contains_key(&send) || look.ended.contains(&send) {
            return SendState::InProgress;
        }
        match store.known(&self.instance, send) {
            None => SendState::Unseen,
            Some(SendStep::Started) => SendState::Interrupted,
            Some(SendStep::NotStarted { .. }) => SendState::NotStarted,
            Some(SendStep::Answered(it)) => SendState::Answered { facts: it.facts, reply: it.reply },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::sends::MemorySends, *};
    use crate::TradeReply;

    const AT: Timestamp = Timestamp::from_millis(5);
    const SEND: SendId = SendId { magic: 7, attempt: 1 };

    struct Desk {
        ledger: Ledger,
        store: MemorySends,
    }

    fn asked(id: u64) -> Asked {
        (Epoch(1), CommandId(id))
    }

    impl Desk {
        fn new() -> Self {
            Self { ledger: ledger(), store: MemorySends::default() }
        }

        fn order(&mut self, id: u64, refused: Option<(&str, Timestamp)>) -> Sending {
            self.ledger.order(SEND, asked(id), refused, &self.store)
        }

        fn started(&mut self, id: u64) {
            assert_eq!(self.order(id, None), Sending::Start);
            let instance = instance();
            self.store
                .write(&[SendRecord { instance, send: SEND, at: AT, step: SendStep::Started }])
                .unwrap();
        }

        fn ended(&mut self, id: u64, outcome: &Outcome) -> Option<(Vec<Asked>, SendStep)> {
            let step = SendStep::ended(outcome, Facts::default(), String::new());
            let record = self.ledger.end(asked(id), step, AT)?;
            self.store.write(&[record]).unwrap();
            self.ledger.written(SEND)
        }

        fn look(&mut self, id: u64) {
            let query = SnapshotQuery { sends: vec![SEND], ..SnapshotQuery::default() };
            self.ledger.look(asked(id), &query);
        }

        fn looked(&mut self, id: u64) -> (SendState, u32) {
            let outcome = Outcome::Snapshot(Box::default());
            let outcome = self.ledger.looked(asked(id), outcome, &self.store);
            let Outcome::Snapshot(it) = outcome else { panic!("{outcome:?}") };
            (it.sends[0], it.waiting)
        }
    }

    fn instance() -> InstanceId {
        InstanceId::new("a").unwrap()
    }

    fn ledger() -> Ledger {
        Ledger::new(instance())
    }

    fn trade() -> Outcome {
        Outcome::Trade(TradeReply { deal: 1, order: 2, volume: 0.1, price: 1.1 })
    }

    #[test]
    fn a_send_starts_once_and_is_answered_ever_after() {
        let mut desk = Desk::new();
        desk.started(1);
        assert_eq!(desk.order(2, None), Sending::Wait, "under another command id");
        let (told, _) = desk.ended(1, &trade()).unwrap();
        assert_eq!(told, [asked(1), asked(2)]);
        let answer = Sending::Answer(trade(), Facts::default(), String::new());
        assert_eq!(desk.order(3, None), answer);
        assert_eq!(
            desk.order(4, Some(("late", AT))),
            answer,
            "it was done, so it is never said to be not started"
        );
        assert_eq!(desk.ended(1, &trade()), None, "once");
    }

    #[test]
    fn a_send_whose_end_is_not_written_is_not_told() {
        let mut desk = Desk::new();
        desk.started(1);
        assert!(!desk.ledger.is_writing());
        assert_eq!(desk.ledger.written(SEND), None, "it runs");
        assert!(
            desk.ledger
                .end(asked(1), SendStep::ended(&trade(), Facts::default(), String::new()), AT)
                .is_some()
        );
        assert!(desk.ledger.is_writing());
        assert_eq!(desk.order(2, None), Sending::Wait);
        desk.look(3);
        assert_eq!(desk.looked(3), (SendState::InProgress, 1));
        assert_eq!(desk.ledger.written(SEND).unwrap().0, [asked(1), asked(2)]);
    }

    #[test]
    fn a_refused_send_is_refused_for_good() {
        let mut desk = Desk::new();
        let Sending::Refuse(record) = desk.order(1, Some(("late", AT))) else { panic!("refused") };
        desk.store.write(&[record]).unwrap();
        assert_eq!(desk.ledger.written(SEND).unwrap().0, [asked(1)]);
        let answer = Sending::Answer(Outcome::NotStarted, Facts::default(), "late".into());
        assert_eq!(desk.order(2, None), answer, "also when it would be in time now");
        desk.look(3);
        assert_eq!(desk.looked(3), (SendState::NotStarted, 0));
    }

    #[test]
    fn what_an_earlier_life_started_is_interrupted_and_never_started_again() {
        let mut desk = Desk::new();
        desk.look(1);
        assert_eq!(desk.looked(1), (SendState::Unseen, 0));
        desk.started(2);
        desk.ledger = ledger();
        desk.look(3);
        assert_eq!(desk.looked(3), (SendState::Interrupted, 0));
        let Sending::Answer(outcome, facts, detail) = desk.order(4, None) else { panic!("answered") };
        assert_eq!((outcome, facts), (Outcome::Failed, Facts::default()));
        assert!(detail.contains("not started again"), "{detail}");
    }

    #[test]
    fn a_send_that_ended_while_the_broker_was_read_is_still_in_progress() {
        let mut desk = Desk::new();
        desk.started(1);
        desk.look(2);
        assert!(desk.ended(1, &trade()).is_some());
        assert_eq!(desk.looked(2), (SendState::InProgress, 0), "the reading may be older than the position");
        desk.look(3);
        assert!(matches!(desk.looked(3), (SendState::Answered { reply: Some(_), .. }, 0)));
    }

    #[test]
    fn what_a_program_says_of_sends_is_replaced_by_what_the_inbox_says() {
        let mut desk = Desk::new();
        desk.look(1);
        let said =
            Snapshot { sends: vec![SendState::NotStarted; 3], waiting: 9, login: 5, ..Snapshot::default() };
        let outcome = desk.ledger.looked(asked(1), Outcome::Snapshot(Box::new(said)), &desk.store);
        let Outcome::Snapshot(it) = outcome else { panic!("a snapshot") };
        assert_eq!((it.sends.as_slice(), it.waiting, it.login), (&[SendState::Unseen][..], 0, 5));
        desk.look(2);
        assert_eq!(desk.ledger.looked(asked(2), Outcome::Failed, &desk.store), Outcome::Failed);
        assert!(desk.ledger.looks.is_empty());
    }

    #[test]
    fn one_send_bears_so_many_questions_and_not_more() {
        let mut desk = Desk::new();
        desk.started(1);
        for id in 2..=ASKED as u64 {
            assert_eq!(desk.order(id, None), Sending::Wait);
        }
        assert!(matches!(desk.order(99, None), Sending::Answer(Outcome::Failed, ..)));
        assert_eq!(desk.ended(1, &trade()).unwrap().0.len(), ASKED);
    }
}
