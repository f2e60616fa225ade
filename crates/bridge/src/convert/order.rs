//! `OrderCommand` and the `Trade` that answers it.

use warden_domain::{Filling, Side};

use super::{FrameFault, LONGEST_COMMENT, LONGEST_SYMBOL, bounded, cut, finite, known, positive, short, tag};
use crate::{Order, OrderAction, Pending, SendId, TradeReply, wire};

pub(crate) fn encode(order: &Order) -> wire::OrderCommand {
    let (pending, stop_limit) = pending(order.action);
    let (action, target) = action(order.action);
    wire::OrderCommand {
        action: action.into(),
        target,
        magic: order.send.magic,
        symbol: bounded(&order.symbol, LONGEST_SYMBOL),
        volume: order.volume,
        price: order.price,
        stop_loss: order.stop_loss,
        take_profit: order.take_profit,
        deviation: order.deviation,
        comment: cut(&order.comment, LONGEST_COMMENT).to_owned(),
        attempt: order.send.attempt,
        pending: pending.into(),
        stop_limit,
        filling: order.filling.map_or(wire::Filling::Unspecified, filling).into(),
    }
}

fn action(action: OrderAction) -> (wire::OrderAction, u64) {
    match action {
        OrderAction::Deal(Side::Buy) => (wire::OrderAction::Buy, 0),
        OrderAction::Deal(Side::Sell) => (wire::OrderAction::Sell, 0),
        OrderAction::Place(Side::Buy, _) => (wire::OrderAction::BuyPending, 0),
        OrderAction::Place(Side::Sell, _) => (wire::OrderAction::SellPending, 0),
        OrderAction::Protect { position } => (wire::OrderAction::Protect, position),
        OrderAction::Modify { order } => (wire::OrderAction::Modify, order),
        OrderAction::Cancel { order } => (wire::OrderAction::Cancel, order),
        OrderAction::Close { position } => (wire::OrderAction::Close, position),
    }
}

/// What triggers a pending order, and the limit price behind it.
fn pending(action: OrderAction) -> (wire::PendingKind, f64) {
    match action {
        OrderAction::Place(_, Pending::Limit) => (wire::PendingKind::Limit, 0.0),
        OrderAction::Place(_, Pending::Stop) => (wire::PendingKind::Stop, 0.0),
        OrderAction::Place(_, Pending::StopLimit { limit }) => (wire::PendingKind::StopLimit, limit),
        OrderAction::Deal(_)
        | OrderAction::Protect { .. }
        | OrderAction::Modify { .. }
        | OrderAction::Cancel { .. }
        | OrderAction::Close { .. } => (wire::PendingKind::Unspecified, 0.0),
    }
}

pub(crate) fn decode(order: wire::OrderCommand) -> Result<Order, FrameFault> {
    let volume = finite("volume", order.volume)?;
    if volume < 0.0 {
        return Err(FrameFault::OutOfRange("volume"));
    }
    Ok(Order {
        action: read_action(&order)?,
        send: read_send(order.magic, order.attempt)?,
        volume,
        price: finite("price", order.price)?,
        stop_loss: finite("stop_loss", order.stop_loss)?,
        take_profit: finite("take_profit", order.take_profit)?,
        deviation: order.deviation,
        filling: read_filling(order.filling)?,
        comment: cut(&order.comment, LONGEST_COMMENT).to_owned(),
        symbol: short("symbol", order.symbol, LONGEST_SYMBOL)?,
    })
}

fn read_action(order: &wire::OrderCommand) -> Result<OrderAction, FrameFault> {
    let target = || positive("target", order.target);
    let action = match known("action", order.action)? {
        wire::OrderAction::Unspecified => return Err(FrameFault::Missing("action")),
        wire::OrderAction::Buy => OrderAction::Deal(Side::Buy),
        wire::OrderAction::Sell => OrderAction::Deal(Side::Sell),
        wire::OrderAction::BuyPending => return Ok(OrderAction::Place(Side::Buy, read_pending(order)?)),
        wire::OrderAction::SellPending => return Ok(OrderAction::Place(Side::Sell, read_pending(order)?)),
        wire::OrderAction::Protect => OrderAction::Protect { position: target()? },
        wire::OrderAction::Modify => OrderAction::Modify { order: target()? },
        wire::OrderAction::Cancel => OrderAction::Cancel { order: target()? },
        wire::OrderAction::Close => OrderAction::Close { position: target()? },
    };
    match known("pending", order.pending)? {
        wire::PendingKind::Unspecified => Ok(action),
        // a gateway that took it for a deal at the market would trade at once what was to wait
        wire::PendingKind::Limit | wire::PendingKind::Stop | wire::PendingKind::StopLimit => {
            Err(FrameFault::OutOfRange("pending"))
        }
    }
}

fn read_pending(order: &wire::OrderCommand) -> Result<Pending, FrameFault> {
    match known("pending", order.pending)? {
        wire::PendingKind::Unspecified => Err(FrameFault::Missing("pending")),
        wire::PendingKind::Limit => Ok(Pending::Limit),
        wire::PendingKind::Stop => Ok(Pending::Stop),
        wire::PendingKind::StopLimit => {
            Ok(Pending::StopLimit { limit: finite("stop_limit", order.stop_limit)? })
        }
    }
}

/// The name of a send.
pub(super) fn read_send(magic: u64, attempt: u32) -> Result<SendId, FrameFault> {
    if attempt == 0 {
        return Err(FrameFault::Zero("attempt"));
    }
    Ok(SendId { magic: tag("magic", magic)?, attempt })
}

