//! When a fleet that was started is ready for signals.

use tokio::sync::oneshot;
use warden_domain::{Gate, IncidentKind, Span, Timestamp};

use super::Distributor;
use crate::{View, shard::Internal};

/// How often it is looked.
const STEP: Span = Span::from_millis(50);

impl Distributor {
    /// Waits until no instance is on its way to a confirmed session any more, for so long at most; answers whether that is so.
    ///
    /// A signal that comes before the terminals of a started fleet are back finds neither balances nor prices, and is refused
    /// for good ([`FactMissing`](warden_distribution::Refusal::FactMissing)): whoever gives signals waits for this first.
    /// Instances that are stopped, halted, or have failed on their way are not waited for.
    pub async fn ready(&self, within: Span) -> bool {
        let over = self.clock().now().after(within);
        loop {
            let views = self.views().await;
            if !views.iter().any(is_on_its_way) {
                return true;
            }
            let now = self.clock().now();
            if now >= over {
                return false;
            }
            let next = now.after(STEP).min(over);
            tokio::time::sleep(self.clock().until(next)).await;
        }
    }

    async fn views(&self) -> Vec<View> {
        let mut views = Vec::new();
        for shard in self.shards() {
            let (answer, answered) = oneshot::channel();
            if shard.send(Internal::Views(answer)).await.is_ok() {
                views.extend(answered.await.unwrap_or_default());
            }
        }
        views
    }
}

/// It is coming up, and nothing but its connection failed on the way.
fn is_on_its_way(view: &View) -> bool {
    let comes = match view.gate {
        Gate::Paused { until, .. } => until == Timestamp::MAX,
        Gate::Open | Gate::ReduceOnly(_) | Gate::Shut(_) => false,
    };
    comes && view.incidents.iter().all(|it| it.kind == IncidentKind::NetworkLost || it.attempt == 0)
}
