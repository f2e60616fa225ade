//! A fleet of accounts in a group.

use std::{sync::Arc, time::Duration};

use warden_distribution::{AccountRules, Outcome, OutcomeKind, Report, Signal, Symbol, settings::Value};
use warden_domain::{ClientTradeId, InstanceId, Span};
use warden_supervisor::Distributor;

use crate::rig::{Fate, Rig, id, settle};

/// What buys 0.10 lots at the market.
pub(crate) const BUY: &str =
    r#""action": "open", "symbol": "EURUSD", "side": "BUY", "sizing": "fixed", "lots": "0.10""#;
/// The group of all of them.
pub(crate) const GOLD: &str = r#""group": "gold""#;

/// Accounts that trade, all of the group `gold`.
pub(crate) struct Crowd {
    pub(crate) rig: Rig,
}

impl Crowd {
    /// So many, connected.
    pub(crate) async fn open(instances: u32) -> Self {
        let mut crowd = Self::closed(instances);
        crowd.come_up().await;
        crowd
    }

    /// The same before they are started.
    pub(crate) fn closed(instances: u32) -> Self {
        let mut rig = Rig::new(instances);
        rig.options.distribution.symbols = vec![Symbol::new("EURUSD").unwrap()];
        for spec in &mut rig.specs {
            "gold".clone_into(&mut spec.group);
        }
        Self { rig }
    }

    pub(crate) async fn come_up(&mut self) {
        self.rig.come_up().await;
        settle().await;
    }

    /// The process dies, and another one takes over.
    pub(crate) async fn restart(&mut self) {
        self.rig.kill().await;
        self.come_up().await;
    }

    /// Gives an account a rule of its own.
    pub(crate) fn rule(&mut self, index: usize, key: &str, value: &Value<'_>) {
        let mut rules = AccountRules::clone(&self.rig.specs[index].rules);
        rules.set(key, value).unwrap();
        self.rig.specs[index].rules = Arc::new(rules);
    }

    /// A signal for a target, such as `"group": "gold"`; what is common to all is added.
    pub(crate) fn written(&self, key: &str, target: &str, what: &str) -> String {
        let now = self.rig.now();
        format!(r#"{{"key": "{key}", "source": "test", "created_at": "{now}", {target}, {what}}}"#)
    }

    pub(crate) fn read(&self, text: &str) -> Signal {
        self.distributor().read_json(text.as_bytes()).unwrap_or_else(|faults| panic!("{faults}"))
    }

    /// Gives a signal to a target.
    pub(crate) async fn signal(&self, key: &str, target: &str, what: &str) -> Report {
        self.rig.fleet().signal(self.read(&self.written(key, target, what))).await.unwrap()
    }

    pub(crate) fn distributor(&self) -> &Distributor {
        self.rig.fleet().distributor()
    }

    /// What is known of a signal now.
    pub(crate) async fn report(&self, key: &str) -> Option<Report> {
        self.rig.fleet().report(&ClientTradeId::new(key).unwrap()).await.unwrap()
    }

    /// Its report once nothing more will be learnt, within so many seconds.
    pub(crate) async fn settled(&self, key: &str, secs: u64) -> Report {
        self.reaches(key, secs, Report::is_settled).await
    }

    pub(crate) async fn reaches(&self, key: &str, secs: u64, so: impl Fn(&Report) -> bool) -> Report {
        let began = self.rig.now();
        loop {
            let report = self.report(key).await.expect("it is known");
            if so(&report) {
                return report;
            }
            let waited = self.rig.now().since(began);
            assert!(waited <= Span::from_secs(secs), "not after {waited}: {report}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What becomes of the next requests of an account.
    pub(crate) fn fates(&self, number: u32, fates: &[Fate]) {
        self.rig.gateways.floor(&id(number), |floor| floor.fates.extend(fates.iter().copied()));
    }

    /// The positions of an account.
    pub(crate) fn positions(&self, number: u32) -> Vec<String> {
        let open = |open: &warden_bridge::OpenPosition| format!("{} {}", open.side, open.volume);
        self.rig.gateways.floor(&id(number), |floor| floor.positions.iter().map(open).collect())
    }

    /// Orders that reached an account's gateway.
    pub(crate) fn sent(&self, number: u32) -> usize {
        self.rig.gateways.moments(&id(number), "order").len()
    }

    /// No send of any account was executed twice.
    pub(crate) fn assert_once(&self) {
        for instance in self.rig.ids() {
            let executed = self.rig.gateways.floor(&instance, |floor| floor.executed.clone());
            assert!(executed.values().all(|times| *times == 1), "{instance}: {executed:?}");
        }
    }
}

/// The outcomes of a report, in the order of its lines.
pub(crate) fn kinds(report: &Report) -> Vec<OutcomeKind> {
    report.lines.iter().map(warden_distribution::Line::kind).collect()
}

/// The outcome of an account.
pub(crate) fn outcome(report: &Report, number: u32) -> Outcome {
    let instance: InstanceId = id(number);
    let mut lines = report.lines.iter().filter(|line| line.instance == instance);
    lines.next().unwrap_or_else(|| panic!("no line of {instance}: {report}")).outcome
}
