use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;
use warden_domain::{ClientTradeId, InstanceId, StopMode};

/// The version of the protocol; a peer of another one is refused.
pub const VERSION: u32 = 1;

/// A question to a running supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ask {
    /// How the supervisor is.
    Status {},
    /// Every instance as it stands.
    Views {},
    /// What the fleet has done since it was started.
    Stats {},
    /// The chain of an instance's last steps, and what is next.
    Why {
        /// Which instance.
        instance: InstanceId,
        /// How many steps, 1 to 1,000.
        #[serde(default = "usual_steps")]
        steps: u32,
    },
    /// Run (LOG-1).
    Start {
        /// Which instance.
        instance: InstanceId,
    },
    /// Stop (ACC-7).
    Stop {
        /// Which instance.
        instance: InstanceId,
        /// What becomes of open trades; as `policy.account.stop.mode` says when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<StopMode>,
    },
    /// Forget failures and connect again (LOG-7).
    Reset {
        /// Which instance.
        instance: InstanceId,
    },
    /// The account is closed (ACC-3).
    ConfirmClosure {
        /// Which instance.
        instance: InstanceId,
    },
    /// New credentials are stored: what was refused before no longer counts (LOG-9).
    CredentialsChanged {
        /// Which instance.
        instance: InstanceId,
    },
    /// Give a signal to its accounts; answered when what they accepted is durable.
    Signal {
        /// The signal as JSON text.
        signal: String,
    },
    /// What became of a signal of the last 24 h.
    Report {
        /// Its key.
        key: ClientTradeId,
    },
    /// The trades that have not ended, at most 1,000 of them.
    Trades {
        /// Of which instance; of all when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instance: Option<InstanceId>,
    },
    /// Shut gates until a person lets trading go on (TRD-7); exactly one of the fields says whose.
    Halt {
        /// This instance's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instance: Option<InstanceId>,
        /// Those of this group.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group: Option<String>,
        /// Everybody's.
        #[serde(default)]
        all: bool,
    },
    /// Let trading go on after a halt (TRD-7); exactly one of the fields says whose.
    Resume {
        /// This instance's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instance: Option<InstanceId>,
        /// Those of this group.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group: Option<String>,
        /// Everybody's.
        #[serde(default)]
        all: bool,
    },
    /// A person says what looks like a trade at the broker.
    Decide {
        /// Whose trade.
        instance: InstanceId,
        /// Its tag.
        trade: u64,
        /// What it is.
        decision: Said,
    },
    /// The life of one trade.
    WhyTrade {
        /// Whose.
        instance: InstanceId,
        /// Its tag.
        trade: u64,
        /// How many steps, 1 to 1,000.
        #[serde(default = "usual_steps")]
        steps: u32,
    },
    /// End the supervisor in order; answered before it ends.
    Drain {},
}

/// What a person says of something that looks like a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// It is what the trade's send made.
    Ours,
    /// It is not: the send was not executed.
    NotOurs,
}

fn usual_steps() -> u32 {
    20
}

/// A request as it is on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) v: u32,
    #[serde(flatten)]
    pub(super) ask: Ask,
}

/// An answer as it is on the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Reply {
    pub(super) v: u32,
    #[serde(flatten)]
    pub(super) result: Outcome,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    Ok(Value),
    Error(Refusal),
}

/// Why a question was not answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
#[error("{text}")]
pub struct Refusal {
    /// What kind of refusal it is.
    pub kind: RefusalKind,
    /// The words for people: what is wrong and what to do.
    pub text: String,
}

/// What kind of refusal it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// The line is no request.
    Malformed,
    /// The request is of another version.
    Version,
    /// The line is too long.
    TooLong,
    /// Too many are connected.
    Busy,
    /// There is no such instance.
    UnknownInstance,
    /// No signal or trade is known by this name.
    NotFound,
    /// A rule forbids it.
    Forbidden,
    /// The supervisor is ending.
    Ending,
    /// It failed inside the supervisor.
    Failed,
}

impl Refusal {
    pub(super) fn new(kind: RefusalKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }
}

/// Reads a line.
///
/// The version is looked at first, so that a newer client is told so and not that its question is unknown.
pub(super) fn request(line: &[u8]) -> Result<Ask, Refusal> {
    let malformed = |fault: serde_json::Error| {
        Refusal::new(RefusalKind::Malformed, format!("is no request: {fault}; see the protocol"))
    };
    let mut value: serde_json::Map<String, Value> = serde_json::from_slice(line).map_err(malformed)?;
    match value.remove("v").as_ref().and_then(Value::as_u64) {
        Some(version) if version == u64::from(VERSION) => {}
        Some(version) => {
            let text = format!(
                "speaks version {version} and the supervisor {VERSION}; use the program of the same release"
            );
            return Err(Refusal::new(RefusalKind::Version, text));
        }
        None => return Err(Refusal::new(RefusalKind::Malformed, "has no version; give \"v\"")),
    }
    serde_json::from_value(Value::Object(value)).map_err(malformed)
}
