//! The numbers of the rules, for any parameters: how often, after how long, and never later than a deadline.

mod common;

use common::{Bench, disconnected, fine, flags, journal, ready};
use proptest::prelude::*;
use warden_domain::{Facts, IncidentKind, JournalLine, Span, Timestamp};
use warden_policy::{
    Command, Effect, Event, Instance, Outcome, Params, Phase, Report, StateEvent, Stepped, StoreAction,
    Timer,
    params::{Percent, Value},
};

/// Parameters with small budgets and any spans; deadlines fit together as the configuration demands it.
fn parameters() -> impl Strategy<Value = Params> {
    let spans = || prop::collection::vec(1_u64..200_000, 1..=8);
    let budgets = (1_u8..9, 1_u8..9, 1_u8..9, 1_u8..9, 1_u8..6, 1_u8..6);
    let times = (1_u64..5_000, 1_u64..500_000, 1_u64..500_000, 1_u64..500_000);
    (spans(), spans(), spans(), budgets, times, 0_u8..=100).prop_map(
        |(login, drop, crash, budgets, times, jitter)| {
            let mut params = Params::default();
            set_waits(&mut params, "login.waits", &login);
            set_waits(&mut params, "network.drop.waits", &drop);
            set_waits(&mut params, "network.crash.waits", &crash);
            params.login.attempts = budgets.0;
            params.login.alert_after = budgets.0;
            params.drop.attempts = budgets.1;
            params.crash.attempts = budgets.2;
            params.down.attempts = budgets.3;
            params.recovery.conflict_attempts = budgets.4;
            params.rate_limit.stop_after = budgets.5;
            params.drop.reconnect_within = Span::from_millis(times.0);
            params.crash.restart_within = Span::from_millis(times.0);
            params.down.reconnect_after = Span::from_millis(times.1);
            params.recovery.conflict_after = Span::from_millis(times.2);
            params.rate_limit.pause = Span::from_millis(times.3);
            params.rate_limit.pause_cap = Span::from_millis(times.3.saturating_mul(3));
            params.recovery.jitter = Percent(jitter);
            params
        },
    )
}

fn set_waits(params: &mut Params, key: &str, millis: &[u64]) {
    let texts: Vec<String> = millis.iter().map(|millis| format!("{millis}ms")).collect();
    let items: Vec<Value<'_>> = texts.iter().map(|text| Value::Text(text)).collect();
    params.set(key, &Value::List(&items)).expect("a list of spans");
}

/// The command that the step sent, if it sent one whose outcome is awaited.
fn asked(bench: &Bench) -> Option<Command> {
    bench.fx.list().iter().find_map(|(_, effect)| match effect {
        Effect::Command { command, .. } if *command != Command::EndSession => Some(*command),
        Effect::Command { .. } | Effect::Notify(_) | Effect::Store(_) => None,
    })
}

/// Ticks until this command is sent; answers how long that took, `None` when the instance came to rest.
fn until(bench: &mut Bench, wanted: Command) -> Option<Span> {
    let begin = bench.now;
    for _ in 0..50 {
        bench.next()?;
        if asked(bench) == Some(wanted) {
            return Some(bench.now.since(begin));
        }
    }
    panic!("no {wanted:?} in fifty deadlines: {:#?}", bench.state);
}

/// A delay: never shorter, and at most its jitter longer.
fn is_delay(waited: Span, rule: Span, params: &Params) -> bool {
    let most = rule.as_millis() + rule.as_millis() * u64::from(params.recovery.jitter.0) / 100;
    (rule.as_millis()..=most).contains(&waited.as_millis())
}

