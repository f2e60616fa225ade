//! Every way in which an account does not take part in a signal.

mod common;

use std::sync::Arc;

use common::{Account, BEGIN, facts, of, signal};
use warden_distribution::{
    Book, Code, Fact, Fanout, Money, OpenTrade, Params, Planned, Refusal, Scope, Standing, Symbol, Verdict,
    rules::{Direction, Sides},
};
use warden_domain::{FailureReason, Gate, Side, Span, Timestamp};

const BUY: &str = "action=open symbol=EURUSD side=BUY sizing=fixed lots=1";
const RISK: &str = "action=open symbol=EURUSD side=BUY stop_loss=1.09 sizing=risk risk_percent=1";

/// The signal that account `a` refuses.
struct Refused {
    fields: String,
    account: Account,
    params: Params,
    now: Timestamp,
    /// What was planned before.
    before: Option<&'static str>,
}

impl Refused {
    fn of(fields: &str, change: impl FnOnce(&mut Account)) -> Self {
        let mut account = Account::new("a");
        change(&mut account);
        Self { fields: fields.to_owned(), account, params: Params::default(), now: BEGIN, before: None }
    }

    fn after(self, before: &'static str) -> Self {
        Self { before: Some(before), ..self }
    }

    fn plan(&self) -> Fanout {
        let accounts = [self.account.clone()];
        let mut book = Book::default();
        if let Some(before) = self.before {
            let planned = book.plan(&Arc::new(signal(before)), &facts(&accounts), self.now, &self.params);
            assert!(matches!(planned, Planned::New(_)));
        }
        let planned = book.plan(&Arc::new(signal(&self.fields)), &facts(&accounts), self.now, &self.params);
        Fanout::clone(planned.fanout())
    }
}

/// What refuses with this code, and how; one for each code, so that a new code is not forgotten. `None` for what only a
/// driver knows.
fn case(code: Code) -> Option<(Refused, Refusal)> {
    let opens = |change: fn(&mut Account)| Refused::of(BUY, change);
    let at = |now| Refused { now, ..Refused::of(BUY, |_| {}) };
    let case = match code {
        Code::NoTag | Code::Busy | Code::Elsewhere => return None,
        Code::PlanDropped => {
            let mut refused = Refused::of(BUY, |_| {}).after(BUY);
            refused.params.most_plans = 1;
            (refused, Refusal::PlanDropped)
        }
        Code::Late => (at(BEGIN.after(Span::from_millis(60_001))), Refusal::Late(Span::from_millis(1))),
        Code::Ahead => {
            let now = Timestamp::from_millis(BEGIN.as_millis() - 5_001);
            (at(now), Refusal::Ahead(Span::from_millis(5_001)))
        }
        Code::DuplicateKey => (Refused::of(RISK, |_| {}).after(BUY), Refusal::DuplicateKey),
        Code::BookFull => {
            let mut refused = Refused::of(BUY, |_| {}).after("key=s-0 action=close-all");
            refused.params.most_keys = 1;
            (refused, Refusal::BookFull)
        }
        Code::NoSuchInstance => (Refused::of(&format!("{BUY} instance=x"), |_| {}), Refusal::NoSuchInstance),
        Code::NotPermitted => (opens(|a| a.permitted = false), Refusal::NotPermitted(Scope::Account)),
        Code::GateShut => {
            let shut = Gate::Shut(FailureReason::LoginFailed);
            let account = move |a: &mut Account| a.gate = shut;
            (Refused::of(BUY, account), Refusal::GateShut(FailureReason::LoginFailed))
        }
        Code::GatePaused => {
            let (until, reason) = (BEGIN.after(Span::from_millis(60_001)), FailureReason::RateLimited);
            let account = move |a: &mut Account| a.gate = Gate::Paused { until, reason };
            (Refused::of(BUY, account), Refusal::GatePaused { until, reason })
        }
        Code::ReduceOnly => (
            opens(|a| a.gate = Gate::ReduceOnly(FailureReason::Slippage)),
            Refusal::ReduceOnly(FailureReason::Slippage),
        ),
        Code::SymbolUnknown => (opens(|a| a.symbols.clear()), Refusal::SymbolUnknown),
        Code::SideNotAllowed => (
            opens(|a| a.rules.sides = Sides::Sell),
            Refusal::SideNotAllowed { side: Side::Buy, scope: Scope::Account },
        ),
        Code::NotReversible => {
            let fields = format!("{BUY} kind=STOP_LIMIT price=1.2 trigger=1.1");
            (Refused::of(&fields, |a| a.rules.direction = Direction::Reversed), Refusal::NotReversible)
        }
        Code::FactMissing => (Refused::of(RISK, |a| a.balance = None), Refusal::FactMissing(Fact::Balance)),
        Code::StopMissing => {
            (Refused::of(RISK, |a| a.rules.direction = Direction::Reversed), Refusal::StopMissing)
        }
        Code::StopWrongSide => (Refused::of(&RISK.replace("1.09", "1.1"), |_| {}), Refusal::StopWrongSide),
        Code::Uncountable => (Refused::of(RISK, |a| a.balance = Some(Money::ZERO)), Refusal::Uncountable),
        Code::BelowMinimum => (
            opens(|a| a.rules.min_lots = Some(of("1.001"))),
            Refusal::BelowMinimum { lots: of("1"), least: of("1.01") },
        ),
        Code::AboveMaximum => (
            opens(|a| a.rules.max_lots = Some(of("0.999"))),
            Refusal::AboveMaximum { lots: of("1"), most: of("0.99") },
        ),
        Code::TooManyOpen => (opens(|a| a.rules.max_open = Some(0)), Refusal::TooManyOpen(0)),
        Code::OverNotional => (
            opens(|a| a.rules.max_notional = Some(of("109999.99"))),
            Refusal::OverNotional { notional: of("110000"), most: of("109999.99") },
        ),
        Code::RateBudget => (
            opens(|a| a.budget = a.budget.spend(10, 60, 10, BEGIN)),
            Refusal::RateBudget(BEGIN.after(Span::from_secs(1))),
        ),
        Code::NothingOpen => (Refused::of("action=close-all", |_| {}), Refusal::NothingOpen),
    };
    Some(case)
}

