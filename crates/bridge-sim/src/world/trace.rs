use std::fmt::{self, Write as _};

use warden_bridge::Inbound;
use warden_domain::Timestamp;

/// A running hash (FNV-1a) of everything that was told, and when.
#[derive(Debug)]
pub(super) struct Trace(u64);

impl Default for Trace {
    fn default() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }
}

impl Trace {
    pub(super) fn add(&mut self, now: Timestamp, inbound: &Inbound) {
        // Hashing what is written cannot fail.
        let _ = write!(self, "{} {inbound:?}", now.as_millis());
    }

    pub(super) fn hash(&self) -> u64 {
        self.0
    }
}

impl fmt::Write for Trace {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
        Ok(())
    }
}
