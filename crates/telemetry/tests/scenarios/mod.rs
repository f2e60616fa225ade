//! For each alert the samples that make it fire and clear, as `promtool test rules` reads them.

use std::fmt::Write as _;

use warden_domain::Alert;
use warden_telemetry::{AlertRule, Condition, rule_of};

/// Samples, and when the alert must be silent, fire and be silent again.
struct Scenario {
    name: &'static str,
    /// Series and its samples, one every five seconds.
    series: Vec<(String, &'static str)>,
    /// Seconds: before the condition, while it holds, after it ended.
    at: [u32; 3],
    /// The labels of the firing alert beside its severity.
    labels: Vec<(&'static str, String)>,
    summary: String,
}

/// Held from 15 s to 45 s; then the series is gone, as a cleared alert leaves none behind.
const HELD: &str = "_x3 1x6 stale";
/// Another alert of another instance that holds all the time and must not be taken for this one.
const BESIDE: (&str, &str) = (r#"warden_alert_active{alert="Another",instance="acct-9"}"#, "1x100");

/// The test file for `promtool test rules`.
pub(crate) fn tests_yaml() -> String {
    let mut yaml = String::from(
        "# Written from crates/telemetry/tests/scenarios; do not edit. To write it anew:\n\
         #   WARDEN_UPDATE=1 cargo test -p warden-telemetry --test alerts\n\
         rule_files:\n  - warden-alerts.yml\n\nevaluation_interval: 5s\n\ntests:\n",
    );
    for alert in Alert::ALL {
        let rule = rule_of(*alert);
        for scenario in scenarios(&rule) {
            scenario.write(&rule, &mut yaml).expect("writing to a String cannot fail");
        }
    }
    yaml
}

fn scenarios(rule: &AlertRule) -> Vec<Scenario> {
    let alert = rule.alert;
    match rule.condition {
        Condition::Instance => vec![of_instance(rule)],
        Condition::Fleet => vec![Scenario {
            name: "for the fleet",
            series: ["acct-1", "acct-2"]
                .map(|id| (format!("warden_alert_active{{alert=\"{alert}\",instance=\"{id}\"}}"), HELD))
                .into(),
            at: [10, 30, 60],
            labels: vec![("alert", alert.to_string())],
            summary: rule.summary.replace("{{ $value }}", "2"),
        }],
        Condition::News { .. } => vec![Scenario {
            name: "for five minutes after the news",
            series: vec![(
                format!("warden_announced_timestamp_seconds{{alert=\"{alert}\",instance=\"acct-1\"}}"),
                "_x4 20x100",
            )],
            at: [15, 300, 325],
            labels: vec![("alert", alert.to_string()), ("instance", "acct-1".to_owned())],
            summary: rule.summary.replace("{{ $labels.instance }}", "acct-1"),
        }],
        Condition::Expression(_) => by_hand(rule),
    }
}

fn of_instance(rule: &AlertRule) -> Scenario {
    let alert = rule.alert;
    Scenario {
        name: "for one instance",
        series: vec![(format!("warden_alert_active{{alert=\"{alert}\",instance=\"acct-1\"}}"), HELD)],
        at: [10, 30, 60],
        labels: vec![("alert", alert.to_string()), ("instance", "acct-1".to_owned())],
        summary: rule.summary.replace("{{ $labels.instance }}", "acct-1"),
    }
}

/// The conditions that are expressions of their own.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a new expression fails the test, which asks for its samples"
)]
fn by_hand(rule: &AlertRule) -> Vec<Scenario> {
    match rule.alert {
        Alert::BrokerDown => {
            let words = |who: &str| format!("{who}: the broker cannot be reached");
            let series = "warden_broker_incident_active{server=\"Broker-Live\"}".to_owned();
            vec![
                Scenario { summary: words("acct-1"), ..of_instance(rule) },
                Scenario {
                    name: "once for a trade server",
                    series: vec![(series, HELD)],
                    at: [10, 30, 60],
                    labels: vec![("server", "Broker-Live".to_owned())],
                    summary: words("Broker-Live"),
                },
            ]
        }
        Alert::JournalStalled => vec![Scenario {
            name: "when rows wait and nothing is committed, not when it is idle",
            series: vec![
                ("warden_journal_queue_rows".to_owned(), "0x3 7x8 0x100"),
                ("warden_journal_last_commit_timestamp_seconds".to_owned(), "0x12 60x100"),
            ],
            at: [25, 45, 300],
            labels: vec![],
            summary: rule.summary.replace("{{ $value }}", "7"),
        }],
        Alert::HistoryLag => vec![Scenario {
            name: "when it stays behind",
            series: vec![("warden_history_lag_seconds".to_owned(), "10x3 400x20 10x20")],
            at: [60, 100, 150],
            labels: vec![],
            summary: rule.summary.replace("{{ $value }}", "400"),
        }],
        other => panic!("{other} has an expression of its own: write here what makes it fire and clear"),
    }
}

impl Scenario {
    fn write(&self, rule: &AlertRule, yaml: &mut String) -> std::fmt::Result {
        let [before, during, after] = self.at;
        writeln!(yaml, "  - name: '{} {}'", rule.alert, self.name)?;
        writeln!(yaml, "    interval: 5s\n    input_series:")?;
        for (series, values) in self.series.iter().map(|(s, v)| (s.as_str(), *v)).chain([BESIDE]) {
            writeln!(yaml, "      - series: '{series}'\n        values: '{values}'")?;
        }
        writeln!(yaml, "    alert_rule_test:")?;
        for (at, fires) in [(before, false), (during, true), (after, false)] {
            writeln!(yaml, "      - eval_time: {at}s\n        alertname: {}", rule.alert)?;
            if !fires {
                writeln!(yaml, "        exp_alerts: []")?;
                continue;
            }
            writeln!(yaml, "        exp_alerts:\n          - exp_labels:")?;
            writeln!(yaml, "              severity: {}", rule.alert.severity())?;
            for (label, value) in &self.labels {
                writeln!(yaml, "              {label}: {value}")?;
            }
            writeln!(yaml, "            exp_annotations:")?;
            writeln!(yaml, "              summary: '{}'", self.summary)?;
            writeln!(yaml, "              runbook: {}", rule.runbook())?;
        }
        Ok(())
    }
}
