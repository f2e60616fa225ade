//! Plans and books where what comes in is not as it should be.

mod common;

use std::sync::Arc;

use common::{Account, BEGIN, VALID_FOR, facts, instance, of, signal};
use warden_distribution::{Accepted, Book, Params, Planned, Signal, Target, plan};
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
    assert!(
        listed
            .clone()
            .checked(&Params::default())
            .unwrap_err()
            .to_string()
            .contains("names an instance twice")
    );
    listed.target = Target::List(["b", "a"].map(instance).to_vec());
    assert_eq!(
        listed.checked(&Params::default()).unwrap().target,
        Target::List(["a", "b"].map(instance).to_vec())
    );
}

/// What a journal has of a signal that an instance accepted.
fn accepted(signal: &Signal, by: &str, at: Timestamp) -> Accepted {
    Accepted { key: signal.key.clone(), digest: signal.digest(), instance: instance(by), at }
}

#[test]
fn trd_4_a_clock_that_goes_back_forgets_no_key_early() {
    let (accounts, params) = ([Account::new("a")], Params::default());
    let at = |millis| Timestamp::from_millis(BEGIN.as_millis() + millis);
    let signals = ["s-1", "s-2"].map(|key| Arc::new(signal(&format!("{BUY} key={key} valid_for=24h"))));
    let planned = |book: &mut Book, signal: &Arc<Signal>, now| {
        let fanout = Arc::clone(book.plan(signal, &facts(&accounts), now, &params).fanout());
        !fanout.to_string().contains("accepted before") && !fanout.intents.is_empty()
    };
    let day = i64::try_from(params.keep_keys.as_millis()).unwrap();
    let mut book = Book::default();
    assert!(planned(&mut book, &signals[0], at(3_000)) && planned(&mut book, &signals[1], at(1)));
    let [first, second] = &signals;
    let recovered = Book::recover([accepted(second, "a", at(1)), accepted(first, "a", at(3_000))]);
    assert_eq!(recovered.len(), 2);
    // Both were accepted before this moment less a day, by one clock or the other.
    for signal in &signals {
        let known = book.plan(signal, &facts(&accounts), at(day + 2_999), &params);
        assert!(matches!(known, Planned::Known(_)), "{}", signal.key);
    }
    for signal in &signals {
        let late = book.plan(signal, &facts(&accounts), at(day + 3_000), &params);
        assert!(late.fanout().to_string().contains("refused late"), "{}", signal.key);
    }
}

#[test]
fn trd_4_a_restart_forgets_no_key_even_above_the_limit() {
    let accounts = ["a", "b"].map(Account::new);
    let fewer = Params { most_keys: 2, ..Params::default() };
    let signals = ["s-1", "s-2", "s-3"].map(|key| signal(&format!("{BUY} key={key} instances=a,b")));
    let mut book = Book::recover(signals.iter().map(|signal| accepted(signal, "a", BEGIN)));
    assert_eq!(book.len(), 3);
    for signal in signals.map(Arc::new) {
        let mut come = || book.plan(&signal, &facts(&accounts), BEGIN.after(Span::from_secs(1)), &fewer);
        let Planned::New(fanout) = come() else { panic!("b has not accepted it yet") };
        assert_eq!(fanout.to_string(), "a accepted before\nb/1 BUY 1 EURUSD MARKET reference 1.1");
        assert_eq!(come(), Planned::Known(fanout));
    }
    assert!(matches!(
        book.plan(&Arc::new(signal(&format!("{BUY} key=s-4"))), &facts(&accounts), BEGIN, &fewer),
        Planned::Refused(_)
    ));
}

#[test]
fn trd_4_another_signal_under_a_key_of_the_journal_is_refused_for_everybody() {
    let accounts = ["a", "b"].map(Account::new);
    let mut book = Book::recover([accepted(&signal(BUY), "a", BEGIN)]);
    for other in [&BUY.replace("lots=1", "lots=2"), &format!("{BUY} instances=a,b")] {
        let planned = book.plan(&Arc::new(signal(other)), &facts(&accounts), BEGIN, &Params::default());
        let Planned::Repeated(fanout) = planned else { panic!("{other}: {planned:?}") };
        assert!(fanout.intents.is_empty() && fanout.to_string().contains("a refused duplicate_key"));
    }
    // How long it is valid is no part of what it says.
    let same = Arc::new(signal(&format!("{BUY} valid_for=30s")));
    assert!(matches!(book.plan(&same, &facts(&accounts), BEGIN, &Params::default()), Planned::New(_)));
}

#[test]
fn trd_4_a_duplicate_that_is_delivered_again_is_no_second_one() {
    let accounts = [Account::new("a")];
    let (first, other) = (signal(BUY), signal(&BUY.replace("lots=1", "lots=2")));
    let third = Arc::new(signal(&BUY.replace("lots=1", "lots=3")));
    let journal = [accepted(&first, "a", BEGIN)];
    let known = [accepted(&first, "a", BEGIN), accepted(&other, "a", BEGIN.after(Span::from_secs(1)))];
    let other = Arc::new(other);
    for (mut book, comes_first) in [(Book::recover(journal), true), (Book::recover(known), false)] {
        let mut come = |signal| book.plan(signal, &facts(&accounts), BEGIN, &Params::default());
        assert_eq!(matches!(come(&other), Planned::Repeated(_)), comes_first);
        for _ in 0..3 {
            let Planned::Refused(fanout) = come(&other) else { panic!("it came before") };
            assert!(fanout.to_string().contains("a refused duplicate_key"));
        }
        assert!(matches!(come(&third), Planned::Repeated(_)), "another one is another duplicate");
    }
}

#[test]
fn trd_4_a_digest_is_the_same_in_every_release() {
    assert_eq!(signal(BUY).digest(), 1_274_251_630_979_707_857);
}

#[test]
fn trd_7_no_signal_is_valid_for_longer_than_its_key_is_known() {
    let entry = common::entry(&format!("{BUY} valid_for=25h"), BEGIN);
    let faults = Signal::from_entry(&entry, VALID_FOR, &Params::default()).unwrap_err();
    assert_eq!(faults.to_string(), "valid_for is longer than keys are known, 24h; shorten it");
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
