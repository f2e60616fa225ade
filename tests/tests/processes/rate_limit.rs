//! BRK-2, BRK-3: requests that come too often.

use warden_domain::{FailureReason, Gate, IncidentKind, Rule};
use warden_policy::{Instance, Notice};
use warden_tests::{Plan, Story, World, keys};

fn is_paused(state: &Instance) -> bool {
    matches!(state.gate(), Gate::Paused { reason: FailureReason::RateLimited, .. })
}

fn pauses(story: &Story, name: &str) -> Vec<u64> {
    let mut pauses: Vec<u64> = Vec::new();
    let mut paused = false;
    for (at, state) in story.states(name) {
        if let (Gate::Paused { until, reason: FailureReason::RateLimited }, false) = (state.gate(), paused) {
            pauses.push(until.since(at).as_millis());
        }
        paused = is_paused(state);
    }
    pauses
}

#[test]
fn brk_2_brk_3_10024_and_10008_without_a_ticket_pause_trading_and_10008_with_one_does_not() {
    let world = World::connected(Plan::quick(&["a", "b", "c"]).set("broker.rate_limit.pause", r#""6s""#));
    world.fault("a", "rate_limit");
    world.fault("b", "rate_limit_10008");
    world.fault("c", "placed_10008");
    for name in ["a", "b"] {
        let state = world.wait_for_state(name, "its gate is paused", is_paused);
        assert_eq!(state.incident(IncidentKind::RateLimited).map(|it| it.attempt), Some(1), "{name}");
        assert_eq!(keys::documented(&world.redis, name)["status"], "CONNECTED", "{name} stays connected");
        assert_eq!(keys::documented(&world.redis, name)["last_failure_reason"], "RATE_LIMITED", "{name}");
    }
    for name in ["a", "b"] {
        world.wait_for_state(name, "its gate is open again", |state| state.gate() == Gate::Open);
    }
    // What a gateway says keeps its order: once this is seen, so was the harmless reply before it.
    world.fault("c", "rate_limit");
    let state = world.wait_for_state("c", "its gate is paused", is_paused);
    assert_eq!(
        state.incident(IncidentKind::RateLimited).map(|it| it.attempt),
        Some(1),
        "the first limit of c"
    );
    world.wait_for_state("c", "its gate is open again", |state| state.gate() == Gate::Open);

    let story = world.judge();
    for (name, rule) in [("a", Rule::Brk2), ("b", Rule::Brk3), ("c", Rule::Brk2)] {
        let [pause] = pauses(&story, name)[..] else { panic!("{name} is paused once") };
        assert!((6_000..=6_600).contains(&pause), "{name}: 6 s, lengthened by a tenth at most: {pause} ms");
        let opened = story.of(name).find(|told| is_paused(&told.step.state)).unwrap();
        assert_eq!(opened.row.rule, rule.as_str(), "{name}");
    }
}

#[test]
fn brk_2_the_third_limit_in_a_row_stops_after_two_doubling_pauses() {
    let world = World::connected(
        Plan::quick(&["a"])
            .set("broker.rate_limit.pause", r#""4s""#)
            .set("broker.rate_limit.quiet", r#""10m""#),
    );
    for limit in 1..=2 {
        world.fault("a", "rate_limit");
        world.wait_for_state("a", "the next pause", |state| {
            is_paused(state)
                && state.incident(IncidentKind::RateLimited).is_some_and(|it| it.attempt == limit)
        });
        world.wait_for_state("a", "the end of the pause", |state| state.gate() == Gate::Open);
    }
    world.fault("a", "rate_limit");
    world.wait_for("a", "FAILED", "RATE_LIMITED");

    let story = world.judge();
    let pauses = pauses(&story, "a");
    assert_eq!(pauses.len(), 2, "{pauses:?}");
    assert!((4_000..=4_400).contains(&pauses[0]) && (8_000..=8_800).contains(&pauses[1]), "{pauses:?}");
    assert_eq!(story.notices("a", Notice::RateLimitStopped).len(), 1);
    assert_eq!(story.last("a").step.state.gate(), Gate::Shut(FailureReason::RateLimited));
}
