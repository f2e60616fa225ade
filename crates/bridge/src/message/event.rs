//! What comes from the gateways.

use warden_domain::{Epoch, Facts, InstanceId};

use super::{CommandId, Market, Snapshot};

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
    /// How the account and the watched symbols stand: right after [`Command::Watch`](super::Command::Watch), then at most
    /// once a second when something changed, and every 5 s when nothing did. The newest counts; one that is lost is not
    /// sent again.
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
    /// It did what it should, and this is the session (answer to [`Command::Confirm`](super::Command::Confirm)).
    Session(SessionFacts),
    /// The trade server answered (answer to [`Command::Order`](super::Command::Order)).
    Trade(TradeReply),
    /// What is at the broker (answer to [`Command::Snapshot`](super::Command::Snapshot)): all of it; a gateway that cannot
    /// read or fit all of it answers [`Outcome::Failed`] instead.
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
