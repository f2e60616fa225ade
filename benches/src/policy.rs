//! A policy step beside a bare step over a 200-byte state, both over 100,000 instances in random order.

use std::{alloc::System, hint::black_box, time::Instant};

use stats_alloc::{Region, StatsAlloc};
use warden_domain::{AccountFlags, Facts, TerminalFlags, Timestamp};
use warden_policy::{CommandId, Effects, Event, Instance, Outcome, Params, Report, Stepped, step};

use crate::{Figures, figure::Figure};

const INSTANCES: usize = 100_000;
const STEPS: usize = 1_000_000;
/// Steps timed together: one reading of the clock costs as much as a step.
const TOGETHER: usize = 100;

/// Every figure of the policy.
///
/// # Errors
/// Never; the signature is that of all benchmarks.
pub fn figures(allocator: &'static StatsAlloc<System>) -> Figures {
    let params = Params::default();
    let order = random_order();
    let mut instances: Vec<Instance> = (0..INSTANCES).map(|seed| up(seed as u32, &params)).collect();
    let mut fx = Effects::default();
    let (usual, lost) = (report(true), report(false));
    let now = at(20_000);

    let region = Region::new(allocator);
    let unchanged = median(&order, |index| {
        let stepped = step(&mut instances[index], &usual, now, &params, &mut fx);
        assert_eq!(stepped, Stepped::Unchanged);
    });
    let tick = median(&order, |index| {
        let _ =
            black_box(step(&mut instances[index], &Event::Tick { admitted: true }, now, &params, &mut fx));
    });
    let drop_and_back = median(&order, |index| {
        let instance = &mut instances[index];
        let event = if instance.incidents().next().is_none() { &lost } else { &usual };
        let _ = black_box(step(instance, event, now, &params, &mut fx));
    });
    let allocations = region.change().allocations;

    let mut bare: Vec<[u64; 25]> = (0..INSTANCES as u64).map(|seed| [seed; 25]).collect();
    let floor = median(&order, |index| bare_step(&mut bare[index], black_box(index as u64)));

    let with_floor =
        |name: &str, value: f64| Figure::at_most(name.to_owned(), value, "ns", 80.0).beside(floor);
    Ok(vec![
        with_floor("policy.step.report", unchanged),
        with_floor("policy.step.tick", tick),
        with_floor("policy.step.drop_and_back", drop_and_back),
        Figure::at_most("policy.allocations".to_owned(), allocations as f64, "allocs", 0.0),
    ])
}

/// The floor: a match over a 200-byte state, two words of it changed.
fn bare_step(state: &mut [u64; 25], event: u64) {
    match event % 4 {
        0 => state[0] = state[0].wrapping_add(event),
        1 => state[8] ^= event,
        2 => state[16] = state[0].max(event),
        _ => state[24] = state[24].wrapping_mul(3),
    }
    state[1] += 1;
}

/// The median time of one call, in nanoseconds.
fn median(order: &[u32], mut call: impl FnMut(usize)) -> f64 {
    let mut times = [0.0; STEPS / TOGETHER];
    for (time, group) in times.iter_mut().zip(order.chunks(TOGETHER)) {
        let began = Instant::now();
        for index in group {
            call(*index as usize);
        }
        *time = began.elapsed().as_nanos() as f64 / TOGETHER as f64;
    }
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}

fn random_order() -> Vec<u32> {
    let mut random = 1_u64;
    (0..STEPS)
        .map(|_| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((random >> 33) % INSTANCES as u64) as u32
        })
        .collect()
}

/// An instance on a confirmed session.
pub fn up(seed: u32, params: &Params) -> Instance {
    let mut instance = Instance::new(seed);
    let mut fx = Effects::default();
    let facts = facts(true);
    let session = Outcome::Session { matches: true, reconciled: true, positions: 0 };
    for (event, millis) in [
        (Event::Start, 1_000),
        (Event::GatewayUp(Report { terminal_alive: false, positions: 0, facts: Facts::default() }), 1_001),
        (Event::Tick { admitted: true }, 1_002),
        (Event::Finished { id: CommandId(1), outcome: Outcome::Done, facts }, 1_003),
        (Event::Finished { id: CommandId(2), outcome: session, facts }, 1_004),
        (report(true), 1_005),
    ] {
        let _ = step(&mut instance, &event, at(millis), params, &mut fx);
    }
    assert_eq!(instance.phase(), warden_policy::Phase::Up, "the start-up sequence leads to a session");
    instance
}

fn report(connected: bool) -> Event {
    Event::Report(Report { terminal_alive: true, positions: 0, facts: facts(connected) })
}

/// What is observed of a terminal that may trade, connected or not.
#[must_use]
pub fn facts(connected: bool) -> Facts {
    Facts {
        terminal: Some(TerminalFlags { connected, trade_allowed: true, tradeapi_disabled: false }),
        account: Some(AccountFlags { expected: true, trade_allowed: true, trade_expert: true }),
        ..Facts::default()
    }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}
