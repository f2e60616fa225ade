use warden_domain::Timestamp;

/// How many slots of one millisecond the wheel has: what is due later waits in the overflow.
const SLOTS: usize = 65_536;
const WORDS: usize = SLOTS / 64;
const NONE: u32 = u32::MAX;

/// The deadlines of a shard: one flat wheel of 65,536 slots of 1 ms, and an overflow that is sorted in once a turn.
///
/// Flat, because a hierarchical wheel stalls when it cascades. A deadline costs 16 bytes in a node that is used again.
/// Nothing is ever cancelled here: the owner of a key knows whether a deadline that comes up still means something.
///
/// ```
/// use warden_domain::Timestamp;
/// use warden_supervisor::Wheel;
///
/// let at = Timestamp::from_millis;
/// let mut wheel = Wheel::new(at(1_000));
/// wheel.insert(at(1_005), 7);
/// assert_eq!(wheel.next(), Some(at(1_005)));
/// let mut due = Vec::new();
/// wheel.take_due(at(1_010), usize::MAX, &mut due);
/// assert_eq!(due, [(at(1_005), 7)]);
/// ```
#[derive(Debug)]
pub struct Wheel {
    /// The millisecond that the hand stands on; everything before it was taken.
    hand: i64,
    heads: Vec<u32>,
    occupied: Vec<u64>,
    nodes: Vec<Node>,
    free: u32,
    overflow: Vec<(i64, u32)>,
    overflow_first: i64,
    len: usize,
}

#[derive(Debug)]
struct Node {
    at: i64,
    key: u32,
    next: u32,
}

impl Wheel {
    /// An empty wheel whose hand stands at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            hand: now.as_millis(),
            heads: vec![NONE; SLOTS],
            occupied: vec![0; WORDS],
            nodes: Vec::new(),
            free: NONE,
            overflow: Vec::new(),
            overflow_first: i64::MAX,
            len: 0,
        }
    }

    /// How many deadlines are outstanding.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether none is outstanding.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a deadline; one that has passed is due at once.
    pub fn insert(&mut self, at: Timestamp, key: u32) {
        self.len += 1;
        self.place(at.as_millis(), key);
    }

    fn place(&mut self, at: i64, key: u32) {
        let due = at.max(self.hand);
        if due - self.hand >= SLOTS as i64 {
            self.overflow.push((at, key));
            self.overflow_first = self.overflow_first.min(at);
            return;
        }
        let slot = slot_of(due);
        let node = Node { at, key, next: self.heads[slot] };
        let index = if self.free == NONE {
            self.nodes.push(node);
            u32::try_from(self.nodes.len() - 1).expect("fewer deadlines than 2^32 fit into memory")
        } else {
            let index = self.free;
            self.free = self.nodes[index as usize].next;
            self.nodes[index as usize] = node;
            index
        };
        self.heads[slot] = index;
        self.occupied[slot / 64] |= 1 << (slot % 64);
    }

    /// The earliest deadline; never later than it is, earlier only for a deadline far away.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        let near = self.first_occupied().map(|ahead| self.hand + ahead);
        let far = (self.overflow_first != i64::MAX).then_some(self.overflow_first);
        let first = match (near, far) {
            (Some(near), Some(far)) => near.min(far),
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => return None,
        };
        Some(Timestamp::from_millis(first))
    }

    /// How many slots ahead of the hand the first occupied one is.
    fn first_occupied(&self) -> Option<i64> {
        let start = slot_of(self.hand);
        let (first_word, bit) = (start / 64, start % 64);
        for step in 0..=WORDS {
            let word = (first_word + step) % WORDS;
            let mut bits = self.occupied[word];
            if step == 0 {
                bits &= u64::MAX << bit;
            } else if step == WORDS {
                bits &= !(u64::MAX << bit);
            }
            if bits != 0 {
                let slot = word * 64 + bits.trailing_zeros() as usize;
                return Some(((slot + SLOTS - start) % SLOTS) as i64);
            }
        }
        None
    }

    /// Moves the hand to `now` and appends what is due, at most `most` deadlines; the rest stays due.
    pub fn take_due(&mut self, now: Timestamp, most: usize, due: &mut Vec<(Timestamp, u32)>) {
        let now = now.as_millis();
        let most = due.len().saturating_add(most);
        loop {
            self.sort_in();
            match self.first_occupied() {
                Some(ahead) if self.hand + ahead <= now => {
                    self.hand += ahead;
                    self.empty_slot(most, due);
                    if due.len() >= most {
                        return;
                    }
                }
                Some(_) | None => {
                    let target = now.max(self.hand);
                    let far = self.overflow_first;
                    self.hand = if far <= target { far.max(self.hand) } else { target };
                    self.sort_in();
                    if far > target || self.overflow_first == far {
                        return;
                    }
                }
            }
        }
    }

    fn empty_slot(&mut self, most: usize, due: &mut Vec<(Timestamp, u32)>) {
        let slot = slot_of(self.hand);
        while self.heads[slot] != NONE && due.len() < most {
            let index = self.heads[slot];
            let node = &mut self.nodes[index as usize];
            due.push((Timestamp::from_millis(node.at), node.key));
            self.heads[slot] = node.next;
            node.next = self.free;
            self.free = index;
            self.len -= 1;
        }
        if self.heads[slot] == NONE {
            self.occupied[slot / 64] &= !(1 << (slot % 64));
        }
    }

    /// Sorts the overflow in where its first deadline came within reach.
    fn sort_in(&mut self) {
        if self.overflow_first == i64::MAX || self.overflow_first - self.hand >= SLOTS as i64 {
            return;
        }
        self.overflow_first = i64::MAX;
        for (at, key) in std::mem::take(&mut self.overflow) {
            self.place(at, key);
        }
    }
}

