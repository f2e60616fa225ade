//! A shard: a slab of instances, one wheel of deadlines, and the write path.
//!
//! What waits is taken as one batch: every event is stepped, all steps are committed in one journal transaction, all
//! states are written to the hot-state store in one round trip, then the effects are carried out. An idle shard answers
//! at once and a storm is cheap.

mod act;
mod admission;
mod batch;
mod before;
mod credentials;
mod ending;
mod leases;
mod project;
mod servers;
mod signals;
mod slot;
pub(crate) mod trading;
mod translate;
mod verify;
mod wishes;
mod work;

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rustc_hash::FxHashMap;
use tokio::{
    sync::{broadcast, mpsc, oneshot},
    task::JoinSet,
};
use tracing::warn;
use warden_bridge::{Inbound, Mt5Bridge};
use warden_domain::{InstanceId, Lots, Magic, OpId, Rule, Timestamp};
use warden_policy::{
    Effects, Event, Params, Stepped,
    broker::{BrokerEffect, Member},
    encode_step,
    network::StateStore,
    step,
    trade::{TradeEffects, TradeEvent},
};
use warden_store::{Accounts, HotState, Journal, Record, SignalKey};

use self::{
    batch::{Answer, Batch},
    before::Before,
    credentials::Fetch,
    work::{Work, Worked},
};
pub(crate) use self::{
    ending::Ending,
    servers::{Server, Standing, cut_off_since},
    signals::{Arrived, Fate, Recovered, Request, Signals},
    slot::{Slot, StoredAs},
    trading::Known as KnownTrade,
};
use crate::{
    Clock, Decision, FleetError, Options, Ownership, Stats, View, Wheel, Wish, WishError,
    meters::{Change, Meters},
    view,
};

/// What reaches a shard from within the supervisor.
pub(crate) enum Internal {
    /// A person wishes something.
    Wish { instance: InstanceId, wish: Wish, answer: oneshot::Sender<Result<(), WishError>> },
    /// Somebody wants to see the instances.
    Views(oneshot::Sender<Vec<View>>),
    /// A signal, or a question about signals and trades.
    Signals(signals::Request),
    /// Finish and end.
    Drain,
}

/// The ports and settings that all shards share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) params: Arc<Params>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) hot: Arc<dyn HotState>,
    pub(crate) accounts: Arc<dyn Accounts>,
    pub(crate) bridge: Arc<dyn Mt5Bridge>,
    pub(crate) ownership: Arc<Ownership>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) meters: Arc<Meters>,
    pub(crate) feed: broadcast::Sender<Decision>,
    pub(crate) options: Options,
    /// The fleet is being drained: what cannot be made durable now is given up.
    pub(crate) ending: Arc<AtomicBool>,
}

/// The worker.
pub(crate) struct Shard {
    shared: Shared,
    slots: Vec<Slot>,
    index_of: FxHashMap<InstanceId, u32>,
    servers: Vec<Server>,
    wheel: Wheel,
    store: StateStore,
    renew_at: Timestamp,
    /// The first instance of the next turn of renewals.
    renew_from: usize,
    /// The first instance whose stored state is looked at next.
    verify_from: usize,
    inbound: Option<mpsc::Receiver<Inbound>>,
    internal: mpsc::Receiver<Internal>,
    /// What is under way at a store, one thing for an instance at most; and waits for another attempt.
    tasks: JoinSet<Vec<(u32, Worked)>>,
    /// The logins of this turn that need credentials.
    fetches: Vec<Fetch>,
    /// The instances with something under way, and what waits for its end.
    working: FxHashMap<u32, VecDeque<Work>>,
    next_op: OpId,
    /// Events that follow from steps of this shard; taken before anything new.
    follow_ups: VecDeque<(u32, Event, String)>,
    signals: Signals,
    /// The signal that repeats the key of a trade which is being stepped (TRD-4).
    repeating: Option<SignalKey>,
    /// When to end at the latest, once it is drained.
    ending_at: Option<Timestamp>,
    /// Trades that are given a tick: what they wait for may be there.
    trade_ticks: VecDeque<(u32, Magic)>,
    /// Events for trades that follow from this shard's own doing; taken before anything new.
    trade_events: VecDeque<(u32, Magic, TradeEvent)>,
    batch: Batch,
    fx: Effects,
    trade_fx: TradeEffects,
    /// What the trade that is being stepped had filled before.
    filled_before: Lots,
}

/// What woke a shard up.
#[derive(Default)]
struct Woken {
    inbox: Vec<Inbound>,
    mail: Vec<Internal>,
    worked: Vec<(u32, Worked)>,
}

