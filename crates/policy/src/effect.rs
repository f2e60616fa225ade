use arrayvec::ArrayVec;
use serde::{Deserialize, Serialize};
use warden_domain::{Rule, StopMode, Timestamp};

/// What a step wants done; the driver does it after the step is durable, in the order given: what is to be done before
/// who is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Send a command to the gateway.
    Command {
        /// Names the command; its outcome comes back under this id.
        id: CommandId,
        /// What to do.
        command: Command,
        /// The gateway does not start it after this moment; its outcome may come later.
        deadline: Timestamp,
    },
    /// Tell people, through every configured channel and the feed.
    Notify(Notice),
    /// Do something in a store; its end comes back as an event.
    Store(StoreAction),
}

/// Names one command of one instance; rises with each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommandId(pub u64);

/// What the gateway is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Log in, starting the terminal where needed; the driver adds the credentials (LOG-1).
    Login,
    /// Bring the connection to the trade server back.
    Reconnect,
    /// Start the terminal anew.
    Restart {
        /// Also when it still reports.
        force: bool,
    },
    /// Say who is logged in and what is open (SES-1).
    Confirm,
    /// Deal with open trades (ACC-7).
    CloseTrades(StopMode),
    /// Close the terminal session.
    EndSession,
}

/// What is done in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoreAction {
    /// Remember that the present credentials were refused (LOG-9).
    RememberRejected,
    /// Forget that: a person asked to try again (LOG-7).
    ForgetRejected,
    /// Write the whole state into the hot-state store again (ACC-6).
    Rebuild,
    /// Lock the stored state, read it again and write ours if it may be written (REC-2).
    RetryWrite,
    /// Make the credentials unusable (ACC-3).
    Revoke,
    /// Remove every hot-state key of the instance (ACC-3).
    RemoveHotState,
    /// Delete the credentials (ACC-3).
    DeleteCredentials,
}

/// What people are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// Login was given up (LOG-3).
    LoginFailed,
    /// Logins fail repeatedly (LOG-5).
    RepeatedLoginFailure,
    /// Login works again (LOG-6).
    LoginRecovered,
    /// The credentials were refused before, or there are none (LOG-9): the login was not tried.
    CredentialsNeeded,
    /// The broker was given up (BRK-1).
    BrokerGivenUp,
    /// The broker keeps refusing requests that come too often (BRK-2).
    RateLimitStopped,
    /// The connection has been lost for long (NET-4).
    ConnectionLost,
    /// Reconnecting was given up (NET-5).
    ReconnectGivenUp,
    /// Restarting the terminal was given up (NET-2).
    RestartGivenUp,
    /// The hot-state store was given up (NET-3).
    StateStoreGivenUp,
    /// The account was disabled: update the credentials, or add a new account (ACC-1, ACC-4).
    AccountDisabled,
    /// The broker says that the account is closed: a new account can be added (ACC-2, ACC-4).
    AccountClosed,
    /// The credentials were destroyed (ACC-3).
    CredentialsDeleted,
    /// Trading is no longer permitted: a person must act (ACC-5).
    PermissionsChanged,
    /// The stored state could not be rebuilt (ACC-6).
    RebuildFailed,
    /// Trades may be left open after a stop (ACC-7).
    TradesLeftOpen,
    /// Recoveries did not last (REC-1).
    RecoveryExhausted,
    /// The stored state keeps moving under its owner (REC-2).
    ConflictPersists,
    /// A trade rule stopped the instance (TRD-2 to TRD-5).
    TradingStopped,
}

