//! Metrics and alert rules of mt5-warden as data.
//!
//! - [`metrics`] is the catalogue: every metric with its name, unit, help and labels, and nowhere else;
//! - [`Registry`] holds their values and writes them in the text format that Prometheus scrapes;
//! - [`AlertBoard`] keeps the metrics behind the alerts;
//! - [`AlertRule`] is what Prometheus makes of them: one rule for each [`Alert`](warden_domain::Alert).
//!
//! Labels name instances, trade servers and kinds, never an order or a login: their number is bounded by the fleet.
//!
//! ```
//! use warden_domain::{Alert, InstanceId};
//! use warden_telemetry::{AlertBoard, Registry, metrics};
//!
//! let registry = Registry::default();
//! let transitions = registry.series(&metrics::TRANSITIONS, []);
//! transitions.add(3);
//! AlertBoard::new(registry.clone()).set(Alert::BrokerDown, &InstanceId::new("acct-1").unwrap(), true);
//! let text = registry.render();
//! assert!(text.contains("warden_transitions_total 3"));
//! assert!(text.contains(r#"warden_alert_active{alert="BrokerDown",instance="acct-1"} 1"#));
//! ```

mod board;
mod export;
pub mod metrics;
mod registry;
mod rules;
mod value;

pub use board::AlertBoard;
pub use export::rules_yaml;
pub use metrics::Metric;
pub use registry::Registry;
pub use rules::{AlertRule, Condition, rule_of, runbook_of};
pub use value::{Counter, Gauge, Histogram, Kind};
