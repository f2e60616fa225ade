use warden_bridge::{Command, Inbound, OrderAction};
use warden_bridge_sim::{Bars, FaultMix, FleetPlan, Market, Settings, World};
use warden_domain::{Side, Span};

use crate::hand::{Hand, START, deal};

/// Ten minutes of a demo fleet under commands that depend only on what was said.
fn run(seed: u64, step: Span) -> (u64, usize) {
    let plan = FleetPlan::demo(12, seed);
    let mut world = World::new(&plan, Market::usual(Bars::eurusd(), seed), Settings::default(), seed, START);
    let mix = FaultMix::demo(seed, world.roster());
    world.add_mix(mix);
    let mut hand = Hand::new(12);
    hand.plan = plan;
    let (mut now, mut ledger) = (START, 0);
    while now < START.after(Span::from_secs(600)) {
        now = now.after(step);
        for inbound in world.advance_to(now) {
            let Inbound::Up { instance, .. } = inbound else { continue };
            let account = hand.plan.accounts.iter().find(|account| account.instance == instance).unwrap();
            let (login, server, password) = (account.login, account.server.clone(), account.password.clone());
            let at: usize = instance.as_str()["acct-".len()..].parse().unwrap();
            for command in [
                Command::Login { login, server, password },
                Command::Order(deal(OrderAction::Deal(Side::Buy))),
            ] {
                ledger += 1;
                let mut envelope = hand.envelope(at, warden_bridge::CommandId(ledger), command);
                envelope.deadline = now.after(Span::from_secs(60));
                world.command(envelope, now).unwrap();
            }
        }
    }
    (world.trace_hash(), world.ledger().entries().len())
}

#[test]
fn the_same_seed_and_script_make_the_same_world() {
    let second = Span::from_secs(1);
    assert_eq!(run(1, second), run(1, second));
    assert_ne!(run(1, second).0, run(2, second).0);
}