impl Notice {
    /// A stable name for logs and queries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LoginFailed => "LoginFailed",
            Self::RepeatedLoginFailure => "RepeatedLoginFailure",
            Self::LoginRecovered => "LoginRecovered",
            Self::CredentialsNeeded => "CredentialsNeeded",
            Self::BrokerGivenUp => "BrokerGivenUp",
            Self::RateLimitStopped => "RateLimitStopped",
            Self::ConnectionLost => "ConnectionLost",
            Self::ReconnectGivenUp => "ReconnectGivenUp",
            Self::RestartGivenUp => "RestartGivenUp",
            Self::StateStoreGivenUp => "StateStoreGivenUp",
            Self::AccountDisabled => "AccountDisabled",
            Self::AccountClosed => "AccountClosed",
            Self::CredentialsDeleted => "CredentialsDeleted",
            Self::PermissionsChanged => "PermissionsChanged",
            Self::RebuildFailed => "RebuildFailed",
            Self::TradesLeftOpen => "TradesLeftOpen",
            Self::RecoveryExhausted => "RecoveryExhausted",
            Self::ConflictPersists => "ConflictPersists",
            Self::TradingStopped => "TradingStopped",
        }
    }

    /// The sentence that people read.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::LoginFailed => "login failed too often; check the credentials, then reset the instance",
            Self::RepeatedLoginFailure => "logins fail repeatedly; they are throttled, check the credentials",
            Self::LoginRecovered => "login works again",
            Self::CredentialsNeeded => {
                "there are no usable credentials; enter new ones, then reset the instance"
            }
            Self::BrokerGivenUp => "the broker cannot be reached and was given up; reset when it is back",
            Self::RateLimitStopped => "the broker keeps limiting the rate; lower it, then reset the instance",
            Self::ConnectionLost => "the connection is lost; reconnecting continues",
            Self::ReconnectGivenUp => "reconnecting was given up; check the network, then reset the instance",
            Self::RestartGivenUp => {
                "the terminal could not be restarted; check its host, then reset the instance"
            }
            Self::StateStoreGivenUp => {
                "the hot-state store was given up; bring it back, then reset the instance"
            }
            Self::AccountDisabled => {
                "the broker disabled the account; update the credentials or add a new account"
            }
            Self::AccountClosed => {
                "the broker says that the account is closed; a second proof destroys its credentials, add a new account"
            }
            Self::CredentialsDeleted => "the credentials of the account were destroyed",
            Self::PermissionsChanged => {
                "trading is no longer permitted; check the password and the account's rights"
            }
            Self::RebuildFailed => {
                "the stored state could not be rebuilt; see the journal, then reset the instance"
            }
            Self::TradesLeftOpen => "the instance stopped before its trades were closed; check its positions",
            Self::RecoveryExhausted => "recoveries do not last; find the cause, then reset the instance",
            Self::ConflictPersists => {
                "another writer changes the stored state; find it, then reset the instance"
            }
            Self::TradingStopped => "a trade rule stopped the instance; see its incident, then reset it",
        }
    }
}

/// What one step decided: the effects in order, and the rule behind each.
///
/// Reused from step to step; [`step`](crate::step) clears it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[must_use = "an effect that is not carried out is lost"]
pub struct Effects {
    pub(crate) rule: Option<Rule>,
    pub(crate) list: ArrayVec<(Rule, Effect), { Effects::ROOM }>,
    /// What [`step`](crate::step) answers; no part of the decision itself.
    #[serde(skip)]
    pub(crate) changed: bool,
}

impl PartialEq for Effects {
    fn eq(&self, other: &Self) -> bool {
        self.rule == other.rule && self.list == other.list
    }
}

impl Eq for Effects {}

impl Effects {
    /// The effects that one step has room for.
    pub(crate) const ROOM: usize = 8;
    /// The effects of one event, or of one deadline, at most; a test tries every one of them.
    pub(crate) const MOST: usize = 4;

    /// The effects, each with the rule that asked for it.
    #[must_use]
    pub fn list(&self) -> &[(Rule, Effect)] {
        &self.list
    }

    /// The rule that decided the step; `None` when it only recorded a fact.
    #[must_use]
    pub fn rule(&self) -> Option<Rule> {
        self.rule
    }

    pub(crate) fn decided(&mut self, rule: Rule) {
        self.changed = true;
        self.rule.get_or_insert(rule);
    }

    pub(crate) fn add(&mut self, rule: Rule, effect: Effect) {
        self.decided(rule);
        // Act, then tell: what is to be done comes before who is to be told of it.
        let told = self.list.iter().position(|(_, effect)| matches!(effect, Effect::Notify(_)));
        match effect {
            Effect::Command { .. } | Effect::Store(_) => {
                self.list.insert(told.unwrap_or(self.list.len()), (rule, effect));
            }
            Effect::Notify(_) => self.list.push((rule, effect)),
        }
    }

    pub(crate) fn notify(&mut self, rule: Rule, notice: Notice) {
        self.add(rule, Effect::Notify(notice));
    }

    pub(crate) fn store(&mut self, rule: Rule, action: StoreAction) {
        self.add(rule, Effect::Store(action));
    }

    pub(crate) fn clear(&mut self) {
        self.rule = None;
        self.list.clear();
        self.changed = false;
    }
}