const fn slot_of(at: i64) -> usize {
    at.rem_euclid(SLOTS as i64) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn rec_5_every_deadline_comes_up_once_and_in_its_time() {
        let mut wheel = Wheel::new(Timestamp::from_millis(1_000));
        let mut model: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
        let (mut now, mut random, mut taken) = (1_000_i64, 1_u64, 0);
        for key in 0..20_000_u32 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let ahead = i64::try_from(random >> 45).unwrap() - 1_000;
            wheel.insert(Timestamp::from_millis(now + ahead), key);
            model.entry(now + ahead).or_default().push(key);
            if key % 7 == 0 {
                now += i64::try_from((random >> 20) % 3_000).unwrap();
                taken += same_due(&mut wheel, &mut model, now);
            }
        }
        taken += same_due(&mut wheel, &mut model, now + 1_000_000);
        assert_eq!((taken, wheel.len(), model.len()), (20_000, 0, 0));
    }

    fn same_due(wheel: &mut Wheel, model: &mut BTreeMap<i64, Vec<u32>>, now: i64) -> usize {
        if let Some(first) = model.keys().next() {
            assert!(wheel.next().unwrap().as_millis() <= (*first).max(wheel.hand));
        }
        let mut due = Vec::new();
        wheel.take_due(Timestamp::from_millis(now), usize::MAX, &mut due);
        let later = model.split_off(&(now + 1));
        let mut wanted: Vec<(i64, u32)> = std::mem::replace(model, later)
            .into_iter()
            .flat_map(|(at, keys)| keys.into_iter().map(move |k| (at, k)))
            .collect();
        let mut got: Vec<(i64, u32)> = due.into_iter().map(|(at, key)| (at.as_millis(), key)).collect();
        wanted.sort_unstable();
        got.sort_unstable();
        assert_eq!(got, wanted);
        got.len()
    }

    #[test]
    fn what_does_not_fit_into_a_batch_stays_due() {
        let mut wheel = Wheel::new(Timestamp::from_millis(0));
        for key in 0..10 {
            wheel.insert(Timestamp::from_millis(5), key);
        }
        let mut due = Vec::new();
        wheel.take_due(Timestamp::from_millis(9), 4, &mut due);
        assert_eq!((due.len(), wheel.len()), (4, 6));
        assert!(wheel.next().unwrap() <= Timestamp::from_millis(9));
        wheel.take_due(Timestamp::from_millis(9), usize::MAX, &mut due);
        assert_eq!(due.len(), 10);
    }
}
