use std::fmt;

use serde::Serialize;
use warden_domain::{Lots, Points, Price, Span};

use super::{Line, Outcome, OutcomeKind, Report, Summary};
use crate::refusal::Code;

impl Report {
    /// As JSON for people and programs that ask: key, source, moment, whether it is settled, the summary, and the lines
    /// with their stable names; spans have their unit, slippage is in points. What is stored is the serialised report itself.
    #[must_use]
    pub fn to_json(&self) -> String {
        let view = View {
            key: self.key.as_str(),
            source: self.source.as_ref().map(|source| source.as_str()),
            planned_at: self.planned_at.to_string(),
            settled: self.is_settled(),
            summary: self.summary(),
            lines: self.lines.iter().map(LineView::of).collect(),
        };
        serde_json::to_string(&view).expect("its maps have texts as keys")
    }
}

/// What [`Report::to_json`] shows.
#[derive(Serialize)]
struct View<'a> {
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    planned_at: String,
    settled: bool,
    summary: Summary,
    lines: Vec<LineView<'a>>,
}

/// One line of it; what there is not is left out.
#[derive(Serialize)]
struct LineView<'a> {
    instance: &'a str,
    part: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    symbol: Option<&'a str>,
    outcome: OutcomeKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retcode: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wanted: Option<Lots>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filled: Option<Lots>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slippage: Option<Points>,
}

impl<'a> LineView<'a> {
    fn of(line: &'a Line) -> Self {
        let (fill, refusal) = (line.outcome.fill(), line.outcome.refusal());
        Self {
            instance: line.instance.as_str(),
            part: line.part,
            symbol: line.symbol.as_ref().map(|symbol| symbol.as_str()),
            outcome: line.kind(),
            code: refusal.map(|refusal| refusal.code()),
            reason: refusal.map(|refusal| refusal.to_string()),
            retcode: line.outcome.retcode(),
            wanted: line.wanted,
            filled: fill.map(|fill| fill.lots),
            price: fill.map(|fill| fill.price).filter(|price| *price > Price::ZERO),
            latency: line.latency,
            slippage: line.slippage,
        }
    }
}

impl fmt::Display for Report {
    /// The summary, then a line for each intent and each refused account.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "signal {}", self.key)?;
        if let Some(source) = &self.source {
            write!(f, " of {source}")?;
        }
        write!(f, ": {}", self.summary())?;
        for line in &self.lines {
            write!(f, "\n{line}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<String> =
            self.outcomes.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        f.write_str(if counts.is_empty() { "nobody" } else { "" })?;
        write!(f, "{}; {} of {} lots filled", counts.join(", "), self.filled, self.wanted)?;
        if self.ended > Lots::ZERO {
            write!(f, ", {} lots ended", self.ended)?;
        }
        if let Some(latency) = &self.latency {
            write!(f, "; latency p50 {} p99 {} longest {}", latency.p50, latency.p99, latency.longest)?;
        }
        if let Some(slippage) = &self.slippage {
            write!(f, "; slippage median {} worst {}", slippage.median, slippage.worst)?;
        }
        Ok(())
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.instance)?;
        if self.part > 0 {
            write!(f, "/{}", self.part)?;
        }
        write!(f, " {}", self.kind())?;
        match &self.outcome {
            Outcome::Waiting | Outcome::Resting | Outcome::Unknown | Outcome::Done | Outcome::LateDropped => {
            }
            Outcome::Partly(fill) | Outcome::Filled(fill) => {
                write!(f, " {}", fill.lots)?;
                if let Some(wanted) = self.wanted {
                    write!(f, " of {wanted}")?;
                }
                if fill.price > Price::ZERO {
                    write!(f, " at {}", fill.price)?;
                }
            }
            Outcome::Blocked(refusal) => write!(f, " {}: {refusal}", refusal.code())?,
            Outcome::Failed { retcode: Some(retcode) } => write!(f, " with {retcode}")?,
            Outcome::Failed { retcode: None } => {}
        }
        if let Some(latency) = self.latency {
            write!(f, " after {latency}")?;
        }
        match self.slippage {
            Some(Points(better)) if better < 0 => write!(f, ", {} points better", better.unsigned_abs()),
            Some(worse) => write!(f, ", {worse} worse"),
            None => Ok(()),
        }
    }
}
