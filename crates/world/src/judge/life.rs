use std::collections::{BTreeMap, BTreeSet};

use warden_domain::{Epoch, Lots, Price, Timestamp, Version};
use warden_policy::{
    Params,
    trade::{
        Goal, Inbox, Op, Purpose, Request, RequestKind, Trade, TradeEffect, TradeEvent, TradePhase, Wait,
    },
};

use super::LifeRow;

/// What is certain of one trade.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) key: String,
    pub(crate) digest: u64,
    pub(crate) part: u32,
    pub(crate) symbol: String,
    pub(crate) version: Version,
    pub(crate) epoch: Epoch,
    pub(crate) trade: Trade,
    /// What one point of its symbol is; zero when it was not known.
    pub(crate) point: Price,
    pub(crate) ended: bool,
    /// The newest row was decided then.
    pub(crate) at: Timestamp,
    /// Sends whose `SENDING` is durable, by their number.
    pub(crate) sends: BTreeMap<u32, Request>,
    /// Sends that left, and until when, by the world's time, the gateway may begin with them.
    pub(crate) left: BTreeMap<u32, Timestamp>,
    /// Before this moment nothing of the intent may be sent again, and why.
    pub(crate) not_before: Option<(Timestamp, &'static str)>,
    /// By how many milliseconds the clock that set it was ahead of the world's.
    pub(crate) clock: i64,
    /// Sends that were proven not to be started, in a row of the intent.
    pub(crate) not_started: u8,
    /// Duplicates that were counted.
    pub(crate) duplicates: u32,
    /// Somebody did not want it any more.
    pub(crate) withdrawn: bool,
    /// Signals with its key and another content that came.
    pub(crate) repeated_signals: usize,
    /// What people were told.
    pub(crate) told: BTreeSet<&'static str>,
    /// How often it was sent to open.
    pub(crate) entries: u32,
    /// The rest of a part is sent.
    rest_sent: bool,
    /// Some of that was executed (TRD-1).
    pub(crate) rest_executed: bool,
}

impl Life {
    /// A trade was accepted.
    pub(crate) fn begun(row: &LifeRow) -> Self {
        let mut life = Self {
            key: row.row.key.as_str().to_owned(),
            digest: row.row.digest,
            part: row.row.part,
            symbol: row.row.symbol.clone(),
            version: Version(0),
            epoch: row.epoch,
            trade: row.row.step.trade,
            point: row.row.point,
            ended: false,
            at: row.at,
            sends: BTreeMap::new(),
            left: BTreeMap::new(),
            not_before: None,
            clock: 0,
            not_started: 0,
            duplicates: 0,
            withdrawn: false,
            repeated_signals: 0,
            told: BTreeSet::new(),
            entries: 0,
            rest_sent: false,
            rest_executed: false,
        };
        life.take_in(row);
        life
    }

    /// A step became durable.
    pub(crate) fn take_in(&mut self, row: &LifeRow) {
        let (before, after) = (self.trade.holdings().filled, row.row.step.trade.holdings().filled);
        self.rest_executed |= self.rest_sent && after > before;
        if let Some(request) = row.request() {
            let enters = matches!(request.kind, RequestKind::Enter { .. });
            self.rest_sent |= enters && after > Lots::ZERO;
            self.sends.insert(request.attempt.0, *request);
            self.not_before = None;
            self.entries += u32::from(enters);
        }
        for (_, effect) in row.row.step.effects.list() {
            match effect {
                TradeEffect::Notify(notice) => {
                    self.told.insert(notice.name());
                }
                TradeEffect::StoreDuplicate(_)
                | TradeEffect::Send(_)
                | TradeEffect::Verify(_)
                | TradeEffect::Tally(_)
                | TradeEffect::Trouble(_)
                | TradeEffect::Tell(_) => {}
            }
        }
        self.withdrawn |= matches!(row.kind, "WITHDRAW" | "REVOKE");
        self.repeated_signals += usize::from(matches!(row.row.step.event, TradeEvent::Repeated));
        (self.version, self.epoch, self.at, self.ended) = (row.version, row.epoch, row.at, row.ended);
        self.trade = row.row.step.trade;
        self.point = self.point.max(row.row.point);
    }

    /// What another clock said is no time of this one (REC-5).
    pub(crate) fn read_by(&mut self, clock: i64) {
        if self.clock != clock {
            (self.clock, self.not_before) = (clock, None);
        }
    }

    /// What the rules make the intent wait for after a step: TRD-3, TRD-6, NET-1.
    pub(crate) fn waits_after(&mut self, row: &LifeRow, params: &Params) {
        let trade = &row.row.step.trade;
        let TradePhase::Waiting(op, Wait::Delay) = trade.phase() else { return };
        if !serves(&trade.intent().goal, op) {
            return;
        }
        let proof = match row.row.step.event {
            TradeEvent::NotSent { attempt } if attempt == self.trade.attempt() => Proof::NotStarted,
            TradeEvent::Found(found) if found.attempt == self.trade.attempt() => match found.inbox {
                Inbox::NotStarted => Proof::NotStarted,
                Inbox::Answered(_) => return,
                // Only the last look that is needed proves anything; before it, the rest of a part may be taken up.
                Inbox::Unseen | Inbox::InProgress | Inbox::Interrupted if self.is_last_look(params) => {
                    Proof::NotExecuted
                }
                Inbox::Unseen | Inbox::InProgress | Inbox::Interrupted => return,
            },
            TradeEvent::NotSent { .. }
            | TradeEvent::Found(_)
            | TradeEvent::Tick
            | TradeEvent::Resume
            | TradeEvent::Lost
            | TradeEvent::Replied { .. }
            | TradeEvent::Repeated
            | TradeEvent::Wanted(_)
            | TradeEvent::Withdraw
            | TradeEvent::Revoke
            | TradeEvent::Reduced { .. }
            | TradeEvent::Decide(_) => return,
        };
        self.not_before = Some(match proof {
            Proof::NotStarted => {
                self.not_started += 1;
                (row.at.after(params.pending.waits.after(self.not_started)), "TRD-6")
            }
            Proof::NotExecuted => (row.at.after(params.timeout.recover_after), "TRD-3"),
        });
    }

    /// One more look that finds nothing is negative proof.
    fn is_last_look(&self, params: &Params) -> bool {
        match self.trade.phase() {
            TradePhase::Resolving(Op::Enter { .. } | Op::Close { .. }, resolving) => {
                resolving.purpose == Purpose::Lost && resolving.negatives + 1 >= params.unknown.probes
            }
            TradePhase::Resolving(Op::Cancel { .. } | Op::Protect { .. } | Op::Move { .. } | Op::Look, _)
            | TradePhase::Waiting(..)
            | TradePhase::Sending(_)
            | TradePhase::Suspect(..)
            | TradePhase::Resting
            | TradePhase::Holding
            | TradePhase::Ended(..) => false,
        }
    }
}

/// How it was learnt that a send came to nothing.
enum Proof {
    NotStarted,
    NotExecuted,
}

/// Whether the step is what the intent is about, and not care for what it made.
pub(crate) fn serves(goal: &Goal, op: Op) -> bool {
    match goal {
        Goal::Open(_) => matches!(op, Op::Enter { .. }),
        Goal::Protect { .. } | Goal::Move { .. } | Goal::Close { .. } | Goal::Cancel { .. } => {
            !matches!(op, Op::Look)
        }
    }
}
