use warden_domain::{Alert, InstanceId, Timestamp, TradeServer};

use crate::{Registry, metrics};

/// Keeps the metrics behind the alerts.
///
/// # Expected flow
/// After a step is durable, the supervisor sets every alert whose condition began or ended, and announces what is
/// news and not a condition. What was restored at start is set the same way.
///
/// # Guarantees
/// A cleared alert leaves no series behind, so that the number of series is the number of alerts that stand.
#[derive(Clone, Debug)]
pub struct AlertBoard {
    registry: Registry,
}

impl AlertBoard {
    /// A board whose metrics stand in this registry.
    #[must_use]
    pub fn new(registry: Registry) -> Self {
        Self { registry }
    }

    /// The condition of the alert began or ended for the instance.
    pub fn set(&self, alert: Alert, instance: &InstanceId, active: bool) {
        let labels = [alert.as_str(), instance.as_str()];
        if active {
            self.registry.series(&metrics::ALERT_ACTIVE, labels).set(1.0);
        } else {
            self.registry.forget(&metrics::ALERT_ACTIVE, labels);
        }
    }

    /// Something happened to the instance that has no end, such as `CredentialsDeleted`; the alert stands for a while.
    pub fn announce(&self, alert: Alert, instance: &InstanceId, at: Timestamp) {
        self.registry.series(&metrics::ANNOUNCED, [alert.as_str(), instance.as_str()]).set(seconds(at));
    }

    /// BRK-5: a broker incident of the trade server began or ended.
    pub fn broker_incident(&self, server: &TradeServer, active: bool) {
        if active {
            self.registry.series(&metrics::BROKER_INCIDENT, [server.as_str()]).set(1.0);
        } else {
            self.registry.forget(&metrics::BROKER_INCIDENT, [server.as_str()]);
        }
    }
}

/// Seconds since the Unix epoch, as Prometheus counts time.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of this era are exact in a double")]
fn seconds(at: Timestamp) -> f64 {
    at.as_millis() as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_has_a_series_only_while_it_stands() {
        let registry = Registry::default();
        let board = AlertBoard::new(registry.clone());
        let instance = InstanceId::new("acct-1").unwrap();
        board.set(Alert::ConnectionLost, &instance, true);
        board.set(Alert::ConnectionLost, &instance, true);
        let line = "warden_alert_active{alert=\"ConnectionLost\",instance=\"acct-1\"} 1\n";
        assert_eq!(registry.render().matches(line).count(), 1);
        board.set(Alert::ConnectionLost, &instance, false);
        assert_eq!(registry.render(), "");
    }

    #[test]
    fn brk_5_a_shared_outage_stands_once_for_its_trade_server() {
        let registry = Registry::default();
        let board = AlertBoard::new(registry.clone());
        let server = TradeServer::new("Broker-Live").unwrap();
        board.broker_incident(&server, true);
        assert!(registry.render().contains("warden_broker_incident_active{server=\"Broker-Live\"} 1\n"));
        board.broker_incident(&server, false);
        assert_eq!(registry.render(), "");
    }

    #[test]
    fn news_carries_its_moment_in_seconds() {
        let registry = Registry::default();
        let instance = InstanceId::new("acct-1").unwrap();
        let at = Timestamp::from_millis(1_700_000_000_250);
        AlertBoard::new(registry.clone()).announce(Alert::CredentialsDeleted, &instance, at);
        assert!(registry.render().ends_with("instance=\"acct-1\"} 1700000000.25\n"));
    }
}
