//! What a gateway and a supervisor say to each other.

use thiserror::Error;
use warden_domain::{
    AccountMode, Epoch, Facts, Filling, FillingModes, InstanceId, Login, Lots, Points, Price, Quote, Session,
    Side, Span, StopMode, Timestamp, TradeMode, TradeServer,
};

/// The way to the terminals, however they are reached (gRPC session, or a simulated fleet in process).
///
/// What comes from the terminals arrives as [`Inbound`] on a bounded channel that the implementation was built with.
pub trait Mt5Bridge: Send + Sync {
    /// Hands a command over for sending; answers at once and never blocks.
    ///
    /// # Errors
    /// When no gateway of this instance is connected, or its bounded queue is full. Nothing was sent then.
    fn send(&self, envelope: Envelope) -> Result<(), SendError>;
}

/// A command on its way to the gateway of one instance.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// For which instance.
    pub instance: InstanceId,
    /// Under which ownership; a gateway refuses an epoch lower than the highest it has seen.
    pub epoch: Epoch,
    /// Names the command; a gateway answers a repeated id from its inbox.
    pub id: CommandId,
    /// The gateway does not start the command after this moment (UTC).
    pub deadline: Timestamp,
    /// What to do.
    pub command: Command,
}

/// Names one command of one instance; rises with every command of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub u64);

/// What a gateway is asked to do with its terminal.
#[derive(Clone, Debug)]
pub enum Command {
    /// Start the terminal where needed and log in (Python API `initialize` and `login`).
    Login {
        /// The account.
        login: Login,
        /// Its trade server.
        server: TradeServer,
        /// Its password; `Debug` never shows it.
        password: Secret,
    },
    /// Bring the connection to the trade server back, keeping the terminal process.
    Reconnect,
    /// End the terminal process where one is left, and start it anew.
    Restart {
        /// Also when the terminal still reports.
        force: bool,
    },
    /// Say who is logged in and what is open, for the session confirmation (SES-1).
    Confirm,
    /// Deal with open trades before a stop (ACC-7, ACC-2).
    CloseTrades(
        /// What to do with them.
        StopMode,
    ),
    /// Close the terminal session: log out and end the terminal.
    EndSession,
    /// Send one trade request (MQL5 `OrderSend`).
    Order(
        /// The request.
        Order,
    ),
    /// Read what is at the broker, and say what became of sends.
    Snapshot(
        /// What is looked for.
        SnapshotQuery,
    ),
    /// Say from now on how the account and these symbols stand ([`Inbound::Market`]); replaces what was watched before.
    Watch(
        /// MQL5 names, each at most 64 characters; at most [`SnapshotQuery::MOST`].
        Vec<String>,
    ),
}

/// A password on its way to a terminal; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a password in.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The password, for the one call that needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A trade request (MQL5 `MqlTradeRequest`); volumes in lots and prices as MT5's doubles.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// What to do.
    pub action: OrderAction,
    /// Which send; a gateway carries out each at most once, whatever happens to it, and answers a repeated one from its
    /// inbox.
    pub send: SendId,
    /// MQL5 `symbol`.
    pub symbol: String,
    /// MQL5 `volume`, in lots.
    pub volume: f64,
    /// MQL5 `price`; 0 for a market order at the present price.
    pub price: f64,
    /// MQL5 `sl`; 0 for none.
    pub stop_loss: f64,
    /// MQL5 `tp`; 0 for none.
    pub take_profit: f64,
    /// MQL5 `deviation`, in points.
    pub deviation: u32,
    /// MQL5 `type_filling`; `None` where the action does not fill.
    pub filling: Option<Filling>,
    /// MQL5 `comment`: a hint for people.
    pub comment: String,
}

/// Names one send of one instance for good: in the gateway's inbox, over every restart and owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SendId {
    /// MQL5 `magic`: the tag of the intent, at most 53 bits.
    pub magic: u64,
    /// Counts the sends of the intent, from 1.
    pub attempt: u32,
}

