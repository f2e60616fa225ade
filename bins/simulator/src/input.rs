//! Reading what the arguments name, with everything that is wrong with it.

use std::{fmt, fs, path::Path};

use warden_bridge_sim::{Bars, FaultMix, FaultScript, FleetPlan, Market, Roster};
use warden_domain::Span;

use crate::args::{Args, Mix};

/// What a world is made of.
pub(crate) struct Input {
    pub(crate) plan: FleetPlan,
    pub(crate) market: Market,
    pub(crate) script: FaultScript,
    pub(crate) mix: FaultMix,
}

/// What is wrong with the input, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    place: String,
    what: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Reads everything; the error holds everything that is wrong.
pub(crate) fn read(args: &Args) -> Result<Input, Vec<Wrong>> {
    let mut wrong = Vec::new();
    for far in args.supervisor.iter().filter(|address| !address.ip().is_loopback()) {
        let what = format!("{far} is not a loopback address; run the simulator beside its supervisor");
        wrong.push(Wrong { place: "--supervisor".to_owned(), what });
    }
    let plan = plan(args, &mut wrong);
    let prices = match &args.prices {
        None => Some(Bars::walk(args.seed, "EURUSD", 1.1, 0.0003)),
        Some(path) => parsed(path, Bars::parse, &mut wrong),
    };
    // Who is named in a script can be checked only where the fleet is known.
    let roster = plan.as_ref().map(FleetPlan::roster);
    let script = match (&args.script, &roster) {
        (None, _) | (Some(_), None) => Some(FaultScript::default()),
        (Some(path), Some(roster)) => parsed(path, |text| FaultScript::parse(text, roster), &mut wrong),
    };
    match (plan, prices, script) {
        (Some(plan), Some(prices), Some(script)) if wrong.is_empty() => {
            let mix = mix(args, &plan.roster());
            Ok(Input { plan, market: Market::usual(prices, args.seed), script, mix })
        }
        _ => Err(wrong),
    }
}

fn plan(args: &Args, wrong: &mut Vec<Wrong>) -> Option<FleetPlan> {
    let mut plan = match &args.accounts {
        None => FleetPlan::demo(args.fleet, args.seed),
        Some(path) => parsed(path, FleetPlan::parse, wrong)?,
    };
    if let (Some(path), true) = (&args.accounts, plan.accounts.is_empty()) {
        let what = "there are no accounts; write [accounts.<instance-id>] tables".to_owned();
        wrong.push(Wrong { place: path.display().to_string(), what });
        return None;
    }
    plan.share_among(args.gateways);
    Some(plan)
}

fn mix(args: &Args, roster: &Roster) -> FaultMix {
    match args.mix {
        Mix::None => FaultMix::default(),
        Mix::Demo => FaultMix::demo(args.seed, roster),
        Mix::Trades => FaultMix::trades(Span::from_secs(5)),
    }
}

/// Reads a file; what is wrong with it is told with its name.
fn parsed<T, F: fmt::Display>(
    path: &Path,
    parse: impl FnOnce(&str) -> Result<T, Vec<F>>,
    wrong: &mut Vec<Wrong>,
) -> Option<T> {
    let place = path.display().to_string();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(fault) => {
            wrong.push(Wrong { place, what: format!("{fault}; name a file that can be read") });
            return None;
        }
    };
    match parse(&text) {
        Ok(parsed) => Some(parsed),
        Err(faults) => {
            wrong.extend(faults.iter().map(|fault| Wrong { place: place.clone(), what: fault.to_string() }));
            None
        }
    }
}
