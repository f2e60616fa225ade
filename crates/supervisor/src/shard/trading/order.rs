//! From a trade's request to what goes to the gateway.

use warden_bridge::{Order, OrderAction, Pending, SendId};
use warden_domain::{Filling, Lots, OrderKind, Price, Quote};
use warden_policy::trade::{Protection, Request, RequestKind};

use super::Held;

/// So many characters of a comment every broker takes.
const COMMENT: usize = 26;

/// The order as it is sent. One at the market has the price that its deviation counts from: the one it was decided by.
pub(super) fn of(request: &Request, held: &Held, quote: Option<Quote>) -> Order {
    let send = SendId { magic: request.magic.number(), attempt: request.attempt.0 };
    let bare = |action| Order {
        action,
        send,
        symbol: held.symbol.to_string(),
        volume: 0.0,
        price: 0.0,
        stop_loss: 0.0,
        take_profit: 0.0,
        deviation: 0,
        filling: None,
        comment: held.key.id.as_str().chars().take(COMMENT).collect(),
    };
    match request.kind {
        RequestKind::Enter { side, kind, volume, price, trigger, protection, deviation, filling } => {
            let action = match kind {
                OrderKind::Market => OrderAction::Deal(side),
                OrderKind::Limit => OrderAction::Place(side, Pending::Limit),
                OrderKind::Stop => OrderAction::Place(side, Pending::Stop),
                OrderKind::StopLimit => {
                    OrderAction::Place(side, Pending::StopLimit { limit: double(trigger) })
                }
            };
            let order = filled(bare(action), volume, deviation, filling);
            let price = price.or(quote.map(|quote| quote.of(side)));
            protected(Order { price: double(price), ..order }, protection)
        }
        RequestKind::Close { position, volume, deviation, filling } => {
            filled(bare(OrderAction::Close { position: position.number() }), volume, deviation, filling)
        }
        RequestKind::Cancel { order } => bare(OrderAction::Cancel { order: order.number() }),
        RequestKind::Protect { position, protection } => {
            protected(bare(OrderAction::Protect { position: position.number() }), protection)
        }
        RequestKind::Move { order, price, protection } => {
            let order = bare(OrderAction::Modify { order: order.number() });
            protected(Order { price: price.to_f64(), ..order }, protection)
        }
    }
}

fn filled(order: Order, volume: Lots, deviation: u32, filling: Filling) -> Order {
    Order { volume: volume.to_f64(), deviation, filling: Some(filling), ..order }
}

fn protected(order: Order, protection: Protection) -> Order {
    let (stop_loss, take_profit) = (double(protection.stop_loss), double(protection.take_profit));
    Order { stop_loss, take_profit, ..order }
}

/// MQL5 writes none as zero.
fn double(price: Option<Price>) -> f64 {
    price.map_or(0.0, Price::to_f64)
}