/// What a trade request does (MQL5 `ENUM_TRADE_REQUEST_ACTIONS` with the order type).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OrderAction {
    /// A deal at the market (`TRADE_ACTION_DEAL`).
    Deal(
        /// Bought or sold.
        Side,
    ),
    /// A pending order (`TRADE_ACTION_PENDING`).
    Place(
        /// Bought or sold.
        Side,
        /// When it is triggered.
        Pending,
    ),
    /// Change stop loss and take profit of a position (`TRADE_ACTION_SLTP`).
    Protect {
        /// The position's ticket.
        position: u64,
    },
    /// Change price, stop loss and take profit of a pending order (`TRADE_ACTION_MODIFY`).
    Modify {
        /// The order's ticket.
        order: u64,
    },
    /// Remove a pending order (`TRADE_ACTION_REMOVE`).
    Cancel {
        /// The order's ticket.
        order: u64,
    },
    /// Close a position, or the given volume of it (`TRADE_ACTION_DEAL` with `position`).
    Close {
        /// The position's ticket.
        position: u64,
    },
}

/// When a pending order is triggered (MQL5 `ENUM_ORDER_TYPE` without its side).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pending {
    /// When the market is as good as its price or better.
    Limit,
    /// When the market has come to its price from the better side.
    Stop,
    /// A stop that places a limit order at this price (MQL5 `stoplimit`).
    StopLimit {
        /// The price of the limit order.
        limit: f64,
    },
}

/// What a snapshot is to hold beside every open order and position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotQuery {
    /// MQL5 `magic` numbers whose past orders and deals are to be in it; at most [`MOST`](Self::MOST).
    pub tags: Vec<u64>,
    /// Past orders and deals with a higher ticket are to be in it, whatever their `magic`; 0 for all, `u64::MAX` for none.
    pub newer_than: u64,
    /// How far back the past is read, by the trade server's clock.
    pub back: Span,
    /// The sends to look up in the gateway's inbox; at most [`MOST`](Self::MOST).
    pub sends: Vec<SendId>,
}

impl SnapshotQuery {
    /// So many tags, sends or symbols fit in one command.
    pub const MOST: usize = 128;
}

/// What comes from the gateways.
#[derive(Clone, Debug, PartialEq)]
pub enum Inbound {
    /// A gateway's session began to serve an instance.
    Up {
        /// Which instance.
        instance: InstanceId,
        /// The highest epoch the gateway has seen.
        epoch: Epoch,
        /// How the terminal stands.
        report: Report,
    },
    /// The session that served an instance ended: stream closed, heartbeat missed, or replaced.
    Down {
        /// Which instance.
        instance: InstanceId,
    },
    /// How the terminal stands now: sent on every change and with every heartbeat.
    Report {
        /// Which instance.
        instance: InstanceId,
        /// How it stands.
        report: Report,
    },
    /// A command ended.
    Finished(Finished),
    /// How the account and the watched symbols stand: right after [`Command::Watch`], then at most once a second when
    /// something changed, and every 5 s when nothing did. The newest counts; one that is lost is not sent again.
    Market {
        /// Which instance.
        instance: InstanceId,
        /// How they stand.
        market: Box<Market>,
    },
}

/// How a terminal stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The terminal process runs.
    pub terminal_alive: bool,
    /// What was observed; a retcode here is that of a call the gateway made by itself.
    pub facts: Facts,
    /// Open positions of the account.
    pub positions: u32,
    /// The words behind the facts, such as a journal line; at most 256 characters.
    pub detail: String,
}

/// A command's end.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// Of which instance.
    pub instance: InstanceId,
    /// Which command.
    pub id: CommandId,
    /// How it ended.
    pub outcome: Outcome,
    /// What was observed together with the call.
    pub facts: Facts,
    /// The words behind the facts, such as a journal line; at most 256 characters.
    pub detail: String,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It did what it should.
    Done,
    /// It did what it should, and this is the session (answer to [`Command::Confirm`]).
    Session(SessionFacts),
    /// The trade server answered (answer to [`Command::Order`]).
    Trade(TradeReply),
    /// What is at the broker (answer to [`Command::Snapshot`]): all of it; a gateway that cannot read or fit all of it
    /// answers [`Outcome::Failed`] instead.
    Snapshot(Box<Snapshot>),
    /// It failed; the facts say why.
    Failed,
    /// It was not started: its deadline had passed, or its epoch was stale.
    NotStarted,
}

