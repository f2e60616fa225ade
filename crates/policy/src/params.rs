//! The numbers of the rules, one file per element; every default is the rule's.
//!
//! A configuration gives a value by its key, such as `broker.down.reconnect_after`; see [`Params::set`].

mod account;
mod broker;
mod login;
mod network;
mod recovery;
mod session;
mod trade;
mod value;

use thiserror::Error;
use warden_domain::Span;

pub use account::{Closure, Corrupted, Permissions, UserStop};
pub use broker::{BrokerIncident, Down, Maintenance, RateLimit};
pub use login::Login;
pub use network::{Crash, Drop, Exhausted, StateStore};
pub use recovery::Recovery;
pub use session::Session;
pub use trade::{
    Duplicate, ExecutionTimeout, Limit, Look, PartialFill, Pending, Protection, Remainder, Retry, Signal,
    Slippage, Slipped, Unknown,
};
pub use value::{Percent, SymbolPoints, Value, Waits};

/// Declares the parameters of one element: fields with defaults, their keys and the rule behind each.
macro_rules! element {
    ($(#[$doc:meta])* $name:ident { $($(#[doc = $fdoc:literal])+ $field:ident: $ty:ty = $default:expr,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name { $($(#[doc = $fdoc])+ pub $field: $ty,)+ }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $name {
            pub(super) fn set(
                &mut self,
                key: &str,
                value: &$crate::params::Value<'_>,
            ) -> Option<Result<(), $crate::params::ParamError>> {
                match key {
                    $(stringify!($field) => Some($crate::params::value::Read::read(value).map(|read| self.$field = read)),)+
                    _ => None,
                }
            }

            pub(super) fn list(&self, prefix: &str, keys: &mut Vec<(String, String)>) {
                $(keys.push((format!("{prefix}.{}", stringify!($field)), $crate::params::value::Read::show(&self.$field)));)+
            }

            pub(super) fn describe(prefix: &str, keys: &mut Vec<$crate::params::Description>) {
                $(keys.push($crate::params::Description {
                    key: format!("{prefix}.{}", stringify!($field)),
                    range: <$ty as $crate::params::value::Read>::RANGE,
                    meaning: concat!($($fdoc),+).trim(),
                });)+
            }
        }
    };
}
use element;

