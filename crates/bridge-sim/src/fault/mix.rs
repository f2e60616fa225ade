use warden_domain::Span;

use super::{Fault, FaultKind, Roster, Who};
use crate::rng::Rng;

/// Faults by seed: some at drawn moments, others at a rate.
#[derive(Clone, Debug, Default)]
pub struct FaultMix {
    /// Faults at their moments.
    pub faults: Vec<Fault>,
    /// Faults that keep coming.
    pub rates: Vec<Rate>,
}

/// Faults of one kind that keep coming.
#[derive(Clone, Debug)]
pub struct Rate {
    /// What happens.
    pub what: FaultKind,
    /// How long passes between two in the whole fleet, on average.
    pub every: Span,
    /// The shortest and the longest that one lasts; `None` for as its kind says.
    pub lasts: Option<(Span, Span)>,
    /// Whom they befall; one of them is drawn each time.
    pub who: Who,
}

impl FaultMix {
    /// A quarter of an hour of everything, for a fleet of about 24 instances on 3 trade servers.
    ///
    /// One whole trade server goes down (BRK-5); single instances lose their connection, crash, are limited, are
    /// refused and then let in; one has a wrong password, one account is closed, one disabled, one loses its
    /// permissions, one market closes. After that, drops and crashes keep coming at a low rate. Smaller fleets see as
    /// much of it as they have instances for.
    #[must_use]
    pub fn demo(seed: u64, roster: &Roster) -> Self {
        let mut rng = Rng::new(seed, "demo mix");
        let order = rng.choose(roster.len(), roster.len());
        let mut victims = order.into_iter().map(|at| Who::Instances(vec![roster.instance(at).clone()]));
        let mut faults = Vec::new();
        for (what, count, from, until, lasts) in DEMO {
            for who in victims.by_ref().take(*count) {
                let at = rng.span((*from, *until));
                faults.push(Fault { at, lasts: lasts.map(|lasts| rng.span(lasts)), who, what: *what });
            }
        }
        let servers = roster.servers();
        if let Some(server) = servers.get(rng.below(servers.len())) {
            let at = rng.span((Span::from_secs(240), Span::from_secs(300)));
            let lasts = Some(rng.span((Span::from_secs(50), Span::from_secs(80))));
            faults.push(Fault {
                at,
                lasts,
                who: Who::Server((*server).to_owned()),
                what: FaultKind::BrokerDown,
            });
        }
        faults.sort_by_key(|fault| fault.at);
        Self { faults, rates: Self::background() }
    }

    /// Everything that can befall trades, for ever: about every `every` something befalls somebody.
    ///
    /// Nothing in it lasts, closes an account or takes a permission for good: when it is cleared, a fleet recovers.
    #[must_use]
    pub fn trades(every: Span) -> Self {
        let weights: u64 = TRADES.iter().map(|(_, weight, _)| *weight).sum();
        let rates = TRADES.iter().map(|(what, weight, lasts)| Rate {
            what: *what,
            every: Span::from_millis(every.as_millis().saturating_mul(weights) / weight),
            lasts: lasts.map(|(least, most)| (Span::from_secs(least), Span::from_secs(most))),
            who: Who::All,
        });
        Self { faults: Vec::new(), rates: rates.collect() }
    }

    fn background() -> Vec<Rate> {
        let rate = |what, every: u64, lasts: Option<(u64, u64)>| Rate {
            what,
            every: Span::from_secs(every),
            lasts: lasts.map(|(least, most)| (Span::from_secs(least), Span::from_secs(most))),
            who: Who::All,
        };
        vec![
            rate(FaultKind::NetworkDrop, 300, Some((3, 15))),
            rate(FaultKind::TerminalCrash, 600, None),
            rate(FaultKind::RateLimit, 900, None),
            rate(FaultKind::NetworkLostDuringLogin, 900, None),
        ]
    }
}

/// A row of the demo: what, to how many, between which moments, how long.
type Row = (FaultKind, usize, Span, Span, Option<(Span, Span)>);

const fn row(what: FaultKind, count: usize, window: (u64, u64), lasts: Option<(u64, u64)>) -> Row {
    let lasts = match lasts {
        None => None,
        Some((least, most)) => Some((Span::from_secs(least), Span::from_secs(most))),
    };
    (what, count, Span::from_secs(window.0), Span::from_secs(window.1), lasts)
}

