//! Plans and books where what comes in is not as it should be.

mod common;

use std::sync::Arc;

use common::{Account, BEGIN, facts, instance, of, signal};
use warden_distribution::{Book, Params, Planned, Record, Target, plan};
use warden_domain::{Span, Timestamp};

const BUY: &str = "action=open symbol=EURUSD side=BUY sizing=fixed lots=1";

#[test]
fn of_several_facts_of_one_instance_the_first_ones_count() {
    let mut second = Account::new("a");
    second.rules.max_lots = Some(of("0.5"));
    second.group = "gold".to_owned();
    let first = Account { rules: Account::new("a").rules, ..second.clone() };
    let accounts = [first, second];
    for target in ["instance=a", "instances=a", "group=gold"] {
        let fanout = plan(&signal(&format!("{BUY} {target}")), &facts(&accounts), BEGIN, &Params::default());
        assert_eq!(fanout.to_string(), "a/1 BUY 1 EURUSD MARKET reference 1.1", "{target}");
    }
}

#[test]
fn a_list_that_was_put_together_in_code_is_planned_in_order_and_once() {
    let accounts = ["a", "b"].map(Account::new);
    let mut listed = signal(BUY);
    listed.target = Target::List(["b", "a", "b"].map(instance).to_vec());
    let fanout = plan(&listed, &facts(&accounts), BEGIN, &Params::default());
    let planned: Vec<&str> = fanout.accounts.iter().map(|account| account.instance.as_str()).collect();
    assert_eq!(planned, ["a", "b"]);
    assert!(listed.clone().checked().unwrap_err().to_string().contains("names an instance twice"));
    listed.target = Target::List(["b", "a"].map(instance).to_vec());
    assert_eq!(listed.checked().unwrap().target, Target::List(["a", "b"].map(instance).to_vec()));
}

#[test]
fn trd_4_a_clock_that_goes_back_forgets_no_key_early() {
    let (accounts, params) = ([Account::new("a")], Params::default());
    let at = |millis| Timestamp::from_millis(BEGIN.as_millis() + millis);
    let planned = |book: &mut Book, key: &str, now| {
        let signal = Arc::new(signal(&format!("{BUY} key={key} valid_for=72h")));
        matches!(book.plan(&signal, &facts(&accounts), now, &params), Planned::New(_))
    };
    let day = i64::try_from(params.keep_keys.as_millis()).unwrap();
    let mut book = Book::default();
    assert!(planned(&mut book, "s-1", at(3_000)));
    assert!(planned(&mut book, "s-2", at(1)));
    // Both were accepted before this moment less a day, by one clock or the other.
    for mut book in [Book::restore(book.records(), &params), book] {
        for key in ["s-1", "s-2"] {
            assert!(!planned(&mut book, key, at(day + 2_999)), "{key}");
        }
        for key in ["s-1", "s-2"] {
            assert!(planned(&mut book, key, at(day + 3_000)), "{key}");
        }
    }
}

#[test]
fn trd_4_a_restart_forgets_no_key_even_above_the_limit() {
    let accounts = [Account::new("a")];
    let mut book = Book::default();
    let signals = ["s-1", "s-2", "s-3"].map(|key| Arc::new(signal(&format!("{BUY} key={key}"))));
    for signal in &signals {
        let _ = book.plan(signal, &facts(&accounts), BEGIN, &Params::default());
    }
    let records: Vec<Record> = book.records().collect();
    let fewer = Params { most_keys: 2, ..Params::default() };
    let mut restored = Book::restore(records, &fewer);
    assert_eq!(restored.len(), 3);
    for signal in &signals {
        let now = BEGIN.after(Span::from_secs(3_600));
        assert!(matches!(restored.plan(signal, &facts(&accounts), now, &fewer), Planned::Known(_)));
    }
}

#[test]
fn what_is_refused_uses_no_budget_and_every_intent_one_order() {
    let mut account = Account::new("a");
    let taken = |account: &Account, fields: &str| {
        let fanout = plan(&signal(fields), &[account.facts()], BEGIN, &Params::default());
        common::budgets(&fanout).next().map(|(_, budget)| budget)
    };
    assert_eq!(taken(&account, &BUY.replace("lots=1", "lots=1000")), None);
    let full = account.budget;
    assert_eq!(taken(&account, BUY), Some(full.spend(1, 60, 10, BEGIN)));
    for number in 1..=3 {
        account.trades.push(common::position(number, "s-0"));
    }
    assert_eq!(taken(&account, "action=close-all"), Some(full.spend(3, 60, 10, BEGIN)));
    assert_eq!(taken(&account, "action=modify of=s-0 stop_loss=1.05"), Some(full.spend(3, 60, 10, BEGIN)));
}
