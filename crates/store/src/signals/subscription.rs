use thiserror::Error;

/// Which stream is read, for whom, and how much of it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The name of the stream (Redis: the key).
    pub stream: String,
    /// The group that shares the stream: each entry goes to one of its consumers.
    pub group: String,
    /// The name of this consumer, no other's in the group; the same over restarts, or old names pile up in the group.
    pub consumer: String,
    /// How many bytes the fields and values of an entry may have together; of a larger one only the beginning is given.
    pub entry_bytes: usize,
    /// How many dead letters are kept at least, 1 to 1,000,000; older ones go.
    pub dead_letters: u32,
}

impl Subscription {
    /// The stream `trade_signals` for the group `warden`: entries of up to 64 KiB, 10,000 dead letters.
    pub fn new(consumer: impl Into<String>) -> Self {
        Self {
            stream: "trade_signals".to_owned(),
            group: "warden".to_owned(),
            consumer: consumer.into(),
            entry_bytes: 1 << 16,
            dead_letters: 10_000,
        }
    }

    /// The name of the stream of the dead letters.
    #[must_use]
    pub fn dead(&self) -> String {
        format!("{}:dead", self.stream)
    }

    /// Says whether everything can be used as it is.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), SubscriptionError> {
        for (key, name) in [("stream", &self.stream), ("group", &self.group), ("consumer", &self.consumer)] {
            let fits = (1..=128).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
            if !fits {
                return Err(SubscriptionError::Name { key });
            }
        }
        if !(1..=1_000_000).contains(&self.dead_letters) {
            return Err(SubscriptionError::DeadLetters(self.dead_letters));
        }
        Ok(())
    }
}

/// What is wrong with a [`Subscription`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SubscriptionError {
    /// A name cannot be one.
    #[error("{key} is no name; give 1 to 128 printable ASCII characters without spaces")]
    Name {
        /// Of what.
        key: &'static str,
    },
    /// The number of dead letters is out of its range.
    #[error("dead_letters is {0}; give 1 to 1000000")]
    DeadLetters(u32),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_says_what_is_wrong_with_it() {
        let right = Subscription::new("node-a");
        assert_eq!(right.validate(), Ok(()));
        assert_eq!(right.dead(), "trade_signals:dead");
        for text in ["", "two words", "line\n", "ümlaut", &"x".repeat(129)] {
            let fault = Subscription { group: text.to_owned(), ..right.clone() }.validate();
            assert_eq!(fault, Err(SubscriptionError::Name { key: "group" }), "{text:?}");
            assert!(Subscription::new(text).validate().is_err());
        }
        for dead_letters in [0, 1_000_001] {
            let fault = Subscription { dead_letters, ..right.clone() }.validate();
            assert_eq!(fault, Err(SubscriptionError::DeadLetters(dead_letters)));
        }
    }
}
