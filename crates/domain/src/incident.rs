use crate::{Alert, FailureReason, named::named_enum};

named_enum! {
    /// What kind of failure an incident is; one incident of each kind at most is open in an instance.
    ///
    /// The order is that of the stored form; new kinds go to the end.
    IncidentKind {
        /// LOG-2: the broker refuses the login.
        LoginFailed = "LOGIN_FAILED",
        /// BRK-1: the terminal cannot reach the broker.
        BrokerDown = "BROKER_DOWN",
        /// BRK-2: the broker refuses requests that come too often.
        RateLimited = "RATE_LIMITED",
        /// BRK-4: the broker closed the market.
        Maintenance = "MAINTENANCE",
        /// NET-1, NET-4, NET-5: the connection dropped.
        NetworkLost = "NETWORK_LOST",
        /// NET-2: the terminal process died.
        TerminalCrashed = "TERMINAL_CRASHED",
        /// NET-3: the hot-state store cannot be reached.
        StateStoreLost = "STATE_STORE_LOST",
        /// ACC-6: the stored state is unreadable.
        StateCorrupted = "STATE_CORRUPTED",
        /// REC-2: the stored state moved under its owner.
        StateConflict = "STATE_CONFLICT",
        /// ACC-5: trading is no longer permitted.
        PermissionsChanged = "PERMISSIONS_CHANGED",
        /// ACC-1: the broker disabled the account.
        AccountDisabled = "ACCOUNT_DISABLED",
        /// ACC-2: the broker closed the account.
        AccountClosed = "ACCOUNT_CLOSED",
        /// TRD-2: fills beyond the slippage threshold.
        Slippage = "SLIPPAGE",
        /// TRD-3: orders not executed in time.
        ExecutionTimeout = "EXECUTION_TIMEOUT",
        /// TRD-4: the same order reached the broker twice.
        DuplicateOrders = "DUPLICATE_ORDERS",
        /// TRD-5: a stop loss or take profit did not do what it should.
        ProtectionMisfire = "PROTECTION_MISFIRE",
    }
}

impl IncidentKind {
    /// How many kinds there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The failure reason of an instance that this kind brought down.
    #[must_use]
    pub const fn reason(self) -> FailureReason {
        match self {
            Self::LoginFailed => FailureReason::LoginFailed,
            Self::BrokerDown => FailureReason::BrokerDown,
            Self::RateLimited => FailureReason::RateLimited,
            Self::Maintenance => FailureReason::Maintenance,
            Self::NetworkLost => FailureReason::NetworkLost,
            Self::TerminalCrashed => FailureReason::TerminalCrashed,
            Self::StateStoreLost => FailureReason::StateStoreLost,
            Self::StateCorrupted => FailureReason::StateCorrupted,
            Self::StateConflict => FailureReason::StateConflict,
            Self::PermissionsChanged => FailureReason::PermissionsChanged,
            Self::AccountDisabled => FailureReason::AccountDisabled,
            Self::AccountClosed => FailureReason::AccountClosed,
            Self::Slippage => FailureReason::Slippage,
            Self::ExecutionTimeout => FailureReason::ExecutionTimeout,
            Self::DuplicateOrders => FailureReason::DuplicateOrders,
            Self::ProtectionMisfire => FailureReason::ProtectionMisfire,
        }
    }

    /// The alert that stands while an incident of this kind is open, if the kind has one.
    #[must_use]
    pub const fn alert(self) -> Option<Alert> {
        match self {
            Self::BrokerDown => Some(Alert::BrokerDown),
            Self::RateLimited => Some(Alert::RateLimited),
            Self::TerminalCrashed => Some(Alert::TerminalCrashed),
            Self::StateStoreLost => Some(Alert::StateStoreLost),
            Self::StateConflict => Some(Alert::StateConflict),
            Self::AccountDisabled => Some(Alert::AccountBanned),
            Self::AccountClosed => Some(Alert::AccountClosed),
            Self::Slippage => Some(Alert::SlippageExceeded),
            Self::DuplicateOrders => Some(Alert::DuplicateOrder),
            Self::ProtectionMisfire => Some(Alert::ProtectionMisfire),
            Self::LoginFailed
            | Self::Maintenance
            | Self::NetworkLost
            | Self::StateCorrupted
            | Self::PermissionsChanged
            | Self::ExecutionTimeout => None,
        }
    }
}