pub(super) fn filling(filling: Filling) -> wire::Filling {
    match filling {
        Filling::FillOrKill => wire::Filling::FillOrKill,
        Filling::ImmediateOrCancel => wire::Filling::ImmediateOrCancel,
        Filling::Return => wire::Filling::Return,
    }
}

pub(super) fn read_filling(number: i32) -> Result<Option<Filling>, FrameFault> {
    Ok(match known("filling", number)? {
        wire::Filling::Unspecified => None,
        wire::Filling::FillOrKill => Some(Filling::FillOrKill),
        wire::Filling::ImmediateOrCancel => Some(Filling::ImmediateOrCancel),
        wire::Filling::Return => Some(Filling::Return),
    })
}

pub(super) fn reply(reply: &TradeReply) -> wire::Trade {
    wire::Trade { deal: reply.deal, order: reply.order, volume: reply.volume, price: reply.price }
}

pub(super) fn read_reply(trade: &wire::Trade) -> Result<TradeReply, FrameFault> {
    Ok(TradeReply {
        deal: trade.deal,
        order: trade.order,
        volume: finite("volume", trade.volume)?,
        price: finite("price", trade.price)?,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{
        super::{MAGIC_LIMIT, cut},
        *,
    };

    pub(crate) const ACTIONS: [OrderAction; 10] = [
        OrderAction::Deal(Side::Buy),
        OrderAction::Deal(Side::Sell),
        OrderAction::Place(Side::Buy, Pending::Limit),
        OrderAction::Place(Side::Sell, Pending::Limit),
        OrderAction::Place(Side::Sell, Pending::Stop),
        OrderAction::Place(Side::Buy, Pending::StopLimit { limit: 1.2 }),
        OrderAction::Protect { position: 1 },
        OrderAction::Modify { order: 3 },
        OrderAction::Cancel { order: 2 },
        OrderAction::Close { position: u64::MAX },
    ];

    pub(crate) fn order(action: OrderAction) -> Order {
        Order {
            action,
            send: SendId { magic: MAGIC_LIMIT - 1, attempt: u32::MAX },
            symbol: "EURUSD".into(),
            volume: 0.01,
            price: 1.2345,
            stop_loss: 1.2,
            take_profit: 0.0,
            deviation: 30,
            filling: Some(Filling::ImmediateOrCancel),
            comment: "w-1".into(),
        }
    }

    #[test]
    fn every_order_comes_back() {
        for action in ACTIONS {
            assert_eq!(decode(encode(&order(action))), Ok(order(action)));
        }
        let modes = [Filling::FillOrKill, Filling::ImmediateOrCancel, Filling::Return];
        for filling in modes.into_iter().map(Some).chain([None]) {
            let sent = Order { filling, ..order(ACTIONS[0]) };
            assert_eq!(decode(encode(&sent)), Ok(sent));
        }
    }

    #[test]
    fn a_long_comment_is_cut_on_both_sides() {
        let long = Order { comment: "ä".repeat(40), ..order(ACTIONS[0]) };
        let read = decode(encode(&long)).unwrap();
        assert_eq!(read.comment, cut(&long.comment, 31));
    }

    #[test]
    fn bad_fields_of_an_order_are_named() {
        let good = || encode(&order(OrderAction::Close { position: 1 }));
        let deal = || encode(&order(OrderAction::Deal(Side::Buy)));
        let placed = || encode(&order(OrderAction::Place(Side::Buy, Pending::StopLimit { limit: 1.0 })));
        let cases = [
            (wire::OrderCommand { action: 0, ..good() }, FrameFault::Missing("action")),
            (
                wire::OrderCommand { action: 77, ..good() },
                FrameFault::UnknownNumber { field: "action", number: 77 },
            ),
            (wire::OrderCommand { target: 0, ..good() }, FrameFault::Zero("target")),
            (wire::OrderCommand { magic: MAGIC_LIMIT, ..good() }, FrameFault::OutOfRange("magic")),
            (wire::OrderCommand { attempt: 0, ..good() }, FrameFault::Zero("attempt")),
            (wire::OrderCommand { volume: -0.1, ..good() }, FrameFault::OutOfRange("volume")),
            (wire::OrderCommand { volume: f64::NAN, ..good() }, FrameFault::OutOfRange("volume")),
            (wire::OrderCommand { price: f64::INFINITY, ..good() }, FrameFault::OutOfRange("price")),
            (wire::OrderCommand { stop_loss: f64::NAN, ..good() }, FrameFault::OutOfRange("stop_loss")),
            (wire::OrderCommand { take_profit: f64::NAN, ..good() }, FrameFault::OutOfRange("take_profit")),
            (
                wire::OrderCommand { symbol: "X".repeat(65), ..good() },
                FrameFault::TooLong { field: "symbol", longest: 64 },
            ),
            (
                wire::OrderCommand { filling: 4, ..good() },
                FrameFault::UnknownNumber { field: "filling", number: 4 },
            ),
            (wire::OrderCommand { pending: 1, ..deal() }, FrameFault::OutOfRange("pending")),
            (wire::OrderCommand { pending: 0, ..placed() }, FrameFault::Missing("pending")),
            (wire::OrderCommand { stop_limit: f64::NAN, ..placed() }, FrameFault::OutOfRange("stop_limit")),
            (
                wire::OrderCommand { pending: 4, ..placed() },
                FrameFault::UnknownNumber { field: "pending", number: 4 },
            ),
        ];
        for (wire, fault) in cases {
            assert_eq!(decode(wire), Err(fault));
        }
    }
}
