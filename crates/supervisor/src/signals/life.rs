use std::fmt;

use serde::Serialize;
use warden_domain::{
    ClientTradeId, InstanceId, Lots, Magic, Rule, Timestamp, TradeState, Version,
    retcode::{LastError, Retcode},
};
use warden_policy::{
    DecodeError,
    trade::{
        Decision, Inbox, Query, Reply, RequestKind, TradeEffect, TradeEvent, TradePhase, TradeRow,
        TroubleKind, decode_trade_row,
    },
};
use warden_store::Row;

use super::view;

/// The life of one trade: what happened, the rule behind it, what was done, and what is next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TradeLife {
    /// Whose.
    pub instance: InstanceId,
    /// Its tag: MQL5 `magic`.
    pub tag: u64,
    /// The key of the signal that asked for it.
    pub key: ClientTradeId,
    /// Counts the intents of the signal on this instance, from 1.
    pub part: u32,
    /// The broker's name of its symbol.
    pub symbol: String,
    /// What it wants: `OPEN`, `CLOSE`, `PROTECT`, `MOVE` or `CANCEL`.
    pub goal: &'static str,
    /// Where it stands.
    pub state: TradeState,
    /// Why it ended, in words; empty while it has not.
    pub reason: String,
    /// Lots that are wanted.
    pub volume: Lots,
    /// Lots that were filled, or closed.
    pub filled: Lots,
    /// The steps, oldest first.
    pub chain: Vec<TradeLink>,
    /// When something may happen by itself; `None` when only an event, or a person, can do something.
    pub next: Option<Timestamp>,
    /// Whether a person has to say what a lookalike is.
    pub suspect: bool,
}

/// One step of a trade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TradeLink {
    /// Its place in the journal.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The version it made.
    pub version: Version,
    /// What happened.
    pub evidence: String,
    /// The rule that decided, such as `TRD-7`; empty when the step only recorded a fact.
    pub rule: String,
    /// What the rule says.
    pub because: &'static str,
    /// What was done, in order.
    pub actions: Vec<String>,
    /// Where the trade stood afterwards.
    pub state: TradeState,
}

/// The life of a trade from its rows, given oldest first; `None` when there are none.
///
/// # Errors
/// When a row cannot be read.
pub fn life_of(trade: Magic, rows: &[Row]) -> Result<Option<TradeLife>, DecodeError> {
    let steps = rows
        .iter()
        .map(|row| Ok((row, decode_trade_row(&row.payload)?)))
        .collect::<Result<Vec<(&Row, TradeRow)>, DecodeError>>()?;
    let Some((last_row, last)) = steps.last() else { return Ok(None) };
    let now = &last.step.trade;
    let held = now.holdings();
    Ok(Some(TradeLife {
        instance: last_row.instance.clone(),
        tag: trade.number(),
        key: last.key.clone(),
        part: last.part,
        symbol: last.symbol.clone(),
        goal: view::goal(&now.intent().goal),
        state: now.state(),
        reason: now.end().map(|end| end.to_string()).unwrap_or_default(),
        volume: now.volume(),
        filled: if now.intent().opening().is_some() { held.filled } else { held.closed },
        chain: steps.iter().map(|(row, step)| link(row, step)).collect(),
        next: now.next_deadline(),
        suspect: matches!(now.phase(), TradePhase::Suspect(..)),
    }))
}

fn link(row: &Row, read: &TradeRow) -> TradeLink {
    let rule = Rule::from_text(&row.rule);
    TradeLink {
        seq: row.seq,
        at: row.at,
        version: row.version,
        evidence: observed(row, &read.step.event),
        rule: row.rule.clone(),
        because: rule.map_or("recorded as a fact", Rule::summary),
        actions: read.step.effects.list().iter().filter_map(|(_, effect)| action(effect)).collect(),
        state: read.step.trade.state(),
    }
}

