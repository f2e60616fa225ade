use std::{collections::HashMap, sync::Arc};

use fred::{interfaces::Resp3Frame, types::ClusterHash, util::redis_keyslot};
use warden_domain::{Epoch, InstanceId, Span};
use warden_store::{
    Cas, HotError, HotState, HotUpdate, Pending, Stored, TradeUpdate, TradeWrite, settle, settle_trades,
};

use crate::{
    ConfigError, KeyStyle, RedisConfig,
    batch::Batch,
    fault::Fault,
    in_flight::in_flight,
    link::{Link, Purpose},
    reply,
};

/// Hot state in Redis 7. Clones share one connection.
///
/// # Expected flow
/// Connect once at start, [`check`](HotState::check) before the first write and after every outage, then write in large
/// calls: one function call updates up to [`instances_per_call`](RedisConfig::instances_per_call) instances or trades of one server.
///
/// # Guarantees
/// - A write is sent once. Without a connection, and when too many commands wait, a call fails at once.
/// - Our functions are loaded at connect, and again when Redis turns out to have been started empty.
///
/// # Assumptions
/// Nothing else writes the keys of an instance; `maxmemory-policy` is `noeviction`.
///
/// # Caveats
/// A call that fails may have been applied: give it again.
#[derive(Clone, Debug)]
pub struct RedisHot(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    link: Link,
    config: RedisConfig,
}

/// What goes to one server in one call: places in what was asked.
struct Call {
    slot: ClusterHash,
    places: Vec<usize>,
}

impl RedisHot {
    /// Connects. A Redis that is down is no error: it is tried again in the background, and calls fail until then.
    ///
    /// # Errors
    /// When the configuration cannot work.
    pub async fn connect(config: RedisConfig) -> Result<Self, ConfigError> {
        Ok(Self(Arc::new(Inner { link: Link::open(&config, Purpose::Functions).await?, config })))
    }

    /// Calls a function for every element of `asked` and gives the answers in order.
    async fn each<A: Sync, T>(
        &self,
        asked: &[A],
        instance: impl Fn(&A) -> &InstanceId,
        batch: impl Fn(&[usize]) -> Batch,
        read: impl Fn(Resp3Frame) -> Result<T, Fault>,
    ) -> Result<Vec<T>, HotError> {
        let calls = self.calls(asked, instance);
        let (batch, read) = (&batch, &read);
        // Each call reads its answers when they come: as frames they are many times larger than what they say.
        let calls_under_way = calls.iter().map(|call| async move {
            let answers = self.call(call, batch(&call.places)).await?;
            answers.into_iter().map(read).collect::<Result<Vec<T>, Fault>>()
        });
        let answers = in_flight(calls_under_way, self.0.config.calls_in_flight).await?;
        let mut gathered: Vec<Option<T>> = asked.iter().map(|_| None).collect();
        for (call, answers) in calls.iter().zip(answers) {
            for (place, answer) in call.places.iter().zip(answers) {
                gathered[*place] = Some(answer);
            }
        }
        Ok(gathered.into_iter().flatten().collect())
    }

    async fn call(&self, call: &Call, batch: Batch) -> Result<Vec<Resp3Frame>, Fault> {
        let answer = self.0.link.call(call.slot.clone(), &batch).await?;
        reply::elements(answer, call.places.len())
    }

    /// Splits what was asked into calls: by size on one server, by slot and size in a cluster.
    fn calls<A>(&self, asked: &[A], instance: impl Fn(&A) -> &InstanceId) -> Vec<Call> {
        let most = self.0.config.instances_per_call;
        let mut slots: Vec<Call> = Vec::new();
        match self.0.config.key_style {
            KeyStyle::Single => {
                let slot = ClusterHash::Random;
                slots.extend((!asked.is_empty()).then(|| Call { slot, places: (0..asked.len()).collect() }));
            }
            KeyStyle::Cluster => {
                let mut known = HashMap::new();
                for (place, a) in asked.iter().enumerate() {
                    let slot = redis_keyslot(instance(a).as_str().as_bytes());
                    let at = *known.entry(slot).or_insert(slots.len());
                    if at == slots.len() {
                        slots.push(Call { slot: ClusterHash::Custom(slot), places: Vec::new() });
                    }
                    slots[at].places.push(place);
                }
            }
        }
        let split = |Call { slot, places }: Call| {
            let chunks: Vec<_> = places.chunks(most).map(<[_]>::to_vec).collect();
            chunks.into_iter().map(move |places| Call { slot: slot.clone(), places })
        };
        slots.into_iter().flat_map(split).collect()
    }

