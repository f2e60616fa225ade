use crate::named::named_enum;

named_enum! {
    /// The alerts of the system, named as Prometheus shows them.
    Alert {
        /// LOG-3: the fifth login failed.
        LoginFailure = "LoginFailure",
        /// LOG-5: three logins in a row failed.
        RepeatedLoginFailure = "RepeatedLoginFailure",
        /// LOG-6: a login succeeded after failures.
        LoginRecovered = "LoginRecovered",
        /// ACC-1: the broker disabled the account.
        AccountBanned = "AccountBanned",
        /// ACC-2: the broker closed the account.
        AccountClosed = "AccountClosed",
        /// ACC-3: the credentials were destroyed.
        CredentialsDeleted = "CredentialsDeleted",
        /// REC-1: recovery was given up.
        AutoRecoveryFailure = "AutoRecoveryFailure",
        /// TRD-1: a trade is filled in part.
        PartialFillIncomplete = "PartialFillIncomplete",
        /// TRD-2: a fill was beyond the slippage threshold.
        SlippageExceeded = "SlippageExceeded",
        /// TRD-4: the same order reached the broker twice.
        DuplicateOrder = "DuplicateOrder",
        /// NET-4: disconnected for longer than the threshold.
        ConnectionLost = "ConnectionLost",
        /// BRK-1, BRK-5: the broker cannot be reached.
        BrokerDown = "BrokerDown",
        /// BRK-2: the broker refuses requests that come too often.
        RateLimited = "RateLimited",
        /// NET-2: the terminal process died.
        TerminalCrashed = "TerminalCrashed",
        /// NET-3: the hot-state store cannot be reached.
        StateStoreLost = "StateStoreLost",
        /// REC-2: the stored state moved under its owner.
        StateConflict = "StateConflict",
        /// TRD-5: a stop loss or take profit did not do what it should.
        ProtectionMisfire = "ProtectionMisfire",
        /// An instance stopped and only a person starts it again.
        InstanceStopped = "InstanceStopped",
        /// The journal has not committed for too long.
        JournalStalled = "JournalStalled",
        /// The history export is behind.
        HistoryLag = "HistoryLag",
        /// The lease of an instance was lost.
        LeaseLost = "LeaseLost",
        /// The stores disagree.
        DriftFound = "DriftFound",
    }
}

named_enum! {
    /// How urgent an alert is.
    Severity {
        /// Trading of an instance has ended or money is at risk: a person must act now.
        Critical = "critical",
        /// Recovery is under way or a person should look soon.
        Warning = "warning",
        /// Good to know.
        Info = "info",
    }
}

impl Alert {
    /// How urgent it is.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::LoginFailure
            | Self::AccountBanned
            | Self::AccountClosed
            | Self::AutoRecoveryFailure
            | Self::DuplicateOrder
            | Self::StateStoreLost
            | Self::ProtectionMisfire
            | Self::InstanceStopped
            | Self::JournalStalled
            | Self::LeaseLost => Severity::Critical,
            Self::RepeatedLoginFailure
            | Self::PartialFillIncomplete
            | Self::SlippageExceeded
            | Self::ConnectionLost
            | Self::BrokerDown
            | Self::RateLimited
            | Self::TerminalCrashed
            | Self::StateConflict
            | Self::HistoryLag
            | Self::DriftFound => Severity::Warning,
            Self::LoginRecovered | Self::CredentialsDeleted => Severity::Info,
        }
    }
}
