mod entry;
mod trades;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::time::Instant;
use warden_domain::{Epoch, InstanceId, Magic, Span};

use self::entry::Entry;
use crate::{
    Cas, HotError, HotKey, HotState, HotUpdate, Pending, Stored, TradeUpdate, TradeWrite, settle,
    settle_trades,
};

/// Hot state in memory: the embedded mode, and the reference for other adapters. Clones share one store.
///
/// It holds what Redis would hold, under the same names, and answers as Redis would answer, faults included:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use warden_domain::{Epoch, InstanceId, Span};
/// use warden_store::{HotState, memory::MemoryHot};
///
/// let hot = MemoryHot::default();
/// let instance = InstanceId::new("acct-1").unwrap();
/// let leases = [(instance.clone(), Epoch(7))];
/// assert_eq!(hot.acquire(&leases, "node-a", Span::from_secs(15)).await.unwrap(), [true]);
/// assert_eq!(hot.keys(&instance)["instance_state:acct-1:lease"], "7 node-a");
/// hot.set_reachable(false);
/// assert!(hot.check().await.is_err());
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryHot(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    unreachable: AtomicBool,
    entries: Mutex<HashMap<InstanceId, Entry>>,
}

/// A way in which stored state can be spoilt, for tests of ACC-6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The snapshot is no snapshot at all (Redis: a key of another type).
    WrongType,
    /// The snapshot lacks its version.
    MissingField,
    /// The snapshot was written by a newer program.
    NewerSchema,
    /// A bit of the state is flipped, so that the checksum fails.
    FlippedBit,
}

impl MemoryHot {
    /// Every present key of an instance and of its trades by its full name, locks and lease included; the snapshot, each
    /// trade and the index of open trades in one line.
    #[must_use]
    pub fn keys(&self, instance: &InstanceId) -> BTreeMap<String, String> {
        let now = Instant::now();
        let prefix = format!("instance_state:{instance}:");
        self.with(|entries| {
            let Some(entry) = entries.get(instance) else { return BTreeMap::new() };
            let own = entry.texts(now).into_iter().map(|(suffix, text)| (format!("{prefix}{suffix}"), text));
            let trades = entry.trades.texts(instance, now).into_iter().map(|(name, text, _)| (name, text));
            own.chain(trades).collect()
        })
    }

    /// The fields of a trade's hash; `None` when there is none.
    #[must_use]
    pub fn trade(&self, instance: &InstanceId, tag: Magic) -> Option<BTreeMap<String, String>> {
        self.with(|entries| entries.get(instance)?.trades.fields(tag, Instant::now()))
    }

    /// How long a key of the instance's trades stays, by its full name; `None` when it never expires, or is not there.
    #[must_use]
    pub fn expires_in(&self, instance: &InstanceId, key: &str) -> Option<Span> {
        self.with(|entries| {
            let texts = entries.get(instance)?.trades.texts(instance, Instant::now());
            texts.into_iter().find(|(name, _, _)| name == key)?.2
        })
    }

    /// Lets every call fail with [`HotError::Unreachable`] from now on, or work again. The content stays.
    pub fn set_reachable(&self, reachable: bool) {
        self.0.unreachable.store(!reachable, Ordering::Release);
    }

    /// Makes the snapshot of an instance unreadable: the next write and load answer corrupt.
    pub fn corrupt(&self, instance: &InstanceId) {
        self.damage(instance, Damage::WrongType);
    }

    /// Spoils the snapshot of an instance in a certain way.
    pub fn damage(&self, instance: &InstanceId, damage: Damage) {
        self.with(|entries| entries.entry(instance.clone()).or_default().damage(damage));
    }

    /// Puts a text under a documented key behind the back of its owner.
    pub fn overwrite(&self, instance: &InstanceId, key: HotKey, text: &str) {
        self.with(|entries| entries.entry(instance.clone()).or_default().overwrite(key, text.to_owned()));
    }

    /// Loses every key of an instance, as a Redis that was restarted empty does.
    pub fn forget(&self, instance: &InstanceId) {
        self.with(|entries| entries.remove(instance));
    }

