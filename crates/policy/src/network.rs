//! The network, the terminal process and the hot-state store (NET).

pub(crate) mod crash;
pub(crate) mod dropped;
mod state_store;
pub(crate) mod store_lost;

pub use state_store::{StateStore, StateStoreEffect};
