//! What the result codes of MT5 mean to us (TRD-9, BRK-3, LOG-9).
//!
//! There is one table of trade-server retcodes, [`RETCODES`], and one of the Python API's `last_error()` codes,
//! [`LAST_ERRORS`]. Names, numbers and texts are MetaQuotes' own and are compared with the official package by a
//! test; the classes are ours. A number that stands in no table is kept as it is and is [`Class::UnknownVerify`].
//!
//! ```
//! use warden_domain::retcode::{Class, PlacedReading, class_of_retcode};
//!
//! assert_eq!(class_of_retcode(10_024, false, PlacedReading::Evidence), Class::RateLimit);
//! // 10008 is "order placed"; as the error of a call that placed nothing it is a rate limit (BRK-3).
//! assert_eq!(class_of_retcode(10_008, true, PlacedReading::Evidence), Class::Success);
//! assert_eq!(class_of_retcode(10_008, false, PlacedReading::Evidence), Class::RateLimit);
//! assert_eq!(class_of_retcode(99_999, false, PlacedReading::Evidence), Class::UnknownVerify);
//! ```

mod last_error;
mod trade;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use last_error::{LAST_ERRORS, LastErrorEntry};
pub use trade::{RETCODES, RetcodeEntry};

use crate::named::named_enum;

named_enum! {
    /// What a result code asks of us (TRD-9).
    Class {
        /// The request did what it should.
        Success = "success",
        /// What the request asks for holds already.
        AlreadyTrue = "already-true",
        /// Try again at once, a bounded number of times, with fresh prices or data.
        RetryNow = "retry-now",
        /// The broker refuses requests that come too often (BRK-2, BRK-3).
        RateLimit = "rate-limit",
        /// The market is closed (BRK-4): wait for the session.
        MarketClosed = "market-closed",
        /// The account itself is refused: wrong credentials, disabled or deleted.
        FatalAccount = "fatal-account",
        /// This request is wrong as it stands; sending it again changes nothing.
        FatalRequest = "fatal-request",
        /// The way to the broker, the terminal included, does not work; nothing was refused (LOG-9).
        Network = "network",
        /// Trading is not permitted here (ACC-5): account, symbol or terminal.
        Permission = "permission",
        /// The same thing was asked for before (TRD-4).
        Duplicate = "duplicate",
        /// Nobody knows whether it happened: verify with the broker before any resend.
        UnknownVerify = "unknown-verify",
    }
}

named_enum! {
    /// How a broker's retcode 10008 is read (BRK-3); the broker profile's override.
    PlacedReading {
        /// By evidence: with an order ticket an order was placed, without one it is a rate limit.
        Evidence = "evidence",
        /// Always "order placed", also without a ticket.
        AlwaysPlaced = "always_placed",
        /// Always "too frequent requests", also with a ticket.
        AlwaysRateLimit = "always_rate_limit",
    }
}

named_enum! {
    /// What kind of call a result code came from; some codes mean different things after different calls.
    Call {
        /// A deal at the market.
        Market = "market",
        /// A new pending order.
        Pending = "pending",
        /// A change of an order or of a position's protection.
        Modify = "modify",
        /// The removal of a pending order.
        Cancel = "cancel",
        /// The closing of a position.
        Close = "close",
        /// A login, or a question: it leaves no order behind, whatever became of it.
        Query = "query",
    }
}

impl Call {
    /// Whether the call may have left something behind at the broker when its answer is lost.
    #[must_use]
    pub const fn mutates(self) -> bool {
        match self {
            Self::Market | Self::Pending | Self::Modify | Self::Cancel | Self::Close => true,
            Self::Query => false,
        }
    }
}

/// A trade server's result code (MQL5 `TRADE_RETCODE_*`); unlisted numbers are kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Retcode(u32);

