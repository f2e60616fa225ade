//! Every event in every state: answered, without a panic, and with everything that must hold holding.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{events, invariants, plain, walk::Walk};
use warden_domain::{IncidentKind, Span};
use warden_policy::{CommandId, Event, Params, Phase, Timer, params::Exhausted};

/// Small budgets reach the ends of every rule sooner.
fn parameters(seed: u64) -> Params {
    let mut params = if seed.is_multiple_of(2) { Params::default() } else { plain() };
    match seed % 5 {
        0 => {}
        1 => {
            params.login.attempts = 1;
            params.login.alert_after = 1;
            params.crash.attempts = 1;
        }
        2 => {
            params.down.attempts = 1;
            params.drop.attempts = 1;
            params.recovery.failed = 1;
        }
        3 => {
            params.state_store.exhausted = Exhausted::Degrade;
            params.recovery.conflict_attempts = 3;
            params.permissions.attempts = 3;
        }
        _ => {
            params.closure.proofs = 3;
            params.rate_limit.stop_after = 2;
            params.login.attempts = 255;
            params.crash.attempts = 255;
        }
    }
    params
}

/// What a state is named in the table of what was tried.
fn name(phase: Phase) -> String {
    match phase {
        Phase::Stopped { status, .. } => format!("Stopped {status}"),
        Phase::Waiting(kind) => format!("Waiting {kind}"),
        Phase::Recovering(kind) => format!("Recovering {kind}"),
        Phase::LoginDue | Phase::LoggingIn | Phase::Confirming | Phase::Up | Phase::Closing(_) => {
            format!("{phase:?}")
        }
    }
}

#[test]
fn every_event_in_every_state_is_answered() {
    let mut tried: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
    let mut visits: BTreeMap<String, u32> = BTreeMap::new();
    let mut incidents = BTreeSet::new();
    for seed in 0..300 {
        let mut walk = Walk::new(parameters(seed), seed);
        for at in 0..150 {
            walk.go();
            incidents.extend(walk.bench.state.incidents().map(|(kind, ..)| kind));
            let bench = &walk.bench;
            let phase = name(bench.state.phase());
            let visit = visits.entry(phase.clone()).or_default();
            *visit += 1;
            // The first visits of each phase, so that rare ones are not missed, and then a share of them.
            if *visit > 10 && (at + seed) % 37 != 0 {
                continue;
            }
            let known = tried.entry(phase).or_default();
            for event in events::every(bench.state.awaited().unwrap_or(CommandId(0)), bench.now) {
                let mut aside = bench.clone();
                let stepped = aside.give(event);
                invariants::check(&bench.state, &event, stepped, &aside);
                known.insert(event.kind());
            }
        }
    }
    let missing: Vec<_> = IncidentKind::ALL.iter().filter(|kind| !incidents.contains(kind)).collect();
    assert!(missing.is_empty(), "never open: {missing:?}");
    for expected in [
        "Closing(AccountClosed)",
        "Closing(UserStopped)",
        "Confirming",
        "LoggingIn",
        "LoginDue",
        "Recovering BROKER_DOWN",
        "Recovering NETWORK_LOST",
        "Recovering PERMISSIONS_CHANGED",
        "Recovering TERMINAL_CRASHED",
        "Stopped FAILED",
        "Stopped INACTIVE",
        "Stopped PERMANENTLY_FAILED",
        "Up",
        "Waiting ACCOUNT_CLOSED",
        "Waiting ACCOUNT_DISABLED",
        "Waiting BROKER_DOWN",
        "Waiting MAINTENANCE",
        "Waiting NETWORK_LOST",
        "Waiting PERMISSIONS_CHANGED",
        "Waiting TERMINAL_CRASHED",
    ] {
        let kinds = tried.get(expected).map_or(0, BTreeSet::len);
        assert_eq!(kinds, 21, "{expected} met {kinds} of 21 kinds of event");
    }
}

#[test]
fn a_tick_storm_converges_and_a_spurious_tick_is_a_no_op() {
    let mut fired = 0;
    for seed in 0..300 {
        let mut walk = Walk::new(parameters(seed), seed.wrapping_mul(77));
        for _ in 0..200 {
            walk.go();
            let mut all_at_once = walk.bench.clone();
            all_at_once.pass(Span::from_secs(30 * 86_400));
            for _ in Timer::ALL {
                let before = all_at_once.state.clone();
                let event = Event::Tick { admitted: true };
                let stepped = all_at_once.give(event);
                invariants::check(&before, &event, stepped, &all_at_once);
            }
            let early = walk.bench.state.next_deadline().is_none_or(|at| at > walk.bench.now);
            for admitted in [false, true] {
                let mut aside = walk.bench.clone();
                let first = aside.give(Event::Tick { admitted });
                assert!(!early || first == warden_policy::Stepped::Unchanged, "{:#?}", walk.bench);
                let mut more = 0;
                while aside.give(Event::Tick { admitted }) == warden_policy::Stepped::Changed {
                    more += 1;
                    assert!(more < Timer::ALL.len(), "does not come to rest: {:#?}", walk.bench);
                }
                let next = aside.state.next_deadline();
                let waits_for_admission = !admitted && aside.state.attempt_due(aside.now).is_some();
                assert!(
                    next.is_none_or(|at| at > aside.now) || waits_for_admission,
                    "{next:?} is not after {}: {:#?}",
                    aside.now,
                    walk.bench
                );
                fired += u32::from(first == warden_policy::Stepped::Changed);
            }
        }
    }
    assert!(fired > 1_000, "{fired} ticks did something");
}
