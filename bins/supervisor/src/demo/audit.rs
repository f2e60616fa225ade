use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, atomic::Ordering},
};

use anyhow::{Context as _, Error};
use warden_bridge_sim::LedgerEntry;
use warden_domain::{FailureReason, IncidentKind, InstanceId, Span, Status};
use warden_policy::{Instance, decode_step};
use warden_store::{HotState as _, Journal as _, Row};
use warden_supervisor::{Stats, View};

use super::{
    judge,
    ledger::{self, Trades},
    stage::Stage,
    stores,
};

/// What a demonstration left behind, read back from where it was stored.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    pub(crate) instances: usize,
    pub(crate) by_status: BTreeMap<Status, u64>,
    pub(crate) opened: BTreeMap<IncidentKind, u64>,
    pub(crate) recovered: BTreeMap<IncidentKind, u64>,
    pub(crate) stopped: BTreeMap<FailureReason, u64>,
    pub(crate) transitions: u64,
    pub(crate) commits: u64,
    pub(crate) events: u64,
    pub(crate) commands: u64,
    pub(crate) notifications: u64,
    pub(crate) broker_incidents: u64,
    pub(crate) faults: u64,
    /// Steps of instances in the journal that belong to the demonstration.
    pub(crate) rows: u64,
    /// Steps of trades in the journal that belong to the demonstration.
    pub(crate) trade_rows: u64,
    /// Signals that were given.
    pub(crate) signals: u64,
    /// Trades that were accepted.
    pub(crate) trades: u64,
    /// What the brokers' own ledger says of orders.
    pub(crate) ledger: warden_bridge_sim::Audit,
    /// Rows of the demonstration that the history holds.
    pub(crate) history_rows: u64,
    /// How long incidents took to recover, as the history answers.
    pub(crate) medians: BTreeMap<IncidentKind, Span>,
    /// Steps that were decided and are not in the journal, and missing versions.
    pub(crate) lost: u64,
    /// Who says something else than the journal or the simulated world, in words.
    pub(crate) mismatches: Vec<String>,
}

/// What the journal holds.
struct ReadBack {
    /// The newest state of each instance.
    instances: HashMap<InstanceId, (u64, Instance)>,
    /// The newest version of every trade, by whose it is and its tag.
    trades: Trades,
}

/// Rows read at once.
const PAGE: u32 = 10_000;

impl Audit {
    /// Brings the stage to rest, drains the supervisor, and compares what everybody says.
    pub(crate) async fn of(stage: Stage) -> Result<Self, Error> {
        let views = stage.come_to_rest().await;
        let mut audit =
            Self { instances: views.len(), mismatches: stage.disagreeing(&views).await, ..Self::default() };
        audit.signals = stage.trader.stop();
        let (faults, ledger) = stage.simulated.with_world(|world, _| (world.faults_begun(), world.audit()));
        (audit.faults, audit.ledger) = (faults, ledger);
        let Stage {
            fleet,
            journal,
            hot,
            accounts,
            history,
            export,
            first_seq,
            temporary,
            simulated,
            accounts_of,
            ..
        } = stage;
        let stats = Arc::clone(fleet.stats());
        fleet.drain().await.context("the supervisor did not end in order")?;
        audit.count(&stats, &views);
        let ids: Vec<InstanceId> = views.iter().map(|view| view.instance.clone()).collect();
        let stored = hot.load(&ids).await?;
        let mut read = audit.read_back(journal.as_ref(), first_seq).await?;
        let latest = std::mem::take(&mut read.instances);
        audit.trades = read.trades.len() as u64;
        audit.mismatches.extend(simulated.with_world(|world, _| {
            let of = |entry: &LedgerEntry| accounts_of.get(&(entry.server.clone(), entry.login)).cloned();
            ledger::unknown_deals(world, &read.trades, &of)
        }));
        audit.executed_once();
        audit.mismatches.extend(ledger::hot_against_journal(&hot, &read.trades, &latest));
        for (view, stored) in views.iter().zip(&stored) {
            audit.compare(view, stored, latest.get(&view.instance));
        }
        export.wait_caught_up().await?;
        (audit.history_rows, audit.medians) = stores::asked(&history, &views, first_seq).await?;
        if audit.history_rows != audit.rows {
            let what = format!("the history holds {} of {} journal rows", audit.history_rows, audit.rows);
            audit.mismatches.push(what);
        }
        audit.mismatches.extend(stores::survivors(&accounts, &latest).await?);
        journal.close().await.context("the journal was not closed in order")?;
        drop(temporary);
        Ok(audit)
    }

