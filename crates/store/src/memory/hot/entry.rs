use std::{borrow::Cow, time::Duration};

use tokio::time::Instant;
use warden_domain::{Epoch, OpId, Span, Version};

use super::{Damage, trades::Trades};
use crate::{
    Cas, HotKey, HotUpdate, Projection, RawSnapshot, SNAPSHOT_SCHEMA, Seal, Stored, TradeUpdate, TradeWrite,
};

/// Every key of one instance.
#[derive(Debug, Default)]
pub(super) struct Entry {
    texts: [Option<Cow<'static, str>>; HotKey::ALL.len()],
    snapshot: Held,
    /// The highest epoch that took the lease after the snapshot was written; zero when none did.
    fence: Epoch,
    lease: Option<(Epoch, Lock)>,
    login: Option<Lock>,
    pub(super) trades: Trades,
}

#[derive(Debug, Default)]
enum Held {
    #[default]
    Nothing,
    Whole(Sealed),
    /// What is wrong with it.
    Unreadable(&'static str),
}

#[derive(Debug)]
struct Sealed {
    schema: u64,
    epoch: Epoch,
    version: Version,
    op: OpId,
    seal: Seal,
    state: Vec<u8>,
}

#[derive(Debug)]
struct Lock {
    owner: Box<str>,
    until: Instant,
}

impl Lock {
    fn new(owner: &str, ttl: Span, now: Instant) -> Self {
        Self { owner: owner.into(), until: now + Duration::from(ttl) }
    }
}

impl Entry {
    pub(super) fn acquire(&mut self, epoch: Epoch, owner: &str, ttl: Span, now: Instant) -> bool {
        let elsewhere = self.held_lease(now).is_some_and(|(e, lock)| *e == epoch && *lock.owner != *owner);
        if elsewhere || self.owned_above(epoch, now).is_some() {
            return false;
        }
        self.lease = Some((epoch, Lock::new(owner, ttl, now)));
        if matches!(self.snapshot, Held::Whole(_)) {
            self.fence = epoch;
        }
        true
    }

    pub(super) fn renew(&mut self, epoch: Epoch, owner: &str, ttl: Span, now: Instant) -> bool {
        let ours = self.held_lease(now).is_some_and(|(e, lock)| *e == epoch && *lock.owner == *owner);
        if ours {
            self.lease = Some((epoch, Lock::new(owner, ttl, now)));
        }
        ours
    }

    pub(super) fn release(&mut self, epoch: Epoch, owner: &str, now: Instant) {
        if self.held_lease(now).is_some_and(|(e, lock)| *e == epoch && *lock.owner == *owner) {
            self.lease = None;
        }
    }

    pub(super) fn show_trade(&mut self, update: &TradeUpdate, now: Instant) -> TradeWrite {
        match self.owned_above(update.epoch, now) {
            Some(by) => TradeWrite::Fenced { by },
            None => self.trades.show(update, now),
        }
    }

    pub(super) fn cas(&mut self, update: &HotUpdate, now: Instant) -> Cas {
        let answer = self.judge(update, now);
        if answer == Cas::Applied {
            let previous = update.previous.as_ref().filter(|_| update.expected != Version(0));
            self.write(update, previous);
        }
        answer
    }

    pub(super) fn restore(&mut self, update: &HotUpdate, now: Instant) -> Cas {
        if let Some(by) = self.owned_above(update.epoch, now) {
            return Cas::Fenced { by };
        }
        let mut answer = Cas::Applied;
        if let Held::Whole(held) = &self.snapshot
            && held.schema == SNAPSHOT_SCHEMA
            && held.epoch == update.epoch
        {
            if held.version > update.version {
                return Cas::Ahead { stored: held.version };
            }
            if held.version == update.version && held.op == update.op {
                answer = Cas::AlreadyApplied;
            }
        }
        self.write(update, None);
        answer
    }

    /// What a compare-and-set finds before it writes; [`Cas::Applied`] when it may.
    fn judge(&self, update: &HotUpdate, now: Instant) -> Cas {
        let held = match &self.snapshot {
            Held::Whole(held) => held,
            Held::Unreadable(_) => return Cas::Corrupt,
            Held::Nothing => {
                return match self.owned_above(update.epoch, now) {
                    Some(by) => Cas::Fenced { by },
                    None if update.expected == Version(0) => Cas::Applied,
                    None => Cas::Behind { stored: None },
                };
            }
        };
        let fence = self.fence.max(held.epoch);
        if fence > update.epoch {
            return Cas::Fenced { by: fence };
        }
        if held.schema != SNAPSHOT_SCHEMA {
            return Cas::Corrupt;
        }
        if (held.epoch, held.version, held.op) == (update.epoch, update.version, update.op) {
            return Cas::AlreadyApplied;
        }
        match held.version.cmp(&update.expected) {
            std::cmp::Ordering::Less => Cas::Behind { stored: Some(held.version) },
            std::cmp::Ordering::Equal => Cas::Applied,
            std::cmp::Ordering::Greater => Cas::Ahead { stored: held.version },
        }
    }