impl Retcode {
    /// `TRADE_RETCODE_PLACED`, which some brokers are said to use for "too frequent requests" (BRK-3).
    pub const PLACED: Self = Self(10_008);
    /// `TRADE_RETCODE_DONE`.
    pub const DONE: Self = Self(10_009);
    /// `TRADE_RETCODE_TOO_MANY_REQUESTS`.
    pub const TOO_MANY_REQUESTS: Self = Self(10_024);

    /// The code with this number, listed or not.
    #[must_use]
    pub const fn of(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// What the table says about it; `None` for an unlisted code.
    #[must_use]
    pub fn entry(self) -> Option<&'static RetcodeEntry> {
        RETCODES.binary_search_by_key(&self.0, |entry| entry.number).ok().map(|at| &RETCODES[at])
    }

    /// What the code asks of us after a call of this kind.
    ///
    /// `ticket` says whether the result carried an order ticket; only 10008 depends on it, and on the broker's
    /// `placed` reading (BRK-3).
    #[must_use]
    pub fn class(self, call: Call, ticket: bool, placed: PlacedReading) -> Class {
        if self == Self::PLACED && reading(self, ticket, placed) == Class::RateLimit {
            return Class::RateLimit;
        }
        let Some(entry) = self.entry() else { return Class::UnknownVerify };
        entry.after.iter().find(|(kind, _)| *kind == call).map_or(entry.class, |(_, class)| *class)
    }
}

/// What the code means where the kind of call does not matter, with BRK-3's reading of 10008 applied.
///
/// 10008 is success or a rate limit by ticket and broker profile; every other code has the class of its table.
#[must_use]
pub fn reading(code: Retcode, ticket: bool, profile: PlacedReading) -> Class {
    if code != Retcode::PLACED {
        return code.entry().map_or(Class::UnknownVerify, |entry| entry.class);
    }
    match (profile, ticket) {
        (PlacedReading::AlwaysPlaced, _) | (PlacedReading::Evidence, true) => Class::Success,
        (PlacedReading::AlwaysRateLimit, _) | (PlacedReading::Evidence, false) => Class::RateLimit,
    }
}

/// The class of a bare trade-server number, as it stands in [`Facts`](crate::Facts); see [`reading`].
#[must_use]
pub fn class_of_retcode(number: u32, ticket: bool, placed: PlacedReading) -> Class {
    reading(Retcode::of(number), ticket, placed)
}

/// The class of a bare `last_error()` number after a call that leaves nothing behind, such as a login.
///
/// -6 (`RES_E_AUTH_FAILED`) is [`Class::FatalAccount`] here; a journal line that speaks of the network overrules it
/// (LOG-9), which the caller decides, because it has the line.
#[must_use]
pub fn class_of_last_error(number: i32) -> Class {
    LastError::of(number).class(Call::Query)
}

/// A code of the Python API's `last_error()` (`RES_*`); unlisted numbers are kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LastError(i32);

impl LastError {
    /// `RES_S_OK`.
    pub const OK: Self = Self(1);
    /// `RES_E_AUTH_FAILED`: refused credentials, or a network fault that looks like it; the journal line decides.
    pub const AUTH_FAILED: Self = Self(-6);

    /// The code with this number, listed or not.
    #[must_use]
    pub const fn of(number: i32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0
    }

    /// What the table says about it; `None` for an unlisted code.
    #[must_use]
    pub fn entry(self) -> Option<&'static LastErrorEntry> {
        LAST_ERRORS.iter().find(|entry| entry.number == self.0)
    }

    /// What the code asks of us after a call of this kind.
    #[must_use]
    pub fn class(self, call: Call) -> Class {
        match self.entry() {
            None => Class::UnknownVerify,
            Some(entry) if call.mutates() => entry.mutating,
            Some(entry) => entry.class,
        }
    }
}

macro_rules! shown_with_name {
    ($($code:ident),*) => {$(
        impl fmt::Display for $code {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.entry() {
                    Some(entry) => write!(f, "{} {}", self.0, entry.name),
                    None => write!(f, "{} (unlisted)", self.0),
                }
            }
        }

        impl fmt::Debug for $code {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

shown_with_name!(Retcode, LastError);
