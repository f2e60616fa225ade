use warden_bridge::{Command, Inbound, Order, OrderAction, SendId};
use warden_bridge_sim::{
    Audit, Bars, Fault, FaultKind, FaultMix, FleetPlan, Market, Rate, Settings, Who, World,
};
use warden_domain::{Side, Span};

use crate::hand::{Hand, START, deal};

#[test]
fn a_rate_keeps_coming_and_each_fault_ends() {
    let mut hand = Hand::logged_in(4);
    let rate = Rate {
        what: FaultKind::PermissionsRevoked,
        every: Span::from_secs(20),
        lasts: Some((Span::from_secs(2), Span::from_secs(4))),
        who: Who::All,
    };
    hand.world.add_mix(FaultMix { faults: Vec::new(), rates: vec![rate] });
    let (mut revoked, mut permitted) = (0, 0);
    for at in 1..=4 {
        for report in hand.reports(at, Span::from_secs(150)) {
            match report.facts.trading_permitted() {
                Some(false) => revoked += 1,
                Some(true) => permitted += 1,
                None => panic!("both sides were observed"),
            }
        }
    }
    assert!((4..=60).contains(&revoked), "{revoked} reports of about 30 faults, a quarter of them looked at");
    assert!(permitted > revoked);
}

#[test]
fn a_planned_fault_counts_from_the_worlds_beginning_and_a_fault_now_from_now() {
    let plan = FleetPlan::demo(1, 7);
    let mut world = World::new(&plan, Market::usual(Bars::eurusd(), 7), Settings::default(), 7, START);
    let crash =
        |at| Fault { at: Span::from_secs(at), lasts: None, who: Who::All, what: FaultKind::TerminalCrash };
    world.add_faults([crash(10)]);
    let alive = |world: &World| world.truth(world.instances().next().unwrap()).unwrap().terminal_alive;
    let _ = world.advance_to(START.after(Span::from_millis(9_999)));
    assert!(alive(&world));
    let _ = world.advance_to(START.after(Span::from_secs(10)));
    assert!(!alive(&world));
    world.fault_now([crash(5)], START.after(Span::from_secs(20)));
    assert_eq!(world.next_event().map(|next| next <= START.after(Span::from_secs(25))), Some(true));
}

/// Ten minutes in which everything befalls trades, under a supervisor that sends every order twice.
fn traded(seed: u64) -> (u64, Audit, u64) {
    let mut hand = Hand::seeded(3, seed);
    hand.log_all_in();
    hand.world.add_mix(FaultMix::trades(Span::from_secs(2)));
    for second in 0..600 {
        for inbound in hand.wait(Span::from_secs(1)) {
            let (Inbound::Report { instance, .. } | Inbound::Up { instance, .. }) = inbound else { continue };
            let at: usize = instance.as_str()["acct-".len()..].parse().unwrap();
            if !hand.truth(at).logged_in {
                let account = hand.plan.accounts[at - 1].clone();
                let (login, server, password) = (account.login, account.server, account.password);
                hand.try_send(at, Command::Login { login, server, password });
            }
            let send = SendId { magic: second, attempt: 1 };
            let order = Order { send, volume: 0.01, ..deal(OrderAction::Deal(Side::Buy)) };
            hand.try_send(at, Command::Order(order.clone()));
            hand.try_send(at, Command::Order(order));
        }
    }
    (hand.world.trace_hash(), hand.world.audit(), hand.world.faults_begun())
}

#[test]
fn trd_7_whatever_befalls_trades_each_send_executes_at_most_once_and_the_seed_tells_all() {
    let (hash, audit, faults) = traded(1);
    assert!(audit.is_clean(), "{audit:?}");
    assert!(audit.executions > 100 && faults > 200, "{audit:?} under {faults} faults");
    assert_eq!(traded(1), (hash, audit, faults));
    assert_ne!(traded(2).0, hash);
}