/// What is sure to happen in a demo; each row takes instances of its own.
const DEMO: &[Row] = &[
    // Refused from the first login on: where a login worked before, a refusal may mean that the account was closed.
    row(FaultKind::WrongPassword, 1, (0, 0), None),
    row(FaultKind::AccountClosed, 1, (90, 150), None),
    row(FaultKind::AccountDisabled, 1, (150, 240), None),
    row(FaultKind::InvestorMode, 1, (60, 120), None),
    row(FaultKind::PermissionsRevoked, 1, (60, 120), Some((20, 40))),
    row(FaultKind::LoginFlaky(2), 2, (0, 0), None),
    row(FaultKind::TerminalCrash, 3, (20, 400), None),
    row(FaultKind::NetworkDrop, 5, (20, 500), Some((4, 40))),
    row(FaultKind::RateLimit, 2, (40, 300), None),
    row(FaultKind::RateLimit10008, 1, (40, 300), None),
    row(FaultKind::Placed10008, 1, (40, 300), None),
    row(FaultKind::Maintenance, 1, (60, 200), Some((180, 300))),
    row(FaultKind::TerminalCrashLoop, 1, (60, 300), Some((40, 70))),
    row(FaultKind::BrokerDown, 1, (60, 300), Some((40, 70))),
];

/// A row of what can befall trades: what, how often compared with others, for how many seconds.
type Often = (FaultKind, u64, Option<(u64, u64)>);

/// What can befall trades.
const TRADES: &[Often] = &[
    (FaultKind::LostReply, 4, None),
    (FaultKind::LostResult, 4, None),
    (FaultKind::LostRequest, 4, None),
    (FaultKind::ExecutedAs(10_012), 2, None),
    (FaultKind::ExecutedAs(10_031), 2, None),
    (FaultKind::Reject(10_012), 2, None),
    (FaultKind::DelayedExecution(Span::from_secs(8)), 3, None),
    (FaultKind::CrashAfterOrder, 2, None),
    (FaultKind::TerminalCrash, 1, None),
    (FaultKind::GatewayDown, 2, Some((1, 10))),
    (FaultKind::SessionCut, 3, Some((1, 10))),
    (FaultKind::NetworkDrop, 3, Some((1, 20))),
    (FaultKind::GatewaySlow(Span::from_secs(2)), 2, Some((2, 10))),
    (FaultKind::Freeze, 1, Some((1, 10))),
    (FaultKind::DuplicateExecution, 1, None),
    (FaultKind::PartialFill(50), 4, None),
    (FaultKind::PartialFillForever(30), 2, None),
    (FaultKind::Requote, 3, None),
    (FaultKind::PriceChanged, 3, None),
    (FaultKind::NoQuotes, 1, Some((1, 5))),
    (FaultKind::Slippage(5_000), 1, None),
    (FaultKind::Placed10008, 1, None),
    (FaultKind::Reject(10_006), 2, None),
    (FaultKind::SlTpMisfire, 1, Some((5, 30))),
    (FaultKind::SlTpVanish, 1, None),
    (FaultKind::SlTpMoved(200), 1, None),
    (FaultKind::HandOpens, 2, None),
    (FaultKind::HandPlaces, 1, None),
    (FaultKind::HandCloses, 2, None),
    (FaultKind::ProgramOpens, 2, None),
    (FaultKind::Lookalike, 1, None),
    (FaultKind::LateHistory(Span::from_secs(5)), 2, None),
    (FaultKind::StaleMemory(Span::from_secs(10)), 2, None),
    (FaultKind::QueryFails, 3, None),
    (FaultKind::SessionClosed, 1, Some((5, 60))),
];

#[cfg(test)]
mod tests {
    use warden_domain::InstanceId;

    use super::*;

    #[test]
    fn the_rates_of_trades_add_up_to_the_whole() {
        let mix = FaultMix::trades(Span::from_secs(2));
        let a_second: f64 = mix.rates.iter().map(|rate| 1_000.0 / rate.every.as_millis() as f64).sum();
        assert!((a_second - 0.5).abs() < 0.01, "{a_second}");
        assert!(mix.rates.iter().all(|rate| rate.what.once() || rate.lasts.is_some()), "everything ends");
    }

    #[test]
    fn the_demo_holds_every_kind_of_trouble_within_a_quarter_of_an_hour() {
        let mut roster = Roster::default();
        for at in 0..24 {
            roster.add(InstanceId::new(&format!("acct-{at}")).unwrap(), ["A", "B", "C"][at % 3], "gw1");
        }
        for seed in 0..20 {
            let mix = FaultMix::demo(seed, &roster);
            assert!(mix.faults.iter().all(|fault| fault.at < Span::from_secs(900)));
            let whole = |fault: &&Fault| matches!(fault.who, Who::Server(_));
            assert_eq!(mix.faults.iter().filter(whole).count(), 1, "one whole server goes down");
            for (what, count, ..) in DEMO {
                assert_eq!(
                    mix.faults.iter().filter(|f| f.what == *what && !whole(f)).count(),
                    *count,
                    "{what}"
                );
            }
        }
    }
}
