//! What is asked of a fleet about signals and trades.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::{mpsc, oneshot};
use warden_distribution::{Faults, Line, Params, Refusal, Report, Signal, Target};
use warden_domain::{ClientTradeId, InstanceId, Magic};
use warden_policy::trade::Decision;
use warden_store::JournalError;
use warden_telemetry::{Registry, metrics};

use super::{DecideError, HaltError, Scope, SignalError, TradeView, journal};
use crate::{
    Clock,
    shard::{Arrived, Fate, Internal, Request, Shared},
};

/// The way into a fleet for signals, halts and a person's word on a trade. Clones are cheap and share the fleet; they
/// answer that it has ended once it has.
#[derive(Clone)]
pub struct Distributor(Arc<Inner>);

struct Inner {
    shards: Vec<mpsc::Sender<Internal>>,
    of_instance: Arc<HashMap<InstanceId, usize>>,
    /// The members of each group.
    groups: HashMap<String, Vec<InstanceId>>,
    shared: Shared,
}

impl Distributor {
    pub(crate) fn new(
        shards: &[mpsc::Sender<Internal>],
        of_instance: Arc<HashMap<InstanceId, usize>>,
        groups: HashMap<String, Vec<InstanceId>>,
        shared: &Shared,
    ) -> Self {
        Self(Arc::new(Inner { shards: shards.to_vec(), of_instance, groups, shared: shared.clone() }))
    }

    /// Reads a signal from JSON, as the fleet is configured; see [`Signal::from_json`].
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read_json(&self, text: &[u8]) -> Result<Signal, Faults> {
        Signal::from_json(text, self.0.shared.params.signal.valid_for, self.params())
    }

    /// Reads a signal from the fields of a stream entry, as the fleet is configured; see [`Signal::from_entry`].
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read_entry<F: AsRef<[u8]>, V: AsRef<[u8]>>(&self, entry: &[(F, V)]) -> Result<Signal, Faults> {
        Signal::from_entry(entry, self.0.shared.params.signal.valid_for, self.params())
    }

