use warden_domain::{Span, retcode::PlacedReading};

use super::{Percent, element};

element! {
    /// Broker down (BRK-1).
    Down {
        /// BRK-1: the wait before each reconnect.
        reconnect_after: Span = Span::from_secs(30),
        /// BRK-1: reconnects after which the instance is given up.
        attempts: u8 = 5,
    }
}

element! {
    /// Rate limits (BRK-2, BRK-3).
    RateLimit {
        /// BRK-2: the first pause; each consecutive limit doubles it.
        pause: Span = Span::from_secs(60),
        /// BRK-2: the longest pause.
        pause_cap: Span = Span::from_secs(15 * 60),
        /// BRK-2: the consecutive limit that stops the instance.
        stop_after: u8 = 3,
        /// BRK-2: how long without a limit before their count starts anew.
        quiet: Span = Span::from_secs(10 * 60),
        /// BRK-3: how retcode 10008 is read: `evidence`, `always_placed` or `always_rate_limit`.
        placed_code: PlacedReading = PlacedReading::Evidence,
    }
}

element! {
    /// Maintenance (BRK-4).
    Maintenance {
        /// BRK-4: the wait before the next try.
        retry_after: Span = Span::from_secs(3_600),
    }
}

element! {
    /// Broker incidents (BRK-5).
    BrokerIncident {
        /// BRK-5: the least number of instances that fail together.
        members: u32 = 3,
        /// BRK-5: the least share of a trade server's instances that fail together, in percent.
        share: Percent = Percent(50),
        /// BRK-5: how close together their failures lie.
        window: Span = Span::from_secs(60),
        /// BRK-5: the span over which the held instances are released.
        release_spread: Span = Span::from_secs(10),
    }
}

impl Down {
    pub(super) fn faults(&self, _fault: &mut dyn FnMut(&str, &str)) {}
}

impl RateLimit {
    pub(super) fn faults(&self, fault: &mut dyn FnMut(&str, &str)) {
        if self.pause_cap < self.pause {
            fault("pause_cap", "is shorter than broker.rate_limit.pause; give at least as much");
        }
    }
}

impl Maintenance {
    pub(super) fn faults(&self, _fault: &mut dyn FnMut(&str, &str)) {}
}

impl BrokerIncident {
    pub(super) fn faults(&self, fault: &mut dyn FnMut(&str, &str)) {
        if self.members < 2 {
            fault("members", "is less than two; a single instance is not a broker incident");
        }
    }
}
