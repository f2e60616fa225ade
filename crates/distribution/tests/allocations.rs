//! Planning allocates for the result alone, however many accounts there are.
//!
//! The only test of this binary: another one beside it would be counted too.

mod common;

use std::alloc::System;

use common::{Account, BEGIN, facts, signal};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use warden_distribution::{Params, plan, rules::Affix};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn a_plan_for_a_thousand_accounts_takes_as_many_allocations_as_one_for_ten() {
    let used = |number: usize| {
        let accounts: Vec<Account> = (0..number)
            .map(|index| {
                let mut account = Account::new(&format!("acct-{index:04}"));
                account.group = "gold".to_owned();
                account.rules.symbol_suffix = Affix::new(".r").expect("an affix");
                account.symbols.insert(common::symbol("EURUSD.r"), common::eurusd());
                account.rules.max_notional = Some(common::of("1000000"));
                account
            })
            .collect();
        let (facts, params) = (facts(&accounts), Params::default());
        let signal =
            signal("action=open symbol=EURUSD side=BUY stop_loss=1.09 sizing=risk risk_percent=1 group=gold");
        let region = Region::new(ALLOCATOR);
        let fanout = plan(&signal, &facts, BEGIN, &params);
        let change = region.change();
        assert_eq!(fanout.intents.len(), number);
        (change.allocations, change.reallocations)
    };
    let (few, _) = used(10);
    let (many, grown) = used(1_000);
    // Sorting takes room for itself; lists grow by doubling.
    assert!(many <= few + 1 && grown <= 10, "{few} then {many} allocations and {grown} reallocations");
}
