//! What holds for any signal, any account and any moment.

mod common;

use std::{collections::BTreeMap, sync::Arc};

use common::{Account, BEGIN, entry, facts, instance, of, signal};
use proptest::prelude::*;
use warden_distribution::{
    Accepted, AccountRules, Action, Book, Budget, Entry, Factor, Fanout, Fill, Money, Outcome, OutcomeEvent,
    Params, Percent, Placing, Planned, Report, RiskOf, Signal, Sizing, Target, Verdict, Work, plan,
    rules::{AboveMaximum, BelowMinimum, Direction, Sides},
};
use warden_domain::{Gate, Lots, Price, Quote, Side, Span, Timestamp};

/// Fields and values that are often right, and often not.
fn words() -> impl Strategy<Value = Vec<(String, String)>> {
    let fields = prop::sample::select(vec![
        "key",
        "source",
        "created_at",
        "valid_for",
        "instance",
        "instances",
        "group",
        "action",
        "symbol",
        "side",
        "kind",
        "price",
        "trigger",
        "stop_loss",
        "take_profit",
        "sizing",
        "lots",
        "source_lots",
        "source_balance",
        "risk_percent",
        "risk_of",
        "of",
        "percent",
        "colour",
    ]);
    let values = prop_oneof![
        prop::sample::select(vec![
            "s-1",
            "a,b",
            "open",
            "modify",
            "close",
            "close-all",
            "EURUSD",
            "BUY",
            "SELL",
            "MARKET",
            "LIMIT",
            "STOP",
            "STOP_LIMIT",
            "1.1",
            "1.2",
            "0.01",
            "fixed",
            "ratio",
            "risk",
            "balance",
            "equity",
            "none",
            "30s",
            "2026-01-31T09:30:00Z",
            "92233720368.54775807",
            "-1",
            "",
            "\u{7f}",
            "9".repeat(40).leak(),
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    prop::collection::vec((fields.prop_map(str::to_owned), values), 0..24)
}

/// A signal that is right, of any action.
fn right() -> impl Strategy<Value = Vec<(String, String)>> {
    let number =
        || (1_u32..2_000_000).prop_map(|units| format!("{}.{:05}", units / 100_000, units % 100_000));
    let target = prop_oneof![Just("instance=b"), Just("instances=c,a,b"), Just("group=gold desk")];
    let which = prop_oneof![
        Just("of=s-0"),
        Just("symbol=EURUSD"),
        Just("symbol=X side=SELL"),
        Just("of=s-0 side=BUY symbol=Y")
    ];
    let sizing = prop_oneof![
        number().prop_map(|lots| format!("sizing=fixed lots={lots}")),
        (number(), number())
            .prop_map(|(lots, of)| format!("sizing=ratio source_lots={lots} source_balance={of}")),
        (1_u32..=1_000_000).prop_map(|units| {
            let percent = Percent::from_units(units).expect("in range");
            format!("sizing=risk risk_percent={percent} risk_of=equity stop_loss=0.00000001")
        }),
    ];
    let kind = prop_oneof![
        Just(String::new()),
        number().prop_map(|price| format!("kind=LIMIT price={price}")),
        number().prop_map(|price| format!("kind=STOP price={price}")),
        (number(), number())
            .prop_map(|(price, trigger)| format!("kind=STOP_LIMIT price={price} trigger={trigger}")),
    ];
    let action = prop_oneof![
        (sizing, kind)
            .prop_map(|(sizing, kind)| format!("action=open symbol=EURUSD side=BUY {sizing} {kind}")),
        (which.clone(), number())
            .prop_map(|(which, price)| format!("action=modify {which} stop_loss=none price={price}")),
        which.prop_map(|which| format!("action=close {which} percent=12.5")),
        Just("action=close-all".to_owned()),
    ];
    (target, action, 1_u64..86_400_001, -9_000_000_000_000_i64..9_000_000_000_000).prop_map(
        |(target, action, valid_for, at)| {
            let valid_for = Span::from_millis(valid_for);
            let (field, value) = target.split_once('=').expect("a field");
            let mut entry =
                entry(&format!("{action} valid_for={valid_for} instance=-"), Timestamp::from_millis(at));
            entry.retain(|(field, _)| field != "instance");
            entry.push((field.to_owned(), value.to_owned()));
            entry
        },
    )
}

/// An account of any size, rules and gate, with a EURUSD of any steps.
fn account(id: &'static str) -> impl Strategy<Value = Account> {
    let steps = (1_i64..50, 1_i64..80, 1_i64..1_000, 1_i64..1_000_000_000);
    let rules = (0_i64..300, 0_i64..3_000, 1_u32..40_000, any::<[bool; 4]>(), 0_u32..4, 0_i64..50_000_000);
    let state = (
        1_i64..1_000_000_000,
        0_i64..10_000_000,
        0_u32..11,
        prop::sample::select(vec![
            Gate::Open,
            Gate::Open,
            Gate::ReduceOnly(warden_domain::FailureReason::Slippage),
            Gate::Shut(warden_domain::FailureReason::None),
        ]),
    );
    (steps, rules, state).prop_map(move |(steps, rules, state)| {
        let cents = |cents: i64| Lots::from_units(cents * 1_000_000);
        let mut account = Account::new(id);
        let symbol = account.eurusd();
        symbol.volume_step = cents(steps.0);
        symbol.volume_min = cents(steps.1);
        symbol.volume_max = cents(steps.1 + steps.2);
        symbol.tick_value = Some(Money::from_units(steps.3));
        let (min, max, times, choices, open, notional) = rules;
        account.rules = AccountRules {
            min_lots: (min > 0).then(|| cents(min)),
            max_lots: (max > 0).then(|| cents(max)),
            multiplier: Factor::from_units(times).expect("in range"),
            below_minimum: if choices[0] { BelowMinimum::Refuse } else { BelowMinimum::UseMinimum },
            above_maximum: if choices[1] { AboveMaximum::Refuse } else { AboveMaximum::UseMaximum },
            direction: if choices[2] { Direction::Same } else { Direction::Reversed },
            sides: if choices[3] { Sides::Both } else { Sides::Sell },
            max_open: (open > 0).then_some(open),
            max_notional: (notional > 0).then(|| Money::from_units(notional * 100_000_000)),
            ..AccountRules::default()
        };
        account.balance = Some(Money::from_units(state.0 * 1_000_000));
        account.equity = account.balance;
        account.exposure = Some(Money::from_units(state.1 * 100_000_000));
        account.budget = account.budget.spend(state.2, 60, 10, BEGIN);
        account.gate = state.3;
        account
    })
}

fn sizings() -> impl Strategy<Value = Sizing> {
    let lots = || (1_i64..10_000_000_000).prop_map(Lots::from_units);
    prop_oneof![
        lots().prop_map(|lots| Sizing::Fixed { lots }),
        (lots(), 1_i64..1_000_000_000_000_000)
            .prop_map(|(lots, balance)| Sizing::Ratio { lots, balance: Money::from_units(balance) }),
        (1_u32..=1_000_000).prop_map(|units| Sizing::Risk {
            percent: Percent::from_units(units).expect("in range"),
            of: RiskOf::Balance,
        }),
    ]
}

/// A market order of EURUSD with stops on both sides, of any sizing.
fn opening() -> impl Strategy<Value = Signal> {
    let stops = (1_i64..9_000_000, 1_i64..9_000_000);
    (sizings(), any::<bool>(), stops).prop_map(|(sizing, buy, (below, above))| {
        let mut signal = signal("action=open symbol=EURUSD side=BUY sizing=fixed lots=1");
        let Action::Open(opening) = &mut signal.action else { unreachable!("it opens") };
        let below = Price::from_units(109_990_000 - below);
        let above = Price::from_units(110_000_000 + above);
        opening.sizing = sizing;
        opening.side = if buy { Side::Buy } else { Side::Sell };
        (opening.stop_loss, opening.take_profit) =
            if buy { (Some(below), Some(above)) } else { (Some(above), Some(below)) };
        signal
    })
}

fn placed(fanout: &Fanout) -> Option<Placing> {
    fanout.intents.first().map(|intent| match intent.work {
        Work::Place(placing) => placing,
        Work::Change { .. } | Work::End { .. } => unreachable!("it opens"),
    })
}

fn of_one(signal: &Signal, account: &Account) -> Fanout {
    plan(signal, &facts(std::slice::from_ref(account)), BEGIN, &Params::default())
}

/// What comes back from both stored forms, text and binary.
fn stored<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    let text = serde_json::to_string(value).expect("it has a JSON form");
    let value: T = serde_json::from_str(&text).expect("its own form");
    let bytes = postcard::to_allocvec(&value).expect("it has a binary form");
    postcard::from_bytes(&bytes).expect("its own form")
}

fn wide(units: i64) -> i128 {
    i128::from(units)
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let params = Params::default();
        let _ = Signal::from_json(&bytes, common::VALID_FOR, &params);
        let _ = Signal::from_entry(&[(&bytes[..], &bytes[..])], common::VALID_FOR, &params);
    }

    #[test]
    fn no_fields_panic_and_what_is_read_comes_back(entry in words()) {
        let params = Params::default();
        let json: String = serde_json::to_string(&entry.iter().cloned().collect::<BTreeMap<_, _>>()).expect("texts");
        let _ = Signal::from_json(json.as_bytes(), common::VALID_FOR, &params);
        match Signal::from_entry(&entry, common::VALID_FOR, &params) {
            Ok(read) => prop_assert_eq!(Signal::from_entry(&read.to_entry(), common::VALID_FOR, &params), Ok(read)),
            Err(faults) => prop_assert!(!faults.list().is_empty()),
        }
    }

    #[test]
    fn a_signal_has_one_form_and_comes_back_from_it(entry in right()) {
        let params = Params::default();
        let read = Signal::from_entry(&entry, common::VALID_FOR, &params).map_err(|faults| TestCaseError::fail(faults.to_string()))?;
        prop_assert_eq!(&Signal::from_entry(&read.to_entry(), common::VALID_FOR, &params), &Ok(read.clone()));
        prop_assert_eq!(&Signal::from_json(read.to_json().as_bytes(), common::VALID_FOR, &params), &Ok(read.clone()));
        prop_assert_eq!(&serde_json::from_str::<Signal>(&read.to_json()).expect("its own form"), &read);
        prop_assert_eq!(&stored(&read), &read);
        prop_assert_eq!(&read.clone().checked(&params), &Ok(read.clone()));
        let mut turned = entry;
        turned.reverse();
        let again = Signal::from_entry(&turned, common::VALID_FOR, &params).expect("the same fields");
        prop_assert_eq!(again.to_entry(), read.to_entry());
    }

    #[test]
    fn a_risk_is_never_exceeded_and_one_step_more_would_exceed_it(
        signal in opening(),
        account in account("a"),
        units in 1_u32..=1_000_000,
    ) {
        let (mut signal, mut account) = (signal, account);
        account.gate = Gate::Open;
        account.rules.below_minimum = BelowMinimum::Refuse;
        (account.rules.max_notional, account.rules.max_lots) = (None, None);
        (account.rules.sides, account.budget) = (Sides::Both, Budget::default());
        let percent = Percent::from_units(units).expect("in range");
        let Action::Open(opening) = &mut signal.action else { unreachable!("it opens") };
        opening.sizing = Sizing::Risk { percent, of: RiskOf::Equity };
        let Some(placing) = placed(&of_one(&signal, &account)) else { return Ok(()) };

        let symbol = *account.eurusd();
        let quote = symbol.quote.expect("there is one").of(placing.side);
        let stop = placing.stop_loss.expect("a risk has one");
        let distance = wide((quote.units() - stop.units()).abs());
        // lots × distance / tick × tick value, against equity × percent × multiplier; both times all denominators.
        let loss = |lots: i64| wide(lots) * distance * wide(symbol.tick_value.expect("known").units());
        let equity = wide(account.equity.expect("known").units());
        let times = wide(i64::from(account.rules.multiplier.units()));
        let allowed = equity * wide(i64::from(units)) * times * wide(symbol.tick.units()) / 100;
        prop_assert!(loss(placing.lots.units()) <= allowed);
        let more = placing.lots.units() + symbol.volume_step.units();
        let capped = account.rules.above_maximum == AboveMaximum::UseMaximum;
        prop_assert!(loss(more) > allowed || capped, "rounded down by more than a step");
    }

    #[test]
    fn no_limit_is_exceeded(signal in opening(), account in account("a")) {
        let Some(placing) = placed(&of_one(&signal, &account)) else { return Ok(()) };
        let mut account = account;
        let (symbol, rules) = (*account.eurusd(), account.rules.clone());
        let lots = placing.lots;
        prop_assert_eq!(lots.units() % symbol.volume_step.units(), 0);
        prop_assert!(lots >= symbol.volume_min && lots <= symbol.volume_max);
        prop_assert!(rules.min_lots.is_none_or(|least| lots >= least));
        prop_assert!(rules.max_lots.is_none_or(|most| lots <= most));
        prop_assert!(rules.sides.allow(placing.side));
        prop_assert!(rules.max_open.is_none_or(|most| most > 0));
        if let Some(most) = rules.max_notional {
            let worth = symbol.notional(lots, symbol.quote.expect("there is one").of(placing.side)).expect("in range");
            prop_assert!(account.exposure.expect("known").plus(worth).expect("in range") <= most);
        }
        prop_assert_eq!(account.gate, Gate::Open);
        let Action::Open(asked) = &signal.action else { unreachable!("it opens") };
        prop_assert_eq!(placing.side == asked.side, rules.direction == Direction::Same);
        if let (Sizing::Fixed { lots: fixed }, BelowMinimum::Refuse) = (asked.sizing, rules.below_minimum) {
            let asked = wide(fixed.units()) * wide(i64::from(rules.multiplier.units()));
            prop_assert!(wide(lots.units()) * 10_000 <= asked, "more than was asked for");
        }
    }

    #[test]
    fn a_worth_is_rounded_up_by_less_than_a_unit(
        lots in 1_i64..1_000_000_000_000,
        price in 1_i64..10_000_000_000_000,
        tick in 1_i64..1_000_000_000,
        value in 1_i64..1_000_000_000,
    ) {
        let mut symbol = common::eurusd();
        (symbol.tick, symbol.tick_value) = (Price::from_units(tick), Some(Money::from_units(value)));
        if let Some(worth) = symbol.notional(Lots::from_units(lots), Price::from_units(price)) {
            let exact = wide(lots) * wide(price) * wide(value);
            let unit = wide(tick) * 100_000_000;
            let worth = wide(worth.units());
            prop_assert!(worth * unit >= exact && (worth - 1) * unit < exact);
        }
    }

    #[test]
    fn the_same_facts_in_any_order_give_the_same_plan(
        signal in opening(),
        accounts in (account("a"), account("b"), account("c"), account("d")),
        order in Just(vec![0_usize, 1, 2, 3]).prop_shuffle(),
        list in any::<bool>(),
    ) {
        let (mut signal, params) = (signal, Params::default());
        let mut accounts = vec![accounts.0, accounts.1, accounts.2, accounts.3];
        for account in &mut accounts[1..] {
            account.group = "gold".to_owned();
        }
        signal.target = if list {
            Target::List(["d", "x", "b"].map(instance).to_vec())
        } else {
            Target::Group(warden_distribution::Group::new("gold").expect("a name"))
        };
        let first = plan(&signal, &facts(&accounts), BEGIN, &params);
        let shuffled: Vec<Account> = order.into_iter().map(|index| accounts[index].clone()).collect();
        prop_assert_eq!(&plan(&signal, &facts(&shuffled), BEGIN, &params), &first);
        prop_assert_eq!(&plan(&signal, &facts(&accounts), BEGIN, &params), &first);

        let told: Vec<&str> = first.accounts.iter().map(|account| account.instance.as_str()).collect();
        prop_assert_eq!(told, if list { vec!["b", "d", "x"] } else { vec!["b", "c", "d"] });
        let mut intents = first.intents.iter();
        for account in &first.accounts {
            let own = first.intents_of(account);
            prop_assert_eq!(own.is_empty(), matches!(account.verdict, Verdict::Refused(_)));
            prop_assert!(own.iter().all(|intent| intent.instance == account.instance));
            prop_assert!(own.iter().eq(intents.by_ref().take(own.len())));
        }
        prop_assert!(intents.next().is_none());
        prop_assert_eq!(&stored(&first), &first);
    }

    #[test]
    fn a_budget_lets_pass_exactly_its_numbers(
        a_minute in 1_u32..10_000,
        burst in 1_u32..50,
        waits in prop::collection::vec(0_u64..5_000, 1..200),
    ) {
        // What passed is the burst and the rate since the bucket was full last, to the unit.
        let (mut budget, mut now) = (Budget::default(), BEGIN);
        let mut units = u64::from(burst) * 60_000;
        for wait in waits {
            now = now.after(Span::from_millis(wait));
            units = (units + wait * u64::from(a_minute)).min(u64::from(burst) * 60_000);
            match budget.take(a_minute, burst, now) {
                Ok(left) => {
                    prop_assert!(units >= 60_000);
                    units -= 60_000;
                    budget = left;
                }
                Err(next) => {
                    prop_assert!(units < 60_000 && next > now);
                    prop_assert!(budget.take(a_minute, burst, next).is_ok());
                    let before = Timestamp::from_millis(next.as_millis() - 1);
                    prop_assert!(before == now || budget.take(a_minute, burst, before).is_err());
                }
            }
        }
    }

    #[test]
    fn trd_4_a_key_is_planned_once_however_signals_come(
        steps in prop::collection::vec((0_u8..6, any::<bool>(), 0_u64..20_000_000), 1..80),
        most_keys in 1_u32..8,
        most_plans in 1_u32..12,
        restart in 0_usize..80,
    ) {
        let mut params = Params::default();
        (params.most_keys, params.most_plans) = (most_keys, most_plans);
        let accounts = [Account::new("a")];
        let (mut book, mut now) = (Book::default(), BEGIN);
        let mut first: BTreeMap<u8, (Timestamp, bool, Arc<Signal>, Arc<Fanout>)> = BTreeMap::new();
        let mut restarted = false;
        for (index, (key, buy, wait)) in steps.into_iter().enumerate() {
            if index == restart {
                // What left no intent is not in the journal.
                first.retain(|_, (.., fanout)| !fanout.intents.is_empty());
                let journal = first.values().rev().map(|(at, _, signal, _)| Accepted {
                    key: signal.key.clone(),
                    digest: signal.digest(),
                    instance: instance("a"),
                    at: *at,
                });
                book = Book::recover(journal);
                restarted = true;
            }
            now = now.after(Span::from_millis(wait));
            first.retain(|_, (at, ..)| now.since(*at) < params.keep_keys);
            let side = if buy { "BUY" } else { "SELL" };
            let fields = format!("key=s-{key} action=open symbol=EURUSD side={side} sizing=fixed lots=1");
            let signal = Arc::new(signal(&fields));
            let planned = book.plan(&signal, &facts(&accounts), now, &params);
            let text = planned.fanout().to_string();
            match (first.get(&key), &planned) {
                (None, Planned::New(fanout)) => {
                    first.insert(key, (now, buy, signal, Arc::clone(fanout)));
                }
                (None, Planned::Refused(_)) => {
                    prop_assert!(first.len() >= most_keys as usize && text.contains("book_full"));
                }
                (Some((_, known, _, was)), Planned::Known(fanout)) => {
                    prop_assert!(*known == buy && (was == fanout || restarted && fanout.intents.is_empty()));
                }
                (Some((_, known, ..)), Planned::New(fanout)) => {
                    prop_assert!(restarted && *known == buy && fanout.intents.is_empty());
                }
                (Some((_, known, ..)), Planned::Refused(_)) => {
                    let why = if *known == buy { "plan_dropped" } else { "duplicate_key" };
                    prop_assert!(text.contains(why), "{text}");
                }
                (Some((_, known, ..)), Planned::Repeated(_)) => {
                    prop_assert!(*known != buy && text.contains("duplicate_key"));
                }
                (None, Planned::Known(_) | Planned::Repeated(_)) => prop_assert!(false, "{planned:?}"),
            }
            prop_assert_eq!(book.len(), first.len());
        }
    }

    #[test]
    fn a_report_is_the_same_in_whatever_order_accounts_are_heard(
        events in prop::collection::vec((0_usize..3, 0_usize..7), 0..12),
        keys in prop::collection::vec(any::<u32>(), 12),
    ) {
        let accounts = ["a", "b", "c"].map(Account::new);
        let signal = signal("action=open symbol=EURUSD side=BUY sizing=fixed lots=1 instances=a,b,c");
        let fanout = plan(&signal, &facts(&accounts), BEGIN, &Params::default());
        let fill = |lots| Fill { lots: of(lots), price: of("1.1001") };
        let outcomes = [
            Outcome::Resting,
            Outcome::Unknown,
            Outcome::Partly(fill("0.3")),
            Outcome::Partly(fill("0.6")),
            Outcome::Filled(fill("1")),
            Outcome::Failed { retcode: None },
            Outcome::LateDropped,
        ];
        let event = |(index, (account, outcome)): (usize, &(usize, usize))| OutcomeEvent {
            instance: accounts[*account].instance.clone(),
            part: 1,
            at: BEGIN.after(Span::from_millis(index as u64)),
            outcome: outcomes[*outcome],
        };
        let events: Vec<OutcomeEvent> = events.iter().enumerate().map(event).collect();
        let mut report = Report::of(&fanout);
        for event in &events {
            let _ = report.fold(event);
        }
        // Another order that keeps the one of each account.
        let mut turned = Report::of(&fanout);
        let mut left: Vec<Vec<&OutcomeEvent>> = accounts
            .iter()
            .map(|account| events.iter().rev().filter(|event| event.instance == account.instance).collect())
            .collect();
        for key in keys {
            let start = key as usize % 3;
            let next = (0..3).find_map(|offset| left[(start + offset) % 3].pop());
            if let Some(event) = next {
                let _ = turned.fold(event);
                prop_assert_ne!(turned.fold(event), warden_distribution::Folded::Changed, "twice changes nothing");
            }
        }
        prop_assert_eq!(&turned, &report);
        let summary = report.summary();
        prop_assert_eq!(summary.outcomes.values().sum::<u32>(), 3);
        prop_assert!(summary.filled <= summary.wanted);
        prop_assert_eq!(stored(&report), report);
    }
}

#[test]
fn a_quote_that_crosses_the_stop_is_refused_not_computed() {
    let mut account = Account::new("a");
    account.eurusd().quote = Some(Quote { bid: of("1.05"), ask: of("1.0501") });
    let signal = signal("action=open symbol=EURUSD side=BUY stop_loss=1.09 sizing=risk risk_percent=1");
    assert!(of_one(&signal, &account).to_string().contains("stop_wrong_side"));
    assert!(
        matches!(signal.action, Action::Open(opening) if opening.entry == Entry::Market { reference: None })
    );
}
