//! The driver of mt5-warden: shards, write path, start-up recovery.
//!
//! The policy decides and nothing else; this crate owns the clock, the stores and the gateways. For every step the
//! order is the same: decide → journal → hot state → act → tell. Nothing is begun before its intent is durable.

mod clock;
pub mod config;
pub mod control;
mod fleet;
pub mod hardening;
mod history;
mod meters;
mod metrics;
mod ownership;
mod shard;
pub mod signals;
mod startup;
mod stats;
mod view;
mod wheel;
pub mod why;

pub use clock::{Clock, SystemClock};
pub use fleet::{Fleet, FleetError, InstanceSpec, Options, Parts, Wish, WishError};
pub use history::{Derived, Deriver, ExportConfig, ExportEnded, ExportError, ExportParts, Exporter};
pub use metrics::{MetricsEndpoint, MetricsError, serve_metrics};
pub use ownership::Ownership;
pub use signals::{Distribution, Distributor, Scope, SignalError};
pub use stats::Stats;
pub use view::{Decision, IncidentView, TradeCounts, View};
pub use wheel::Wheel;
