use serde::{Deserialize, Serialize};
use warden_domain::{Span, Timestamp};

/// What is left of an order-rate budget: a token bucket as data, exact, filled by the moments it is given.
///
/// ```
/// use warden_distribution::Budget;
/// use warden_domain::{Span, Timestamp};
///
/// let now = Timestamp::from_millis(1_700_000_000_000);
/// let (a_minute, burst) = (60, 2);
/// let one = Budget::default().take(a_minute, burst, now).unwrap();
/// let none = one.take(a_minute, burst, now).unwrap();
/// assert_eq!(none.take(a_minute, burst, now), Err(now.after(Span::from_secs(1))));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Budget {
    /// In 1/60,000 of an order: one order a minute fills one unit a millisecond.
    units: u64,
    filled_at: Option<Timestamp>,
}

/// Units of one order.
const ORDER: u64 = 60_000;

impl Default for Budget {
    /// Full.
    fn default() -> Self {
        Self { units: u64::MAX, filled_at: None }
    }
}

impl Budget {
    /// What is left after one more order, of so many a minute and so many at once.
    ///
    /// # Errors
    /// When there is not enough left: the moment at which there will be.
    pub fn take(self, a_minute: u32, burst: u32, now: Timestamp) -> Result<Self, Timestamp> {
        let filled = self.filled(a_minute, burst, now);
        match filled.units.checked_sub(ORDER) {
            Some(units) => Ok(Self { units, ..filled }),
            None => {
                let wait = (ORDER - filled.units).div_ceil(u64::from(a_minute.max(1)));
                Err(filled.filled_at.unwrap_or(now).after(Span::from_millis(wait)))
            }
        }
    }

    /// What is left after so many orders that are not refused: down to nothing.
    #[must_use]
    pub fn spend(self, orders: u32, a_minute: u32, burst: u32, now: Timestamp) -> Self {
        let filled = self.filled(a_minute, burst, now);
        Self { units: filled.units.saturating_sub(u64::from(orders) * ORDER), ..filled }
    }

    /// How it stands now; a clock that went back neither fills nor empties it.
    fn filled(self, a_minute: u32, burst: u32, now: Timestamp) -> Self {
        let passed = self.filled_at.map_or(0, |at| now.since(at).as_millis());
        let most = u64::from(burst.max(1)) * ORDER;
        let units = self.units.saturating_add(passed.saturating_mul(u64::from(a_minute))).min(most);
        Self { units, filled_at: Some(self.filled_at.map_or(now, |at| at.max(now))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let start = Timestamp::from_millis(1_700_000_000_000);
        let (mut budget, mut passed, mut now) = (Budget::default(), 0, start);
        while now < start.after(Span::from_secs(60)) {
            match budget.take(30, 10, now) {
                Ok(left) => (budget, passed) = (left, passed + 1),
                Err(next) => {
                    assert!(next > now);
                    now = next;
                }
            }
        }
        assert_eq!(passed, 10 + 30 - 1);
    }

    #[test]
    fn a_clock_that_goes_back_neither_fills_nor_empties() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let before = Timestamp::from_millis(1_600_000_000_000);
        let empty = Budget::default().spend(10, 60, 10, now);
        assert_eq!(empty.take(60, 10, before), Err(now.after(Span::from_secs(1))));
        assert!(empty.spend(0, 60, 10, before).take(60, 10, now.after(Span::from_secs(1))).is_ok());
    }

    #[test]
    fn spending_ends_at_nothing() {
        let now = Timestamp::from_millis(0);
        assert_eq!(Budget::default().spend(u32::MAX, 60, 10, now), Budget::default().spend(10, 60, 10, now));
    }
}
