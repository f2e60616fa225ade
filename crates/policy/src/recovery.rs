//! Recovery of recovery (REC).

pub(crate) mod absorbing;
pub(crate) mod conflict;
pub(crate) mod lasting;
pub(crate) mod resume;
pub(crate) mod stop;

pub use absorbing::Absorbing;
