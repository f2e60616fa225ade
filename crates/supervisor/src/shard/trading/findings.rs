//! From a reading of the broker to what it says of one trade: totals of everything that carries its tag.
//!
//! What opens is told from what closes by its side: that is the same on netting and on hedging accounts, whatever a deal
//! did to a position that others share.

use std::collections::BTreeSet;

use warden_bridge::{Deal, DealEntry, OpenOrder, OpenPosition, SendState, Snapshot};
use warden_domain::{AccountMode, Lots, Magic, Price, Side, Ticket};
use warden_policy::trade::{
    Attempt, Findings, Inbox, Lookalike, Marks, Op, OrderSeen, Owner, PositionSeen, Protection, Query,
    SnapshotId, Trade, TradePhase, owner_of,
};

use super::{Held, Trading, inbox::reply_of};

/// What a reading was asked of one trade.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) magic: Magic,
    /// The send that the gateway's inbox is asked about.
    pub(super) attempt: Attempt,
    /// Where the answer to that stands.
    pub(super) inbox_at: Option<usize>,
    /// What the send made is newer.
    pub(super) marks: Marks,
    also: Option<Ticket>,
    /// The side and volume of an opening order that may have lost its tag.
    pub(super) looks_alike: Option<(Side, Lots)>,
}

impl Asked {
    pub(super) fn of(query: &Query, trade: &Trade) -> Self {
        let enters = match trade.phase() {
            TradePhase::Resolving(Op::Enter { .. }, _) | TradePhase::Suspect(Op::Enter { .. }, _) => true,
            TradePhase::Resolving(..)
            | TradePhase::Suspect(..)
            | TradePhase::Waiting(..)
            | TradePhase::Sending(_)
            | TradePhase::Resting
            | TradePhase::Holding
            | TradePhase::Ended(..) => false,
        };
        let wanted = trade.volume().minus(trade.holdings().filled).unwrap_or(Lots::ZERO);
        let opening = trade.intent().opening().filter(|_| enters && wanted > Lots::ZERO);
        Self {
            magic: query.magic,
            attempt: query.attempt,
            inbox_at: None,
            marks: query.marks,
            also: query.also,
            looks_alike: opening.map(|opening| (opening.side, wanted)),
        }
    }
}

/// What the reading says of the trade; `id` names it where the terminal is synchronised.
pub(super) fn findings(
    held: &Held,
    asked: &Asked,
    snapshot: &Snapshot,
    id: Option<SnapshotId>,
    trading: &Trading,
) -> Findings {
    let magic = asked.magic.number();
    let (trade, mode) = (&held.trade, trading.mode());
    let side = trade.intent().opening().map(|opening| opening.side);
    let known = known_order(trade);
    let is_mine = |deal: &&Deal| deal.magic == magic || known == Some(deal.order);
    let mine: Vec<&Deal> = snapshot.deals.iter().filter(is_mine).collect();
    let (filled, price) = total(mine.iter().filter(|deal| side == Some(deal.side)));
    let orders = opening_orders(magic, side, known, &mine, snapshot);
    let (order, extra_order) = open_orders(trade, asked, side, snapshot);
    let (position, extra_position) = match (mode, side) {
        (AccountMode::Netting, Some(_)) => (of_symbol(held, known, &mine, snapshot, trading), None),
        (AccountMode::Netting | AccountMode::Hedging, _) => open_positions(trade, asked, &mine, snapshot),
    };
    let nothing = orders == 0 && filled == Lots::ZERO && order.is_none() && position.is_none();
    Findings {
        snapshot: id,
        attempt: asked.attempt,
        inbox: inbox(asked, snapshot),
        queue_empty: snapshot.waiting == 0,
        orders,
        order,
        extra_order,
        filled,
        price,
        closed: closed(side, mode, &mine, snapshot),
        position,
        extra_position,
        untagged: (mode == AccountMode::Hedging && is_untagged(trade, snapshot))
            || has_lost_tag(magic, known, snapshot),
        lookalike: asked
            .looks_alike
            .filter(|_| nothing)
            .and_then(|(side, volume)| lookalike(held, asked, side, volume, snapshot, trading)),
    }
}

fn inbox(asked: &Asked, snapshot: &Snapshot) -> Inbox {
    match asked.inbox_at.and_then(|at| snapshot.sends.get(at)) {
        None | Some(SendState::Unseen) => Inbox::Unseen,
        Some(SendState::InProgress) => Inbox::InProgress,
        Some(SendState::NotStarted) => Inbox::NotStarted,
        Some(SendState::Interrupted) => Inbox::Interrupted,
        Some(SendState::Answered { facts, reply }) => Inbox::Answered(reply_of(*facts, reply.as_ref())),
    }
}

