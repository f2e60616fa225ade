//! `OrderCommand` of the contract.

use super::{
    FrameFault, LONGEST_COMMENT, LONGEST_SYMBOL, MAGIC_LIMIT, bounded, cut, finite, known, positive, short,
};
use crate::{Order, OrderAction, wire};

pub(crate) fn encode(order: &Order) -> wire::OrderCommand {
    let (action, target) = match order.action {
        OrderAction::Buy => (wire::OrderAction::Buy, 0),
        OrderAction::Sell => (wire::OrderAction::Sell, 0),
        OrderAction::BuyPending => (wire::OrderAction::BuyPending, 0),
        OrderAction::SellPending => (wire::OrderAction::SellPending, 0),
        OrderAction::Protect { position } => (wire::OrderAction::Protect, position),
        OrderAction::Cancel { order } => (wire::OrderAction::Cancel, order),
        OrderAction::Close { position } => (wire::OrderAction::Close, position),
    };
    wire::OrderCommand {
        action: action.into(),
        target,
        magic: order.magic,
        symbol: bounded(&order.symbol, LONGEST_SYMBOL),
        volume: order.volume,
        price: order.price,
        stop_loss: order.stop_loss,
        take_profit: order.take_profit,
        deviation: order.deviation,
        comment: cut(&order.comment, LONGEST_COMMENT).to_owned(),
    }
}

pub(crate) fn decode(order: wire::OrderCommand) -> Result<Order, FrameFault> {
    let volume = finite("volume", order.volume)?;
    if volume < 0.0 {
        return Err(FrameFault::OutOfRange("volume"));
    }
    if order.magic >= MAGIC_LIMIT {
        return Err(FrameFault::OutOfRange("magic"));
    }
    Ok(Order {
        action: action(&order)?,
        magic: order.magic,
        volume,
        price: finite("price", order.price)?,
        stop_loss: finite("stop_loss", order.stop_loss)?,
        take_profit: finite("take_profit", order.take_profit)?,
        deviation: order.deviation,
        comment: cut(&order.comment, LONGEST_COMMENT).to_owned(),
        symbol: short("symbol", order.symbol, LONGEST_SYMBOL)?,
    })
}

fn action(order: &wire::OrderCommand) -> Result<OrderAction, FrameFault> {
    let target = || positive("target", order.target);
    Ok(match known("action", order.action)? {
        wire::OrderAction::Unspecified => return Err(FrameFault::Missing("action")),
        wire::OrderAction::Buy => OrderAction::Buy,
        wire::OrderAction::Sell => OrderAction::Sell,
        wire::OrderAction::BuyPending => OrderAction::BuyPending,
        wire::OrderAction::SellPending => OrderAction::SellPending,
        wire::OrderAction::Protect => OrderAction::Protect { position: target()? },
        wire::OrderAction::Cancel => OrderAction::Cancel { order: target()? },
        wire::OrderAction::Close => OrderAction::Close { position: target()? },
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const ACTIONS: [OrderAction; 7] = [
        OrderAction::Buy,
        OrderAction::Sell,
        OrderAction::BuyPending,
        OrderAction::SellPending,
        OrderAction::Protect { position: 1 },
        OrderAction::Cancel { order: 2 },
        OrderAction::Close { position: u64::MAX },
    ];

    pub(crate) fn order(action: OrderAction) -> Order {
        Order {
            action,
            magic: MAGIC_LIMIT - 1,
            symbol: "EURUSD".into(),
            volume: 0.01,
            price: 1.2345,
            stop_loss: 1.2,
            take_profit: 0.0,
            deviation: 30,
            comment: "w-1".into(),
        }
    }

    #[test]
    fn every_order_comes_back() {
        for action in ACTIONS {
            assert_eq!(decode(encode(&order(action))), Ok(order(action)));
        }
    }

    #[test]
    fn bad_fields_of_an_order_are_named() {
        let good = || encode(&order(OrderAction::Close { position: 1 }));
        let cases = [
            (wire::OrderCommand { action: 0, ..good() }, FrameFault::Missing("action")),
            (
                wire::OrderCommand { action: 77, ..good() },
                FrameFault::UnknownNumber { field: "action", number: 77 },
            ),
            (wire::OrderCommand { target: 0, ..good() }, FrameFault::Zero("target")),
            (wire::OrderCommand { magic: MAGIC_LIMIT, ..good() }, FrameFault::OutOfRange("magic")),
            (wire::OrderCommand { volume: -0.1, ..good() }, FrameFault::OutOfRange("volume")),
            (wire::OrderCommand { volume: f64::NAN, ..good() }, FrameFault::OutOfRange("volume")),
            (wire::OrderCommand { price: f64::INFINITY, ..good() }, FrameFault::OutOfRange("price")),
            (wire::OrderCommand { stop_loss: f64::NAN, ..good() }, FrameFault::OutOfRange("stop_loss")),
            (wire::OrderCommand { take_profit: f64::NAN, ..good() }, FrameFault::OutOfRange("take_profit")),
            (
                wire::OrderCommand { symbol: "X".repeat(65), ..good() },
                FrameFault::TooLong { field: "symbol", longest: 64 },
            ),
        ];
        for (wire, fault) in cases {
            assert_eq!(decode(wire), Err(fault));
        }
    }
}
