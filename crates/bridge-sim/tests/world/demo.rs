use std::collections::BTreeSet;

use warden_bridge::{Command, Inbound, Outcome};
use warden_bridge_sim::{Bars, FaultMix, FleetPlan, Market, Settings, World};
use warden_domain::{JournalLine, Span};

use crate::hand::{Hand, START};

/// A supervisor of the simplest kind logs everything in again that fell; what troubles does the fleet see?
#[test]
fn brk_5_a_quarter_of_an_hour_of_the_demo_holds_every_trouble_and_most_of_the_fleet_recovers() {
    let plan = FleetPlan::demo(24, 11);
    let mut world = World::new(&plan, Market::usual(Bars::eurusd(), 11), Settings::default(), 11, START);
    let mix = FaultMix::demo(11, world.roster());
    world.add_mix(mix);
    let hand = Hand::new(1);
    let mut seen = BTreeSet::new();
    let (mut now, mut commands, mut most_down) = (START, 0, 0);
    while now < START.after(Span::from_secs(900)) {
        now = now.after(Span::from_millis(500));
        for inbound in world.advance_to(now) {
            seen.extend(trouble(&inbound));
        }
        let fallen: Vec<_> =
            plan.accounts.iter().filter(|a| !world.truth(&a.instance).unwrap().logged_in).collect();
        most_down = most_down.max(if now > START.after(Span::from_secs(10)) { fallen.len() } else { 0 });
        // Every 20 s, with patience: a login storm is not what is looked at here.
        if now.since(START).as_millis() % 20_000 == 500 || fallen.is_empty() {
            for account in fallen {
                commands += 1;
                let (login, server) = (account.login, account.server.clone());
                let command = Command::Login { login, server, password: account.password.clone() };
                let mut envelope = hand.envelope(1, warden_bridge::CommandId(commands), command);
                (envelope.instance, envelope.deadline) =
                    (account.instance.clone(), now.after(Span::from_secs(10)));
                world.command(envelope, now).unwrap();
            }
        }
    }
    let all = [
        "crash",
        "dropped",
        "limited",
        "10008 with ticket",
        "maintenance",
        "refused",
        "disabled",
        "investor",
    ];
    for trouble in all {
        assert!(seen.contains(trouble), "{trouble} is missing in {seen:?}");
    }
    assert!(most_down >= 8, "a whole trade server was down: {most_down}");
    let up = plan.accounts.iter().filter(|a| world.truth(&a.instance).unwrap().logged_in).count();
    assert!(up >= 18, "{up} of 24 are logged in at the end");
}

fn trouble(inbound: &Inbound) -> Option<&'static str> {
    let facts = match inbound {
        Inbound::Report { report, .. } if !report.terminal_alive => return Some("crash"),
        Inbound::Report { report, .. } => report.facts,
        Inbound::Finished(finished) if finished.outcome == Outcome::Failed => finished.facts,
        Inbound::Finished(_) | Inbound::Up { .. } | Inbound::Down { .. } | Inbound::Market { .. } => {
            return None;
        }
    };
    match (facts.retcode, facts.journal) {
        (Some(10_024), _) => Some("limited"),
        (Some(10_008), _) if facts.ticket => Some("10008 with ticket"),
        (Some(10_018), _) => Some("maintenance"),
        (_, Some(JournalLine::InvalidAccount)) => Some("refused"),
        (_, Some(JournalLine::AccountDisabled)) => Some("disabled"),
        (_, Some(JournalLine::InvestorMode)) => Some("investor"),
        _ if facts.terminal.is_some_and(|flags| !flags.connected) => Some("dropped"),
        _ => None,
    }
}