    /// Calls a function that takes an owner, optionally a time to live, and an epoch per instance.
    async fn leases<T>(
        &self,
        function: &'static str,
        leases: &[(InstanceId, Epoch)],
        owner: &str,
        ttl: Option<Span>,
        read: impl Fn(Resp3Frame) -> Result<T, Fault>,
    ) -> Result<Vec<T>, HotError> {
        let batch = |places: &[usize]| {
            let instances = places.iter().map(|place| &leases[*place].0);
            Batch::new(function, self.0.config.key_style, "snapshot", instances, |layout| {
                layout.text(owner);
                if let Some(ttl) = ttl {
                    layout.number(at_least_a_millisecond(ttl));
                }
                for place in places {
                    layout.number(leases[*place].1.0);
                }
            })
        };
        self.each(leases, |(instance, _)| instance, batch, read).await
    }

    /// Calls a function that writes updates.
    async fn write(
        &self,
        function: &'static str,
        updates: &[HotUpdate],
        compared: bool,
    ) -> Result<Vec<Cas>, HotError> {
        let style = self.0.config.key_style;
        let batch = |places: &[usize]| {
            Batch::of_updates(function, style, places.iter().map(|place| &updates[*place]), compared)
        };
        self.each(updates, |update| &update.instance, batch, |frame| reply::cas(&frame)).await
    }

    /// Shows trades, all of their fields where `whole`; `None` for each that needs it and what it changes does not stand.
    async fn show(&self, trades: &[&TradeUpdate], whole: bool) -> Result<Vec<Option<TradeWrite>>, HotError> {
        let style = self.0.config.key_style;
        let batch =
            |places: &[usize]| Batch::of_trades(style, places.iter().map(|place| trades[*place]), whole);
        self.each(trades, |update| &update.instance, batch, |frame| reply::shown(&frame)).await
    }

    async fn check(&self) -> Result<(), Fault> {
        let link = &self.0.link;
        link.command("PING", &[]).await?;
        // Loading is a write: a read-only replica, and a server that cannot save, refuse it here.
        link.load().await?;
        match link.command("CONFIG", &["GET", "maxmemory*"]).await {
            Ok(answer) => reply::keeps_everything(answer),
            Err(Fault::Hot(HotError::Unfit(why))) => {
                tracing::warn!(
                    why,
                    "Redis does not show its configuration; make sure that maxmemory-policy is noeviction"
                );
                Ok(())
            }
            Err(fault) => Err(fault),
        }
    }
}

