use serde::{Deserialize, Serialize};

use crate::named::named_enum;

named_enum! {
    /// What a line of the terminal's journal says about a connection or a login.
    JournalLine {
        /// `authorization on X failed (Invalid account)`: wrong credentials, or the account was deleted.
        InvalidAccount = "INVALID_ACCOUNT",
        /// `Account disabled`.
        AccountDisabled = "ACCOUNT_DISABLED",
        /// `failed (Service is not available)`.
        ServiceUnavailable = "SERVICE_UNAVAILABLE",
        /// `failed (Common error)`.
        CommonError = "COMMON_ERROR",
        /// `no connection to X`.
        NoConnection = "NO_CONNECTION",
        /// `trading has been disabled - investor mode`: a read-only password.
        InvestorMode = "INVESTOR_MODE",
    }
}

impl JournalLine {
    /// Reads a journal line; `None` when it says nothing about a connection or a login.
    ///
    /// The caller matches login and server of the line; this looks at its wording alone.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        const WORDINGS: [(&str, JournalLine); 6] = [
            ("(Invalid account)", JournalLine::InvalidAccount),
            ("Account disabled", JournalLine::AccountDisabled),
            ("(Service is not available)", JournalLine::ServiceUnavailable),
            ("(Common error)", JournalLine::CommonError),
            ("no connection to", JournalLine::NoConnection),
            ("trading has been disabled - investor mode", JournalLine::InvestorMode),
        ];
        WORDINGS.iter().find(|(wording, _)| line.contains(wording)).map(|(_, kind)| *kind)
    }
}

/// What `terminal_info()` said (MQL5 `TERMINAL_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TerminalFlags {
    /// `connected`: the terminal has a connection to the trade server.
    pub connected: bool,
    /// `trade_allowed`: automated trading is switched on in the terminal.
    pub trade_allowed: bool,
    /// `tradeapi_disabled`: the Python API may not trade.
    pub tradeapi_disabled: bool,
}

/// What `account_info()` said (MQL5 `ACCOUNT_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AccountFlags {
    /// The login and server are the expected ones.
    pub expected: bool,
    /// `trade_allowed`: the account may trade (false with an investor password).
    pub trade_allowed: bool,
    /// `trade_expert`: programs may trade on the account.
    pub trade_expert: bool,
}

/// Everything that was observed together with one call or one moment; the policy classifies it (LOG-9, BRK-3).
///
/// A field is `None` when it was not observed; nothing is inferred from its absence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Facts {
    /// The trade server's retcode, as the number it was (MQL5 `TRADE_RETCODE_*`).
    pub retcode: Option<u32>,
    /// Whether the result carried an order ticket.
    pub ticket: bool,
    /// The Python API's `last_error()` code, captured together with its call.
    pub last_error: Option<i32>,
    /// What the terminal's journal said since the call began.
    pub journal: Option<JournalLine>,
    /// The terminal's flags.
    pub terminal: Option<TerminalFlags>,
    /// The account's flags.
    pub account: Option<AccountFlags>,
}

impl Facts {
    /// Whether the observed flags permit trading; `None` when either side was not observed.
    ///
    /// Terminal connected ∧ terminal trade_allowed ∧ ¬tradeapi_disabled ∧ account trade_allowed ∧ account
    /// trade_expert; the symbol's trade mode is judged with each order.
    #[must_use]
    pub fn trading_permitted(&self) -> Option<bool> {
        let (terminal, account) = (self.terminal?, self.account?);
        Some(
            terminal.connected
                && terminal.trade_allowed
                && !terminal.tradeapi_disabled
                && account.trade_allowed
                && account.trade_expert,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_9_journal_lines_are_read_by_their_wording() {
        let line = "'5001': authorization on Broker-Live failed (Invalid account)";
        assert_eq!(JournalLine::parse(line), Some(JournalLine::InvalidAccount));
        assert_eq!(
            JournalLine::parse("'5001': no connection to Broker-Live"),
            Some(JournalLine::NoConnection)
        );
        assert_eq!(JournalLine::parse("terminal synchronized"), None);
    }

    #[test]
    fn a_missing_observation_permits_nothing() {
        assert_eq!(Facts::default().trading_permitted(), None);
    }
}