    /// The numbers of distribution.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.0.shared.options.distribution.params
    }

    pub(super) fn shards(&self) -> &[mpsc::Sender<Internal>] {
        &self.0.shards
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        self.0.shared.clock.as_ref()
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.0.shared.meters.registry
    }

    /// Gives a signal to every account it is for; answers when everything that they accepted is durable.
    ///
    /// The same signal may be given again at any time, such as after a lost answer: what an account has accepted it does not
    /// accept twice (TRD-4). The report says how things stand now; [`report`](Self::report) says how they go on.
    ///
    /// # Errors
    /// When it cannot be a signal, is for nobody, or the fleet has ended. An account that does not take part is no error: the
    /// report says why. One whose shard has too much to do is [busy](Refusal::Busy), and nothing was noted for it.
    pub async fn signal(&self, signal: Signal) -> Result<Report, SignalError> {
        self.give(signal)?.answer().await
    }

    /// Gives a signal to the shards without waiting for them: signals that are given one after the other are carried out in
    /// this order on every account.
    pub(super) fn give(&self, signal: Signal) -> Result<Given, SignalError> {
        let signal = signal.checked(self.params()).map_err(SignalError::Faulty)?;
        self.nobody(&signal.target)?;
        let mut report = Report::resumed(signal.key.clone(), self.0.shared.clock.now());
        report.source = Some(signal.source.clone());
        self.add_strangers(&signal.target, &mut report);
        let signal = Arc::new(signal);
        let mut given = Given { distributor: self.clone(), report, asked: Vec::new(), busy: false };
        for (shard, to_shard) in self.0.shards.iter().enumerate() {
            let concerned = self.members(shard, &signal.target).next().is_some();
            let (answer, answered) = oneshot::channel();
            // One shard keeps their lines for later reports.
            let strangers = if shard == 0 { strangers(&given.report) } else { Vec::new() };
            let request = Request::Signal { signal: Arc::clone(&signal), strangers, answer };
            let request = Internal::Signals(request);
            match to_shard.try_send(request) {
                Ok(()) if concerned => given.asked.push(answered),
                Err(mpsc::error::TrySendError::Full(_)) if concerned => {
                    given.busy = true;
                    self.add_busy(shard, &signal.target, &mut given.report);
                }
                // The others only note the key; nobody waits for that.
                Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => {}
                Err(mpsc::error::TrySendError::Closed(_)) => return Err(SignalError::Ended),
            }
        }
        Ok(given)
    }

    /// What became of the signal with this key, as far as it is known now: of the last 24 h; `None` when nothing is known.
    ///
    /// # Errors
    /// When the journal cannot be read, which is asked for what the shards do not remember.
    pub async fn report(&self, key: &ClientTradeId) -> Result<Option<Report>, JournalError> {
        let reports = self.ask_all(|answer| Request::Report(key.clone(), answer)).await;
        let mut known: Option<Report> = None;
        for report in reports.into_iter().flatten() {
            match &mut known {
                Some(known) => known.merge(report),
                None => known = Some(report),
            }
        }
        journal::completed(known, key, &self.0.shared).await
    }

    /// The trades that have not ended: of one instance, or of all, in the order of instances and tags.
    pub async fn trades(&self, instance: Option<&InstanceId>) -> Vec<TradeView> {
        let views = self.ask_all(|answer| Request::Trades(instance.cloned(), answer)).await;
        let mut views: Vec<TradeView> = views.into_iter().flatten().collect();
        views.sort_by(|one, other| (&one.instance, one.tag).cmp(&(&other.instance, other.tag)));
        views
    }

    /// Shuts the gate of these instances until a person lets them go on: no order leaves any more, and what was not sent
    /// is withdrawn. Durable when it answers, with the instances that are halted; each shard makes it durable in one commit.
    ///
    /// # Errors
    /// When there is no such instance, another supervisor has one of them, or the fleet has ended.
    pub async fn halt(&self, scope: Scope) -> Result<Vec<InstanceId>, HaltError> {
        self.set_halted(scope, true).await
    }

    /// Lets halted instances go on.
    ///
    /// # Errors
    /// As [`halt`](Self::halt).
    pub async fn resume(&self, scope: Scope) -> Result<Vec<InstanceId>, HaltError> {
        self.set_halted(scope, false).await
    }

    /// Takes a person's word on what looks like a trade at the broker; durable when it answers.
    ///
    /// # Errors
    /// When there is no such trade, nothing looks like it, or the fleet has ended.
    pub async fn decide(
        &self,
        instance: &InstanceId,
        trade: Magic,
        decision: Decision,
    ) -> Result<(), DecideError> {
        let shard = self.0.of_instance.get(instance).ok_or_else(|| DecideError::Unknown(instance.clone()))?;
        let (answer, answered) = oneshot::channel();
        let request = Request::Decide { instance: instance.clone(), trade, decision, answer };
        let sent = self.0.shards[*shard].send(Internal::Signals(request)).await;
        sent.map_err(|_| DecideError::Ended)?;
        answered.await.map_err(|_| DecideError::Ended)?
    }

    async fn set_halted(&self, scope: Scope, halts: bool) -> Result<Vec<InstanceId>, HaltError> {
        let answers = self.ask_all(|answer| Request::Halt { scope: scope.clone(), halts, answer }).await;
        if answers.len() < self.0.shards.len() {
            return Err(HaltError::Ended);
        }
        let (done, elsewhere): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
        let mut done: Vec<InstanceId> = done.into_iter().flatten().collect();
        if let Some(instance) = elsewhere.into_iter().flatten().min() {
            return Err(HaltError::Elsewhere { instance, done: done.len() });
        }
        if done.is_empty() {
            return Err(HaltError::Nobody(scope));
        }
        done.sort();
        Ok(done)
    }

    /// Asks every shard at once, so that none waits for another; the answers of those that have not ended.
    async fn ask_all<T>(&self, request: impl Fn(oneshot::Sender<T>) -> Request) -> Vec<T> {
        let mut asked = Vec::with_capacity(self.0.shards.len());
        for to_shard in &self.0.shards {
            let (answer, answered) = oneshot::channel();
            let request = Internal::Signals(request(answer));
            match to_shard.try_send(request) {
                Ok(()) => asked.push(answered),
                Err(mpsc::error::TrySendError::Full(request)) => {
                    // It waits in line without holding the others up.
                    let to_shard = to_shard.clone();
                    tokio::spawn(async move { to_shard.send(request).await });
                    asked.push(answered);
                }
                Err(mpsc::error::TrySendError::Closed(_)) => {}
            }
        }
        let mut answers = Vec::with_capacity(asked.len());
        for answered in asked {
            answers.extend(answered.await.ok());
        }
        answers
    }

    fn nobody(&self, target: &Target) -> Result<(), SignalError> {
        match target {
            Target::Group(group) if !self.0.groups.contains_key(group.as_str()) => {
                Err(SignalError::Nobody(group.clone()))
            }
            Target::Instance(_) | Target::List(_) | Target::Group(_) => Ok(()),
        }
    }

    /// The instances of a target that a shard has.
    fn members<'a>(&'a self, shard: usize, target: &'a Target) -> impl Iterator<Item = &'a InstanceId> {
        let named: &[InstanceId] = match target {
            Target::Instance(instance) => std::slice::from_ref(instance),
            Target::List(list) => list,
            Target::Group(group) => self.0.groups.get(group.as_str()).map(Vec::as_slice).unwrap_or_default(),
        };
        named.iter().filter(move |instance| self.0.of_instance.get(*instance) == Some(&shard))
    }

    fn add_busy(&self, shard: usize, target: &Target, report: &mut Report) {
        for instance in self.members(shard, target) {
            report.add(Line::refused(instance.clone(), Refusal::Busy));
        }
    }

    fn add_strangers(&self, target: &Target, report: &mut Report) {
        let named: &[InstanceId] = match target {
            Target::Instance(instance) => std::slice::from_ref(instance),
            Target::List(list) => list,
            Target::Group(_) => &[],
        };
        for instance in named.iter().filter(|instance| !self.0.of_instance.contains_key(*instance)) {
            report.add(Line::refused(instance.clone(), Refusal::NoSuchInstance));
        }
    }

    fn count(&self, fate: Fate) {
        let outcome = match fate {
            Fate::Accepted => "accepted",
            Fate::Known => "repeated",
            Fate::Refused | Fate::Elsewhere => "refused",
        };
        self.registry().series(&metrics::SIGNALS, [outcome]).add(1);
    }
}

/// The instances that a report refuses because nobody knows them.
fn strangers(report: &Report) -> Vec<InstanceId> {
    let strangers =
        report.lines.iter().filter(|line| line.outcome.refusal() == Some(Refusal::NoSuchInstance));
    strangers.map(|line| line.instance.clone()).collect()
}

/// A signal that was given to the shards.
pub(super) struct Given {
    distributor: Distributor,
    /// Of what no shard was asked about.
    report: Report,
    asked: Vec<oneshot::Receiver<Arrived>>,
    busy: bool,
}

impl Given {
    /// Whether a shard had too much to do: the same signal is to be given again.
    pub(super) const fn is_busy(&self) -> bool {
        self.busy
    }

    /// The report, once everything that was accepted is durable.
    pub(super) async fn answer(self) -> Result<Report, SignalError> {
        let Self { distributor, mut report, asked, busy: _ } = self;
        let mut fate = Fate::Elsewhere;
        for answered in asked {
            let arrived = answered.await.map_err(|_| SignalError::Ended)?;
            fate = fate.min(arrived.fate);
            if !arrived.report.lines.is_empty() {
                report.merge(arrived.report);
            }
        }
        distributor.count(fate);
        Ok(report)
    }
}
