use warden_domain::{ClientTradeId, InstanceId, Lots, Side, Timestamp};

use super::{Fill, Judged, Line, Outcome, OutcomeEvent, OutcomeKind, Report};
use crate::{Fanout, Refusal, Symbol, Verdict, Work};

/// What a report made of something that was learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a contradiction is something to look into"]
pub enum Folded {
    /// A line changed.
    Changed,
    /// It was known, or is older than what is known.
    Unchanged,
    /// A line says something else for good: look at the broker.
    Contradiction,
    /// No line is about it.
    Foreign,
}

impl Report {
    /// The report of a plan before anything was heard: refused accounts are blocked, everything else waits.
    #[must_use]
    pub fn of(fanout: &Fanout) -> Self {
        let mut lines = Vec::with_capacity(fanout.accounts.len().max(fanout.intents.len()));
        for account in &fanout.accounts {
            match account.verdict {
                Verdict::Refused(refusal) => lines.push(Line::refused(account.instance.clone(), refusal)),
                Verdict::Accepted => {}
                Verdict::Planned { .. } => lines.extend(fanout.intents_of(account).iter().map(waiting)),
            }
        }
        let source = Some(fanout.source.clone());
        Self { key: fanout.key.clone(), source, planned_at: fanout.planned_at, lines }
    }

    /// A report without a line, of a signal whose plan is gone.
    #[must_use]
    pub const fn resumed(key: ClientTradeId, planned_at: Timestamp) -> Self {
        Self { key, source: None, planned_at, lines: Vec::new() }
    }

    /// Adds a line in its place; of an intent that has one already, the one that stands stays.
    pub fn add(&mut self, line: Line) {
        let place =
            self.lines.binary_search_by(|it| (&it.instance, it.part).cmp(&(&line.instance, line.part)));
        if let Err(place) = place {
            self.lines.insert(place, line);
        }
    }

    /// Takes the lines of another report of the same signal in, such as another shard's.
    pub fn merge(&mut self, other: Self) {
        self.source = self.source.take().or(other.source);
        self.planned_at = self.planned_at.min(other.planned_at);
        self.lines.extend(other.lines);
        self.lines.sort_by(|one, other| (&one.instance, one.part).cmp(&(&other.instance, other.part)));
        self.lines.dedup_by(|next, first| (&next.instance, next.part) == (&first.instance, first.part));
    }

    /// Takes in what was learnt of an intent.
    pub fn fold(&mut self, event: &OutcomeEvent) -> Folded {
        let place = self
            .lines
            .binary_search_by(|line| (&line.instance, line.part).cmp(&(&event.instance, event.part)));
        let Some(line) = place.ok().and_then(|index| self.lines.get_mut(index)).filter(|line| line.part > 0)
        else {
            return Folded::Foreign;
        };
        if line.outcome == event.outcome {
            return Folded::Unchanged;
        }
        if line.outcome.is_settled() {
            return if event.outcome.is_settled() { Folded::Contradiction } else { Folded::Unchanged };
        }
        if line.outcome.progress() > event.outcome.progress() {
            return Folded::Unchanged;
        }
        if line
            .outcome
            .fill()
            .is_some_and(|known| event.outcome.fill().is_none_or(|fill| fill.lots < known.lots))
        {
            return Folded::Contradiction;
        }
        if event.outcome.is_heard() && line.latency.is_none() {
            line.latency = Some(event.at.since(self.planned_at));
        }
        if let Some(fill) = event.outcome.fill() {
            line.slippage = line.judged.and_then(|judged| judged.slippage(fill));
        }
        line.outcome = event.outcome;
        Folded::Changed
    }

    /// Whether nothing more will be learnt.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.lines.iter().all(|line| line.outcome.is_settled())
    }
}

fn waiting(intent: &crate::Intent) -> Line {
    let (wanted, judged) = match &intent.work {
        Work::Place(placing) => {
            let judged = placing.reference.map(|reference| Judged {
                side: placing.side,
                reference,
                point: placing.point,
            });
            (Some(placing.lots), judged)
        }
        Work::End { lots, .. } => (*lots, None),
        Work::Change { .. } => (None, None),
    };
    Line {
        instance: intent.instance.clone(),
        part: intent.part,
        symbol: Some(intent.symbol.clone()),
        wanted,
        outcome: Outcome::Waiting,
        latency: None,
        slippage: None,
        judged,
    }
}

