//! Metrics for Prometheus, with what the bridge refused counted into them.

use std::time::Duration;

use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};
use warden_bridge::{RefusalReason, Refusals, server::GrpcBridge};
use warden_supervisor::{
    MetricsEndpoint, MetricsError,
    config::{Faults, ListenConfig, Places},
};
use warden_telemetry::{Counter, Registry, metrics};

/// How often the bridge's counters are read; Prometheus scrapes less often.
const READING: Duration = Duration::from_secs(1);

/// Serves metrics until it is dropped.
pub(crate) struct Scrape(JoinHandle<()>);

impl Drop for Scrape {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Listens where the configuration says; nothing where it says nothing.
pub(crate) async fn bind(config: &ListenConfig, places: &Places) -> Result<Option<MetricsEndpoint>, Faults> {
    let Some(address) = config.metrics else { return Ok(None) };
    let bound = MetricsEndpoint::bind(address).await;
    bound.map(Some).map_err(|fault| {
        let what = match fault {
            MetricsError::Bind { address, source } => {
                format!("{address} cannot be listened on: {source}; choose a free port of this machine")
            }
            fault @ MetricsError::BeyondLoopback(_) => fault.to_string(),
        };
        places.fault("listen.metrics", what)
    })
}

/// Serves a registry, and counts into it what is refused at the bridge.
pub(crate) fn serve(endpoint: MetricsEndpoint, registry: Registry, bridge: GrpcBridge) -> Scrape {
    tracing::info!(address = %endpoint.address(), "metrics are served");
    Scrape(tokio::spawn(async move {
        tokio::join!(endpoint.serve(registry.clone()), count(&registry, &bridge));
    }))
}

async fn count(registry: &Registry, bridge: &GrpcBridge) {
    let ours = RefusalReason::ALL.map(|reason| registry.series(&metrics::REFUSALS, [reason.as_str()]));
    let theirs =
        RefusalReason::ALL.map(|reason| registry.series(&metrics::REFUSALS, [by_gateway(reason).as_str()]));
    let mut before = bridge.counters();
    add(&ours, &Refusals::default(), &before.refused);
    add(&theirs, &Refusals::default(), &before.refused_by_gateway);
    let mut reading = interval(READING);
    reading.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        reading.tick().await;
        let now = bridge.counters();
        add(&ours, &before.refused, &now.refused);
        add(&theirs, &before.refused_by_gateway, &now.refused_by_gateway);
        before = now;
    }
}

fn add(counters: &[Counter], before: &Refusals, now: &Refusals) {
    for (counter, reason) in counters.iter().zip(RefusalReason::ALL) {
        counter.add(now.count(reason).saturating_sub(before.count(reason)));
    }
}

/// The kind of what a gateway refused of ours.
fn by_gateway(reason: RefusalReason) -> String {
    format!("gateway_{reason}")
}
