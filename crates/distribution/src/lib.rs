//! One signal to many accounts: the pure half of mt5-warden's trade distribution.
//!
//! A [`Signal`] is read from JSON or from a stream entry; [`Book::plan`] turns it into a [`Fanout`], one intent or one
//! refusal for each account it is for; a [`Report`] collects what became of the intents. What cannot be read becomes a
//! [`DeadLetter`]. No clock, no randomness, no I/O: the same arguments give the same plan.
//!
//! # Expected flow
//! 1. [`Signal::from_json`] or [`Signal::from_entry`]; a fault goes to the dead letters, and the entry is acknowledged.
//! 2. [`Book::plan`] with the facts of the accounts; give each [`Intent`] of a new plan to the trade machine of its
//!    instance as [`Work::steps`] says, and keep each account's new [`Budget`].
//! 3. Acknowledge the signal once its intents are durable.
//! 4. [`Report::of`] the plan; [`Report::fold`] what becomes of each intent ([`Outcome::of`] its trade), until it is
//!    settled.
//!
//! # Guarantees
//! - Every targeted account gets an intent or a refusal with a reason; none is passed over.
//! - Volumes are rounded down to the symbol's step, never up: what a signal risks is never exceeded, unless an account's
//!   rules say to use the least lots or a multiplier above one.
//! - An intent stays within the lots, the open trades, the worth and the order rate that the account's rules allow.
//! - The same key is planned once; see [`Book`].
//! - A fact that is missing refuses; nothing is guessed.
//!
//! # Assumptions
//! - Facts are of one moment, and hold the trades that are accepted and not at the broker yet: plans that follow each
//!   other do not know of each other otherwise.
//! - Amounts of one account are in that account's currency; the balance of a source in a ratio too.
//!
//! # Caveats
//! - A plan permits nothing by itself: the gate where orders leave looks at everything again.
//! - A market order's risk is planned from the quote; what slippage adds is the concern of TRD-2.
//!
//! ```
//! use std::{collections::BTreeMap, sync::Arc};
//! use warden_distribution::{
//!     AccountFacts, AccountRules, Book, Budget, Fill, Outcome, OutcomeEvent, Params, Report, Signal, Symbol,
//!     SymbolFacts, rules::Sides, settings::Value,
//! };
//! use warden_domain::{Gate, InstanceId, Points, Quote, Span, Timestamp};
//!
//! let params = Params::default();
//! let signal = Signal::from_json(
//!     br#"{"key": "s-1", "source": "trend", "created_at": "2026-01-31T09:30:00Z", "instances": "acct-1,acct-2",
//!         "action": "open", "symbol": "EURUSD", "side": "BUY", "stop_loss": "1.09500",
//!         "sizing": "risk", "risk_percent": "1"}"#,
//!     Span::from_secs(60),
//!     &params,
//! )?;
//!
//! let eurusd = SymbolFacts {
//!     point: "0.00001".parse()?,
//!     tick: "0.00001".parse()?,
//!     tick_value: Some("1".parse()?),
//!     volume_step: "0.01".parse()?,
//!     volume_min: "0.01".parse()?,
//!     volume_max: "100".parse()?,
//!     stops_level: Points(0),
//!     opens: Some(Sides::Both),
//!     quote: Some(Quote { bid: "1.09990".parse()?, ask: "1.10000".parse()? }),
//! };
//! let symbols = BTreeMap::from([(Symbol::new("EURUSD.r")?, eurusd)]);
//! let mut rules = AccountRules::default();
//! rules.set("symbol_suffix", &Value::Text(".r"))?;
//! let acct_1 = InstanceId::new("acct-1")?;
//! let facts = AccountFacts {
//!     instance: &acct_1,
//!     group: "",
//!     rules: &rules,
//!     gate: Gate::Open,
//!     permitted: true,
//!     balance: Some("10000".parse()?),
//!     equity: Some("10000".parse()?),
//!     exposure: None,
//!     symbols: &symbols,
//!     all_symbols: true,
//!     trades: &[],
//!     budget: Budget::default(),
//! };
//!
//! let now = Timestamp::parse("2026-01-31T09:30:01Z")?;
//! let planned = Book::default().plan(&Arc::new(signal), &[facts], now, &params);
//! // 1 % of 10,000 may be lost within 500 points, at 1 a point and lot.
//! assert_eq!(
//!     planned.fanout().to_string(),
//!     "acct-1/1 BUY 0.2 EURUSD.r MARKET sl 1.095 reference 1.1\n\
//!      acct-2 refused no_such_instance: there is no such instance; correct the target",
//! );
//!
//! let mut report = Report::of(planned.fanout());
//! let filled = Outcome::Filled(Fill { lots: "0.2".parse()?, price: "1.10003".parse()? });
//! let at = now.after(Span::from_millis(120));
//! let _ = report.fold(&OutcomeEvent { instance: acct_1, part: 1, at, outcome: filled });
//! assert!(report.is_settled());
//! assert_eq!(report.lines[0].to_string(), "acct-1/1 filled 0.2 of 0.2 at 1.10003 after 120ms, 3 points worse");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod book;
mod budget;
mod carry;
mod dead;
mod decimal;
mod facts;
mod fanout;
mod fault;
mod names;
mod params;
mod plan;
mod refusal;
mod report;
pub mod rules;
pub mod settings;
mod signal;
mod sizing;

pub use book::{Accepted, Book, Planned};
pub use budget::Budget;
pub use carry::Step;
pub use dead::DeadLetter;
pub use decimal::{DecimalError, Factor, Money, Percent};
pub use facts::{AccountFacts, OpenTrade, Standing, SymbolFacts};
pub use fanout::{AccountPlan, Fanout, Intent, Placing, Verdict, Work};
pub use fault::{Fault, Faults};
pub use names::{Group, NameError, Source, Symbol};
pub use params::Params;
pub use plan::plan;
pub use refusal::{Code, Fact, Refusal, Scope};
pub use report::{Fill, Folded, Line, Outcome, OutcomeEvent, OutcomeKind, Report, Slippage, Spans, Summary};
pub use rules::AccountRules;
pub use signal::{
    Action, Amount, Change, Entry, Modification, Opening, RiskOf, Signal, Sizing, Target, Which,
};
