use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// A value that only grows; cheap to clone, every clone counts into the same value.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Counts so many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    /// What was counted since the start of the process.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A value that goes up and down; cheap to clone, every clone sets the same value.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<AtomicU64>);

impl Gauge {
    /// Sets the value.
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Relaxed);
    }

    /// Adds to the value; a negative number takes away.
    pub fn add(&self, more: f64) {
        add(&self.0, more);
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> f64 {
        f64::from_bits(self.0.load(Relaxed))
    }
}

/// How often durations fell into fixed ranges; cheap to clone, every clone counts into the same ranges.
#[derive(Clone, Debug, Default)]
pub struct Histogram(Arc<Ranges>);

#[derive(Debug, Default)]
struct Ranges {
    /// One more than the bounds: the last counts what is above them all.
    counts: [AtomicU64; Histogram::BOUNDS.len() + 1],
    sum: AtomicU64,
}

impl Histogram {
    /// The upper bounds of the ranges in seconds, the last but for infinity: from the floor of a synced write to a
    /// stall that people notice.
    pub const BOUNDS: [f64; 12] =
        [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

    /// Counts one duration, in seconds.
    pub fn observe(&self, seconds: f64) {
        let range = Self::BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(Self::BOUNDS.len());
        self.0.counts[range].fetch_add(1, Relaxed);
        add(&self.0.sum, seconds);
    }

    /// How many durations were counted, and their sum in seconds.
    #[must_use]
    pub fn totals(&self) -> (u64, f64) {
        let count = self.0.counts.iter().map(|count| count.load(Relaxed)).sum();
        (count, f64::from_bits(self.0.sum.load(Relaxed)))
    }

    /// For each bound how many durations were at most as long.
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        Self::BOUNDS.into_iter().chain([f64::INFINITY]).zip(&self.0.counts).scan(
            0,
            |below, (bound, count)| {
                *below += count.load(Relaxed);
                Some((bound, *below))
            },
        )
    }
}

fn add(bits: &AtomicU64, more: f64) {
    let sum = |old| Some((f64::from_bits(old) + more).to_bits());
    // The closure never answers `None`, so the update cannot fail.
    let _ = bits.fetch_update(Relaxed, Relaxed, sum);
}

/// Any of the three kinds of values; a metric's type says which one it has.
pub trait Kind: Clone + Default + sealed::Sealed {}

impl Kind for Counter {}
impl Kind for Gauge {}
impl Kind for Histogram {}

/// A value of whichever kind, as the registry keeps it.
#[derive(Clone, Debug)]
pub enum Value {
    /// A counter.
    Counter(Counter),
    /// A gauge.
    Gauge(Gauge),
    /// A histogram.
    Histogram(Histogram),
}

pub(crate) mod sealed {
    use super::{Counter, Gauge, Histogram, Value};

    /// How a kind goes into the registry and comes out again.
    pub trait Sealed: Sized {
        /// Prometheus' name of the kind.
        const TYPE: &'static str;
        /// Into the registry.
        fn into_value(self) -> Value;
        /// Out of the registry; `None` when another kind is kept there.
        fn of(value: &Value) -> Option<Self>;
    }

    macro_rules! kind {
        ($name:ident, $text:literal, $($other:ident)|+) => {
            impl Sealed for $name {
                const TYPE: &'static str = $text;

                fn into_value(self) -> Value {
                    Value::$name(self)
                }

                fn of(value: &Value) -> Option<Self> {
                    match value {
                        Value::$name(kept) => Some(kept.clone()),
                        $(Value::$other(_))|+ => None,
                    }
                }
            }
        };
    }

    kind!(Counter, "counter", Gauge | Histogram);
    kind!(Gauge, "gauge", Counter | Histogram);
    kind!(Histogram, "histogram", Counter | Gauge);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_a_bound_as_inside_and_everything_at_the_end() {
        let histogram = Histogram::default();
        for seconds in [0.000_4, 0.001, 0.001_1, 99.0] {
            histogram.observe(seconds);
        }
        let counts: Vec<_> = histogram.cumulative().collect();
        assert_eq!(counts[..3], [(0.000_5, 1), (0.001, 2), (0.002, 3)]);
        assert_eq!(counts.last(), Some(&(f64::INFINITY, 4)));
        let (count, sum) = histogram.totals();
        assert_eq!(count, 4);
        assert!((sum - 99.0025).abs() < 1e-9);
    }

    #[test]
    fn clones_share_their_value() {
        let (gauge, counter) = (Gauge::default(), Counter::default());
        gauge.clone().add(2.5);
        gauge.clone().add(-1.0);
        counter.clone().add(7);
        assert!((gauge.value() - 1.5).abs() < f64::EPSILON);
        assert_eq!(counter.value(), 7);
    }
}
