//! What a gateway and a supervisor say to each other.

use thiserror::Error;
use warden_domain::{Epoch, Facts, InstanceId, Login, StopMode, Timestamp, TradeServer};

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
    /// MQL5 `magic`: the tag of the intent, at most 53 bits.
    pub magic: u64,
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
    /// MQL5 `comment`: a hint for people.
    pub comment: String,
}

/// What a trade request does (MQL5 `ENUM_TRADE_REQUEST_ACTIONS` with the order type's side).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderAction {
    /// A deal at the market that buys.
    Buy,
    /// A deal at the market that sells.
    Sell,
    /// A pending buy: limit below the market, stop above it.
    BuyPending,
    /// A pending sell: limit above the market, stop below it.
    SellPending,
    /// Change stop loss and take profit of a position.
    Protect {
        /// The position's ticket.
        position: u64,
    },
    /// Remove a pending order.
    Cancel {
        /// The order's ticket.
        order: u64,
    },
    /// Close a position, or the given volume of it.
    Close {
        /// The position's ticket.
        position: u64,
    },
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
