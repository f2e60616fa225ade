use std::{collections::VecDeque, num::NonZeroUsize};

use warden_domain::Epoch;

use crate::{CommandId, Finished, Outcome};

/// The commands of one instance that run, and the last ones that ended.
#[derive(Debug)]
pub(super) struct Inbox {
    capacity: NonZeroUsize,
    running: Vec<(Epoch, CommandId)>,
    ended: VecDeque<Ended>,
}

/// A command that ended.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub(super) epoch: Epoch,
    pub(super) finished: Finished,
    /// The number under which it was last sent; `None` while it waits to be sent.
    pub(super) sent: Option<u64>,
}

/// What is known of a command that came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It is new, and runs from now on.
    New,
    /// It runs; its result will come.
    Running,
    /// It ended, and its result waits to be sent.
    Queued,
    /// It ended, and its result was sent: send it again.
    Ended,
}

impl Inbox {
    pub(super) fn new(capacity: NonZeroUsize) -> Self {
        Self { capacity, running: Vec::new(), ended: VecDeque::new() }
    }

    /// What is known of this command.
    pub(super) fn look(&self, epoch: Epoch, id: CommandId) -> Known {
        if self.running.contains(&(epoch, id)) {
            return Known::Running;
        }
        match self.ended.iter().find(|it| it.is(epoch, id)) {
            Some(Ended { sent: None, .. }) => Known::Queued,
            Some(Ended { sent: Some(_), .. }) => Known::Ended,
            None => Known::New,
        }
    }

    /// A command runs from now on.
    pub(super) fn start(&mut self, epoch: Epoch, id: CommandId) {
        self.running.push((epoch, id));
    }

    /// A command that ran ended; `false` when it did not run.
    #[must_use]
    pub(super) fn end(&mut self, epoch: Epoch, finished: Finished) -> bool {
        let Some(at) = self.running.iter().position(|it| *it == (epoch, finished.id)) else { return false };
        self.running.swap_remove(at);
        self.keep(epoch, finished);
        true
    }

    /// Keeps the result of a command that never ran.
    pub(super) fn keep(&mut self, epoch: Epoch, finished: Finished) {
        self.ended.push_back(Ended { epoch, finished, sent: None });
        self.trim();
    }

    /// Marks the result as waiting to be sent again.
    pub(super) fn again(&mut self, epoch: Epoch, id: CommandId) {
        if let Some(ended) = self.ended.iter_mut().find(|it| it.is(epoch, id)) {
            ended.sent = None;
        }
    }

    /// Takes the result for sending under this number.
    pub(super) fn send(&mut self, epoch: Epoch, id: CommandId, sequence: u64) -> Option<Finished> {
        let at = self.ended.iter().position(|it| it.is(epoch, id))?;
        self.ended[at].sent = Some(sequence);
        let sent = self.ended[at].finished.clone();
        if matches!(sent.outcome, Outcome::Snapshot(_)) {
            self.thin(at);
        }
        self.trim();
        Some(sent)
    }

    /// Marks what was sent above `after` as waiting to be sent again, and names it in the order in which it ended.
    pub(super) fn rewind(&mut self, after: u64) -> Vec<(Epoch, CommandId)> {
        let missed = self.ended.iter_mut().filter(|it| it.sent.is_some_and(|sequence| sequence > after));
        missed
            .map(|it| {
                it.sent = None;
                (it.epoch, it.finished.id)
            })
            .collect()
    }

    /// More results wait to be sent than the inbox shall hold.
    pub(super) fn is_behind(&self) -> bool {
        self.ended.len() > self.capacity.get()
    }

    /// Gives up the snapshots that were sent before this one: they are large, and old by now.
    fn thin(&mut self, newest: usize) {
        for ended in self.ended.iter_mut().take(newest).filter(|it| it.sent.is_some()) {
            if matches!(ended.finished.outcome, Outcome::Snapshot(_)) {
                ended.finished.outcome = Outcome::Failed;
                ended.finished.detail = "the snapshot is not kept any more; ask for a new one".to_owned();
            }
        }
    }

    /// Forgets the oldest results that were sent; one that waits to be sent is never forgotten.
    fn trim(&mut self) {
        while self.ended.len() > self.capacity.get() {
            let Some(at) = self.ended.iter().position(|it| it.sent.is_some()) else { return };
            self.ended.remove(at);
        }
    }
}

impl Ended {
    fn is(&self, epoch: Epoch, id: CommandId) -> bool {
        self.epoch == epoch && self.finished.id == id
    }
}