impl HotState for RedisHot {
    fn acquire<'a>(
        &'a self,
        leases: &'a [(InstanceId, Epoch)],
        owner: &'a str,
        ttl: Span,
    ) -> Pending<'a, Result<Vec<bool>, HotError>> {
        Box::pin(self.leases("warden_acquire", leases, owner, Some(ttl), |frame| reply::yes(&frame)))
    }

    fn renew<'a>(
        &'a self,
        leases: &'a [(InstanceId, Epoch)],
        owner: &'a str,
        ttl: Span,
    ) -> Pending<'a, Result<Vec<bool>, HotError>> {
        Box::pin(self.leases("warden_renew", leases, owner, Some(ttl), |frame| reply::yes(&frame)))
    }

    fn release<'a>(
        &'a self,
        leases: &'a [(InstanceId, Epoch)],
        owner: &'a str,
    ) -> Pending<'a, Result<(), HotError>> {
        Box::pin(async move {
            self.leases("warden_release", leases, owner, None, |frame| reply::yes(&frame)).await.map(drop)
        })
    }

    fn cas<'a>(&'a self, updates: &'a [HotUpdate]) -> Pending<'a, Result<Vec<Cas>, HotError>> {
        Box::pin(async move {
            let mut answers = self.write("warden_cas", updates, true).await?;
            settle(updates, &mut answers);
            Ok(answers)
        })
    }

    fn restore<'a>(&'a self, updates: &'a [HotUpdate]) -> Pending<'a, Result<Vec<Cas>, HotError>> {
        Box::pin(self.write("warden_restore", updates, false))
    }

    fn load<'a>(&'a self, instances: &'a [InstanceId]) -> Pending<'a, Result<Vec<Stored>, HotError>> {
        let batch = |places: &[usize]| {
            let instances = places.iter().map(|place| &instances[*place]);
            Batch::new("warden_load", self.0.config.key_style, "snapshot", instances, |_| {})
        };
        Box::pin(self.each(instances, |instance| instance, batch, reply::stored))
    }

    fn show_trades<'a>(
        &'a self,
        trades: &'a [TradeUpdate],
    ) -> Pending<'a, Result<Vec<TradeWrite>, HotError>> {
        Box::pin(async move {
            let all: Vec<&TradeUpdate> = trades.iter().collect();
            let mut answers = self.show(&all, false).await?;
            let unlike: Vec<usize> = (0..all.len()).filter(|at| answers[*at].is_none()).collect();
            if !unlike.is_empty() {
                let again: Vec<&TradeUpdate> = unlike.iter().map(|at| all[*at]).collect();
                let whole = self.show(&again, true).await?;
                unlike.into_iter().zip(whole).for_each(|(at, answer)| answers[at] = answer);
            }
            let answers: Option<Vec<TradeWrite>> = answers.into_iter().collect();
            let mut answers = answers.ok_or_else(reply::surprising)?;
            settle_trades(trades, &mut answers);
            Ok(answers)
        })
    }

    fn remove<'a>(&'a self, instance: &'a InstanceId, epoch: Epoch) -> Pending<'a, Result<bool, HotError>> {
        let one = std::slice::from_ref(instance);
        let batch = move |_: &[usize]| {
            Batch::new("warden_remove", self.0.config.key_style, "snapshot", one.iter(), |layout| {
                layout.number(epoch.0);
            })
        };
        Box::pin(async move {
            let removed = self.each(one, |instance| instance, batch, |frame| reply::yes(&frame)).await?;
            Ok(removed == [true])
        })
    }

    fn lock_login<'a>(
        &'a self,
        instances: &'a [InstanceId],
        owner: &'a str,
        ttl: Span,
    ) -> Pending<'a, Result<Vec<bool>, HotError>> {
        let batch = move |places: &[usize]| {
            let instances = places.iter().map(|place| &instances[*place]);
            Batch::new("warden_lock_login", self.0.config.key_style, "login_attempt", instances, |layout| {
                layout.text(owner);
                layout.number(at_least_a_millisecond(ttl));
            })
        };
        Box::pin(self.each(instances, |instance| instance, batch, |frame| reply::yes(&frame)))
    }

    fn unlock_login<'a>(
        &'a self,
        instances: &'a [InstanceId],
        owner: &'a str,
    ) -> Pending<'a, Result<(), HotError>> {
        let batch = move |places: &[usize]| {
            let instances = places.iter().map(|place| &instances[*place]);
            let style = self.0.config.key_style;
            Batch::new("warden_unlock_login", style, "login_attempt", instances, |layout| layout.text(owner))
        };
        Box::pin(async move {
            self.each(instances, |instance| instance, batch, |frame| reply::yes(&frame)).await.map(drop)
        })
    }

    fn check(&self) -> Pending<'_, Result<(), HotError>> {
        Box::pin(async move { self.check().await.map_err(HotError::from) })
    }
}

/// Redis refuses a time to live of zero.
fn at_least_a_millisecond(ttl: Span) -> u64 {
    ttl.as_millis().max(1)
}
