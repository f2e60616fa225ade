//! What of two readings is compared: equal ones, a second apart, make a terminal synchronised.

use std::{
    collections::BTreeSet,
    hash::{Hash, Hasher},
};

use rustc_hash::FxHasher;
use warden_bridge::{Deal, Snapshot};

/// Of everything that a synchronised terminal shows alike twice, in whatever order.
pub(super) fn digest(snapshot: &Snapshot) -> u64 {
    let orders = snapshot.orders.iter().map(|order| {
        let stops = (order.price, order.stop_loss, order.take_profit);
        hash_of(&(order.ticket, order.magic, &order.symbol, order.side as u8, order.volume, stops))
    });
    let positions = snapshot.positions.iter().map(|open| {
        let stops = (open.price, open.stop_loss, open.take_profit);
        hash_of(&(!open.ticket, open.magic, &open.symbol, open.side as u8, open.volume, stops))
    });
    let newest = snapshot.newest;
    let newest = hash_of(&(newest.order, newest.deal, newest.position));
    orders.chain(positions).fold(newest, u64::wrapping_add)
}

/// Of what concerns one trade: what is open of its symbol, and the past of its tag.
pub(super) fn digest_for(symbol: &str, magic: u64, snapshot: &Snapshot) -> u64 {
    let orders = snapshot.orders.iter().filter(|order| order.symbol == symbol).map(|order| {
        let stops = (order.price, order.stop_loss, order.take_profit);
        hash_of(&(order.ticket, order.magic, order.side as u8, order.volume, stops))
    });
    let positions = snapshot.positions.iter().filter(|open| open.symbol == symbol).map(|open| {
        let stops = (open.price, open.stop_loss, open.take_profit);
        hash_of(&(!open.ticket, open.magic, open.side as u8, open.volume, stops))
    });
    let opened: BTreeSet<u64> =
        snapshot.deals.iter().filter(|deal| deal.magic == magic).map(|deal| deal.position).collect();
    let mine = |deal: &&Deal| deal.magic == magic || opened.contains(&deal.position);
    let deals =
        snapshot.deals.iter().filter(mine).map(|deal| hash_of(&(deal.ticket, deal.order, deal.volume)));
    let past = snapshot.past_orders.iter().filter(|order| order.magic == magic);
    let past = past.map(|order| hash_of(&(order.ticket, order.position, order.volume)));
    orders.chain(positions).chain(deals).chain(past).fold(0, u64::wrapping_add)
}

fn hash_of<T: Hash>(value: &T) -> u64 {
    let mut hasher = FxHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}