#[cfg(test)]
mod tests {
    use warden_domain::{Facts, InstanceId};

    use super::*;

    const EPOCH: Epoch = Epoch(1);

    fn finished(id: u64) -> Finished {
        Finished {
            instance: InstanceId::new("acct-1").unwrap(),
            id: CommandId(id),
            outcome: Outcome::Done,
            facts: Facts::default(),
            detail: String::new(),
        }
    }

    fn inbox(capacity: usize) -> Inbox {
        Inbox::new(NonZeroUsize::new(capacity).unwrap())
    }

    #[test]
    fn a_command_is_new_once_and_never_runs_twice() {
        let mut inbox = inbox(4);
        assert_eq!(inbox.look(EPOCH, CommandId(1)), Known::New);
        inbox.start(EPOCH, CommandId(1));
        assert_eq!(inbox.look(EPOCH, CommandId(1)), Known::Running);
        assert!(inbox.end(EPOCH, finished(1)));
        assert_eq!(inbox.look(EPOCH, CommandId(1)), Known::Queued);
        assert!(inbox.send(EPOCH, CommandId(1), 1).is_some());
        assert_eq!(inbox.look(EPOCH, CommandId(1)), Known::Ended);
        assert!(!inbox.end(EPOCH, finished(1)), "it does not run any more");
    }

    #[test]
    fn the_same_id_of_another_epoch_is_another_command() {
        let mut inbox = inbox(4);
        inbox.start(EPOCH, CommandId(1));
        assert_eq!(inbox.look(Epoch(2), CommandId(1)), Known::New);
        assert!(!inbox.end(Epoch(2), finished(1)));
    }

    #[test]
    fn only_what_was_sent_is_forgotten() {
        let mut inbox = inbox(2);
        for id in 1..=3 {
            inbox.start(EPOCH, CommandId(id));
            assert!(inbox.end(EPOCH, finished(id)));
        }
        assert_eq!(inbox.look(EPOCH, CommandId(1)), Known::Queued);
        assert!(inbox.is_behind());
        for id in 1..=3 {
            assert!(inbox.send(EPOCH, CommandId(id), id).is_some());
        }
        assert!(!inbox.is_behind());
        inbox.start(EPOCH, CommandId(4));
        assert!(inbox.end(EPOCH, finished(4)));
        assert_eq!(inbox.look(EPOCH, CommandId(2)), Known::New, "forgotten: the inbox holds two");
        assert_eq!(inbox.look(EPOCH, CommandId(3)), Known::Ended);
    }

    #[test]
    fn of_snapshots_that_were_sent_only_the_last_is_kept() {
        let mut inbox = inbox(8);
        for id in 1..=3 {
            inbox.start(EPOCH, CommandId(id));
            assert!(
                inbox.end(EPOCH, Finished { outcome: Outcome::Snapshot(Box::default()), ..finished(id) })
            );
        }
        assert!(matches!(inbox.send(EPOCH, CommandId(1), 1).unwrap().outcome, Outcome::Snapshot(_)));
        assert!(matches!(inbox.send(EPOCH, CommandId(2), 2).unwrap().outcome, Outcome::Snapshot(_)));
        assert_eq!(inbox.rewind(0), [(EPOCH, CommandId(1)), (EPOCH, CommandId(2))]);
        let first = inbox.send(EPOCH, CommandId(1), 3).unwrap();
        assert_eq!(first.outcome, Outcome::Failed);
        assert!(first.detail.contains("not kept any more"), "{}", first.detail);
        assert!(matches!(inbox.send(EPOCH, CommandId(2), 4).unwrap().outcome, Outcome::Snapshot(_)));
        assert!(matches!(inbox.send(EPOCH, CommandId(3), 5).unwrap().outcome, Outcome::Snapshot(_)));
    }

    #[test]
    fn what_was_missed_is_sent_again_in_order() {
        let mut inbox = inbox(8);
        for id in 1..=4 {
            inbox.start(EPOCH, CommandId(id));
            assert!(inbox.end(EPOCH, finished(id)));
        }
        for id in 1..=3 {
            assert!(inbox.send(EPOCH, CommandId(id), id * 10).is_some());
        }
        assert_eq!(inbox.rewind(10), [(EPOCH, CommandId(2)), (EPOCH, CommandId(3))]);
        assert_eq!(inbox.rewind(10), [], "they wait already");
    }
}
