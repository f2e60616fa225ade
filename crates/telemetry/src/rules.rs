use warden_domain::{Alert, Span};

/// What Prometheus makes of one alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertRule {
    /// Which alert.
    pub alert: Alert,
    /// When it stands.
    pub condition: Condition,
    /// How long the condition must hold before the alert fires; zero where the policy has waited already.
    pub hold: Span,
    /// What people read first; may name the labels of the condition.
    pub summary: &'static str,
}

/// When an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// While the policy or the supervisor says so of an instance: one alert for each.
    Instance,
    /// While it is said of any instance: one alert for the fleet, its value the number of instances.
    Fleet,
    /// For a while after the news.
    News {
        /// For how long.
        lasting: Span,
    },
    /// While this holds.
    Expression(
        /// In Prometheus' query language.
        &'static str,
    ),
}

impl AlertRule {
    /// The condition in Prometheus' query language.
    #[must_use]
    pub fn expression(&self) -> String {
        let alert = self.alert;
        match self.condition {
            Condition::Instance => format!("warden_alert_active{{alert=\"{alert}\"}} == 1"),
            Condition::Fleet => {
                format!("sum without (instance) (warden_alert_active{{alert=\"{alert}\"}}) > 0")
            }
            Condition::News { lasting } => format!(
                "time() - warden_announced_timestamp_seconds{{alert=\"{alert}\"}} < {}",
                lasting.as_millis() / 1_000
            ),
            Condition::Expression(expression) => expression.to_owned(),
        }
    }

    /// Where people read on, from the top of the repository.
    #[must_use]
    pub fn runbook(&self) -> String {
        runbook_of(self.alert)
    }
}

/// The runbook page of an alert, from the top of the repository: its name with dashes.
#[must_use]
pub fn runbook_of(alert: Alert) -> String {
    let mut page = String::from("docs/runbooks/");
    for (at, c) in alert.as_str().char_indices() {
        if at > 0 && c.is_ascii_uppercase() {
            page.push('-');
        }
        page.push(c.to_ascii_lowercase());
    }
    page + ".md"
}

/// The rule of an alert.
#[must_use]
pub const fn rule_of(alert: Alert) -> AlertRule {
    let (condition, hold, summary) = match alert {
        Alert::LoginFailure => {
            instance("{{ $labels.instance }}: login was given up, the instance is stopped")
        }
        Alert::RepeatedLoginFailure => {
            instance("{{ $labels.instance }}: logins fail in a row and are throttled")
        }
        Alert::LoginRecovered => instance("{{ $labels.instance }}: login works again"),
        Alert::AccountBanned => instance("{{ $labels.instance }}: the broker disabled the account"),
        Alert::AccountClosed => instance("{{ $labels.instance }}: the broker closed the account"),
        Alert::CredentialsDeleted => news("{{ $labels.instance }}: the credentials were destroyed"),
        Alert::AutoRecoveryFailure => instance("{{ $labels.instance }}: recovery was given up"),
        Alert::PartialFillIncomplete => instance("{{ $labels.instance }}: a trade is filled in part"),
        Alert::SlippageExceeded => {
            instance("{{ $labels.instance }}: a fill was beyond the slippage threshold")
        }
        Alert::DuplicateOrder => instance("{{ $labels.instance }}: the same order reached the broker twice"),
        Alert::ConnectionLost => instance("{{ $labels.instance }}: disconnected for too long"),
        Alert::BrokerDown => (
            Condition::Expression(
                "warden_alert_active{alert=\"BrokerDown\"} == 1 or warden_broker_incident_active == 1",
            ),
            Span::ZERO,
            "{{ if $labels.server }}{{ $labels.server }}{{ else }}{{ $labels.instance }}{{ end }}: the broker cannot be reached",
        ),
        Alert::RateLimited => instance("{{ $labels.instance }}: the broker limits the rate of requests"),
        Alert::TerminalCrashed => instance("{{ $labels.instance }}: the terminal process died"),
        Alert::StateStoreLost => {
            (Condition::Fleet, Span::ZERO, "the hot-state store is lost to {{ $value }} instances")
        }
        Alert::StateConflict => instance("{{ $labels.instance }}: the stored state moved under its owner"),
        Alert::ProtectionMisfire => instance("{{ $labels.instance }}: a stop loss or take profit misfired"),
        Alert::InstanceStopped => instance("{{ $labels.instance }}: stopped, only a person starts it again"),
        Alert::JournalStalled => (
            Condition::Expression(
                "warden_journal_queue_rows > 0 and time() - warden_journal_last_commit_timestamp_seconds > 10",
            ),
            Span::from_secs(10),
            "the journal does not commit, {{ $value }} rows wait",
        ),
        Alert::HistoryLag => (
            Condition::Expression("warden_history_lag_seconds > 300"),
            Span::from_secs(60),
            "the history is {{ $value }} seconds behind the journal",
        ),
        Alert::LeaseLost => instance("{{ $labels.instance }}: its lease was lost"),
        Alert::DriftFound => {
            instance("{{ $labels.instance }}: its stores disagree, or a person must decide about a trade")
        }
    };
    AlertRule { alert, condition, hold, summary }
}

const fn instance(summary: &'static str) -> (Condition, Span, &'static str) {
    (Condition::Instance, Span::ZERO, summary)
}

const fn news(summary: &'static str) -> (Condition, Span, &'static str) {
    (Condition::News { lasting: Span::from_secs(300) }, Span::ZERO, summary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alert_has_its_rule_and_page() {
        for alert in Alert::ALL {
            let rule = rule_of(*alert);
            assert_eq!(rule.alert, *alert);
            assert!(!rule.summary.is_empty());
        }
        assert_eq!(runbook_of(Alert::StateStoreLost), "docs/runbooks/state-store-lost.md");
    }
}
