//! Accounts and instances (ACC).

pub(crate) mod corrupted;
pub(crate) mod destruction;
pub(crate) mod disabled;
pub(crate) mod permissions;
pub(crate) mod user_stop;

pub use destruction::Closure;
