//! Whether supervisor and brokers agree about trades: the simulator's own ledger is the judge.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use warden_bridge_sim::{LedgerEntry, Truth, World};
use warden_domain::{InstanceId, Magic, Status};
use warden_policy::{Instance, account::Closure};
use warden_store::memory::MemoryHot;
use warden_supervisor::{View, signals::TradeView};

use super::trader;

/// The newest version of every trade in the journal, by whose it is and its tag.
pub(crate) type Trades = BTreeMap<(InstanceId, u64), u64>;

/// What a broker has and the supervisor says otherwise of one instance; nothing when it is not connected: what happens
/// then is read when it is back.
pub(crate) fn against_truth(view: &View, trades: &[TradeView], truth: Option<&Truth>) -> Vec<String> {
    let (Status::Connected, Some(truth)) = (view.status, truth) else { return Vec::new() };
    let ours = trades.iter().filter(|trade| trade.instance == view.instance);
    let (mut known, mut faults) = (BTreeMap::new(), Vec::new());
    for trade in ours {
        if !trader::is_at_rest(trade) {
            faults.push(format!("{}: trade {} is {}", view.instance, trade.tag, trade.state));
        }
        if trade.goal == "OPEN" {
            let positions = [trade.position, trade.extra_position].into_iter().flatten();
            known.extend(positions.map(|position| (position.number(), trade.tag)));
        }
    }
    // On a netting account the position may carry another one's tag, or none.
    let at_broker: BTreeSet<u64> = truth.positions.iter().map(|(_, ticket)| *ticket).collect();
    let tagged = truth.positions.iter().filter(|(magic, _)| is_ours(*magic));
    let forgotten = tagged.filter(|(_, ticket)| !known.contains_key(ticket));
    faults.extend(
        forgotten
            .map(|(magic, ticket)| format!("{}: position {ticket} of {magic} is forgotten", view.instance)),
    );
    let gone = known.iter().filter(|(ticket, _)| !at_broker.contains(ticket));
    faults.extend(gone.map(|(ticket, tag)| format!("{}: position {ticket} of {tag} is gone", view.instance)));
    faults
}

/// Deals of ours that no trade in the journal made: something was forgotten, or never durable.
pub(crate) fn unknown_deals(
    world: &World,
    known: &Trades,
    of: &dyn Fn(&LedgerEntry) -> Option<InstanceId>,
) -> Vec<String> {
    let sends = world.ledger().entries().iter().filter_map(|entry| Some((entry, entry.send?)));
    let unknown = sends.filter(|(entry, send)| {
        of(entry).is_none_or(|instance| !known.contains_key(&(instance, send.magic)))
    });
    let mut tags: Vec<u64> = unknown.map(|(_, send)| send.magic).collect();
    tags.sort_unstable();
    tags.dedup();
    tags.into_iter()
        .map(|tag| format!("the broker executed {tag}, and the journal knows no such trade"))
        .collect()
}

/// Trades that the hot state shows otherwise than the journal; those of destroyed accounts are gone from it.
pub(crate) fn hot_against_journal(
    hot: &MemoryHot,
    trades: &Trades,
    states: &HashMap<InstanceId, (u64, Instance)>,
) -> Vec<String> {
    let destroyed = |id| states.get(id).is_some_and(|(_, state)| state.closure() == Closure::Done);
    let mut faults = Vec::new();
    for ((instance, tag), version) in trades.iter().filter(|((instance, _), _)| !destroyed(instance)) {
        let shown = Magic::from_number(*tag).ok().and_then(|magic| hot.trade(instance, magic));
        let shown = shown.and_then(|fields| fields.get("version").cloned()).unwrap_or_default();
        if shown != version.to_string() {
            faults.push(format!(
                "{instance}: hot state shows version {shown:?} of trade {tag}, the journal {version}"
            ));
        }
    }
    faults
}

/// Whether a tag is of this installation.
fn is_ours(magic: u64) -> bool {
    Magic::from_number(magic).is_ok()
}