/// What a shard starts with.
pub(crate) struct Start {
    pub(crate) slots: Vec<Slot>,
    pub(crate) servers: Vec<Server>,
    pub(crate) store: StateStore,
    pub(crate) first_events: Vec<(u32, Event)>,
    pub(crate) inbound: mpsc::Receiver<Inbound>,
    pub(crate) internal: mpsc::Receiver<Internal>,
    pub(crate) first_op: OpId,
    pub(crate) signals: Signals,
}

impl Shard {
    pub(crate) fn new(shared: Shared, start: Start) -> Self {
        let now = shared.clock.now();
        let index_of = start.slots.iter().zip(0..).map(|(slot, index)| (slot.id.clone(), index)).collect();
        let mut shard = Self {
            renew_at: now.after(shared.options.lease_renew),
            renew_from: 0,
            verify_from: 0,
            wheel: Wheel::new(now),
            index_of,
            slots: start.slots,
            servers: start.servers,
            store: start.store,
            inbound: Some(start.inbound),
            internal: start.internal,
            tasks: JoinSet::new(),
            fetches: Vec::new(),
            working: FxHashMap::default(),
            next_op: start.first_op,
            follow_ups: start
                .first_events
                .into_iter()
                .map(|(index, event)| (index, event, String::new()))
                .collect(),
            signals: start.signals,
            repeating: None,
            ending_at: None,
            trade_ticks: VecDeque::new(),
            trade_events: VecDeque::new(),
            batch: Batch::default(),
            fx: Effects::default(),
            trade_fx: TradeEffects::default(),
            filled_before: Lots::ZERO,
            shared,
        };
        for at in 0..shard.slots.len() {
            let index = u32::try_from(at).expect("a shard holds fewer than 2^31 instances");
            shard.shared.meters.begin(&shard.slots[at]);
            shard.rearm(index);
            shard.resume_trades(index);
        }
        shard.begin_signals();
        for server in shard.servers.iter().filter(|server| server.broker.open_since().is_some()) {
            shard.shared.meters.broker_incident(&server.name, true);
        }
        shard
    }