    fn with<T>(&self, work: impl FnOnce(&mut HashMap<InstanceId, Entry>) -> T) -> T {
        // Every change of an entry is made in one piece, so a panic elsewhere leaves nothing half done.
        work(&mut self.0.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn reached<T>(
        &self,
        work: impl FnOnce(&mut HashMap<InstanceId, Entry>, Instant) -> T,
    ) -> Result<T, HotError> {
        if self.0.unreachable.load(Ordering::Acquire) {
            return Err(HotError::Unreachable("it was made unreachable".to_owned()));
        }
        Ok(self.with(|entries| work(entries, Instant::now())))
    }

    fn each<'a, A, T>(
        &'a self,
        asked: &'a [A],
        instance: impl Fn(&A) -> &InstanceId + Send + 'a,
        work: impl Fn(&mut Entry, &A, Instant) -> T + Send + 'a,
    ) -> Pending<'a, Result<Vec<T>, HotError>>
    where
        A: Sync,
    {
        Box::pin(async move {
            self.reached(|entries, now| {
                asked.iter().map(|a| work(entries.entry(instance(a).clone()).or_default(), a, now)).collect()
            })
        })
    }
}

impl HotState for MemoryHot {
    fn acquire<'a>(
        &'a self,
        leases: &'a [(InstanceId, Epoch)],
        owner: &'a str,
        ttl: Span,
    ) -> Pending<'a, Result<Vec<bool>, HotError>> {
        self.each(leases, |(id, _)| id, move |entry, (_, epoch), now| entry.acquire(*epoch, owner, ttl, now))
    }

    fn renew<'a>(
        &'a self,
        leases: &'a [(InstanceId, Epoch)],
        owner: &'a str,
        ttl: Span,
    ) -> Pending<'a, Result<Vec<bool>, HotError>> {
        self.each(leases, |(id, _)| id, move |entry, (_, epoch), now| entry.renew(*epoch, owner, ttl, now))
    }

    fn release<'a>(
        &'a self,
        leases: &'a [(InstanceId, Epoch)],
        owner: &'a str,
    ) -> Pending<'a, Result<(), HotError>> {
        let released =
            self.each(leases, |(id, _)| id, move |entry, (_, epoch), now| entry.release(*epoch, owner, now));
        Box::pin(async move { released.await.map(drop) })
    }

    fn cas<'a>(&'a self, updates: &'a [HotUpdate]) -> Pending<'a, Result<Vec<Cas>, HotError>> {
        let written = self.each(updates, |update| &update.instance, Entry::cas);
        Box::pin(async move {
            let mut answers = written.await?;
            settle(updates, &mut answers);
            Ok(answers)
        })
    }

    fn restore<'a>(&'a self, updates: &'a [HotUpdate]) -> Pending<'a, Result<Vec<Cas>, HotError>> {
        self.each(updates, |update| &update.instance, Entry::restore)
    }

    fn load<'a>(&'a self, instances: &'a [InstanceId]) -> Pending<'a, Result<Vec<Stored>, HotError>> {
        Box::pin(async move {
            self.reached(|entries, _| {
                instances.iter().map(|id| entries.get(id).map_or(Stored::Nothing, Entry::load)).collect()
            })
        })
    }

    fn show_trades<'a>(
        &'a self,
        trades: &'a [TradeUpdate],
    ) -> Pending<'a, Result<Vec<TradeWrite>, HotError>> {
        let shown = self.each(trades, |update| &update.instance, Entry::show_trade);
        Box::pin(async move {
            let mut answers = shown.await?;
            settle_trades(trades, &mut answers);
            Ok(answers)
        })
    }

    fn remove<'a>(&'a self, instance: &'a InstanceId, epoch: Epoch) -> Pending<'a, Result<bool, HotError>> {
        Box::pin(async move {
            self.reached(|entries, now| {
                let owned =
                    entries.get(instance).is_some_and(|entry| entry.owned_above(epoch, now).is_some());
                if !owned {
                    entries.remove(instance);
                }
                !owned
            })
        })
    }

    fn lock_login<'a>(
        &'a self,
        instances: &'a [InstanceId],
        owner: &'a str,
        ttl: Span,
    ) -> Pending<'a, Result<Vec<bool>, HotError>> {
        self.each(instances, |id| id, move |entry, _, now| entry.lock_login(owner, ttl, now))
    }

    fn unlock_login<'a>(
        &'a self,
        instances: &'a [InstanceId],
        owner: &'a str,
    ) -> Pending<'a, Result<(), HotError>> {
        let unlocked = self.each(instances, |id| id, move |entry, _, _| entry.unlock_login(owner));
        Box::pin(async move { unlocked.await.map(drop) })
    }

    fn check(&self) -> Pending<'_, Result<(), HotError>> {
        Box::pin(async move { self.reached(|_, _| ()) })
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use warden_domain::TradeState;

    use super::*;
    use crate::conformance::hot::{self, Fixture};
    use crate::{KEYS_KEPT, TRADES_KEPT};

    impl Fixture for MemoryHot {
        fn store(&self) -> &dyn HotState {
            self
        }

        fn keys<'a>(&'a self, instance: &'a InstanceId) -> Pending<'a, BTreeMap<String, String>> {
            Box::pin(async move { self.keys(instance) })
        }

        fn overwrite<'a>(&'a self, instance: &'a InstanceId, key: HotKey, text: &'a str) -> Pending<'a, ()> {
            Box::pin(async move { self.overwrite(instance, key, text) })
        }

        fn damage<'a>(&'a self, instance: &'a InstanceId, damage: Damage) -> Pending<'a, ()> {
            Box::pin(async move { self.damage(instance, damage) })
        }

        fn forget<'a>(&'a self, instance: &'a InstanceId) -> Pending<'a, ()> {
            Box::pin(async move { self.forget(instance) })
        }

        fn trade<'a>(
            &'a self,
            instance: &'a InstanceId,
            tag: Magic,
        ) -> Pending<'a, Option<BTreeMap<String, String>>> {
            Box::pin(async move { self.trade(instance, tag) })
        }

        fn expires_in<'a>(&'a self, instance: &'a InstanceId, key: &'a str) -> Pending<'a, Option<Span>> {
            Box::pin(async move { self.expires_in(instance, key) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn memory_passes_every_case() {
        hot::run(|| Box::pin(async { Arc::new(MemoryHot::default()) as Arc<dyn Fixture> })).await;
    }

    #[tokio::test]
    async fn net_3_an_unreachable_store_keeps_its_content() {
        let hot = MemoryHot::default();
        let id = InstanceId::new("a").unwrap();
        let leases = [(id.clone(), Epoch(1))];
        hot.acquire(&leases, "me", Span::from_secs(15)).await.unwrap();
        hot.set_reachable(false);
        assert!(matches!(hot.check().await, Err(HotError::Unreachable(_))));
        assert!(matches!(hot.load(std::slice::from_ref(&id)).await, Err(HotError::Unreachable(_))));
        hot.set_reachable(true);
        assert_eq!(hot.renew(&leases, "me", Span::from_secs(15)).await.unwrap(), [true]);
    }
    #[tokio::test(start_paused = true)]
    async fn ended_trades_and_clients_keys_expire_by_the_clock_of_the_runtime() {
        let hot = MemoryHot::default();
        let a = InstanceId::new("a").unwrap();
        let update = |counter, state| hot::shown_trade("a", counter, state);
        let [open, ended] = [update(1, TradeState::Filled), update(2, TradeState::Failed)];
        hot.show_trades(&[open.clone(), ended.clone()]).await.unwrap();
        assert_eq!(hot.keys(&a).len(), 5);
        tokio::time::advance(Duration::from(TRADES_KEPT) - Duration::from_millis(1)).await;
        assert_eq!(hot.keys(&a).len(), 5);
        assert!(hot.trade(&a, ended.trade.tag).is_some());
        tokio::time::advance(Duration::from_millis(1)).await;
        let left: Vec<_> = hot.keys(&a).into_keys().collect();
        assert_eq!(
            left,
            [format!("order_state:a:{}", open.trade.tag.number()), "order_state:a:open".to_owned()]
        );
        assert_eq!(hot.trade(&a, ended.trade.tag), None);
        // Shown again, it is there for another day.
        hot.show_trades(std::slice::from_ref(&ended)).await.unwrap();
        assert_eq!(hot.keys(&a).len(), 4);
        assert_eq!(hot.expires_in(&a, "order_key:a:s-2"), Some(KEYS_KEPT));
    }
}
