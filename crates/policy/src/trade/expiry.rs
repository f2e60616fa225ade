//! TRD-7: signals expire.
//!
//! An intent that was not sent within 60 s of its acceptance (`trade.signal.valid_for`, or what the signal says) is
//! dropped and recorded, never sent: also when it was sent before and proven not to have been executed. What a trade does
//! to wind itself down, or to protect its position, does not expire.

use warden_domain::{Rule, Timestamp};

use super::{End, Trade, TradeNotice, TradePhase, TradeTimer, send::Hold, settle, step::Scene};

/// Whether the intent may still be sent; how old one is that seems to come from later, nobody knows (REC-5).
pub(crate) fn in_time(t: &Trade, now: Timestamp) -> Result<(), Hold> {
    let valid = (t.intent.accepted_at..t.intent.expires_at).contains(&now);
    if valid || broken!(ExpiredIsSent) { Ok(()) } else { Err(Hold::End(End::Expired)) }
}

/// Whether its time is over.
pub(crate) fn tick(t: &mut Trade, x: &mut Scene<'_>) {
    if let TradePhase::Waiting(op, _) = t.phase
        && t.serves_intent(op)
        && t.timers.is_due(TradeTimer::Expiry, x.now)
        && !broken!(ExpiredIsSent)
    {
        settle::give_up(t, End::Expired, x);
    }
}

/// It is recorded, and people learn of it.
pub(crate) fn dropped(x: &mut Scene<'_>) {
    x.fx.notify(Rule::Trd7, TradeNotice::Expired);
}
