//! One million outstanding deadlines in a shard's wheel, and how late they come up.

use std::time::{Duration, Instant};

use warden_domain::Timestamp;
use warden_supervisor::Wheel;

use crate::{Figures, figure::Figure};

const DEADLINES: u32 = 1_000_000;
/// The deadlines lie within this time, so that they all come up in the run.
const WITHIN: Duration = Duration::from_secs(20);
/// What a shard takes at once.
const BATCH: usize = 1_024;

/// Every figure of the deadlines.
///
/// # Errors
/// Never; the signature is that of all benchmarks.
pub fn figures() -> Figures {
    let began = Instant::now();
    let now = || Timestamp::from_millis(i64::try_from(began.elapsed().as_millis()).expect("a short run"));
    let mut wheel = Wheel::new(now());
    let inserting = Instant::now();
    let mut random = 1_u64;
    for key in 0..DEADLINES {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let ahead = 1_000 + (random >> 33) % WITHIN.as_millis() as u64;
        wheel.insert(Timestamp::from_millis(i64::try_from(ahead)?), key);
    }
    let insert = inserting.elapsed().as_nanos() as f64 / f64::from(DEADLINES);
    let (mut late, mut due) = (Vec::with_capacity(DEADLINES as usize), Vec::with_capacity(BATCH));
    while let Some(next) = wheel.next() {
        let wait = next.since(now());
        if wait.as_millis() > 0 {
            std::thread::sleep(wait.into());
        }
        wheel.take_due(now(), BATCH, &mut due);
        let taken_at = now();
        late.extend(due.drain(..).map(|(at, _)| taken_at.since(at).as_millis()));
    }
    assert_eq!(late.len(), DEADLINES as usize, "every deadline comes up once");
    late.sort_unstable();
    let p99 = late[late.len() * 99 / 100];
    Ok(vec![
        Figure::at_most("deadlines.late.p99".to_owned(), p99 as f64, "ms", 10.0),
        Figure::at_most("deadlines.insert".to_owned(), insert, "ns", 100.0),
    ])
}
