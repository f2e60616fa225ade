//! What a gateway is asked to do.

use warden_domain::{Epoch, InstanceId, Login, Span, StopMode, Timestamp, TradeServer};

use super::{Order, SendId};

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
    /// Deal with this installation's open trades before a stop (ACC-7, ACC-2); what others opened stays (TRD-8).
    CloseTrades {
        /// What to do with them.
        mode: StopMode,
        /// The installation's tag, 1 to [`Magic::MAX_INSTALLATION`](warden_domain::Magic::MAX_INSTALLATION): its trades are
        /// what carries it in `magic` ([`Magic::parts`](warden_domain::Magic::parts)).
        installation: u16,
    },
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
    /// Say from now on how the account and these symbols stand ([`Inbound::Market`](super::Inbound::Market)); replaces what
    /// was watched before.
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
