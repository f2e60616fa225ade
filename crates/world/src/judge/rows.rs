use std::fmt;

use warden_domain::{Epoch, InstanceId, Magic, Timestamp, Version};
use warden_policy::{
    Effect, Step, decode_step,
    trade::{Request, TradeEffect, TradeEvent, TradeRow, decode_trade_row},
};
use warden_store::{Record, SignalKey};

/// A batch as the judge reads it.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) rows: Vec<Row>,
    /// Something in it is to be carried out.
    pub(crate) intends: bool,
    /// Something in it is to be sent.
    pub(crate) sends: bool,
    /// Something in it is an outcome.
    pub(crate) settles: bool,
}

/// A journalled step.
#[derive(Debug)]
pub(crate) enum Row {
    Instance(Box<StepRow>),
    Trade(Box<LifeRow>),
}

/// A journalled step of an instance.
#[derive(Clone, Debug)]
pub(crate) struct StepRow {
    pub(crate) instance: InstanceId,
    pub(crate) epoch: Epoch,
    pub(crate) version: Version,
    pub(crate) at: Timestamp,
    pub(crate) kind: &'static str,
    pub(crate) rule: &'static str,
    pub(crate) step: Step,
}

/// A journalled step of a trade.
#[derive(Debug)]
pub(crate) struct LifeRow {
    pub(crate) instance: InstanceId,
    pub(crate) epoch: Epoch,
    pub(crate) version: Version,
    pub(crate) at: Timestamp,
    pub(crate) kind: &'static str,
    pub(crate) magic: Magic,
    pub(crate) ended: bool,
    /// In the first row of the trade.
    pub(crate) key: Option<SignalKey>,
    pub(crate) row: TradeRow,
}

impl Batch {
    pub(crate) fn read(records: &[Record]) -> Self {
        let rows: Vec<Row> = records.iter().map(Row::read).collect();
        let mut batch = Self { rows: Vec::new(), intends: false, sends: false, settles: false };
        for row in &rows {
            batch.intends |= row.intends();
            batch.sends |= matches!(row, Row::Trade(life) if life.request().is_some());
            batch.settles |= row.settles();
        }
        batch.rows = rows;
        batch
    }
}

impl Row {
    fn read(record: &Record) -> Self {
        let Record { instance, epoch, version, at, kind, rule, payload, .. } = record;
        let (instance, epoch, version, at) = (instance.clone(), *epoch, *version, *at);
        let readable = "what the driver has just encoded can be read";
        match &record.trade {
            None => {
                let step = decode_step(payload).expect(readable);
                Self::Instance(Box::new(StepRow { instance, epoch, version, at, kind, rule, step }))
            }
            Some(mark) => {
                let row = decode_trade_row(payload).expect(readable);
                let (magic, ended, key) = (mark.magic, mark.ended, mark.key.clone());
                Self::Trade(Box::new(LifeRow { instance, epoch, version, at, kind, magic, ended, key, row }))
            }
        }
    }

    fn intends(&self) -> bool {
        match self {
            Self::Instance(_) => false,
            Self::Trade(life) => life.key.is_some(),
        }
    }

    /// It is the outcome of a send.
    fn settles(&self) -> bool {
        match self {
            Self::Instance(_) => false,
            Self::Trade(life) => match life.row.step.event {
                TradeEvent::Replied { .. } | TradeEvent::NotSent { .. } => true,
                TradeEvent::Tick
                | TradeEvent::Resume
                | TradeEvent::Lost
                | TradeEvent::Found(_)
                | TradeEvent::Repeated
                | TradeEvent::Wanted(_)
                | TradeEvent::Withdraw
                | TradeEvent::Revoke
                | TradeEvent::Reduced { .. }
                | TradeEvent::Decide(_) => false,
            },
        }
    }

    /// A deadline led to it.
    pub(crate) fn is_deadline(&self) -> bool {
        match self {
            Self::Instance(step) => step.kind == "TICK",
            Self::Trade(life) => life.kind == "TICK",
        }
    }
}

impl StepRow {
    /// The commands that the step wants sent.
    pub(crate) fn commands(&self) -> impl Iterator<Item = warden_policy::CommandId> {
        self.step.effects.list().iter().filter_map(|(_, effect)| match effect {
            Effect::Command { id, .. } => Some(*id),
            Effect::Notify(_) | Effect::Store(_) => None,
        })
    }
}

impl LifeRow {
    /// The order that the step wants sent.
    pub(crate) fn request(&self) -> Option<&Request> {
        self.row.step.effects.list().iter().find_map(|(_, effect)| match effect {
            TradeEffect::Send(request) => Some(request),
            TradeEffect::Verify(_)
            | TradeEffect::Tally(_)
            | TradeEffect::Trouble(_)
            | TradeEffect::Tell(_)
            | TradeEffect::StoreDuplicate(_)
            | TradeEffect::Notify(_) => None,
        })
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instance(step) => step.fmt(f),
            Self::Trade(life) => life.fmt(f),
        }
    }
}

impl fmt::Display for StepRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { instance, epoch, version, kind, rule, step, .. } = self;
        write!(f, "{instance} {}.{} {kind} {rule} {}", epoch.0, version.0, step.state.status())?;
        for (_, effect) in step.effects.list() {
            write!(f, " {effect:?}")?;
        }
        Ok(())
    }
}

impl fmt::Display for LifeRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { instance, epoch, version, kind, magic, row, .. } = self;
        let trade = &row.step.trade;
        write!(f, "{instance} trade {} {}.{} {kind} ", magic.number(), epoch.0, version.0)?;
        write!(f, "{} {:?} {:?}", row.symbol, trade.state(), trade.phase())?;
        for (rule, effect) in row.step.effects.list() {
            write!(f, " {rule} {effect:?}")?;
        }
        Ok(())
    }
}