/// Who is logged in and what is open.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionFacts {
    /// The account that is logged in (MQL5 `ACCOUNT_LOGIN`).
    pub login: u64,
    /// Its trade server (MQL5 `ACCOUNT_SERVER`).
    pub server: String,
    /// Magic and ticket of every open order.
    pub orders: Vec<(u64, u64)>,
    /// Magic and ticket of every open position.
    pub positions: Vec<(u64, u64)>,
}

/// The trade server's answer to a trade request (MQL5 `MqlTradeResult`).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TradeReply {
    /// The deal's ticket; 0 for none.
    pub deal: u64,
    /// The order's ticket; 0 for none.
    pub order: u64,
    /// Volume of the deal, in lots.
    pub volume: f64,
    /// Price of the deal.
    pub price: f64,
}

/// What is at the broker, in one reading.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The account that is logged in (MQL5 `ACCOUNT_LOGIN`); 0 for none.
    pub login: u64,
    /// Its trade server (MQL5 `ACCOUNT_SERVER`).
    pub server: String,
    /// The terminal is connected to it (MQL5 `TERMINAL_CONNECTED`).
    pub connected: bool,
    /// Every open order.
    pub orders: Vec<OpenOrder>,
    /// Every open position.
    pub positions: Vec<OpenPosition>,
    /// Ended orders that were asked for.
    pub past_orders: Vec<PastOrder>,
    /// Deals that were asked for, and those that close what a deal with an asked tag opened, whoever made them.
    pub deals: Vec<Deal>,
    /// The highest tickets of all orders, deals and positions that the terminal knows; 0 for none.
    pub newest: Tickets,
    /// What the gateway's inbox says of each send that was asked for, in that order.
    pub sends: Vec<SendState>,
    /// Trade requests of the instance that wait in the gateway or run.
    pub waiting: u32,
}

/// The highest tickets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tickets {
    /// Of an order.
    pub order: u64,
    /// Of a deal.
    pub deal: u64,
    /// Of a position.
    pub position: u64,
}

/// An open order (MQL5 `OrderGet*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenOrder {
    /// MQL5 `ORDER_TICKET`.
    pub ticket: u64,
    /// MQL5 `ORDER_MAGIC`.
    pub magic: u64,
    /// MQL5 `ORDER_SYMBOL`.
    pub symbol: String,
    /// Bought or sold.
    pub side: Side,
    /// What of it is not filled yet (MQL5 `ORDER_VOLUME_CURRENT`).
    pub volume: Lots,
    /// MQL5 `ORDER_PRICE_OPEN`.
    pub price: Price,
    /// MQL5 `ORDER_SL`.
    pub stop_loss: Option<Price>,
    /// MQL5 `ORDER_TP`.
    pub take_profit: Option<Price>,
}

/// An open position (MQL5 `PositionGet*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPosition {
    /// MQL5 `POSITION_TICKET`.
    pub ticket: u64,
    /// MQL5 `POSITION_MAGIC`.
    pub magic: u64,
    /// MQL5 `POSITION_SYMBOL`.
    pub symbol: String,
    /// Long or short.
    pub side: Side,
    /// MQL5 `POSITION_VOLUME`.
    pub volume: Lots,
    /// MQL5 `POSITION_PRICE_OPEN`.
    pub price: Price,
    /// MQL5 `POSITION_SL`.
    pub stop_loss: Option<Price>,
    /// MQL5 `POSITION_TP`.
    pub take_profit: Option<Price>,
}

/// An order that ended (MQL5 `HistoryOrderGet*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastOrder {
    /// MQL5 `ORDER_TICKET`.
    pub ticket: u64,
    /// MQL5 `ORDER_MAGIC`.
    pub magic: u64,
    /// MQL5 `ORDER_SYMBOL`.
    pub symbol: String,
    /// Bought or sold.
    pub side: Side,
    /// MQL5 `ORDER_VOLUME_INITIAL`.
    pub volume: Lots,
    /// MQL5 `ORDER_POSITION_ID`; 0 when it opened or closed none.
    pub position: u64,
}

