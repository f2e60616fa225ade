//! A fleet with everything around it in memory; it can be killed and started again over the same stores.

mod accounts;
mod clock;
mod floor;
mod gateways;
mod history;
mod hooks;
mod journal;
mod relay;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

pub(crate) use accounts::GatedAccounts;
pub(crate) use clock::PausedClock;
pub(crate) use floor::{Fate, Floor, lots};
pub(crate) use gateways::{Gateways, Manner, Sent};
pub(crate) use history::{Answer, AskedHistory};
pub(crate) use hooks::{Hooked, Hooks, Moment, Side};
pub(crate) use journal::FaultyJournal;
pub(crate) use relay::Relay;
use tokio::sync::mpsc;
use warden_bridge::Mt5Bridge;
use warden_domain::{
    Desired, IncidentKind, InstanceId, Login, Span, Status, Timestamp, TradeServer, Version,
};
use warden_policy::Params;
use warden_store::{
    Account, History, Journal, Password, Row,
    memory::{MemoryAccounts, MemoryHot},
};
use warden_supervisor::{Clock, Fleet, FleetError, InstanceSpec, Options, Ownership, Parts, View};

/// The instances of a test, named `i0`, `i1`, …
pub(crate) struct Rig {
    pub(crate) clock: Arc<PausedClock>,
    pub(crate) journal: Arc<FaultyJournal>,
    pub(crate) hot: MemoryHot,
    pub(crate) accounts: Arc<GatedAccounts>,
    /// Nothing is exported to it; a test puts there what it should know.
    pub(crate) history: Option<Arc<AskedHistory>>,
    /// What the stores do beside their work.
    pub(crate) hooks: Arc<Hooks>,
    pub(crate) gateways: Arc<Gateways>,
    pub(crate) params: Params,
    pub(crate) options: Options,
    pub(crate) specs: Vec<InstanceSpec>,
    pub(crate) ownership: Arc<Ownership>,
    /// A simulated world instead of the scripted gateways.
    pub(crate) relay: Option<Arc<Relay>>,
    fleet: Option<Fleet>,
}

impl Rig {
    /// So many instances of one trade server, each with an account and a gateway that is not connected yet.
    pub(crate) fn new(instances: u32) -> Self {
        let specs: Vec<InstanceSpec> = (0..instances).map(spec).collect();
        let accounts = specs.iter().map(|spec| (spec.id.clone(), account(spec)));
        let (clock, hot) = (Arc::new(PausedClock::start()), MemoryHot::default());
        let journal = Arc::new(FaultyJournal::default());
        Self {
            gateways: Arc::new(Gateways::new(&specs, clock.clone(), journal.clone(), hot.clone())),
            accounts: Arc::new(GatedAccounts::new(MemoryAccounts::new(accounts).unwrap())),
            history: Some(Arc::default()),
            hooks: Arc::default(),
            clock,
            journal,
            hot,
            params: without_jitter(),
            options: Options { owner: "me".to_owned(), ..Options::default() },
            specs,
            ownership: Arc::default(),
            relay: None,
            fleet: None,
        }
    }

    /// Starts a fleet over the stores as they are; no gateway is connected.
    pub(crate) async fn start(&mut self) {
        self.try_start().await.unwrap();
    }

    pub(crate) async fn try_start(&mut self) -> Result<(), FleetError> {
        assert!(self.fleet.is_none(), "the fleet runs already");
        let (to_fleet, inbound) = mpsc::channel(1_024);
        let bridge: Arc<dyn Mt5Bridge> = match &self.relay {
            Some(relay) => {
                relay.serve(to_fleet);
                relay.clone()
            }
            None => {
                self.gateways.serve(to_fleet);
                self.gateways.clone()
            }
        };
        self.ownership = Arc::default();
        let parts = Parts {
            instances: self.specs.clone(),
            params: Arc::new(self.params.clone()),
            journal: Arc::new(self.hooked(self.journal.clone())),
            hot: Arc::new(self.hooked(self.hot.clone())),
            accounts: Arc::new(self.hooked(self.accounts.clone())),
            history: self.history.clone().map(|history| history as Arc<dyn History>),
            bridge,
            inbound,
            ownership: self.ownership.clone(),
            clock: self.clock.clone(),
            options: self.options.clone(),
        };
        self.fleet = Some(Fleet::start(parts).await?);
        settle().await;
        Ok(())
    }

    fn hooked<T>(&self, inner: T) -> Hooked<T> {
        Hooked { inner, hooks: self.hooks.clone() }
    }

    /// Starts a fleet and connects every gateway.
    pub(crate) async fn start_all(&mut self) {
        self.start().await;
        self.gateways.connect_all().await;
        settle().await;
    }

    /// Starts a fleet and waits until every instance is connected.
    pub(crate) async fn up(instances: u32) -> Self {
        let mut rig = Self::new(instances);
        rig.come_up().await;
        rig
    }

    pub(crate) async fn come_up(&mut self) {
        self.start_all().await;
        for id in self.ids() {
            self.reaches(&id, Status::Connected, 60).await;
        }
    }

    /// The process dies: nothing is finished, nothing is given back.
    pub(crate) async fn kill(&mut self) {
        drop(self.fleet.take().expect("a fleet runs"));
        self.gateways.cut();
        if let Some(relay) = &self.relay {
            relay.cut();
        }
        settle().await;
    }

