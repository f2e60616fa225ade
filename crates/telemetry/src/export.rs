use warden_domain::Alert;

use crate::rules::{AlertRule, rule_of};

/// All alert rules as the rule file that Prometheus loads.
#[must_use]
pub fn rules_yaml() -> String {
    let mut yaml = String::from(
        "# Written from crates/telemetry/src/rules.rs; do not edit. To write it anew:\n\
         #   WARDEN_UPDATE=1 cargo test -p warden-telemetry --test alerts\n\
         groups:\n\
         \x20 - name: mt5-warden\n\
         \x20   rules:\n",
    );
    for alert in Alert::ALL {
        yaml.push_str(&rule_yaml(&rule_of(*alert)));
    }
    yaml
}

fn rule_yaml(rule: &AlertRule) -> String {
    format!(
        "      - alert: {alert}\n\
         \x20       expr: {expression}\n\
         \x20       for: {hold}\n\
         \x20       labels:\n\
         \x20         severity: {severity}\n\
         \x20       annotations:\n\
         \x20         summary: {summary}\n\
         \x20         runbook: {runbook}\n",
        alert = rule.alert,
        expression = quoted(&rule.expression()),
        hold = rule.hold,
        severity = rule.alert.severity(),
        summary = quoted(rule.summary),
        runbook = rule.runbook(),
    )
}

/// A YAML scalar in single quotes, in which nothing but the quote itself has a meaning.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