    fn write(&mut self, update: &HotUpdate, previous: Option<&Projection>) {
        for key in HotKey::ALL.into_iter().filter(|key| update.projection.differs(*key, previous)) {
            self.texts[key as usize] = update.projection.text(key);
        }
        self.fence = self.fence.max(update.epoch);
        self.snapshot = Held::Whole(Sealed {
            schema: SNAPSHOT_SCHEMA,
            epoch: update.epoch,
            version: update.version,
            op: update.op,
            seal: Seal::of(update.epoch, update.version, update.op, &update.state),
            state: update.state.clone(),
        });
    }

    /// The epoch that owns the instance, when it is higher than `epoch`.
    pub(super) fn owned_above(&self, epoch: Epoch, now: Instant) -> Option<Epoch> {
        let wrote = match &self.snapshot {
            Held::Whole(held) => held.epoch,
            Held::Nothing | Held::Unreadable(_) => Epoch(0),
        };
        let leased = self.held_lease(now).map_or(Epoch(0), |(epoch, _)| *epoch);
        let highest = wrote.max(self.fence).max(leased);
        (highest > epoch).then_some(highest)
    }

    fn held_lease(&self, now: Instant) -> Option<&(Epoch, Lock)> {
        self.lease.as_ref().filter(|(_, lock)| lock.until > now)
    }

    pub(super) fn load(&self) -> Stored {
        let held = match &self.snapshot {
            Held::Whole(held) => held,
            Held::Unreadable(what) => return Stored::Corrupt((*what).to_owned()),
            Held::Nothing if self.texts.iter().all(Option::is_none) => return Stored::Nothing,
            Held::Nothing => return Stored::Corrupt("snapshot is missing beside documented keys".to_owned()),
        };
        let numbers = [held.schema, held.epoch.0, held.version.0, held.op.0].map(|n| n.to_string());
        let [schema, epoch, version, op] = numbers.each_ref().map(|n| Some(n.as_bytes()));
        let checksum = Some(&held.seal.as_bytes()[..]);
        let raw = RawSnapshot { schema, epoch, version, op, checksum, state: Some(&held.state) };
        let projection = Projection::read(|key| self.texts[key as usize].as_deref());
        match raw.verify().and_then(|snapshot| Ok((snapshot, projection?))) {
            Ok((snapshot, projection)) => Stored::State(snapshot, projection),
            Err(what) => Stored::Corrupt(what),
        }
    }

    pub(super) fn lock_login(&mut self, owner: &str, ttl: Span, now: Instant) -> bool {
        let elsewhere = self.login.as_ref().is_some_and(|lock| lock.until > now && *lock.owner != *owner);
        if !elsewhere {
            self.login = Some(Lock::new(owner, ttl, now));
        }
        !elsewhere
    }

    pub(super) fn unlock_login(&mut self, owner: &str) {
        if self.login.as_ref().is_some_and(|lock| *lock.owner == *owner) {
            self.login = None;
        }
    }

    pub(super) fn damage(&mut self, damage: Damage) {
        match (damage, &mut self.snapshot) {
            (Damage::NewerSchema, Held::Whole(held)) => held.schema = SNAPSHOT_SCHEMA + 1,
            (Damage::FlippedBit, Held::Whole(held)) => match held.state.first_mut() {
                Some(byte) => *byte ^= 1,
                None => held.state.push(1),
            },
            (Damage::MissingField, _) => self.unreadable("snapshot field version is missing"),
            (Damage::WrongType, _)
            | (Damage::NewerSchema | Damage::FlippedBit, Held::Nothing | Held::Unreadable(_)) => {
                self.unreadable("snapshot is not a hash");
            }
        }
    }

    fn unreadable(&mut self, what: &'static str) {
        self.snapshot = Held::Unreadable(what);
        self.fence = Epoch(0);
    }

    pub(super) fn overwrite(&mut self, key: HotKey, text: String) {
        self.texts[key as usize] = Some(text.into());
    }

    /// Every present key of the instance itself without its prefix.
    pub(super) fn texts(&self, now: Instant) -> Vec<(&'static str, String)> {
        let mut texts: Vec<_> = HotKey::ALL
            .into_iter()
            .filter_map(|key| self.texts[key as usize].as_deref().map(|text| (key.suffix(), text.to_owned())))
            .collect();
        if let Some((epoch, lock)) = self.held_lease(now) {
            texts.push(("lease", format!("{epoch} {}", lock.owner)));
        }
        if let Some(lock) = self.login.as_ref().filter(|lock| lock.until > now) {
            texts.push(("login_attempt", lock.owner.to_string()));
        }
        match &self.snapshot {
            Held::Nothing => {}
            Held::Unreadable(what) => texts.push(("snapshot", (*what).to_owned())),
            Held::Whole(held) => texts.push(("snapshot", held.in_one_line())),
        }
        texts
    }
}

impl Sealed {
    fn in_one_line(&self) -> String {
        let Self { schema, epoch, version, op, seal, state } = self;
        let checksum = String::from_utf8_lossy(seal.as_bytes());
        format!(
            "schema={schema} epoch={epoch} version={version} op={op} checksum={checksum} state={} bytes",
            state.len()
        )
    }
}
