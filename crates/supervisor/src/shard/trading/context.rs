//! What a trade's step knows of its surroundings; made anew for each.

use warden_domain::{AccountMode, Layer, Lots, Magic, Session, Ticket, Timestamp};
use warden_policy::trade::{
    Goal, Owner, PositionSeen, Protection, SnapshotId, Target, Trade, TradeContext, owner_of,
};

use super::{Held, Trading, compare::signed, looks::Seen};
use crate::shard::Slot;
use warden_policy::Params;

impl Slot {
    /// Whether a gateway serves the instance and its terminal is connected to the trade server.
    pub(in crate::shard) fn is_connected(&self) -> bool {
        let health = self.state.health();
        health.is_up(Layer::GatewayAlive) && health.is_up(Layer::BrokerConnected)
    }

    pub(super) fn trade_context(
        &self,
        magic: Magic,
        now: Timestamp,
        params: &Params,
    ) -> Option<TradeContext> {
        let trading = &self.trading;
        let held = trading.desk.trades.get(&magic)?;
        let symbol = trading.desk.symbols.get(&held.symbol);
        let session = symbol.and_then(|symbol| symbol.now()).map(|said| said.session);
        Some(TradeContext {
            gate: self.state.gate(),
            connected: self.is_connected(),
            session: session.unwrap_or(Session::Closed { opens_at: None }),
            lane_free: symbol.is_some_and(|symbol| symbol.lane.is_free_for(magic)),
            symbol: symbol.and_then(|symbol| symbol.rules(params.slippage.points.of(&held.symbol))),
            quote: symbol.and_then(|symbol| symbol.quote(now, params)),
            mode: trading.mode(),
            marks: trading.desk.marks,
            synchronised: trading.desk.looks.seen().map(|seen| seen.id),
            target: held.trade.intent().goal.target().and_then(|ticket| trading.target(held, ticket)),
            tally: trading.tally,
        })
    }
}

impl Trading {
    pub(super) fn mode(&self) -> AccountMode {
        self.market.map_or(AccountMode::Netting, |market| market.mode)
    }

    /// The order or position that an intent names. What a trade of ours holds is ours, and known newer than by any look;
    /// of everything else only a look that began after the intent was accepted says how it stands (TRD-8).
    fn target(&self, held: &Held, ticket: Ticket) -> Option<Target> {
        let goal = &held.trade.intent().goal;
        if let (Some(of), AccountMode::Netting) = (goal.of(), self.mode()) {
            // One position collects several trades: what the other ones hold of it is not meant.
            let open = self.desk.trades.get(&of).filter(|other| other.trade.end().is_none());
            return open.map_or(Some(Target::Gone), |other| held_target(&other.trade, ticket));
        }
        let seen =
            self.desk.looks.seen().filter(|seen| seen.id > SnapshotId(held.trade.intent().accepted_at));
        if let (Goal::Protect { .. }, AccountMode::Netting) = (goal, self.mode()) {
            return seen.map(|seen| self.protected_target(held, seen, ticket));
        }
        let mine = self.desk.waits.at_broker.iter().filter_map(|magic| self.desk.trades.get(magic));
        if let Some(target) = mine.filter_map(|other| held_target(&other.trade, ticket)).next() {
            return Some(target);
        }
        Some(self.seen_target(seen?, ticket))
    }

    /// A netting position whose protection is to change: ours, where others have no part in it.
    fn protected_target(&self, held: &Held, seen: &Seen, ticket: Ticket) -> Target {
        let target = self.seen_target(seen, ticket);
        let Target::Position { position, .. } = target else { return target };
        let ours = signed(position.side, self.parts().get(&*held.symbol).copied().unwrap_or(0));
        let alone = position.volume.units() <= ours;
        let owner = if alone { Owner::Ours(held.trade.intent().magic) } else { Owner::External };
        Target::Position { position, owner }
    }

    fn seen_target(&self, seen: &Seen, ticket: Ticket) -> Target {
        let owner = |magic| owner_of(magic, self.installation, |magic| self.desk.trades.contains_key(&magic));
        if let Some(order) = seen.orders.iter().find(|order| order.ticket == ticket.number()) {
            return Target::Order { ticket, owner: owner(order.magic) };
        }
        match seen.positions.iter().find(|position| position.ticket == ticket.number()) {
            Some(open) => {
                let position = PositionSeen {
                    ticket,
                    side: open.side,
                    volume: open.volume,
                    protection: Protection { stop_loss: open.stop_loss, take_profit: open.take_profit },
                };
                Target::Position { position, owner: owner(open.magic) }
            }
            None => Target::Gone,
        }
    }
}

/// What a trade holds under this ticket.
fn held_target(trade: &Trade, ticket: Ticket) -> Option<Target> {
    let (held, opening) = (trade.holdings(), trade.intent().opening()?);
    let owner = Owner::Ours(trade.intent().magic);
    if held.order == Some(ticket) {
        return Some(Target::Order { ticket, owner });
    }
    // On a hedging account the rest of a partial fill has a position of its own.
    let extra = held.extra_position.map_or(Lots::ZERO, |_| held.extra_volume.min(held.open()));
    let volume = if held.position == Some(ticket) {
        held.open().minus(extra).unwrap_or(Lots::ZERO)
    } else if held.extra_position == Some(ticket) {
        extra
    } else {
        return None;
    };
    (volume > Lots::ZERO).then_some(Target::Position {
        position: PositionSeen { ticket, side: opening.side, volume, protection: held.protection },
        owner,
    })
}