    pub(crate) async fn drain(&mut self) -> Result<(), FleetError> {
        self.fleet.take().expect("a fleet runs").drain().await
    }

    pub(crate) fn relay(&self) -> &Arc<Relay> {
        self.relay.as_ref().expect("the terminals are simulated")
    }

    pub(crate) fn fleet(&self) -> &Fleet {
        self.fleet.as_ref().expect("a fleet runs")
    }

    pub(crate) fn fleet_mut(&mut self) -> &mut Fleet {
        self.fleet.as_mut().expect("a fleet runs")
    }

    pub(crate) fn ids(&self) -> Vec<InstanceId> {
        self.specs.iter().map(|spec| spec.id.clone()).collect()
    }

    pub(crate) async fn view(&self, instance: &InstanceId) -> View {
        let views = self.fleet().views().await;
        views.into_iter().find(|view| view.instance == *instance).expect("the instance is ours")
    }

    pub(crate) async fn status(&self, instance: &InstanceId) -> Status {
        self.view(instance).await.status
    }

    /// Waits until the instance has this status, at most so many seconds; answers how long it took.
    pub(crate) async fn reaches(&self, instance: &InstanceId, status: Status, secs: u64) -> Span {
        self.reaches_that(instance, secs, &format!("{status}"), |view| view.status == status).await
    }

    /// Waits until the instance looks so; answers how long it took.
    pub(crate) async fn reaches_that(
        &self,
        instance: &InstanceId,
        secs: u64,
        what: &str,
        so: impl Fn(&View) -> bool,
    ) -> Span {
        let began = self.clock.now();
        loop {
            let view = self.view(instance).await;
            if so(&view) {
                return self.clock.now().since(began);
            }
            let waited = self.clock.now().since(began);
            assert!(waited <= Span::from_secs(secs), "{instance} is not {what} after {waited}: {view:#?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until the incident waits for its next attempt after so many; answers when that is.
    pub(crate) async fn waits_after(
        &self,
        instance: &InstanceId,
        kind: IncidentKind,
        attempts: u8,
    ) -> Timestamp {
        let planned = |view: &View| {
            let mut open = view.incidents.iter();
            open.find(|i| i.kind == kind && i.attempt == attempts).and_then(|i| i.next_attempt_at)
        };
        let what = format!("waiting after {attempts} attempts of {kind}");
        self.reaches_that(instance, 400, &what, |view| planned(view).is_some()).await;
        planned(&self.view(instance).await).expect("it was planned a moment ago")
    }

    /// The documented keys, without locks and snapshot, by their last part.
    pub(crate) fn keys(&self, instance: &InstanceId) -> BTreeMap<String, String> {
        let prefix = format!("instance_state:{instance}:");
        let keys = self.hot.keys(instance).into_iter();
        keys.map(|(key, text)| (key.strip_prefix(&prefix).expect("the prefix").to_owned(), text))
            .filter(|(key, _)| !matches!(key.as_str(), "snapshot" | "lease" | "login_attempt"))
            .collect()
    }

    /// The version that the hot-state store holds.
    pub(crate) fn stored_version(&self, instance: &InstanceId) -> Option<Version> {
        let keys = self.hot.keys(instance);
        let snapshot = keys.get(&format!("instance_state:{instance}:snapshot"))?;
        let version = snapshot.split("version=").nth(1)?.split(' ').next()?;
        Some(Version(version.parse().unwrap()))
    }

    /// Every row of an instance, oldest first.
    pub(crate) async fn rows(&self, instance: &InstanceId) -> Vec<Row> {
        self.journal.history(instance, u64::MAX, 10_000).await.unwrap()
    }

    /// The instance's journal and hot state agree with what the fleet shows.
    pub(crate) async fn assert_consistent(&self, instance: &InstanceId) {
        let (view, rows) = (self.view(instance).await, self.rows(instance).await);
        assert_eq!(rows.last().map(|row| row.version), Some(view.version), "journal of {instance}");
        assert_eq!(self.stored_version(instance), Some(view.version), "hot state of {instance}");
        assert_eq!(self.keys(instance)["status"], view.status.as_str());
        for pair in rows.windows(2) {
            assert!(pair[0].version < pair[1].version, "versions rise");
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

pub(crate) fn id(number: u32) -> InstanceId {
    InstanceId::new(&format!("i{number}")).unwrap()
}

pub(crate) fn spec(number: u32) -> InstanceSpec {
    InstanceSpec {
        id: id(number),
        login: Some(Login::new(5_000 + u64::from(number)).unwrap()),
        server: TradeServer::new("Broker-Live").unwrap(),
        desired: Desired::Running,
        group: String::new(),
        rules: Arc::default(),
    }
}

pub(crate) fn account(spec: &InstanceSpec) -> Account {
    Account {
        login: spec.login.expect("the account is not destroyed yet"),
        server: spec.server.clone(),
        password: Password::new(format!("secret-{}", spec.id)),
        rejected: false,
    }
}

/// The defaults, with delays that are exactly what the rules say.
pub(crate) fn without_jitter() -> Params {
    let mut params = Params::default();
    params.recovery.jitter.0 = 0;
    params
}

/// Lets everything that can happen now happen.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}

pub(crate) async fn pass(secs: u64) {
    tokio::time::sleep(Duration::from_secs(secs)).await;
}