fn observed(row: &Row, event: &TradeEvent) -> String {
    match event {
        TradeEvent::Replied { attempt, reply } => {
            format!("REPLIED to send {}{}", attempt.0, code(reply))
        }
        TradeEvent::Found(found) => {
            let synchronised = if found.snapshot.is_some() { "" } else { ", not synchronised" };
            let lookalike = found.lookalike.map_or_else(String::new, |seen| {
                format!(", ticket {} looks like it: {} lots at {}", seen.ticket, seen.filled, seen.price)
            });
            format!(
                "FOUND: inbox {}, {} orders, {} lots filled, {} lots closed{synchronised}{lookalike}",
                inbox(&found.inbox),
                found.orders,
                found.filled,
                found.closed
            )
        }
        TradeEvent::NotSent { attempt } => format!("NOT_SENT: send {}", attempt.0),
        TradeEvent::Decide(Decision::Ours) => "DECIDE: ours".to_owned(),
        TradeEvent::Decide(Decision::NotOurs) => "DECIDE: not ours".to_owned(),
        TradeEvent::Tick
        | TradeEvent::Resume
        | TradeEvent::Lost
        | TradeEvent::Repeated
        | TradeEvent::Wanted(_)
        | TradeEvent::Withdraw
        | TradeEvent::Revoke => row.kind.clone(),
        TradeEvent::Reduced { volume } => format!("REDUCED by {volume} lots that another intent closed"),
    }
}

/// What the gateway's inbox says of a send, in words.
fn inbox(inbox: &Inbox) -> String {
    match inbox {
        Inbox::Unseen => "unseen".to_owned(),
        Inbox::InProgress => "in progress".to_owned(),
        Inbox::NotStarted => "not started".to_owned(),
        Inbox::Interrupted => "interrupted".to_owned(),
        Inbox::Answered(reply) => format!("answered{}", code(reply)),
    }
}

fn code(reply: &Reply) -> String {
    match (reply.facts.retcode, reply.facts.last_error) {
        (Some(code), _) => format!(", retcode {}", Retcode::of(code)),
        (None, Some(code)) => format!(", last_error {}", LastError::of(code)),
        (None, None) => String::new(),
    }
}

/// What was done, in words; `None` for what only counts.
fn action(effect: &TradeEffect) -> Option<String> {
    Some(match effect {
        TradeEffect::Send(request) => {
            let what = match request.kind {
                RequestKind::Enter { side, volume, .. } => format!("{side} {volume}"),
                RequestKind::Close { volume, .. } => format!("close {volume}"),
                RequestKind::Cancel { .. } => "cancel the order".to_owned(),
                RequestKind::Protect { .. } => "set stop loss and take profit".to_owned(),
                RequestKind::Move { .. } => "change the order".to_owned(),
            };
            format!("send {}: {what}", request.attempt.0)
        }
        TradeEffect::Verify(Query { attempt, .. }) => format!("look for send {} at the broker", attempt.0),
        TradeEffect::Notify(notice) => notice.text().to_owned(),
        TradeEffect::StoreDuplicate(_) => "store the duplicate as failed".to_owned(),
        TradeEffect::Trouble(trouble) => format!("tell the instance: {}", in_words(trouble.kind)),
        TradeEffect::Tally(_) | TradeEffect::Tell(_) => return None,
    })
}

const fn in_words(trouble: TroubleKind) -> &'static str {
    match trouble {
        TroubleKind::Slippage => "filled beyond the threshold",
        TroubleKind::ExecutionTimeout => "not executed in time",
        TroubleKind::DuplicateOrders => "the same order twice",
        TroubleKind::ProtectionMisfire => "stop loss or take profit without effect",
    }
}

impl fmt::Display for TradeLife {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trade {} of {} is {}", self.tag, self.instance, self.state)?;
        if !self.reason.is_empty() {
            write!(f, " ({})", self.reason)?;
        }
        writeln!(f, ": {} {}, signal {}/{}", self.goal, self.symbol, self.key, self.part)?;
        writeln!(f, "{} of {} lots", self.filled, self.volume)?;
        for link in &self.chain {
            let rule = if link.rule.is_empty() { "-" } else { &link.rule };
            writeln!(f, "\n  {}  {}  [{}]", link.at, link.evidence, link.state)?;
            writeln!(f, "    {rule:<6} {}", link.because)?;
            for action in &link.actions {
                writeln!(f, "           → {action}")?;
            }
        }
        match (self.suspect, self.next) {
            (true, _) => writeln!(f, "\nnext: a person decides whether what looks like it is ours"),
            (false, Some(at)) => writeln!(f, "\nnext: looked after again at {at}"),
            (false, None) => writeln!(f, "\nnext: nothing by itself"),
        }
    }
}
