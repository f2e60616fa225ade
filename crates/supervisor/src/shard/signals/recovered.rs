//! What start-up knows of signals: accounts from the configuration, keys and open trades from the journal (REC-4).

use std::{collections::HashMap, sync::Arc};

use rustc_hash::FxHashMap;
use warden_distribution::{Accepted, AccountRules, Book, Budget, Symbol};
use warden_domain::{InstanceId, Timestamp};
use warden_store::JournalError;

use super::{Account, Counted, Followed, Reports, Shard, Signals};
use crate::{
    InstanceSpec,
    shard::{Shared, slot::Slot},
    signals::journal,
};

/// What start-up knows, for all shards.
pub(crate) struct Recovered {
    accounts: HashMap<InstanceId, Account>,
    accepted: Vec<Accepted>,
}

impl Recovered {
    /// Reads the keys that are still known.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub(crate) async fn read(specs: &[InstanceSpec], shared: &Shared) -> Result<Self, JournalError> {
        let kept = shared.options.distribution.params.keep_keys.as_millis();
        let since = Timestamp::from_millis(shared.clock.now().as_millis().saturating_sub_unsigned(kept));
        let keys = shared.journal.keys(since).await?;
        let mut accounts: HashMap<InstanceId, Account> = HashMap::with_capacity(specs.len());
        let mut before: Option<(Arc<str>, Arc<AccountRules>)> = None;
        for spec in specs {
            // Instances beside each other are usually alike: they share what they have in common.
            let (group, rules) = match before.take() {
                Some((group, rules)) if *group == *spec.group && rules == spec.rules => (group, rules),
                Some(_) | None => (spec.group.as_str().into(), Arc::clone(&spec.rules)),
            };
            before = Some((Arc::clone(&group), Arc::clone(&rules)));
            accounts.insert(spec.id.clone(), Account { group, rules, budget: Budget::default() });
        }
        for key in &keys {
            // A restart fills no budget.
            if let Some(Account { rules, budget, .. }) = accounts.get_mut(&key.instance) {
                *budget = budget.spend(1, rules.orders_per_minute, rules.order_burst, key.at);
            }
        }
        let accepted = keys.into_iter().map(|known| Accepted {
            key: known.key.id,
            digest: known.key.digest,
            instance: known.instance,
            at: known.at,
        });
        Ok(Self { accounts, accepted: accepted.collect() })
    }

    /// The members of each group.
    pub(crate) fn groups(&self) -> HashMap<String, Vec<InstanceId>> {
        let mut groups: HashMap<String, Vec<InstanceId>> = HashMap::new();
        for (instance, account) in self.accounts.iter().filter(|(_, account)| !account.group.is_empty()) {
            groups.entry(account.group.to_string()).or_default().push(instance.clone());
        }
        groups
    }

    /// What the shard with these slots knows of signals.
    pub(crate) fn of(&self, slots: &[Slot], shared: &Shared) -> Signals {
        let mut groups: FxHashMap<Box<str>, Vec<u32>> = FxHashMap::default();
        let mut accounts = Vec::with_capacity(slots.len());
        for (slot, index) in slots.iter().zip(0..) {
            let account =
                self.accounts.get(&slot.id).expect("a slot is made of a configured instance").clone();
            if !account.group.is_empty() {
                groups.entry(account.group.as_ref().into()).or_default().push(index);
            }
            accounts.push(account);
        }
        let distribution = &shared.options.distribution;
        Signals {
            params: Arc::new(distribution.params.clone()),
            symbols: distribution.symbols.iter().cloned().collect(),
            book: Book::recover(self.accepted.iter().cloned()),
            accounts,
            groups,
            reports: Reports::new(distribution.params.most_plans as usize),
            followed: Followed::default(),
            counted: Counted::new(&shared.meters.registry),
        }
    }
}

impl Shard {
    /// Reports of the trades that have not ended go on, orders that rest are looked at, and the configured symbols watched.
    pub(in crate::shard) fn begin_signals(&mut self) {
        let now = self.now();
        let Self { slots, signals, shared, .. } = self;
        for (slot, index) in slots.iter_mut().zip(0..).filter(|(slot, _)| slot.is_ours()) {
            let mut resting = Vec::new();
            for known in slot.trading.trades() {
                let at = known.trade.intent().accepted_at;
                if let Some(line) = journal::resumed(&slot.id, known.part, known.symbol, known.trade) {
                    signals.reports.resume(&known.key.id, at, line);
                }
                if known.trade.holdings().order.is_some() {
                    resting.push(known.magic);
                }
            }
            for magic in resting {
                signals.followed.left_behind(index, magic);
                slot.trading.look_at(magic, now, &shared.params);
            }
        }
        let symbols: Vec<Symbol> = self.signals.symbols.to_vec();
        for index in 0..self.slots.len() {
            let index = u32::try_from(index).expect("a shard holds fewer than 2^32 instances");
            let rules = Arc::clone(&self.signals.accounts[index as usize].rules);
            let names: Vec<String> = symbols.iter().map(|symbol| rules.broker_name(symbol)).collect();
            self.watch(index, names.iter().map(String::as_str));
        }
    }
}