/// Volume and mean price.
fn total<'a>(deals: impl Iterator<Item = &'a &'a Deal>) -> (Lots, Price) {
    let (mut volume, mut worth) = (Lots::ZERO, 0_i128);
    for deal in deals {
        volume = volume.plus(deal.volume).unwrap_or(volume);
        worth += i128::from(deal.volume.units()) * i128::from(deal.price.units());
    }
    let mean = worth.checked_div(i128::from(volume.units())).and_then(|units| i64::try_from(units).ok());
    (volume, Price::from_units(mean.unwrap_or(0)))
}

/// The order that the trade opens with and that is known already: the trade server may have lost its tag.
fn known_order(trade: &Trade) -> Option<u64> {
    trade.intent().opening().and(trade.holdings().known_order()).map(Ticket::number)
}

/// Whether that order is there, open or ended, without the tag.
fn has_lost_tag(magic: u64, known: Option<u64>, snapshot: &Snapshot) -> bool {
    let open = snapshot.orders.iter().map(|order| (order.ticket, order.magic));
    let past = snapshot.past_orders.iter().map(|order| (order.ticket, order.magic));
    open.chain(past).any(|(ticket, of)| known == Some(ticket) && of != magic)
}

/// How many orders with the tag open, and the one that is known: open ones, ended ones, and those known by their deals
/// alone.
fn opening_orders(
    magic: u64,
    side: Option<Side>,
    known: Option<u64>,
    mine: &[&Deal],
    snapshot: &Snapshot,
) -> u8 {
    let Some(side) = side else { return 0 };
    let is_mine = |ticket: u64, of: u64| of == magic || known == Some(ticket);
    let open =
        snapshot.orders.iter().filter(|order| is_mine(order.ticket, order.magic) && order.side == side);
    let past =
        snapshot.past_orders.iter().filter(|order| is_mine(order.ticket, order.magic) && order.side == side);
    let filled = mine.iter().filter(|deal| deal.side == side);
    let tickets: BTreeSet<u64> = open
        .map(|order| order.ticket)
        .chain(past.map(|order| order.ticket))
        .chain(filled.map(|deal| deal.order))
        .collect();
    u8::try_from(tickets.len()).unwrap_or(u8::MAX)
}

/// The open orders with the tag that open, or the one that the intent names; the oldest first.
fn open_orders(
    trade: &Trade,
    asked: &Asked,
    side: Option<Side>,
    snapshot: &Snapshot,
) -> (Option<OrderSeen>, Option<Ticket>) {
    let target = trade.intent().goal.target().map(Ticket::number);
    let known = known_order(trade);
    let is_mine = |order: &&OpenOrder| {
        let tagged = order.magic == asked.magic.number() && side == Some(order.side);
        tagged || target == Some(order.ticket) || known == Some(order.ticket)
    };
    let mut mine: Vec<&OpenOrder> = snapshot.orders.iter().filter(is_mine).collect();
    mine.sort_unstable_by_key(|order| order.ticket);
    let seen = |order: &&OpenOrder| {
        Some(OrderSeen {
            ticket: Ticket::of(order.ticket)?,
            protection: Protection { stop_loss: order.stop_loss, take_profit: order.take_profit },
            price: order.price,
        })
    };
    (mine.first().and_then(seen), mine.get(1).and_then(|order| Ticket::of(order.ticket)))
}

/// The positions with the tag, or the one that the intent names, that is known already or that the known order opened;
/// the oldest first.
fn open_positions(
    trade: &Trade,
    asked: &Asked,
    deals: &[&Deal],
    snapshot: &Snapshot,
) -> (Option<PositionSeen>, Option<PositionSeen>) {
    let opens = trade.intent().opening().is_some();
    // What an answer named meanwhile counts, whatever was known when the look was asked for.
    let also = trade.holdings().position.or(asked.also);
    let extra = trade.holdings().extra_position.map(Ticket::number);
    let target = trade.intent().goal.target().or(also).map(Ticket::number);
    let known = known_order(trade);
    let opened = |ticket| deals.iter().any(|deal| known == Some(deal.order) && deal.position == ticket);
    let is_mine = |open: &&OpenPosition| {
        let tagged = opens && open.magic == asked.magic.number();
        tagged || [target, extra].contains(&Some(open.ticket)) || opened(open.ticket)
    };
    let mut mine: Vec<&OpenPosition> = snapshot.positions.iter().filter(is_mine).collect();
    mine.sort_unstable_by_key(|open| open.ticket);
    let seen = |at: usize| mine.get(at).and_then(|open| seen_of(open));
    (seen(0), seen(1))
}

