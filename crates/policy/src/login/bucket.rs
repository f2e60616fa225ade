use warden_domain::Timestamp;

/// LOG-5: the logins that one trade server takes from the whole fleet, so that a mass restart does not look like an
/// attack. Default 10 a second, 20 at once (`login.server_rate`, `login.server_burst`).
///
/// The driver asks it before it delivers a tick that starts a login.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    /// Tokens in thousandths.
    millitokens: u64,
    filled_at: Option<Timestamp>,
}

impl Default for TokenBucket {
    fn default() -> Self {
        Self { millitokens: u64::MAX, filled_at: None }
    }
}

impl TokenBucket {
    /// Takes one token of `rate` a second and at most `burst`.
    ///
    /// # Errors
    /// When there is none: the moment at which there will be.
    pub fn take(&mut self, now: Timestamp, rate: u32, burst: u32) -> Result<(), Timestamp> {
        let passed = self.filled_at.map_or(0, |at| now.since(at).as_millis());
        let most = u64::from(burst) * 1_000;
        self.millitokens = self.millitokens.saturating_add(passed.saturating_mul(u64::from(rate))).min(most);
        self.filled_at = Some(self.filled_at.map_or(now, |at| at.max(now)));
        if self.millitokens >= 1_000 {
            self.millitokens -= 1_000;
            return Ok(());
        }
        let missing = 1_000 - self.millitokens;
        let wait = missing.div_ceil(u64::from(rate.max(1)));
        Err(now.after(warden_domain::Span::from_millis(wait.max(1))))
    }
}

#[cfg(test)]
mod tests {
    use warden_domain::Span;

    use super::*;

    #[test]
    fn log_5_a_mass_restart_passes_a_burst_then_ten_a_second() {
        let mut bucket = TokenBucket::default();
        let start = Timestamp::from_millis(1_000_000);
        let mut now = start;
        let mut passed = 0;
        while now < start.after(Span::from_secs(10)) {
            match bucket.take(now, 10, 20) {
                Ok(()) => passed += 1,
                Err(next) => {
                    assert!(next > now);
                    now = next;
                }
            }
        }
        assert_eq!(passed, 20 + 10 * 10 - 1);
    }

    #[test]
    fn log_5_a_clock_that_jumps_back_neither_fills_nor_empties_the_bucket() {
        let mut bucket = TokenBucket::default();
        let now = Timestamp::from_millis(1_000_000);
        for _ in 0..20 {
            bucket.take(now, 10, 20).unwrap();
        }
        assert!(bucket.take(Timestamp::from_millis(0), 10, 20).is_err());
    }
}
