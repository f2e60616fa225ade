use warden_domain::{IncidentKind, Span, Timestamp};

/// How long the incidents of one kind took to recover at one trade server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeToRecover {
    /// The trade server.
    pub server: String,
    /// What kind of incident.
    pub kind: IncidentKind,
    /// How many were opened.
    pub opened: u64,
    /// How many of these have recovered.
    pub recovered: u64,
    /// The lower median of the recovered ones: the shortest time that at least half of them took at most; `None` when
    /// none has.
    pub median: Option<Span>,
    /// The longest of them.
    pub longest: Option<Span>,
}

/// How many incidents of one kind were opened at one trade server in one hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailuresPerHour {
    /// The trade server.
    pub server: String,
    /// When the hour began, UTC.
    pub hour: Timestamp,
    /// What kind of incident.
    pub kind: IncidentKind,
    /// How many.
    pub failures: u64,
}

/// How many logins succeeded at one trade server in one hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginSuccess {
    /// The trade server.
    pub server: String,
    /// When the hour began, UTC.
    pub hour: Timestamp,
    /// Logins that ended, however they did.
    pub ended: u64,
    /// Those that the broker let in.
    pub succeeded: u64,
}

/// How far fills of one symbol were from the requested price at one trade server.
#[derive(Clone, Debug, PartialEq)]
pub struct Slippage {
    /// The trade server.
    pub server: String,
    /// The symbol.
    pub symbol: String,
    /// How many fills.
    pub fills: u64,
    /// Their mean slippage in points; above 0 is worse than requested.
    pub mean: f64,
    /// The worst (the highest), in points.
    pub worst: i64,
}
