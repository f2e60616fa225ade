use std::collections::{HashMap, HashSet};

use serde::Serialize;
use warden_bridge::SendId;
use warden_domain::{Login, TradeServer};

use crate::ledger::{EntryKind, Ledger, LedgerEntry};

/// What a ledger says about exactly-once: whatever was lost, repeated or restarted, how often did each intent execute?
///
/// An *execution* is an order at the broker that a send made: a deal, a pending order, or a deal that closes. One intent
/// (`magic`) may well have two: the rest of a partial fill is sent again under its tag. It was executed twice when a
/// single send made two orders, or when its sends opened more than the largest of them asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// Intents that executed at all.
    pub intents: usize,
    /// Orders at the broker that sends made, the trade server's own repetitions apart.
    pub executions: usize,
    /// The most that one intent made.
    pub max_executions: usize,
    /// Sends that made more than one order: none, ever.
    pub sends_twice: usize,
    /// Intents that opened more than they asked for: none, ever.
    pub overfilled: usize,
    /// Orders that the trade server made by itself once more (the fault `duplicate_execution`).
    pub repeated: usize,
    /// The magic numbers behind `sends_twice` and `overfilled`, at most 16.
    pub duplicates: Vec<u64>,
}

/// What one intent came to.
#[derive(Default)]
struct Intent {
    /// Each send and the orders that it made.
    orders: HashSet<(SendId, u64)>,
    /// The largest volume that a send asked for, in lots.
    asked: f64,
    /// The volume that its sends opened, in lots.
    opened: f64,
}

impl Audit {
    /// How many magic numbers are named.
    const NAMED: usize = 16;

    /// Audits a ledger.
    #[must_use]
    pub fn of(ledger: &Ledger) -> Self {
        let mut audit = Self::default();
        let mut intents: HashMap<(&TradeServer, Login, u64), Intent> = HashMap::new();
        for entry in ledger.entries() {
            let Some(send) = entry.send.filter(|_| makes_an_order(entry)) else { continue };
            if entry.repeated {
                audit.repeated += 1;
                continue;
            }
            intents.entry((&entry.server, entry.login, send.magic)).or_default().add(send, entry);
        }
        let mut found: Vec<u64> = Vec::new();
        for ((.., magic), intent) in &intents {
            let twice = intent.sends_twice();
            let over = intent.opened > intent.asked + 1e-9;
            audit.intents += 1;
            audit.executions += intent.orders.len();
            audit.max_executions = audit.max_executions.max(intent.orders.len());
            audit.sends_twice += twice;
            audit.overfilled += usize::from(over);
            found.extend((over || twice > 0).then_some(*magic));
        }
        found.sort_unstable();
        found.truncate(Self::NAMED);
        Self { duplicates: found, ..audit }
    }

    /// No intent executed more than once.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.sends_twice == 0 && self.overfilled == 0
    }
}

impl Intent {
    fn add(&mut self, send: SendId, entry: &LedgerEntry) {
        self.orders.insert((send, entry.order));
        self.asked = self.asked.max(entry.asked);
        if entry.kind == EntryKind::Deal && entry.asked > 0.0 {
            self.opened += entry.volume;
        }
    }

    fn sends_twice(&self) -> usize {
        let mut made: HashMap<SendId, usize> = HashMap::new();
        for (send, _) in &self.orders {
            *made.entry(*send).or_default() += 1;
        }
        made.values().filter(|orders| **orders > 1).count()
    }
}

fn makes_an_order(entry: &LedgerEntry) -> bool {
    match entry.kind {
        EntryKind::Deal | EntryKind::Placed => true,
        EntryKind::Modified | EntryKind::Cancelled | EntryKind::Protected => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Reason, tests::deal};

    fn audit(entries: impl IntoIterator<Item = LedgerEntry>) -> Audit {
        let mut ledger = Ledger::default();
        entries.into_iter().for_each(|entry| ledger.add(entry));
        Audit::of(&ledger)
    }

    #[test]
    fn trd_7_a_send_that_made_two_orders_is_found() {
        let audit = audit([deal(), LedgerEntry { order: 8, ticket: 9, ..deal() }]);
        assert_eq!((audit.sends_twice, audit.overfilled, audit.max_executions), (1, 1, 2));
        assert_eq!(audit.duplicates, [77]);
        assert!(!audit.is_clean());
    }

    #[test]
    fn trd_7_two_sends_that_opened_more_than_was_asked_for_are_found() {
        let again = LedgerEntry { order: 8, send: Some(SendId { magic: 77, attempt: 2 }), ..deal() };
        let audit = audit([deal(), again]);
        assert_eq!((audit.sends_twice, audit.overfilled, audit.intents), (0, 1, 1));
    }

    #[test]
    fn trd_1_the_rest_of_a_partial_fill_is_no_second_execution() {
        let part = LedgerEntry { volume: 0.04, ..deal() };
        let send = Some(SendId { magic: 77, attempt: 2 });
        let rest = LedgerEntry { order: 8, volume: 0.06, asked: 0.06, send, ..deal() };
        let late = LedgerEntry { volume: 0.06, reason: Reason::Trigger, ..deal() };
        assert!(audit([part.clone(), rest]).is_clean());
        assert!(audit([part, late]).is_clean(), "one order that fills twice");
    }

    #[test]
    fn what_others_did_and_the_servers_own_repetitions_are_not_ours() {
        let repeated = LedgerEntry { order: 8, repeated: true, ..deal() };
        let by_hand = LedgerEntry { magic: 0, send: None, ..deal() };
        let audit = audit([deal(), repeated, by_hand]);
        assert_eq!((audit.executions, audit.repeated), (1, 1));
        assert!(audit.is_clean());
    }
}