#[test]
fn every_code_is_the_refusal_it_says() {
    for code in Code::ALL {
        let Some((refused, expected)) = case(*code) else { continue };
        let fanout = refused.plan();
        assert_eq!(fanout.accounts.len(), 1, "{code}");
        assert_eq!(fanout.accounts[0].verdict, Verdict::Refused(expected), "{code}");
        assert!(fanout.intents.is_empty(), "{code}");
        assert_eq!(expected.code(), *code);
        assert!(fanout.to_string().contains(&format!("refused {code}: ")), "{fanout}");
    }
}

#[test]
fn every_code_has_a_name_of_its_own_that_is_read_back() {
    for code in Code::ALL {
        assert_eq!(Code::from_text(code.as_str()), Some(*code));
    }
}

#[test]
fn without_the_cause_every_one_of_them_takes_part() {
    for fields in [BUY, RISK] {
        let fanout = Refused::of(fields, |_| {}).plan();
        assert_eq!(fanout.intents.len(), 1, "{fanout}");
    }
}

#[test]
fn every_fact_that_a_plan_depends_on_is_missed() {
    let limited = |a: &mut Account| a.rules.max_notional = Some(of("1000000"));
    for fact in Fact::ALL {
        let refused = match fact {
            Fact::Balance => {
                Refused::of(&BUY.replace("fixed lots=1", "ratio source_lots=1 source_balance=1"), |a| {
                    a.balance = None;
                })
            }
            Fact::Equity => Refused::of(&format!("{RISK} risk_of=equity"), |a| a.equity = None),
            Fact::Exposure => Refused::of(BUY, |a| {
                limited(a);
                a.exposure = None;
            }),
            Fact::Symbol => Refused::of(BUY, |a| {
                a.symbols.clear();
                a.all_symbols = false;
            }),
            Fact::OrderPrice => Refused::of("action=modify of=s-0 stop_loss=1.04", |a| {
                let standing = Standing::Resting { price: None };
                a.trades = vec![OpenTrade { standing, ..common::position(1, "s-0") }];
            }),
            Fact::Quote => Refused::of(RISK, |a| a.eurusd().quote = None),
            Fact::TickValue => Refused::of(BUY, |a| {
                limited(a);
                a.eurusd().tick_value = None;
            }),
        };
        assert_eq!(refused.plan().accounts[0].verdict, Verdict::Refused(Refusal::FactMissing(*fact)));
    }
}

#[test]
fn a_symbol_whose_least_is_above_its_most_fits_nothing() {
    for rules in [("use_minimum", "use_maximum"), ("refuse", "use_maximum"), ("use_minimum", "refuse")] {
        let refused = Refused::of(BUY, |a| {
            a.rules.min_lots = Some(of("3"));
            a.rules.max_lots = Some(of("2"));
            for (key, value) in [("below_minimum", rules.0), ("above_maximum", rules.1)] {
                a.rules.set(key, &warden_distribution::settings::Value::Text(value)).unwrap();
            }
        });
        assert!(refused.plan().intents.is_empty(), "{rules:?}");
        assert_eq!(refused.account.rules.faults().len(), 1);
    }
}

#[test]
fn a_name_that_is_too_long_with_its_affixes_is_unknown() {
    let symbol = "x".repeat(Symbol::LONGEST);
    let refused = Refused::of(&BUY.replace("EURUSD", &symbol), |a| {
        a.rules.set("symbol_suffix", &warden_distribution::settings::Value::Text(".r")).unwrap();
    });
    assert_eq!(refused.plan().accounts[0].verdict, Verdict::Refused(Refusal::SymbolUnknown));
}

#[test]
fn what_is_not_reported_yet_is_neither_unknown_at_the_broker_nor_open() {
    let unreported = |fields: &str, trades: Vec<OpenTrade>| {
        let refused = Refused::of(fields, |a| {
            a.symbols.clear();
            (a.all_symbols, a.trades) = (false, trades);
        });
        refused.plan().accounts[0].verdict
    };
    let open = || vec![common::position(1, "s-0")];
    let nothing = Verdict::Refused(Refusal::NothingOpen);
    assert_eq!(unreported("action=close symbol=EURUSD", Vec::new()), nothing);
    assert_eq!(unreported("action=close symbol=GBPUSD", open()), nothing);
    let missing = Verdict::Refused(Refusal::FactMissing(Fact::Symbol));
    assert_eq!(unreported("action=close symbol=EURUSD percent=50", open()), missing);
    assert!(matches!(unreported("action=close symbol=EURUSD", open()), Verdict::Planned { count: 1, .. }));
}
