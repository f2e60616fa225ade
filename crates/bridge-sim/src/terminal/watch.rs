use warden_bridge::Market;
use warden_domain::{Span, Timestamp};

/// What a gateway was asked to say again and again about a terminal's market.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Tells this watch from the one before.
    pub(crate) number: u64,
    /// The places of its symbols.
    pub(crate) symbols: Vec<usize>,
    /// What was said last, and when.
    pub(crate) told: Option<(Timestamp, Box<Market>)>,
}

impl Watch {
    /// How often it is looked at, and at most said.
    pub(crate) const STEP: Span = Span::from_secs(1);
    /// So often it is said also without a change.
    pub(crate) const AGAIN: Span = Span::from_secs(5);

    /// Whether this is worth saying now.
    pub(crate) fn is_news(&self, market: &Market, now: Timestamp) -> bool {
        match &self.told {
            None => true,
            Some((at, told)) => now.since(*at) >= Self::AGAIN || **told != *market,
        }
    }
}
