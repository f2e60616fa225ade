use warden_domain::{
    Facts, JournalLine,
    retcode::{Class, LastError, PlacedReading, class_of_last_error, class_of_retcode},
};

/// What observed facts mean for an instance (LOG-9, BRK-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The broker refused the credentials, or knows no such account.
    Refused {
        /// The journal said `Invalid account`: where these credentials worked before, the account may be closed.
        invalid_account: bool,
    },
    /// The account is disabled.
    Disabled,
    /// Trading is not permitted.
    NotPermitted,
    /// Requests come too often.
    RateLimited,
    /// The broker closed the market.
    Maintenance,
    /// The broker's server cannot be reached, or says that it is not available.
    BrokerUnreachable,
    /// The way to the broker is disturbed.
    Network,
    /// The terminal program does not answer, or does not run.
    TerminalFault,
    /// Nothing that was observed decides.
    Unknown,
    /// Nothing is wrong.
    Fine,
}

/// Classifies facts. An explicit refusal beats transport evidence; a missing observation decides nothing.
#[must_use]
pub fn classify(facts: &Facts, placed: PlacedReading) -> Verdict {
    explicit(facts)
        .or_else(|| facts.retcode.and_then(|code| of_retcode(code, facts, placed)))
        .or_else(|| transport(facts))
        .or_else(|| facts.last_error.and_then(|code| of_last_error(code, facts)))
        .unwrap_or(Verdict::Unknown)
}

fn explicit(facts: &Facts) -> Option<Verdict> {
    match facts.journal? {
        JournalLine::InvalidAccount => Some(Verdict::Refused { invalid_account: true }),
        JournalLine::AccountDisabled => Some(Verdict::Disabled),
        JournalLine::InvestorMode => Some(Verdict::NotPermitted),
        JournalLine::ServiceUnavailable | JournalLine::CommonError | JournalLine::NoConnection => None,
    }
}

fn transport(facts: &Facts) -> Option<Verdict> {
    match facts.journal? {
        JournalLine::ServiceUnavailable | JournalLine::NoConnection => Some(Verdict::BrokerUnreachable),
        JournalLine::CommonError => Some(Verdict::Network),
        JournalLine::InvalidAccount | JournalLine::AccountDisabled | JournalLine::InvestorMode => None,
    }
}

/// `TRADE_RETCODE_LONG_ONLY`, `SHORT_ONLY` and `CLOSE_ONLY`: a symbol's rules, which concern its orders alone.
const OF_A_SYMBOL: [u32; 3] = [10_042, 10_043, 10_044];
/// `TRADE_RETCODE_TRADE_DISABLED`: a symbol's, where terminal and account say that trading is permitted.
const OF_SOME_SCOPE: u32 = 10_017;

fn of_retcode(code: u32, facts: &Facts, placed: PlacedReading) -> Option<Verdict> {
    let permitted = facts.trading_permitted() == Some(true);
    match class_of_retcode(code, facts.ticket, placed) {
        Class::Permission if OF_A_SYMBOL.contains(&code) => Some(Verdict::Fine),
        Class::Permission if code == OF_SOME_SCOPE && permitted => Some(Verdict::Fine),
        Class::RateLimit => Some(Verdict::RateLimited),
        Class::MarketClosed => Some(Verdict::Maintenance),
        Class::FatalAccount => Some(Verdict::Disabled),
        Class::Permission => Some(Verdict::NotPermitted),
        Class::Network => Some(Verdict::Network),
        Class::Success | Class::AlreadyTrue => Some(Verdict::Fine),
        Class::RetryNow | Class::FatalRequest | Class::Duplicate | Class::UnknownVerify => None,
    }
}

/// `RES_E_AUTH_FAILED` is a refusal unless the terminal had no connection that could refuse.
const AUTH_FAILED: i32 = LastError::AUTH_FAILED.number();
/// The terminal was not found, not started, could not be attached to, or ran out of memory.
const TERMINAL_FAULTS: [i32; 3] = [-10_003, -10_004, -3];

fn of_last_error(code: i32, facts: &Facts) -> Option<Verdict> {
    if code == AUTH_FAILED {
        let connected = facts.terminal.is_none_or(|terminal| terminal.connected);
        return Some(if connected { Verdict::Refused { invalid_account: false } } else { Verdict::Network });
    }
    if TERMINAL_FAULTS.contains(&code) {
        return Some(Verdict::TerminalFault);
    }
    match class_of_last_error(code) {
        Class::Network => Some(Verdict::Network),
        Class::Permission => Some(Verdict::NotPermitted),
        Class::FatalAccount => Some(Verdict::Refused { invalid_account: false }),
        Class::Success | Class::AlreadyTrue => Some(Verdict::Fine),
        Class::RateLimit => Some(Verdict::RateLimited),
        Class::MarketClosed => Some(Verdict::Maintenance),
        Class::RetryNow | Class::FatalRequest | Class::Duplicate | Class::UnknownVerify => None,
    }
}

/// Whether a terminal had no account to bring a connection back for, as one that was started anew on its own: only a
/// login gives it one.
pub(crate) fn nobody_is_logged_in(facts: &Facts) -> bool {
    let unauthorised = facts.last_error == Some(AUTH_FAILED);
    unauthorised && facts.journal.is_none() && facts.terminal.is_some() && facts.account.is_none()
}