impl Judged {
    fn slippage(self, fill: Fill) -> Option<warden_domain::Points> {
        let points = fill.price.points_from(self.reference, self.point).ok()?;
        match self.side {
            Side::Buy => Some(points),
            Side::Sell => points.0.checked_neg().map(warden_domain::Points),
        }
    }
}

impl Line {
    /// Of an account that does not take part.
    #[must_use]
    pub const fn refused(instance: InstanceId, refusal: Refusal) -> Self {
        let outcome = Outcome::Blocked(refusal);
        Self {
            instance,
            part: 0,
            symbol: None,
            wanted: None,
            outcome,
            latency: None,
            slippage: None,
            judged: None,
        }
    }

    /// Of an intent whose plan is gone: what it wants filled, and what became of it.
    #[must_use]
    pub const fn resumed(
        instance: InstanceId,
        part: u32,
        symbol: Symbol,
        wanted: Option<Lots>,
        outcome: Outcome,
    ) -> Self {
        Self {
            instance,
            part,
            symbol: Some(symbol),
            wanted,
            outcome,
            latency: None,
            slippage: None,
            judged: None,
        }
    }

    /// The stable name of its outcome: an end with less than was wanted is *partly*.
    #[must_use]
    pub fn kind(&self) -> OutcomeKind {
        match self.outcome {
            Outcome::Waiting => OutcomeKind::Waiting,
            Outcome::Resting => OutcomeKind::Resting,
            Outcome::Unknown => OutcomeKind::Unknown,
            Outcome::Partly(_) => OutcomeKind::Partly,
            Outcome::Filled(fill) if self.wanted.is_some_and(|wanted| fill.lots < wanted) => {
                OutcomeKind::Partly
            }
            Outcome::Filled(_) => OutcomeKind::Filled,
            Outcome::Done => OutcomeKind::Done,
            Outcome::LateDropped | Outcome::Blocked(Refusal::Late(_)) => OutcomeKind::LateDropped,
            Outcome::Blocked(_) => OutcomeKind::Blocked,
            Outcome::Failed { .. } => OutcomeKind::Failed,
        }
    }
}

impl Outcome {
    /// Whether nothing can change it any more.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        match self {
            Self::Waiting | Self::Resting | Self::Unknown | Self::Partly(_) => false,
            Self::Filled(_) | Self::Done | Self::LateDropped | Self::Blocked(_) | Self::Failed { .. } => true,
        }
    }

    /// What was filled.
    #[must_use]
    pub const fn fill(&self) -> Option<Fill> {
        match self {
            Self::Partly(fill) | Self::Filled(fill) => Some(*fill),
            Self::Waiting
            | Self::Resting
            | Self::Unknown
            | Self::Done
            | Self::LateDropped
            | Self::Blocked(_)
            | Self::Failed { .. } => None,
        }
    }

    /// Why it was blocked.
    #[must_use]
    pub const fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Blocked(refusal) => Some(*refusal),
            Self::Waiting
            | Self::Resting
            | Self::Unknown
            | Self::Partly(_)
            | Self::Filled(_)
            | Self::Done
            | Self::LateDropped
            | Self::Failed { .. } => None,
        }
    }

    /// The trade server's code, where it failed with one.
    #[must_use]
    pub const fn retcode(&self) -> Option<u32> {
        match self {
            Self::Failed { retcode } => *retcode,
            Self::Waiting
            | Self::Resting
            | Self::Unknown
            | Self::Partly(_)
            | Self::Filled(_)
            | Self::Done
            | Self::LateDropped
            | Self::Blocked(_) => None,
        }
    }

    /// Whether the broker was heard.
    const fn is_heard(&self) -> bool {
        match self {
            Self::Resting | Self::Partly(_) | Self::Filled(_) | Self::Done | Self::Failed { .. } => true,
            Self::Waiting | Self::Unknown | Self::LateDropped | Self::Blocked(_) => false,
        }
    }

    /// Grows as more is known; what is behind what is known is old. Partial fills go by what is filled.
    const fn progress(&self) -> (u8, i64) {
        match self {
            Self::Waiting => (0, 0),
            Self::Unknown | Self::Resting => (1, 0),
            Self::Partly(fill) => (2, fill.lots.units()),
            Self::Filled(_) | Self::Done | Self::LateDropped | Self::Blocked(_) | Self::Failed { .. } => {
                (3, 0)
            }
        }
    }
}
