//! The usual path of the engine allocates nothing.
//!
//! The only test of this binary: another one beside it would be counted too.

mod common;

use std::alloc::System;

use common::{Bench, disconnected, fine, plain, ready};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use warden_domain::{Facts, Span};
use warden_policy::{Event, Outcome, Stepped};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn the_usual_path_allocates_nothing() {
    let mut bench = Bench::up(plain());
    let region = Region::new(ALLOCATOR);
    for _ in 0..100 {
        assert_eq!(bench.give(Event::Report(ready())), Stepped::Unchanged);
        assert_eq!(bench.give(Event::Tick { admitted: true }), Stepped::Unchanged);
        let _ = bench.give(Event::Report(disconnected()));
        bench.next();
        let _ = bench.end(Outcome::Failed, Facts::default());
        bench.next();
        let _ = bench.end(Outcome::Done, fine());
        bench.confirm();
        bench.pass(Span::from_secs(601));
        let _ = bench.give(Event::Tick { admitted: true });
        let _ = bench.give(Event::GatewayDown);
        let _ = bench.give(Event::GatewayUp(ready()));
        bench.confirm();
        bench.pass(Span::from_secs(601));
        let _ = bench.give(Event::Tick { admitted: true });
    }
    let used = region.change();
    assert_eq!((used.allocations, used.reallocations), (0, 0), "{used:?}");
    let made = std::hint::black_box(vec![0_u8; 16]);
    assert_eq!(region.change().allocations, 1, "the allocator counts, {}", made.len());
}
