use std::{cmp::Ordering, collections::BinaryHeap};

use warden_bridge::{Inbound, Order};
use warden_domain::Timestamp;

use crate::fault::FaultKind;

/// What happens at a moment.
#[derive(Debug)]
pub(super) enum Event {
    /// The gateway announces a terminal.
    Announce(usize),
    /// The gateway reports without a change.
    Heartbeat(usize),
    /// The command that a terminal's gateway started as this one of its commands is over.
    CommandOver(usize, u64),
    /// A trade request comes to the trade server, for this account.
    OrderArrives(usize, Box<Order>),
    /// A terminal's market is looked at, for this watch.
    MarketDue(usize, u64),
    /// A planned fault begins.
    FaultBegins(usize),
    /// A fault of a rate arrives.
    FaultArrives(usize),
    /// A fault ends at these terminals.
    FaultEnds(u64, FaultKind, Vec<usize>),
    /// A message of a slow gateway comes out.
    Deliver(usize, Box<Inbound>),
    /// Orders and stops are compared with the prices.
    PricesMove,
}

/// What will happen, by moment and then in the order in which it was planned.
#[derive(Debug, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Planned>,
    count: u64,
}

#[derive(Debug)]
struct Planned {
    at: Timestamp,
    number: u64,
    event: Event,
}

impl Queue {
    pub(super) fn push(&mut self, at: Timestamp, event: Event) {
        self.count += 1;
        self.heap.push(Planned { at, number: self.count, event });
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&Event) -> bool) {
        self.heap.retain(|planned| keep(&planned.event));
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.heap.peek().map(|planned| planned.at)
    }

    pub(super) fn pop_until(&mut self, now: Timestamp) -> Option<(Timestamp, Event)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|planned| (planned.at, planned.event))
    }
}

impl Ord for Planned {
    /// The earliest is the greatest, because the heap gives the greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Planned {}