    /// Works until it is drained.
    ///
    /// # Errors
    /// When the journal closed under it: nothing can be decided durably any more.
    pub(crate) async fn run(mut self) -> Result<(), FleetError> {
        let (mut woken, mut due) = (Woken::default(), Vec::new());
        self.catch_up().await;
        self.record_endings();
        loop {
            if !self.has_follow_ups() {
                if self.ending_at.is_some_and(|at| self.tasks.is_empty() || self.now() >= at) {
                    self.release_leases().await;
                    return Ok(());
                }
                self.wait(&mut woken).await;
            }
            self.shared.stats.turns.fetch_add(1, Ordering::Relaxed);
            let now = self.now();
            self.keep_leases(now).await;
            self.probe_store(now).await;
            // What the stores took their time for has not made the deadlines any shorter.
            let now = self.now();
            self.take(&mut woken, now);
            for _ in 0..self.shared.options.batch {
                let Some((index, event, detail)) = self.follow_ups.pop_front() else { break };
                self.step(index, &event, &detail, now);
            }
            if self.follow_ups.is_empty() {
                // A start, and the end of a broker incident, have one for every instance.
                self.follow_ups.shrink_to(self.shared.options.batch);
            }
            self.wheel.take_due(now, self.shared.options.batch, &mut due);
            self.tick(&mut due, now).await;
            self.settle_trades(now);
            self.carry_out(now).await?;
            self.fetch_credentials();
        }
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Whether something follows from what was done already: it comes before anything new.
    fn has_follow_ups(&self) -> bool {
        !(self.follow_ups.is_empty() && self.trade_ticks.is_empty() && self.trade_events.is_empty())
    }

    /// Waits for something to do, and takes what is there.
    async fn wait(&mut self, woken: &mut Woken) {
        let most = self.shared.options.batch;
        let sleep = tokio::time::sleep(self.until_next());
        let inbound = async {
            match &mut self.inbound {
                Some(inbound) => inbound.recv_many(&mut woken.inbox, most).await,
                None => std::future::pending().await,
            }
        };
        let worked = async {
            match self.tasks.join_next().await {
                Some(worked) => worked,
                None => std::future::pending().await,
            }
        };
        // In a fixed order, so that the same world gives the same run. None of them starves: whatever woke the shard up, it
        // takes what all of them have before it decides, and the deadlines with it.
        tokio::select! {
            biased;
            taken = inbound => {
                if taken == 0 {
                    self.inbound = None;
                }
            }
            taken = self.internal.recv_many(&mut woken.mail, most) => {
                if taken == 0 {
                    // Nobody is left who could ask for anything.
                    self.ending_at.get_or_insert(self.shared.clock.now());
                }
            }
            worked = worked => woken.worked.extend(work::ended(worked)),
            () = sleep => {}
        }
        while woken.mail.len() < most {
            let Ok(message) = self.internal.try_recv() else { break };
            woken.mail.push(message);
        }
        while let Some(worked) = self.tasks.try_join_next() {
            woken.worked.extend(work::ended(worked));
        }
        if let Some(inbound) = &mut self.inbound {
            while woken.inbox.len() < most {
                let Ok(message) = inbound.try_recv() else { break };
                woken.inbox.push(message);
            }
        }
    }

    fn until_next(&self) -> Duration {
        let deadlines = [Some(self.renew_at), self.wheel.next(), self.store.next_deadline(), self.ending_at];
        let first = deadlines.into_iter().flatten().min().unwrap_or(self.renew_at);
        self.shared.clock.until(first)
    }

    /// Takes in what came while the shard waited.
    fn take(&mut self, woken: &mut Woken, now: Timestamp) {
        for (index, worked) in woken.worked.drain(..) {
            self.worked(index, worked);
        }
        for message in woken.mail.drain(..) {
            self.take_mail(message, now);
        }
        for message in woken.inbox.drain(..) {
            self.take_inbound(message, now);
        }
    }

    fn take_mail(&mut self, message: Internal, now: Timestamp) {
        match message {
            Internal::Wish { instance, wish, answer } => {
                let done = self.wish(&instance, wish, now);
                self.batch.answers.push(Answer::Wish(answer, instance, done));
            }
            Internal::Views(answer) => self.batch.answers.push(Answer::Views(answer)),
            Internal::Signals(request) => {
                let told = self.take_request(request, now);
                self.batch.answers.push(Answer::Signals(told));
            }
            Internal::Drain => {
                self.ending_at.get_or_insert(now.after(self.shared.options.lease_renew));
            }
        }
    }

    fn take_inbound(&mut self, inbound: Inbound, now: Timestamp) {
        let id = match &inbound {
            Inbound::Up { instance, .. }
            | Inbound::Down { instance }
            | Inbound::Report { instance, .. }
            | Inbound::Market { instance, .. } => instance,
            Inbound::Finished(finished) => &finished.instance,
        };
        let Some(&index) = self.index_of.get(id) else {
            self.shared.stats.strangers.fetch_add(1, Ordering::Relaxed);
            self.shared.meters.strangers.add(1);
            return;
        };
        match inbound {
            Inbound::Market { market, .. } => self.take_market(index, *market, now),
            Inbound::Finished(finished) if trading::is_for_trades(finished.id.0) => {
                self.take_trade_answer(index, &finished, now);
            }
            Inbound::Finished(finished) => {
                if let Some(finished) = self.keep_back(index, finished, now) {
                    self.take_event(index, Inbound::Finished(finished), now);
                }
            }
            said @ (Inbound::Up { .. } | Inbound::Down { .. } | Inbound::Report { .. }) => {
                self.take_event(index, said, now);
            }
        }
    }

    /// Gives the instance machine what a gateway says.
    fn take_event(&mut self, index: u32, said: Inbound, now: Timestamp) {
        let slot = &mut self.slots[index as usize];
        if let Some((event, detail)) = translate::event(said, slot, now, &self.shared.params) {
            self.step(index, &event, &detail, now);
        }
    }

    /// Decides: the only place where a state changes.
    fn step(&mut self, index: u32, event: &Event, detail: &str, now: Timestamp) {
        let slot = &mut self.slots[index as usize];
        if !slot.is_ours() {
            return;
        }
        self.batch.events += 1;
        let before = Before::of(slot);
        let stepped = step(&mut slot.state, event, now, &self.shared.params, &mut self.fx);
        // A state that was taken over from the hot-state store is journalled, whatever the first event makes of it.
        if stepped == Stepped::Changed || std::mem::take(&mut slot.taken_over) {
            self.slots[index as usize].taken_over = false;
            self.record(index, event, detail, &before, now);
            self.trades_follow(index, event, before.surroundings, now);
        }
        self.rearm(index);
    }

    /// Takes a decided step into the batch.
    fn record(&mut self, index: u32, event: &Event, detail: &str, before: &Before, now: Timestamp) {
        let slot = &mut self.slots[index as usize];
        slot.version = slot.version.next();
        slot.op = self.next_op;
        self.next_op = self.next_op.next();
        let mut payload = Vec::with_capacity(256);
        encode_step(event, &self.fx, &slot.state, detail, &mut payload);
        self.batch.records.push(Record {
            instance: slot.id.clone(),
            trade: None,
            epoch: slot.epoch,
            version: slot.version,
            op: slot.op,
            at: now,
            kind: event.kind(),
            rule: self.fx.rule().map_or("", Rule::as_str),
            payload,
        });
        if !std::mem::replace(&mut slot.dirty, true) {
            self.batch.dirty.push(index);
        }
        self.batch.effects.extend(self.fx.list().iter().map(|(rule, effect)| (index, *rule, *effect)));
        if slot.ending.follow(slot.state.absorbing(), now) {
            self.batch.endings.push(index);
        }
        before.count(&slot.state, &self.shared.stats);
        self.note_change(index, before);
        let slot = &self.slots[index as usize];
        let server = &mut self.servers[slot.server_index as usize];
        let starts = matches!(event, Event::Resume);
        let effects = server.follow(index, before.standing, &slot.state, starts, now, &self.shared.params);
        self.broker_effects(slot.server_index, effects);
        if self.shared.feed.receiver_count() > 0 {
            self.tell(index, event, detail, before, now);
        }
    }

    /// What a step changed of the fleet's figures; told when it is durable.
    fn note_change(&mut self, index: u32, before: &Before) {
        let slot = &mut self.slots[index as usize];
        let alerts = slot.state.alerts();
        let change = Change {
            index,
            status: (before.status, slot.state.status()),
            incidents: (before.open, slot.state.open_kinds()),
            alerts: (std::mem::replace(&mut slot.alerts, alerts), alerts),
            halted: (before.halted, slot.state.is_halted()),
        };
        if !change.is_empty() {
            self.batch.changes.push(change);
        }
    }

    /// Carries out what a trade server's machine wants (BRK-5).
    fn broker_effects(&mut self, server: u32, effects: Vec<BrokerEffect>) {
        for effect in effects {
            let name = &self.servers[server as usize].name;
            match effect {
                BrokerEffect::Opened => {
                    self.shared.stats.broker_incidents.fetch_add(1, Ordering::Relaxed);
                    self.shared.notified();
                    self.shared.meters.broker_incident(name, true);
                    warn!(server = %name, rule = "BRK-5", "many instances of the trade server fail together");
                }
                BrokerEffect::Closed => {
                    self.shared.meters.broker_incident(name, false);
                    warn!(server = %name, rule = "BRK-5", "the broker incident is over");
                }
                BrokerEffect::Hold(Member(member)) => self.follow_up(member, Event::Hold),
                BrokerEffect::Release(Member(member), after) => {
                    self.follow_up(member, Event::Release { after });
                }
            }
        }
    }

    fn tell(&mut self, index: u32, event: &Event, detail: &str, before: &Before, now: Timestamp) {
        let slot = &self.slots[index as usize];
        let decision = Decision {
            at: now,
            instance: slot.id.clone(),
            event: event.kind(),
            rule: self.fx.rule(),
            before: before.status,
            after: slot.state.status(),
            actions: self.fx.list().iter().map(|(_, effect)| view::action(*effect).to_owned()).collect(),
            detail: detail.to_owned(),
        };
        self.batch.decisions.push((index, decision));
    }

    /// Sees to it that the wheel holds the instance's next deadline.
    fn rearm(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        if let Some(next) = slot.next_wake()
            && next < slot.armed_at
        {
            slot.armed_at = next;
            self.wheel.insert(next, index);
        }
    }

    /// Another supervisor owns the instance: nothing more is decided or done for it here.
    fn let_go(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        if !slot.is_ours() {
            return;
        }
        warn!(instance = %slot.id, epoch = %slot.epoch, "another supervisor owns the instance; letting go");
        slot.stored = StoredAs::Fenced;
        self.shared.ownership.let_go(&slot.id);
        self.shared.stats.fenced.fetch_add(1, Ordering::Relaxed);
        // What of this batch was not told yet never will be: the figures leave with the last ones told.
        let told = self.batch.changes.iter().find(|change| change.index == index);
        self.shared.meters.end(slot, told);
        let server_index = slot.server_index;
        self.drop_trades(index);
        let slot = &self.slots[index as usize];
        let server = &mut self.servers[server_index as usize];
        let effects = server.lose(index, Standing::of(&slot.state));
        self.broker_effects(server_index, effects);
        self.count_backlog(index);
    }
}
