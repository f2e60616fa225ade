//! Waiting for something that announces itself by nothing but its effect.

use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// First and longest pause between two looks: an effect at once is seen at once, a slow one costs little.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Looks until `attempt` gives something, and gives that. The attempt is made once more at the deadline.
///
/// # Errors
///
/// [`Error::Timeout`], naming `what`, when nothing came `within` the time.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// let mut looks = 0;
/// let seen = warden_testkit::poll_until(Duration::from_secs(5), "the third look", || {
///     looks += 1;
///     (looks == 3).then_some(looks)
/// });
/// assert_eq!(seen.unwrap(), 3);
/// ```
pub fn poll_until<T>(within: Duration, what: &str, mut attempt: impl FnMut() -> Option<T>) -> Result<T> {
    let mut pauses = Pauses::until(within);
    loop {
        if let Some(found) = attempt() {
            return Ok(found);
        }
        thread::sleep(pauses.next(what)?);
    }
}

/// [`poll_until`] for tests that run inside a tokio runtime, whose threads must not be blocked.
///
/// # Errors
///
/// [`Error::Timeout`], naming `what`, when nothing came `within` the time.
pub async fn poll_until_async<T>(
    within: Duration,
    what: &str,
    mut attempt: impl AsyncFnMut() -> Option<T>,
) -> Result<T> {
    let mut pauses = Pauses::until(within);
    loop {
        if let Some(found) = attempt().await {
            return Ok(found);
        }
        tokio::time::sleep(pauses.next(what)?).await;
    }
}

/// Growing pauses up to a deadline.
struct Pauses {
    within: Duration,
    started: Instant,
    pause: Duration,
}

impl Pauses {
    fn until(within: Duration) -> Self {
        Self { within, started: Instant::now(), pause: FIRST_PAUSE }
    }

    fn next(&mut self, what: &str) -> Result<Duration> {
        let left = self.within.saturating_sub(self.started.elapsed());
        if left.is_zero() {
            return Err(Error::Timeout { what: what.to_owned(), within: self.within });
        }
        let pause = self.pause.min(left);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_comes_is_named() {
        let failure = poll_until(Duration::from_millis(20), "a miracle", || None::<()>).unwrap_err();
        assert_eq!(failure.to_string(), "waited 20ms in vain for a miracle");
    }

    #[tokio::test]
    async fn an_async_condition_is_looked_at_until_it_holds() {
        let mut looks = 0;
        let seen = poll_until_async(Duration::from_secs(5), "two looks", async || {
            looks += 1;
            (looks == 2).then_some(looks)
        });
        assert_eq!(seen.await.unwrap(), 2);
    }
}
