//! How settings are read, shown and described: the same way as the parameters of the rules.

mod value;

use thiserror::Error;

pub(crate) use value::Read;
pub use warden_policy::params::Value;

/// What a key means, for documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The key.
    pub key: &'static str,
    /// What its value may be, with its unit.
    pub range: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

/// Why a setting was not taken; it never repeats the value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SettingError {
    /// No setting has this key.
    #[error("is not a known key; remove it or correct its spelling")]
    Unknown,
    /// The value is of the wrong kind or out of its range.
    #[error("{0}")]
    Value(String),
}

/// Declares settings: fields with defaults, their keys and what they mean.
macro_rules! settings {
    ($(#[$doc:meta])* $name:ident { $($(#[doc = $fdoc:literal])+ $field:ident: $ty:ty = $default:expr,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name { $($(#[doc = $fdoc])+ pub $field: $ty,)+ }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $name {
            /// Sets one of them by its key.
            ///
            /// # Errors
            /// When there is no such key, or the value is not of its kind.
            pub fn set(&mut self, key: &str, value: &$crate::settings::Value<'_>) -> Result<(), $crate::settings::SettingError> {
                match key {
                    $(stringify!($field) => $crate::settings::Read::read(value).map(|read| self.$field = read),)+
                    _ => Err($crate::settings::SettingError::Unknown),
                }
            }

            /// Takes the value of one key from others; an unknown key takes nothing.
            pub fn take(&mut self, key: &str, from: &Self) {
                match key {
                    $(stringify!($field) => self.$field.clone_from(&from.$field),)+
                    _ => {}
                }
            }

            /// Every key with its present value, in the form a configuration file has it.
            #[must_use]
            pub fn list(&self) -> Vec<(&'static str, String)> {
                vec![$((stringify!($field), $crate::settings::Read::show(&self.$field))),+]
            }

            /// What every key means and may hold, in the order of [`list`](Self::list).
            #[must_use]
            pub fn describe() -> Vec<$crate::settings::Description> {
                vec![$($crate::settings::Description {
                    key: stringify!($field),
                    range: <$ty as $crate::settings::Read>::RANGE,
                    meaning: concat!($($fdoc),+).trim(),
                }),+]
            }
        }
    };
}
pub(crate) use settings;
