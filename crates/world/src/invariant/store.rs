//! NET-3: the hot-state store is tried again when its wait is over.

use warden_domain::Span;

use crate::judge::Verdict;

/// One supervisor process and its hot-state store, in milliseconds of the run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attempts {
    /// It was lost, and is not tried before.
    not_before: Option<u64>,
    trying: bool,
}

impl Attempts {
    /// A call failed: what fails while the wait is on is no attempt.
    pub(crate) fn failed(&mut self, now: u64, wait: Span) {
        if self.trying || self.not_before.is_none() {
            *self = Self { not_before: Some(now + wait.as_millis()), trying: false };
        }
    }

    /// The store is asked whether it answers.
    pub(crate) fn begins(&mut self, now: u64) -> Verdict {
        self.trying = true;
        match self.not_before {
            Some(at) if now < at => Err(format!("tried again at {now}, and the wait ends at {at}")),
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn net_3_an_attempt_before_its_time_is_seen() {
        let wait = Span::from_secs(10);
        let mut store = Attempts::default();
        store.failed(1_000, wait);
        // Writes go on failing, and are no attempts.
        store.failed(9_000, wait);
        assert!(store.begins(10_999).is_err());
        assert_eq!(store.begins(11_000), Ok(()));
        store.failed(11_500, wait);
        assert!(store.begins(21_499).is_err());
        assert_eq!(store.begins(21_500), Ok(()));
    }
}
