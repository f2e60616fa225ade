use std::{fmt::Display, sync::Arc};

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
    /// What was shown of it at this epoch, where the caller knows it: fields that are equal need no write. Where another
    /// version stands, every field is written.
    pub previous: Option<Box<TradeShown>>,
}

/// What was shown of a trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradeShown {
    /// Its version.
    pub version: Version,
    /// Its fields.
    pub trade: TradeProjection,
}

impl TradeUpdate {
    /// Gives each field of the hash that is present, by its name: `version` and `epoch`, then those of the trade.
    pub fn fields(&self, mut each: impl FnMut(&'static str, &dyn Display)) {
        each("version", &self.version);
        each("epoch", &self.epoch);
        self.trade.fields(None, each);
    }

    /// What stands there already, where the update is nothing but changes of it: it has not ended, and every field that
    /// it has is still there.
    #[must_use]
    pub fn changes(&self) -> Option<&TradeShown> {
        let stays = |before: &TradeProjection| {
            let now = &self.trade;
            !before.state.is_terminal()
                && (before.tag, before.side.is_none(), before.kind.is_none())
                    == (now.tag, now.side.is_none(), now.kind.is_none())
                && (before.price.is_none() || now.price.is_some())
                && (before.stop_loss.is_none() || now.stop_loss.is_some())
                && (before.take_profit.is_none() || now.take_profit.is_some())
                && (before.ticket.is_none() || now.ticket.is_some())
                && (before.position.is_none() || now.position.is_some())
        };
        self.previous.as_deref().filter(|previous| previous.version < self.version && stays(&previous.trade))
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
    pub symbol: Arc<str>,
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

impl TradeProjection {
    /// How many fields every trade has; [`fields`](Self::fields) gives them first.
    pub const ALWAYS: usize = 13;

    /// Gives each field that is present and differs from `before`, by its name; those that every trade has come first.
    pub fn fields(&self, before: Option<&Self>, mut each: impl FnMut(&'static str, &dyn Display)) {
        macro_rules! always {
            ($($name:ident: $text:expr),*) => {
                $(if before.is_none_or(|before| before.$name != self.$name) {
                    each(stringify!($name), &$text);
                })*
            };
        }
        macro_rules! present {
            ($($name:ident),*) => {
                $(if let Some(value) = &self.$name
                    && before.is_none_or(|before| before.$name.as_ref() != Some(value))
                {
                    each(stringify!($name), value);
                })*
            };
        }
        always!(
            tag: self.tag.number(), key: self.key.as_str(), state: self.state.as_str(), reason: self.reason,
            symbol: self.symbol, goal: self.goal, volume: self.volume, filled: self.filled, closed: self.closed,
            attempt: self.attempt, accepted_at: self.accepted_at, expires_at: self.expires_at,
            updated_at: self.updated_at
        );
        present!(side, kind, price, stop_loss, take_profit, ticket, position);
    }
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