    fn count(&mut self, stats: &Stats, views: &[View]) {
        for view in views {
            *self.by_status.entry(view.status).or_default() += 1;
        }
        self.opened = stats.incidents_opened();
        self.recovered = stats.incidents_recovered();
        for (counter, into) in [
            (&stats.transitions, &mut self.transitions),
            (&stats.commits, &mut self.commits),
            (&stats.events, &mut self.events),
            (&stats.commands, &mut self.commands),
            (&stats.notifications, &mut self.notifications),
            (&stats.broker_incidents, &mut self.broker_incidents),
        ] {
            *into = counter.load(Ordering::Relaxed);
        }
    }

    /// Reads every row of the demonstration, counts what is missing, and answers the newest state of each instance.
    async fn read_back(
        &mut self,
        journal: &dyn warden_store::Journal,
        first_seq: u64,
    ) -> Result<ReadBack, Error> {
        let mut newest: HashMap<InstanceId, Row> = HashMap::new();
        let mut trades = Trades::new();
        let (mut after, mut gaps) = (first_seq, 0);
        loop {
            let rows = journal.read(after, PAGE).await.context("the journal cannot be read back")?;
            let Some(last) = rows.last() else { break };
            after = last.seq;
            for row in rows {
                if let Some(mark) = &row.trade {
                    self.trade_rows += 1;
                    let key = (row.instance.clone(), mark.magic.number());
                    if let Some(before) = trades.insert(key, row.version.0) {
                        gaps += row.version.0.abs_diff(before + 1);
                    }
                    continue;
                }
                self.rows += 1;
                let version = row.version.0;
                if let Some(before) = newest.insert(row.instance.clone(), row) {
                    gaps += version.abs_diff(before.version.0 + 1);
                }
            }
        }
        self.lost = self.transitions.abs_diff(self.rows + self.trade_rows) + gaps;
        let decoded = newest.into_iter().map(|(id, row)| {
            let step = decode_step(&row.payload)
                .with_context(|| format!("row {} of {id} cannot be read", row.seq))?;
            Ok((id, (row.version.0, step.state)))
        });
        Ok(ReadBack { instances: decoded.collect::<Result<_, Error>>()?, trades })
    }

    /// No intent was executed more than once; what a trade server did twice by itself is closed again by a rule.
    fn executed_once(&mut self) {
        if !self.ledger.is_clean() {
            let tags: Vec<String> = self.ledger.duplicates.iter().map(u64::to_string).collect();
            self.mismatches.push(format!("executed more than once: {}", tags.join(", ")));
        }
    }

    fn compare(&mut self, view: &View, stored: &warden_store::Stored, journalled: Option<&(u64, Instance)>) {
        let Some((version, state)) = journalled else {
            self.mismatches.push(format!("{}: the journal holds nothing of it", view.instance));
            return;
        };
        self.mismatches.extend(judge::against_journal(view, *version, state));
        self.mismatches.extend(judge::hot_against_journal(&view.instance, stored, *version, state));
        if let Some(reason) = judge::stopped_for(state) {
            *self.stopped.entry(reason).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use warden_domain::{Epoch, OpId, Timestamp, Version};
    use warden_policy::{Effects, Event, encode_step};
    use warden_store::{Journal as _, Record, memory::MemoryJournal};

    use super::*;

    fn record(instance: &str, version: u64) -> Record {
        let mut payload = Vec::new();
        encode_step(&Event::Start, &Effects::default(), &Instance::new(1), "", &mut payload);
        Record {
            instance: InstanceId::new(instance).unwrap(),
            trade: None,
            epoch: Epoch(1),
            version: Version(version),
            op: OpId(version),
            at: Timestamp::from_millis(0),
            kind: "START",
            rule: "",
            payload,
        }
    }

    async fn lost(transitions: u64, journalled: &[(&str, u64)], skip: u64) -> u64 {
        let journal = MemoryJournal::new();
        journal.append(journalled.iter().map(|(id, version)| record(id, *version)).collect()).await.unwrap();
        let mut audit = Audit { transitions, ..Audit::default() };
        audit.read_back(&journal, skip).await.unwrap();
        audit.lost
    }

    #[tokio::test]
    async fn a_decision_without_a_row_and_a_missing_version_are_lost() {
        let whole = [("a", 1), ("b", 1), ("a", 2), ("b", 2), ("a", 3)];
        assert_eq!(lost(5, &whole, 0).await, 0);
        assert_eq!(lost(6, &whole, 0).await, 1, "one decision has no row");
        assert_eq!(
            lost(4, &[("a", 1), ("b", 1), ("a", 2), ("a", 5)], 0).await,
            2,
            "versions 3 and 4 are missing"
        );
        assert_eq!(lost(2, &[("a", 1), ("a", 1)], 0).await, 1, "a version came twice");
        assert_eq!(lost(3, &whole, 2).await, 0, "rows of before do not count");
    }
}
