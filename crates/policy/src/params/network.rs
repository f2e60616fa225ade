use warden_domain::Span;

use super::{Waits, element};

element! {
    /// Dropped connections (NET-1, NET-4, NET-5).
    Drop {
        /// NET-1: the first reconnect starts within this time.
        reconnect_within: Span = Span::from_secs(5),
        /// NET-5: the waits before reconnect 1, 2, 3, 4 and 5.
        waits: Waits = Waits::secs(&[2, 5, 10, 20, 40]),
        /// NET-5: reconnects after which the instance stops.
        attempts: u8 = 5,
        /// NET-4: how long a disconnection lasts before people are told.
        alert_after: Span = Span::from_secs(30),
    }
}

element! {
    /// Terminal crashes (NET-2).
    Crash {
        /// NET-2: a restart starts within this time.
        restart_within: Span = Span::from_secs(30),
        /// NET-2: the waits before restart 1, 2 and 3.
        waits: Waits = Waits::secs(&[2, 10, 25]),
        /// NET-2, REC-3: restarts after which the instance stops.
        attempts: u8 = 3,
    }
}

/// What happens to the instances when the hot-state store stays away (NET-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exhausted {
    /// They stop.
    Stop,
    /// They are watched on, with the trading gate shut.
    Degrade,
}

element! {
    /// The hot-state store (NET-3).
    StateStore {
        /// NET-3: the wait before each reconnect.
        reconnect_after: Span = Span::from_secs(10),
        /// NET-3: reconnects after which the store is given up.
        attempts: u8 = 5,
        /// NET-3: what happens then: `stop` or `degrade`.
        exhausted: Exhausted = Exhausted::Stop,
    }
}

impl Drop {
    pub(super) fn faults(&self, fault: &mut dyn FnMut(&str, &str)) {
        if self.waits.after(1) > self.reconnect_within {
            fault("waits", "starts later than network.drop.reconnect_within; shorten its first span");
        }
    }
}

impl Crash {
    pub(super) fn faults(&self, fault: &mut dyn FnMut(&str, &str)) {
        if self.waits.longest() > self.restart_within {
            fault("waits", "holds a span longer than network.crash.restart_within; shorten it");
        }
    }
}

impl StateStore {
    pub(super) fn faults(&self, _fault: &mut dyn FnMut(&str, &str)) {}
}
