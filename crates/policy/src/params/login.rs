use warden_domain::Span;

use super::{Waits, element};

element! {
    /// The login rules.
    Login {
        /// LOG-2: refused logins in a row after which the instance stops.
        attempts: u8 = 5,
        /// LOG-2: the waits after refused login 1, 2, 3 and 4.
        waits: Waits = Waits::secs(&[5, 10, 30, 60]),
        /// LOG-4: how long after the last refused login a reset still waits.
        cooldown: Span = Span::from_secs(120),
        /// LOG-5: refused logins in a row after which people are told and the account is throttled.
        alert_after: u8 = 3,
        /// LOG-5: the least time between two logins of a throttled account.
        throttle_interval: Span = Span::from_secs(30),
        /// LOG-5: logins a second that one trade server takes from the fleet.
        server_rate: u32 = 10,
        /// LOG-5: logins at once that one trade server takes from the fleet.
        server_burst: u32 = 20,
        /// LOG-8: how long a login waits for a lost network.
        network_wait: Span = Span::from_secs(10),
        /// How long a login may take before its outcome counts as unknown (Python API `initialize`: 60 s by default).
        deadline: Span = Span::from_secs(90),
        /// LOG-10: how long the login lock outlives a supervisor that died with it.
        lock_ttl: Span = Span::from_secs(120),
    }
}

impl Login {
    pub(super) fn faults(&self, fault: &mut dyn FnMut(&str, &str)) {
        if self.alert_after > self.attempts {
            fault("alert_after", "is more than login.attempts; people would never be told");
        }
    }
}
