use std::fmt;

use warden_domain::{Lots, Points};

use super::{Line, Outcome, Report, Summary};

impl Report {
    /// As JSON: the report with its summary.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[derive(serde::Serialize)]
        struct Whole<'a> {
            #[serde(flatten)]
            report: &'a Report,
            settled: bool,
            summary: Summary,
        }
        let whole = Whole { report: self, settled: self.is_settled(), summary: self.summary() };
        serde_json::to_string(&whole).expect("its maps have texts as keys")
    }
}

impl fmt::Display for Report {
    /// The summary, then a line for each intent and each refused account.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "signal {} of {}: {}", self.key, self.source, self.summary())?;
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
                write!(f, " at {}", fill.price)?;
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
