use std::fmt::Display;

use warden_domain::{
    ClientTradeId, Epoch, InstanceId, Lots, Magic, OrderKind, Price, Side, Span, Ticket, Timestamp,
    TradeState, Version,
};

/// How long a trade that has ended stays to be seen, from the write that shows its end (behaviour.md §8).
pub const TRADES_KEPT: Span = Span::from_secs(24 * 3_600);

/// One trade as it is to be shown (`order_state:<id>:<trade>`); `<trade>` is its tag in decimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradeUpdate {
    /// Whose.
    pub instance: InstanceId,
    /// Under which ownership.
    pub epoch: Epoch,
    /// Its version; whatever is stored under a lower one is replaced.
    pub version: Version,
    /// What is shown.
    pub trade: TradeProjection,
}

impl TradeUpdate {
    /// Gives each field of the hash that is present, by its name: `version` and `epoch`, then those of the trade.
    pub fn fields(&self, mut each: impl FnMut(&'static str, &dyn Display)) {
        let trade = &self.trade;
        each("version", &self.version);
        each("epoch", &self.epoch);
        each("tag", &trade.tag.number());
        each("key", &trade.key.as_str());
        each("state", &trade.state.as_str());
        each("reason", &trade.reason);
        each("symbol", &trade.symbol);
        each("goal", &trade.goal);
        each("volume", &trade.volume);
        each("filled", &trade.filled);
        each("closed", &trade.closed);
        each("attempt", &trade.attempt);
        each("accepted_at", &trade.accepted_at);
        each("expires_at", &trade.expires_at);
        each("updated_at", &trade.updated_at);
        let mut present = |name, value: Option<&dyn Display>| value.into_iter().for_each(|v| each(name, v));
        present("side", trade.side.as_ref().map(|side| side as &dyn Display));
        present("kind", trade.kind.as_ref().map(|kind| kind as &dyn Display));
        for (name, price) in
            [("price", &trade.price), ("stop_loss", &trade.stop_loss), ("take_profit", &trade.take_profit)]
        {
            present(name, price.as_ref().map(|price| price as &dyn Display));
        }
        for (name, ticket) in [("ticket", &trade.ticket), ("position", &trade.position)] {
            present(name, ticket.as_ref().map(|ticket| ticket as &dyn Display));
        }
    }
}

/// What other services read of a trade, each a field of its hash; one that is `None` is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradeProjection {
    /// `tag`: MQL5 `magic`, in decimal.
    pub tag: Magic,
    /// `key`: the client's id of the signal that asked for it; `order_key:<id>:<key>` holds the tag of
    /// the first trade that was shown of it, for 24 h.
    pub key: ClientTradeId,
    /// `state`
    pub state: TradeState,
    /// `reason`: why it ended; empty while it has not.
    pub reason: String,
    /// `symbol`
    pub symbol: String,
    /// `goal`: `OPEN`, `CLOSE`, `PROTECT`, `MOVE` or `CANCEL`.
    pub goal: &'static str,
    /// `side`: of a trade that opens.
    pub side: Option<Side>,
    /// `kind`: of a trade that opens.
    pub kind: Option<OrderKind>,
    /// `volume`: lots that are wanted.
    pub volume: Lots,
    /// `filled`: lots that were filled.
    pub filled: Lots,
    /// `closed`: lots of it that are closed again.
    pub closed: Lots,
    /// `price`: mean price of what was filled.
    pub price: Option<Price>,
    /// `stop_loss`: that shall stand.
    pub stop_loss: Option<Price>,
    /// `take_profit`: that shall stand.
    pub take_profit: Option<Price>,
    /// `ticket`: of its open order.
    pub ticket: Option<Ticket>,
    /// `position`: of its open position.
    pub position: Option<Ticket>,
    /// `attempt`: its last send; 0 before the first.
    pub attempt: u32,
    /// `accepted_at`, RFC 3339 UTC.
    pub accepted_at: Timestamp,
    /// `expires_at`, RFC 3339 UTC.
    pub expires_at: Timestamp,
    /// `updated_at`, RFC 3339 UTC.
    pub updated_at: Timestamp,
}

/// What the write of a trade answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TradeWrite {
    /// It is stored, now or since before: a trade that is given again at the same version and epoch is left as it is.
    Written,
    /// A higher version is stored at our own epoch or a lower one, and is none of this call: ours is behind.
    Ahead {
        /// The version that is stored.
        stored: Version,
    },
    /// A higher epoch owns the instance: void the step and let go.
    Fenced {
        /// The epoch that owns it.
        by: Epoch,
    },
}