fn stopped(bench: &Bench) -> bool {
    matches!(bench.state.phase(), Phase::Stopped { .. })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn log_2_logins_are_as_many_and_as_far_apart_as_configured(params in parameters(), seed in any::<u32>()) {
        let mut bench = Bench { state: Instance::new(seed), ..Bench::new(params) };
        bench.log_in();
        for attempt in 1..bench.params.login.attempts {
            let _ = bench.end(Outcome::Failed, Facts { last_error: Some(-6), ..Facts::default() });
            let rule = bench.params.login.waits.after(attempt);
            let waited = until(&mut bench, Command::Login).expect("it is tried again");
            prop_assert!(is_delay(waited, rule, &bench.params), "{waited} after {attempt}, the rule is {rule}");
            prop_assert_eq!(bench.state.login_attempt_count(), attempt + 1);
        }
        let _ = bench.end(Outcome::Failed, Facts { last_error: Some(-6), ..Facts::default() });
        prop_assert!(stopped(&bench));
    }

    #[test]
    fn log_5_a_throttled_account_logs_in_no_oftener(params in parameters(), interval in 1_u64..100_000) {
        let mut params = params;
        params.login.attempts = 9;
        params.login.alert_after = 1;
        params.login.throttle_interval = Span::from_millis(interval);
        let mut bench = Bench::new(params);
        bench.log_in();
        for _ in 1..9 {
            let started = bench.now;
            let _ = bench.end(Outcome::Failed, Facts { last_error: Some(-6), ..Facts::default() });
            let _ = until(&mut bench, Command::Login);
            prop_assert!(bench.now.since(started).as_millis() >= interval);
        }
    }

    #[test]
    fn brk_1_reconnects_are_as_many_and_as_far_apart_as_configured(params in parameters(), seed in any::<u32>()) {
        let mut bench = Bench { state: Instance::new(seed), ..Bench::new(params) };
        bench.log_in();
        bench.logged_in();
        let _ = bench.give(Event::Report(disconnected()));
        let _ = until(&mut bench, Command::Reconnect);
        let away = journal(JournalLine::NoConnection);
        for attempt in 1..=bench.params.down.attempts {
            let _ = bench.end(Outcome::Failed, away);
            let waited = until(&mut bench, Command::Reconnect).expect("it is tried again");
            let rule = bench.params.down.reconnect_after;
            prop_assert!(is_delay(waited, rule, &bench.params), "{waited} before {attempt}");
        }
        let _ = bench.end(Outcome::Failed, away);
        prop_assert!(stopped(&bench));
    }

    #[test]
    fn net_1_and_net_5_the_first_reconnect_is_in_time_and_the_others_are_delays(
        params in parameters(),
        seed in any::<u32>(),
    ) {
        let mut bench = Bench { state: Instance::new(seed), ..Bench::new(params) };
        bench.log_in();
        bench.logged_in();
        let _ = bench.give(Event::Report(disconnected()));
        let first = until(&mut bench, Command::Reconnect).expect("it is tried");
        prop_assert!(first <= bench.params.drop.reconnect_within, "NET-1: {first}");
        for attempt in 2..=bench.params.drop.attempts {
            let _ = bench.end(Outcome::Failed, Facts::default());
            let waited = until(&mut bench, Command::Reconnect).expect("it is tried again");
            let rule = bench.params.drop.waits.after(attempt);
            prop_assert!(is_delay(waited, rule, &bench.params), "NET-5: {waited} before {attempt}");
        }
        let _ = bench.end(Outcome::Failed, Facts::default());
        prop_assert!(stopped(&bench));
    }

    #[test]
    fn net_2_restarts_are_in_time_and_as_many_as_configured(params in parameters(), seed in any::<u32>()) {
        let mut bench = Bench { state: Instance::new(seed), ..Bench::new(params) };
        bench.log_in();
        bench.logged_in();
        let _ = bench.give(Event::Report(Report::default()));
        for _ in 0..bench.params.crash.attempts {
            let waited = until(&mut bench, Command::Restart { force: false }).expect("it is restarted");
            prop_assert!(waited <= bench.params.crash.restart_within, "{waited}");
            let _ = bench.end(Outcome::Failed, Facts::default());
        }
        prop_assert!(stopped(&bench));
    }

    #[test]
    fn net_4_people_are_told_once_and_not_early(params in parameters(), after in 1_u64..300_000) {
        let mut params = params;
        params.drop.alert_after = Span::from_millis(after);
        params.drop.attempts = 255;
        set_waits(&mut params, "network.drop.waits", &[10_000]);
        let mut bench = Bench::up(params);
        let _ = bench.give(Event::Report(disconnected()));
        let begin = bench.now;
        let mut told = Vec::new();
        while bench.now.since(begin) < Span::from_millis(after * 3) {
            prop_assert!(bench.next().is_some(), "reconnecting goes on");
            let notified = bench.fx.list().iter().filter(|(_, effect)| matches!(effect, Effect::Notify(_)));
            told.extend(notified.map(|_| bench.now.since(begin).as_millis()));
            if bench.state.awaited().is_some() {
                let _ = bench.end(Outcome::Failed, Facts::default());
            }
        }
        prop_assert_eq!(told, vec![after]);
    }

    #[test]
    fn brk_2_pauses_double_up_to_their_cap_and_the_last_limit_stops(params in parameters()) {
        let mut bench = Bench::up(params);
        let limited = Event::Report(Report { facts: Facts { retcode: Some(10_024), ..fine() }, ..ready() });
        for limit in 1..bench.params.rate_limit.stop_after {
            let _ = bench.give(limited);
            let pause = bench.state.timers().due_at(Timer::RateLimitPause).expect("it pauses");
            let doubled = bench.params.rate_limit.pause.times(1 << (limit - 1));
            let rule = doubled.min(bench.params.rate_limit.pause_cap);
            prop_assert!(is_delay(pause.since(bench.now), rule, &bench.params), "{limit}");
            bench.now = pause;
            let _ = bench.give(Event::Tick { admitted: true });
        }
        let _ = bench.give(limited);
        prop_assert!(stopped(&bench));
    }

    #[test]
    fn rec_2_conflicts_are_retried_as_often_and_as_late_as_configured(params in parameters()) {
        let mut bench = Bench::up(params);
        for _ in 0..bench.params.recovery.conflict_attempts {
            let _ = bench.give(Event::State(StateEvent::Conflict));
            let waited = bench.next().expect("it is retried");
            let retried = bench.fx.list().iter().any(|(_, effect)| *effect == Effect::Store(StoreAction::RetryWrite));
            prop_assert!(retried && is_delay(waited, bench.params.recovery.conflict_after, &bench.params));
        }
        let _ = bench.give(Event::State(StateEvent::Conflict));
        prop_assert!(stopped(&bench));
    }

    #[test]
    fn acc_5_rights_are_looked_at_again_after_their_wait_and_once(params in parameters(), seed in any::<u32>()) {
        let mut bench = Bench { state: Instance::new(seed), ..Bench::new(params) };
        bench.log_in();
        bench.logged_in();
        let _ = bench.give(Event::Report(Report { facts: flags(true, true, false), ..ready() }));
        let waited = until(&mut bench, Command::Reconnect).expect("once");
        prop_assert!(is_delay(waited, bench.params.permissions.reconnect_after, &bench.params));
        let _ = bench.end(Outcome::Done, Facts::default());
        let session = Outcome::Session { matches: true, reconciled: true, positions: 0 };
        let _ = bench.end(session, flags(true, true, false));
        prop_assert!(stopped(&bench));
    }

    #[test]
    fn rec_4_a_supervisor_that_dies_anywhere_gives_no_login_back(
        params in parameters(),
        cuts in prop::collection::vec(any::<bool>(), 40),
    ) {
        let mut bench = Bench::new(params);
        bench.log_in();
        let mut logins = 1;
        for cut in cuts {
            if cut {
                bench.restart(Report { terminal_alive: true, ..Report::default() });
            } else if bench.state.awaited().is_some() {
                let _ = bench.end(Outcome::Failed, Facts { last_error: Some(-6), ..Facts::default() });
            }
            if until(&mut bench, Command::Login).is_some() {
                logins += 1;
            }
        }
        prop_assert_eq!(logins, u32::from(bench.params.login.attempts));
        prop_assert!(stopped(&bench));
    }

    #[test]
    fn rec_4_a_supervisor_that_dies_anywhere_gives_no_reconnect_back(
        params in parameters(),
        cuts in prop::collection::vec(any::<bool>(), 40),
    ) {
        let mut bench = Bench::up(params);
        let _ = bench.give(Event::Report(disconnected()));
        let _ = until(&mut bench, Command::Reconnect);
        let _ = bench.end(Outcome::Failed, journal(JournalLine::NoConnection));
        let mut reconnects = 0;
        for cut in cuts {
            if until(&mut bench, Command::Reconnect).is_some() {
                reconnects += 1;
            }
            if cut {
                bench.restart(disconnected());
            } else if bench.state.awaited().is_some() {
                let _ = bench.end(Outcome::Failed, journal(JournalLine::NoConnection));
            }
        }
        prop_assert_eq!(reconnects, u32::from(bench.params.down.attempts));
        prop_assert!(stopped(&bench));
    }

    #[test]
    fn rec_5_a_clock_that_runs_back_fires_nothing_and_loses_nothing(
        params in parameters(),
        back in prop::collection::vec(0_i64..100_000_000, 1..20),
    ) {
        let mut bench = Bench::up(params);
        let _ = bench.give(Event::Report(disconnected()));
        let due = bench.state.next_deadline().expect("a reconnect is planned");
        let before = bench.state.clone();
        for back in back {
            bench.now = Timestamp::from_millis(due.as_millis() - 1 - back);
            prop_assert_eq!(bench.give(Event::Tick { admitted: true }), Stepped::Unchanged);
        }
        prop_assert_eq!(&bench.state, &before);
        bench.now = due;
        let _ = bench.give(Event::Tick { admitted: true });
        prop_assert_eq!(asked(&bench), Some(Command::Reconnect));
        prop_assert_eq!(bench.state.phase(), Phase::Recovering(IncidentKind::NetworkLost));
    }
}