/// A deal (MQL5 `HistoryDealGet*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deal {
    /// MQL5 `DEAL_TICKET`.
    pub ticket: u64,
    /// MQL5 `DEAL_ORDER`.
    pub order: u64,
    /// MQL5 `DEAL_POSITION_ID`.
    pub position: u64,
    /// MQL5 `DEAL_MAGIC`.
    pub magic: u64,
    /// MQL5 `DEAL_SYMBOL`.
    pub symbol: String,
    /// Bought or sold.
    pub side: Side,
    /// MQL5 `DEAL_ENTRY`.
    pub entry: DealEntry,
    /// MQL5 `DEAL_VOLUME`.
    pub volume: Lots,
    /// MQL5 `DEAL_PRICE`.
    pub price: Price,
}

/// What a deal did to its position (MQL5 `ENUM_DEAL_ENTRY`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DealEntry {
    /// It opened or enlarged it (`DEAL_ENTRY_IN`).
    In,
    /// It closed it or a part of it (`DEAL_ENTRY_OUT`, `DEAL_ENTRY_OUT_BY`).
    Out,
    /// It turned it (`DEAL_ENTRY_INOUT`).
    InOut,
}

/// What the gateway's inbox says of a send.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SendState {
    /// It never came, or the inbox was lost.
    Unseen,
    /// It waits in the queue, or is being carried out.
    InProgress,
    /// It came and was not started, and never will be: its deadline or epoch had passed.
    NotStarted,
    /// It was started, and the gateway or terminal ended before its end was known.
    Interrupted,
    /// It was answered.
    Answered {
        /// What was observed together with the call.
        facts: Facts,
        /// The trade server's answer; `None` when the call failed without one.
        reply: Option<TradeReply>,
    },
}

/// How the account and the watched symbols stand.
#[derive(Clone, Debug, PartialEq)]
pub struct Market {
    /// MQL5 `ACCOUNT_MARGIN_MODE`.
    pub mode: AccountMode,
    /// MQL5 `ACCOUNT_BALANCE`, in the account's currency.
    pub balance: f64,
    /// MQL5 `ACCOUNT_EQUITY`, in the account's currency.
    pub equity: f64,
    /// The watched symbols that the trade server has.
    pub symbols: Vec<SymbolNow>,
}

/// What a symbol allows, and its present prices (MQL5 `SymbolInfo*`).
#[derive(Clone, Debug, PartialEq)]
pub struct SymbolNow {
    /// Its name, such as `EURUSD`.
    pub name: String,
    /// MQL5 `SYMBOL_POINT`.
    pub point: Price,
    /// MQL5 `SYMBOL_TRADE_TICK_SIZE`.
    pub tick: Price,
    /// MQL5 `SYMBOL_TRADE_TICK_VALUE_LOSS`: of one lot, in the account's currency.
    pub tick_value: f64,
    /// MQL5 `SYMBOL_VOLUME_STEP`.
    pub volume_step: Lots,
    /// MQL5 `SYMBOL_VOLUME_MIN`.
    pub volume_min: Lots,
    /// MQL5 `SYMBOL_VOLUME_MAX`.
    pub volume_max: Lots,
    /// MQL5 `SYMBOL_TRADE_STOPS_LEVEL`.
    pub stops_level: Points,
    /// MQL5 `SYMBOL_TRADE_FREEZE_LEVEL`.
    pub freeze_level: Points,
    /// MQL5 `SYMBOL_FILLING_MODE`.
    pub filling: FillingModes,
    /// MQL5 `SYMBOL_TRADE_MODE`.
    pub trade_mode: TradeMode,
    /// What its session calendar says (MQL5 `SymbolInfoSessionTrade`).
    pub session: Session,
    /// Its prices; `None` when there are none, or the terminal's connection is lost.
    pub quote: Option<Quote>,
}

/// Why a command was not handed over.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// No gateway serves the instance.
    #[error("no gateway of instance {0} is connected; wait for it or check that it runs")]
    NotConnected(InstanceId),
    /// The gateway's queue is full.
    #[error("the gateway of instance {0} does not keep up; its queue is full")]
    Full(InstanceId),
}
