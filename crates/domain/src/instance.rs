use serde::{Deserialize, Serialize};

use crate::{Timestamp, named::named_enum};

named_enum! {
    /// What the user wants of an instance; survives restarts.
    Desired {
        /// The instance shall trade.
        Running = "RUNNING",
        /// The instance shall rest until a person starts it.
        Stopped = "STOPPED",
    }
}

named_enum! {
    /// The status of an instance, as the Redis key `instance_state:<id>:status` shows it.
    Status {
        /// A login or a session confirmation is under way.
        Connecting = "CONNECTING",
        /// Logged in on a confirmed session (SES-1).
        Connected = "CONNECTED",
        /// The session is gone and being brought back, or rests until a timer.
        Disconnected = "DISCONNECTED",
        /// A failure stands: recovery is under way, or a person must act.
        Failed = "FAILED",
        /// A recovery budget is used up; only a person starts the instance again.
        PermanentlyFailed = "PERMANENTLY_FAILED",
        /// Stopped by the user, or archived after its account ended.
        Inactive = "INACTIVE",
    }
}

named_enum! {
    /// The terminal's connection, as the Redis key `instance_state:<id>:connection_state` shows it.
    ConnectionState {
        /// The terminal has no connection to the trade server.
        Disconnected = "DISCONNECTED",
        /// The terminal is connected and logged in.
        Connected = "CONNECTED",
        /// Attempts to connect were given up.
        Failed = "FAILED",
    }
}

named_enum! {
    /// Why an instance failed, as the Redis keys `…:login_failure_reason` and `…:last_failure_reason` show it.
    FailureReason {
        /// Nothing failed.
        None = "NONE",
        /// The broker refused the credentials.
        LoginFailed = "LOGIN_FAILED",
        /// The terminal cannot reach the broker.
        BrokerDown = "BROKER_DOWN",
        /// The broker refuses requests that come too often.
        RateLimited = "RATE_LIMITED",
        /// The broker closed the market for maintenance.
        Maintenance = "MAINTENANCE",
        /// The connection dropped.
        NetworkLost = "NETWORK_LOST",
        /// The terminal process died.
        TerminalCrashed = "TERMINAL_CRASHED",
        /// The hot-state store cannot be reached.
        StateStoreLost = "STATE_STORE_LOST",
        /// The stored state was unreadable or failed its checksum.
        StateCorrupted = "STATE_CORRUPTED",
        /// The stored state moved under its owner.
        StateConflict = "STATE_CONFLICT",
        /// Fills were beyond the slippage threshold.
        Slippage = "SLIPPAGE",
        /// Orders were not executed in time.
        ExecutionTimeout = "EXECUTION_TIMEOUT",
        /// The same order reached the broker twice.
        DuplicateOrders = "DUPLICATE_ORDERS",
        /// A stop loss or take profit did not do what it should.
        ProtectionMisfire = "PROTECTION_MISFIRE",
        /// Trading is no longer permitted.
        PermissionsChanged = "PERMISSIONS_CHANGED",
        /// The broker disabled the account.
        AccountDisabled = "ACCOUNT_DISABLED",
        /// The broker closed the account.
        AccountClosed = "ACCOUNT_CLOSED",
        /// Recoveries did not last.
        RecoveryExhausted = "RECOVERY_EXHAUSTED",
        /// A person stopped the instance.
        UserStopped = "USER_STOPPED",
    }
}

/// Whether orders may leave; enforced where orders are sent, and persisted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Gate {
    /// Orders leave.
    Open,
    /// No order leaves until the moment, or until the reason is gone.
    Paused {
        /// The earliest moment at which trading may resume; [`Timestamp::MAX`] when only the reason's end decides.
        until: Timestamp,
        /// Why trading rests.
        reason: FailureReason,
    },
    /// Only orders that make a position smaller leave.
    ReduceOnly(
        /// Why positions may only shrink.
        FailureReason,
    ),
    /// No order leaves.
    Shut(
        /// Why nothing leaves; [`FailureReason::None`] before the first confirmed session.
        FailureReason,
    ),
}

named_enum! {
    /// What a user's stop does with open trades (ACC-7).
    StopMode {
        /// Close open positions and cancel pending orders.
        Close = "close",
        /// Leave everything as it is.
        Preserve = "preserve",
        /// Cancel pending orders, leave positions.
        CancelPending = "cancel_pending",
    }
}