/// Whether the position that an answer named is there without the tag.
fn is_untagged(trade: &Trade, snapshot: &Snapshot) -> bool {
    let (magic, known) = (trade.intent().magic.number(), trade.holdings().position.map(Ticket::number));
    let lost = |open: &OpenPosition| Some(open.ticket) == known && open.magic != magic;
    trade.intent().opening().is_some() && snapshot.positions.iter().any(lost)
}

/// Netting: the position of the symbol, where the trade has a part in it. One that none of its deals went into, and whose
/// ticket is newer than every order that it opened with, began, or turned, after it: what it held was closed before
/// (TRD-8).
fn of_symbol(
    held: &Held,
    known: Option<u64>,
    mine: &[&Deal],
    snapshot: &Snapshot,
    trading: &Trading,
) -> Option<PositionSeen> {
    let (opening, holdings) = (held.trade.intent().opening()?, held.trade.holdings());
    let opened = || mine.iter().filter(|deal| deal.side == opening.side);
    if holdings.filled == Lots::ZERO && opened().next().is_none() {
        return None;
    }
    let open = snapshot.positions.iter().find(|open| open.symbol == *held.symbol)?;
    let went_into = holdings.position.map(Ticket::number) == Some(open.ticket)
        || opened().any(|deal| deal.position == open.ticket);
    // An order that rested fills long after it got its ticket.
    let is_ours = opening.kind.rests() && trading.owner(open.magic) != Owner::External;
    let newest = opened().map(|deal| deal.order).chain(known).max();
    let is_older = newest.is_none_or(|order| open.ticket <= order);
    (went_into || is_ours || is_older).then(|| seen_of(open))?
}

fn seen_of(open: &OpenPosition) -> Option<PositionSeen> {
    Some(PositionSeen {
        ticket: Ticket::of(open.ticket)?,
        side: open.side,
        volume: open.volume,
        protection: Protection { stop_loss: open.stop_loss, take_profit: open.take_profit },
    })
}

/// What closed of what the tag opened; of an intent about something at the broker: what carries its tag.
fn closed(side: Option<Side>, mode: AccountMode, mine: &[&Deal], snapshot: &Snapshot) -> Lots {
    let Some(side) = side else {
        return total(mine.iter()).0;
    };
    let own = mine.iter().filter(|deal| deal.side == side.opposite());
    match mode {
        // Whoever closed it: the position is the trade's alone.
        AccountMode::Hedging => {
            let opened: BTreeSet<u64> =
                mine.iter().filter(|deal| deal.side == side).map(|deal| deal.position).collect();
            let closes = |deal: &&Deal| deal.entry != DealEntry::In && opened.contains(&deal.position);
            let closing: Vec<&Deal> = snapshot.deals.iter().filter(closes).collect();
            total(closing.iter()).0
        }
        AccountMode::Netting => total(own).0,
    }
}

/// What is newer than the send, looks like it and is of no other trade of ours; the oldest of several.
fn lookalike(
    held: &Held,
    asked: &Asked,
    side: Side,
    volume: Lots,
    snapshot: &Snapshot,
    trading: &Trading,
) -> Option<Lookalike> {
    // The tag of a trade that has ended, and is not known here any more, is no lost tag either.
    let not_ours = |magic| matches!(trading.owner(magic), Owner::External);
    let alike = |symbol: &str, of: Side, lots: Lots, magic: u64| {
        symbol == &*held.symbol && of == side && lots == volume && not_ours(magic)
    };
    let orders = snapshot.orders.iter().filter(|order| {
        order.ticket > asked.marks.order && alike(&order.symbol, order.side, order.volume, order.magic)
    });
    let orders = orders.map(|order| (order.ticket, Lots::ZERO, order.price));
    // On a netting account a position is everybody's of its symbol: there only orders and deals look like one.
    let apart = trading.mode() == AccountMode::Hedging;
    let positions = snapshot.positions.iter().filter(|open| {
        apart && open.ticket > asked.marks.position && alike(&open.symbol, open.side, open.volume, open.magic)
    });
    let positions = positions.map(|open| (open.ticket, open.volume, open.price));
    let deals = snapshot.deals.iter().filter(|deal| {
        deal.ticket > asked.marks.deal && alike(&deal.symbol, deal.side, deal.volume, deal.magic)
    });
    let deals = deals.map(|deal| (deal.position.max(deal.order), deal.volume, deal.price));
    let all = positions.chain(deals).chain(orders);
    let all = all
        .filter_map(|(ticket, filled, price)| Some(Lookalike { ticket: Ticket::of(ticket)?, filled, price }));
    all.filter(|alike| held.trade.may_be(alike.ticket)).min_by_key(|alike| alike.ticket)
}

impl Trading {
    /// Whose something with this `magic` is (TRD-8).
    pub(super) fn owner(&self, magic: u64) -> Owner {
        owner_of(magic, self.installation, |magic| self.desk.trades.contains_key(&magic))
    }
}