macro_rules! tree {
    ($($(#[$fdoc:meta])* $field:ident: $ty:ty = $prefix:literal,)+) => {
        /// Every number of the rules.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
        pub struct Params { $($(#[$fdoc])* pub $field: $ty,)+ }

        impl Params {
            /// Sets one parameter by its key.
            ///
            /// # Errors
            /// When there is no such key, or the value is not of its kind.
            pub fn set(&mut self, key: &str, value: &Value<'_>) -> Result<(), ParamError> {
                $(if let Some(rest) = key.strip_prefix(concat!($prefix, ".")) {
                    if let Some(done) = self.$field.set(rest, value) {
                        return done;
                    }
                })+
                Err(ParamError::Unknown)
            }

            /// Every key with its present value, in the form a configuration file has it.
            #[must_use]
            pub fn list(&self) -> Vec<(String, String)> {
                let mut keys = Vec::new();
                $(self.$field.list($prefix, &mut keys);)+
                keys
            }

            /// What every key means and may hold, in the order of [`list`](Self::list).
            #[must_use]
            pub fn describe() -> Vec<Description> {
                let mut keys = Vec::new();
                $(<$ty>::describe($prefix, &mut keys);)+
                keys
            }

            /// What does not fit together: the key and what to do about it. Empty when all is well.
            #[must_use]
            pub fn faults(&self) -> Vec<(String, String)> {
                let mut faults = Vec::new();
                $(self.$field.faults(&mut |field, remedy| faults.push((format!("{}.{field}", $prefix), remedy.to_owned())));)+
                self.faults_across(&mut faults);
                faults
            }
        }
    };
}

tree! {
    /// LOG-2 to LOG-9.
    login: Login = "login",
    /// SES-1 and the deadlines of commands.
    session: Session = "session",
    /// BRK-1.
    down: Down = "broker.down",
    /// BRK-2, BRK-3.
    rate_limit: RateLimit = "broker.rate_limit",
    /// BRK-4.
    maintenance: Maintenance = "broker.maintenance",
    /// BRK-5.
    incident: BrokerIncident = "broker.incident",
    /// NET-1, NET-4, NET-5.
    drop: Drop = "network.drop",
    /// NET-2.
    crash: Crash = "network.crash",
    /// NET-3.
    state_store: StateStore = "network.state_store",
    /// ACC-5.
    permissions: Permissions = "account.permissions",
    /// ACC-6.
    corrupted: Corrupted = "account.corrupted",
    /// ACC-1 to ACC-3.
    closure: Closure = "account.closure",
    /// ACC-7.
    stop: UserStop = "account.stop",
    /// REC-1, REC-2 and the jitter of every delay.
    recovery: Recovery = "recovery",
    /// TRD-7.
    signal: Signal = "trade.signal",
    /// Orders whose outcome nobody knows.
    unknown: Unknown = "trade.unknown",
    /// TRD-1.
    partial_fill: PartialFill = "trade.partial_fill",
    /// TRD-2.
    slippage: Slippage = "trade.slippage",
    /// TRD-3.
    timeout: ExecutionTimeout = "trade.timeout",
    /// TRD-4.
    duplicate: Duplicate = "trade.duplicate",
    /// TRD-5.
    protection: Protection = "trade.protection",
    /// TRD-6, NET-1.
    pending: Pending = "trade.pending",
    /// TRD-9.
    retry: Retry = "trade.retry",
    /// SES-1, TRD-5.
    look: Look = "trade.look",
    /// TRD-7.
    limit: Limit = "trade.limit",
}

/// What a key means, for documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The key.
    pub key: String,
    /// What its value may be, with its unit.
    pub range: &'static str,
    /// The rule's id where one gives the default, and what the number does.
    pub meaning: &'static str,
}

impl Params {
    /// What two elements say against each other.
    fn faults_across(&self, faults: &mut Vec<(String, String)>) {
        let session = &self.session;
        let parts = [session.start_within.times(2), self.login.deadline, session.confirm_deadline];
        let login = Span::from_millis(parts.iter().fold(0, |sum, part| part.as_millis().saturating_add(sum)));
        if self.login.lock_ttl < login {
            let remedy =
                format!("is shorter than a login and its confirmation, {login}; a login would lose its lock");
            faults.push(("login.lock_ttl".to_owned(), remedy));
        }
        if self.unknown.window < self.signal.start_within {
            let remedy = format!(
                "is shorter than trade.signal.start_within, {}; an order could still start",
                self.signal.start_within
            );
            faults.push(("trade.unknown.window".to_owned(), remedy));
        }
    }
}

/// Why a parameter was not set.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParamError {
    /// No parameter has this key.
    #[error("is not a known key; remove it or correct its spelling")]
    Unknown,
    /// The value is of the wrong kind or out of its range.
    #[error("{0}")]
    Value(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_can_be_given_back_by_its_key() {
        let defaults = Params::default();
        for (key, shown) in defaults.list() {
            let items: Vec<String>;
            let list: Vec<Value<'_>>;
            let value = if let Some(inner) = shown.strip_prefix('[').and_then(|s| s.strip_suffix(']')) {
                let inner = inner.split(", ").filter(|item| !item.is_empty());
                items = inner.map(|item| item.trim_matches('"').to_owned()).collect();
                list = items.iter().map(|item| Value::Text(item)).collect();
                Value::List(&list)
            } else if let Ok(number) = shown.parse() {
                Value::Number(number)
            } else {
                Value::Text(shown.trim_matches('"'))
            };
            let mut params = Params::default();
            assert_eq!(params.set(&key, &value), Ok(()), "{key} = {shown}");
            assert_eq!(params, defaults, "{key}");
        }
    }

    #[test]
    fn the_defaults_have_no_faults() {
        assert_eq!(Params::default().faults(), vec![]);
    }

    #[test]
    fn an_unknown_key_and_a_wrong_value_are_refused() {
        let mut params = Params::default();
        assert_eq!(params.set("login.tries", &Value::Number(3)), Err(ParamError::Unknown));
        assert!(matches!(params.set("login.cooldown", &Value::Number(3)), Err(ParamError::Value(_))));
        assert!(matches!(params.set("login.attempts", &Value::Number(0)), Err(ParamError::Value(_))));
        assert!(matches!(params.set("login.cooldown", &Value::Text("0s")), Err(ParamError::Value(_))));
    }

    #[test]
    fn trd_2_a_symbol_has_points_of_its_own() {
        let mut params = Params::default();
        let mut set = |items: &[&str]| {
            let items: Vec<Value<'_>> = items.iter().map(|item| Value::Text(item)).collect();
            params.set("trade.slippage.points", &Value::List(&items)).map(|()| params.slippage.points.clone())
        };
        let points = set(&["EURUSD=15", "XAUUSD.m=250"]).unwrap();
        assert_eq!(points.of("EURUSD"), Some(warden_domain::Points(15)));
        assert_eq!((points.of("XAUUSD"), points.of("")), (None, None));
        for wrong in [&["EURUSD"][..], &["=1"], &["EURUSD=0"], &["EURUSD=-1"], &["A=1", "A=2"], &["A=1.5"]] {
            assert!(matches!(set(wrong), Err(ParamError::Value(_))), "{wrong:?}");
        }
        assert_eq!(set(&[]), Ok(SymbolPoints::default()));
    }
}
