//! Runs the text cases of trades: lines of events go in, what the engine does about each comes out below it.
//!
//! `UPDATE_CASES=1` writes the outcome into the files instead of comparing it.

mod parse;
mod print;

use std::{fmt::Write as _, fs, path::PathBuf};

use warden_domain::{FailureReason, Gate, Points, Timestamp};
use warden_policy::{
    Params, Stepped,
    trade::{
        AccountMode, Escalation, Filling, FillingModes, Marks, Quote, Session, SnapshotId, SymbolRules,
        Tally, Trade, TradeContext, TradeEffect, TradeEffects, TradeEvent, TradeMode, decode_trade,
        encode_trade, step,
    },
};

use parse::Line;

/// Where the clock of a case begins.
pub(crate) const BEGIN: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// One trade with its clock and surroundings.
pub(crate) struct Bench {
    pub(crate) trade: Option<Trade>,
    pub(crate) now: Timestamp,
    pub(crate) ctx: TradeContext,
    pub(crate) params: Params,
    pub(crate) fx: TradeEffects,
    pub(crate) counter: u64,
}

impl Bench {
    fn new() -> Self {
        Self {
            trade: None,
            now: BEGIN,
            ctx: surroundings(),
            params: Params::default(),
            fx: TradeEffects::default(),
            counter: 0,
        }
    }

    fn give(&mut self, event: &TradeEvent) -> Result<Stepped, String> {
        let trade = self.trade.as_mut().ok_or("there is no trade yet")?;
        let stepped = step(trade, event, self.now, &self.ctx, &self.params, &mut self.fx);
        for (_, effect) in self.fx.list() {
            match effect {
                TradeEffect::Tally(tally) => self.ctx.tally = *tally,
                TradeEffect::Trouble(trouble) => match trouble.escalation {
                    Escalation::Pause { until } if until > self.now => {
                        self.ctx.gate = Gate::Paused { until, reason: FailureReason::Slippage };
                    }
                    Escalation::Stop => self.ctx.gate = Gate::Shut(FailureReason::Slippage),
                    Escalation::Pause { .. } | Escalation::Clear => {}
                },
                TradeEffect::Send(_)
                | TradeEffect::Verify(_)
                | TradeEffect::Tell(_)
                | TradeEffect::StoreDuplicate(_)
                | TradeEffect::Notify(_) => {}
            }
        }
        Ok(stepped)
    }
}

fn surroundings() -> TradeContext {
    let read = |text: &str| text.parse().expect("a price");
    let volume = |text: &str| text.parse().expect("a volume");
    TradeContext {
        gate: Gate::Open,
        connected: true,
        session: Session::Open,
        lane_free: true,
        symbol: Some(SymbolRules {
            point: read("0.00001"),
            tick: read("0.00001"),
            volume_step: volume("0.01"),
            volume_min: volume("0.01"),
            volume_max: volume("50"),
            stops_level: Points(0),
            freeze_level: Points(0),
            filling: FillingModes::of(&[Filling::FillOrKill, Filling::ImmediateOrCancel]),
            trade_mode: TradeMode::Full,
            slippage: None,
        }),
        quote: Some(Quote { bid: read("1.10000"), ask: read("1.10010") }),
        mode: AccountMode::Hedging,
        marks: Some(Marks::default()),
        synchronised: Some(SnapshotId(BEGIN)),
        target: None,
        tally: Tally::default(),
    }
}

/// Runs `tests/trades/<name>.txt`.
pub(crate) fn run(name: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/trades").join(format!("{name}.txt"));
    let written = fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    let played = play(&written).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    if asked_to_write() {
        fs::write(&path, played).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
        return;
    }
    for (number, (said, is)) in written.lines().zip(played.lines()).enumerate() {
        assert_eq!(said, is, "{}:{}", path.display(), number + 1);
    }
    assert_eq!(written.lines().count(), played.lines().count(), "{} ends elsewhere", path.display());
}

#[expect(
    clippy::disallowed_methods,
    reason = "a person regenerates the cases by it; the engine reads no environment"
)]
fn asked_to_write() -> bool {
    std::env::var_os("UPDATE_CASES").is_some()
}

/// The same text with the outcomes written anew.
pub(crate) fn play(text: &str) -> Result<String, String> {
    let mut bench = Bench::new();
    let mut facets = Vec::new();
    let mut out = String::new();
    for (number, line) in text.lines().enumerate() {
        if line.starts_with(' ') {
            continue;
        }
        out.push_str(line);
        out.push('\n');
        let fault = |what: String| format!("line {}: {what}", number + 1);
        match parse::line(line, &mut bench).map_err(fault)? {
            Line::Said => {}
            Line::NewCase => {
                bench = Bench::new();
                facets.clear();
            }
            Line::Check(expected) => {
                let mut state = print::facets(&bench);
                state.extend(bench.trade.as_ref().map(print::lane));
                if !state.iter().any(|facet| facet.contains(&expected)) {
                    return Err(fault(format!("{expected:?} is not in {state:#?}\n{out}")));
                }
            }
            Line::Event(event) => happen(&mut bench, &event, &mut facets, &mut out).map_err(fault)?,
            Line::Next => {
                let at = bench.trade.as_ref().and_then(Trade::next_deadline);
                let at = at.ok_or_else(|| fault("nothing is planned".to_owned()))?.max(bench.now);
                let _ = writeln!(out, "    after {}", at.since(bench.now));
                bench.now = at;
                happen(&mut bench, &TradeEvent::Tick, &mut facets, &mut out).map_err(fault)?;
            }
            Line::Restart => {
                let trade = bench.trade.as_mut().ok_or_else(|| fault("there is no trade".to_owned()))?;
                let mut bytes = Vec::new();
                encode_trade(trade, &mut bytes);
                *trade = decode_trade(&bytes).map_err(|what| fault(what.to_string()))?;
                happen(&mut bench, &TradeEvent::Resume, &mut facets, &mut out).map_err(fault)?;
            }
        }
    }
    Ok(out)
}

fn happen(
    bench: &mut Bench,
    event: &TradeEvent,
    facets: &mut Vec<String>,
    out: &mut String,
) -> Result<(), String> {
    let stepped = bench.give(event)?;
    for line in print::step(bench, stepped, facets) {
        let _ = writeln!(out, "    {line}");
    }
    *facets = print::facets(bench);
    Ok(())
}
