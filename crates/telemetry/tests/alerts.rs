//! The alert rules as Prometheus sees them: current, valid, and each seen to fire and to clear.

mod scenarios;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use warden_domain::{Alert, InstanceId, Timestamp, TradeServer};
use warden_telemetry::{AlertBoard, Registry, metrics, rule_of, rules_yaml, runbook_of};
use warden_testkit::{locate::Tool, promtool};

/// A path from the top of the repository.
fn top(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The file holds exactly this text; `WARDEN_UPDATE=1` writes it instead.
#[expect(clippy::unwrap_used, reason = "a test helper: a file that cannot be read or written fails the test")]
fn is_current(path: &str, text: &str) {
    if std::env::var_os("WARDEN_UPDATE").is_some() {
        // Written beside it and renamed: a test that runs meanwhile reads the old or the new text, never a part.
        let part = top(&format!("{path}.{:?}.part", std::thread::current().id()));
        std::fs::write(&part, text).unwrap();
        std::fs::rename(&part, top(path)).unwrap();
    }
    let found = std::fs::read_to_string(top(path)).unwrap_or_default();
    assert!(
        found == text,
        "{path} is stale; run WARDEN_UPDATE=1 cargo test -p warden-telemetry --test alerts"
    );
}

#[test]
fn the_rule_file_is_current_and_valid() {
    is_current("deploy/prometheus/warden-alerts.yml", &rules_yaml());
    let said =
        promtool(["check".into(), "rules".into(), top("deploy/prometheus/warden-alerts.yml")]).unwrap();
    assert!(said.contains(&format!("SUCCESS: {} rules found", Alert::ALL.len())), "{said}");
}

#[test]
fn every_alert_is_seen_to_fire_and_to_clear() {
    is_current("deploy/prometheus/warden-alerts.yml", &rules_yaml());
    is_current("deploy/prometheus/warden-alerts.test.yml", &scenarios::tests_yaml());
    let said =
        promtool(["test".into(), "rules".into(), top("deploy/prometheus/warden-alerts.test.yml")]).unwrap();
    assert!(said.contains("SUCCESS"), "{said}");
}

#[test]
fn the_scrape_configuration_is_valid() {
    promtool(["check".into(), "config".into(), top("deploy/prometheus/prometheus.yml")]).unwrap();
}

#[test]
fn every_alert_has_a_runbook_page_that_names_it_and_its_steps() {
    for alert in Alert::ALL {
        let page = std::fs::read_to_string(top(&runbook_of(*alert)))
            .unwrap_or_else(|fault| panic!("{}: {fault}", runbook_of(*alert)));
        assert!(page.starts_with(&format!("# {alert}\n")), "{alert}");
        for heading in ["## What it means", "## What the system does", "## Check", "## Do", "## Escalate"] {
            assert_eq!(page.matches(&format!("\n{heading}\n")).count(), 1, "{alert}: {heading}");
        }
        assert!(page.contains(&format!("**{}**", alert.severity())), "{alert}: severity");
    }
    let pages = std::fs::read_dir(top("docs/runbooks")).unwrap().count();
    assert_eq!(pages, Alert::ALL.len() + 1, "one page for each alert, and README.md");
}

#[test]
fn every_metric_in_an_expression_is_in_the_catalogue() {
    for alert in Alert::ALL {
        let expression = rule_of(*alert).expression();
        let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let mut metrics = words.filter(|word| word.starts_with("warden_")).peekable();
        assert!(metrics.peek().is_some(), "{alert}");
        for metric in metrics {
            assert!(metrics::ALL.iter().any(|entry| entry.name == metric), "{alert}: {metric}");
        }
    }
}

#[test]
fn what_the_registry_writes_is_what_prometheus_reads() {
    let registry = Registry::default();
    registry.series(&metrics::TRANSITIONS, []).add(1);
    registry.series(&metrics::EVENTS, []).add(2);
    registry.series(&metrics::REFUSALS, ["stale epoch"]).add(3);
    registry.series(&metrics::COMMANDS, ["login"]).add(4);
    registry.series(&metrics::NOTIFICATIONS, []).add(5);
    registry.series(&metrics::INSTANCES, ["CONNECTED"]).set(20.0);
    registry.series(&metrics::INCIDENTS, ["BROKER_DOWN"]).set(1.0);
    registry.series(&metrics::JOURNAL_QUEUE, []).set(0.0);
    registry.series(&metrics::JOURNAL_COMMIT, []).observe(0.003);
    registry.series(&metrics::JOURNAL_LAST_COMMIT, []).set(1_700_000_000.25);
    registry.series(&metrics::HOT_STATE_BACKLOG, []).set(7.0);
    registry.series(&metrics::HISTORY_LAG, []).set(0.5);
    registry.series(&metrics::HISTORY_BACKLOG, []).set(9.0);
    registry.series(&metrics::HISTORY_EXPORTED, []).add(8);
    registry.series(&metrics::HISTORY_FAILURES, []).add(6);
    registry.series(&metrics::HISTORY_UNREADABLE, []).add(1);
    registry.series(&metrics::ORDERS, [metrics::ORDER_OUTCOMES[0]]).add(3);
    registry.series(&metrics::TRADES, ["UNKNOWN"]).set(1.0);
    registry.series(&metrics::TRADES_SUSPECT, []).set(0.0);
    registry.series(&metrics::TRADES_ENDED, ["CLOSED"]).add(2);
    registry.series(&metrics::INSTANCES_HALTED, []).set(4.0);
    registry.series(&metrics::SIGNALS, [metrics::SIGNAL_OUTCOMES[0]]).add(9);
    registry.series(&metrics::SIGNAL_LATENCY, []).observe(0.002);
    registry.series(&metrics::REPORT_LINES, ["filled"]).add(5);
    let board = AlertBoard::new(registry.clone());
    let instance = InstanceId::new("acct-1").unwrap();
    board.set(Alert::BrokerDown, &instance, true);
    board.announce(Alert::CredentialsDeleted, &instance, Timestamp::from_millis(1));
    board.broker_incident(&TradeServer::new("A \"quoted\\name\"").unwrap(), true);
    let text = registry.render();
    for entry in metrics::ALL {
        assert!(text.contains(&format!("# TYPE {} {}\n", entry.name, entry.kind)), "{entry:?}");
    }
    assert_eq!(check_metrics(&text), "", "promtool has nothing to say about\n{text}");
}

/// What `promtool check metrics` says of an exposition: nothing when it is well formed and well named.
#[expect(clippy::unwrap_used, reason = "a test helper: a promtool that does not run fails the test")]
fn check_metrics(text: &str) -> String {
    let program = Tool::Promtool.find().ok_or(warden_testkit::Error::Missing(Tool::Promtool)).unwrap();
    let mut child = Command::new(program)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stderr));
    if output.status.success() { said } else { format!("{}: {said}", output.status) }
}
