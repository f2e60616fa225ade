//! How the lines of a case read.

use warden_domain::{Facts, FailureReason, JournalLine, Span, StopMode};
use warden_policy::{
    Absorbing, CommandId, Escalation, Event, Outcome, Params, Report, StateEvent, StateStoreEvent,
    StoreAction, Trouble, TroubleKind, params::Value,
};

use crate::common::{Bench, disconnected, fine, flags, ready};

/// One line.
pub(crate) enum Line<'a> {
    /// Words for people.
    Comment,
    /// `## …`: everything begins anew.
    NewCase,
    /// `set key = value`.
    Set(&'a str, &'a str),
    /// `expect words`: some part of the state reads so.
    Check(Span, &'a str),
    /// Something happens, after a while.
    Event(Span, Event),
    /// `given it is up`, `given it is logging in`: what SES-1 and LOG-1 show step by step.
    Given(Given),
    /// `next`: the next deadline comes.
    Next,
    /// `supervisor restarts`: the state is stored, read and resumed.
    Restart(Span),
}

/// Where a case begins.
pub(crate) enum Given {
    LoggingIn,
    Up,
}

pub(crate) fn line<'a>(text: &'a str, bench: &Bench) -> Result<Line<'a>, String> {
    if text.starts_with("## ") {
        return Ok(Line::NewCase);
    }
    if text.is_empty() || text.starts_with('#') {
        return Ok(Line::Comment);
    }
    if let Some(setting) = text.strip_prefix("set ") {
        let (key, value) = setting.split_once('=').ok_or("set takes key = value")?;
        return Ok(Line::Set(key.trim(), value.trim()));
    }
    let (after, words) = match text.strip_prefix('+') {
        Some(rest) => {
            let (span, words) = rest.split_once(' ').ok_or("a wait comes before something")?;
            (span.parse::<Span>().map_err(|fault| fault.to_string())?, words.trim())
        }
        None => (Span::ZERO, text),
    };
    if let Some(expected) = words.strip_prefix("expect ") {
        return Ok(Line::Check(after, expected));
    }
    match words {
        "given it is up" => Ok(Line::Given(Given::Up)),
        "given it is logging in" => Ok(Line::Given(Given::LoggingIn)),
        "next" if after == Span::ZERO => Ok(Line::Next),
        "supervisor restarts" => Ok(Line::Restart(after)),
        _ => event(words, bench).map(|event| Line::Event(after, event)),
    }
}

/// Sets a parameter; several spans make a list.
pub(crate) fn set(params: &mut Params, key: &str, value: &str) -> Result<(), String> {
    let items: Vec<&str> = value.split_whitespace().collect();
    let list: Vec<Value<'_>> = items.iter().map(|item| Value::Text(item)).collect();
    let value = match (items.as_slice(), value.parse()) {
        (_, Ok(number)) => Value::Number(number),
        ([_], Err(_)) if !key.ends_with("waits") => Value::Text(value),
        _ => Value::List(&list),
    };
    params.set(key, &value).map_err(|fault| format!("{key} {fault}"))
}

fn event(words: &str, bench: &Bench) -> Result<Event, String> {
    let (first, rest) = words.split_once(' ').unwrap_or((words, ""));
    let outcome = |outcome, facts| {
        let id = bench.state.awaited().ok_or_else(|| format!("{words}: no command is under way"))?;
        Ok::<Event, String>(Event::Finished { id, outcome, facts })
    };
    let session = |matches, reconciled, facts| {
        outcome(Outcome::Session { matches, reconciled, positions: bench.state.positions() }, facts)
    };
    Ok(match (first, rest) {
        ("start", "") => Event::Start,
        ("reset", "") => Event::Reset,
        ("stop", mode) => Event::Stop(stop_mode(mode)?),
        ("halt", "") => Event::Halt,
        ("halt", "lifted") => Event::Unhalt,
        ("credentials", "changed") => Event::CredentialsChanged,
        ("closure", "confirmed") => Event::ConfirmClosure,
        ("gateway", "down") => Event::GatewayDown,
        ("gateway", _) => Event::GatewayUp(report(rest.strip_prefix("up").ok_or("gateway up or down")?)?),
        ("report", _) => Event::Report(report(rest)?),
        ("tick", "") => Event::Tick { admitted: true },
        ("tick", "not admitted") => Event::Tick { admitted: false },
        ("done", "") => outcome(Outcome::Done, Facts::default())?,
        ("failed", evidence) => outcome(Outcome::Failed, facts(evidence)?)?,
        ("not", "started") => outcome(Outcome::NotStarted, Facts::default())?,
        ("credentials", "missing") => outcome(Outcome::NoCredentials, Facts::default())?,
        ("credentials", "unavailable") => outcome(Outcome::CredentialsUnavailable, Facts::default())?,
        ("session", "confirmed") => session(true, true, fine())?,
        ("session", "of another account") => session(false, true, fine())?,
        ("session", "not reconciled") => session(true, false, fine())?,
        ("session", "not permitted") => session(true, true, flags(true, true, false))?,
        ("stale", "outcome") => {
            let id = CommandId(bench.state.awaited().map_or(1, |id| id.0 - 1));
            Event::Finished { id, outcome: Outcome::Done, facts: Facts::default() }
        }
        ("hold", "") => Event::Hold,
        ("release", after) => Event::Release { after: span(after)? },
        ("store", _) => Event::StateStore(state_store(rest)?),
        ("state", _) => Event::State(state(rest)?),
        ("sends", count) => Event::UnresolvedSends(number(count)?),
        ("trades", _) => Event::Trade(trouble(rest, bench)?),
        ("accounts", _) => absorbed(rest, bench)?,
        (action, "carried out") => Event::StoreDone(store_action(action)?, true),
        (action, "refused by the store") => Event::StoreDone(store_action(action)?, false),
        _ => return Err(format!("{words:?} is not known")),
    })
}

fn stop_mode(text: &str) -> Result<StopMode, String> {
    let mode = if text.is_empty() { "close" } else { text };
    StopMode::from_text(mode).ok_or_else(|| format!("{mode:?} is no stop mode"))
}

/// `ready`, `disconnected`, `idle` (no connection was looked for), `dead`, `logged out`, `not permitted`; then
/// `positions N` and evidence.
fn report(text: &str) -> Result<Report, String> {
    let text = text.trim();
    let states = [
        ("ready", ready()),
        ("disconnected", disconnected()),
        ("idle", Report { terminal_alive: true, ..Report::default() }),
        ("dead", Report::default()),
        ("logged out", Report { facts: flags(true, false, true), ..ready() }),
        ("not permitted", Report { facts: flags(true, true, false), ..ready() }),
    ];
    let (name, mut report) = states
        .into_iter()
        .find(|(name, _)| text.starts_with(name))
        .ok_or_else(|| format!("{text:?} is no report"))?;
    let mut rest = text[name.len()..].trim();
    if let Some(positions) = rest.strip_prefix("positions ") {
        let (count, more) = positions.split_once(' ').unwrap_or((positions, ""));
        report.positions = number(count)?;
        rest = more;
    }
    let seen = facts(rest)?;
    report.facts = Facts { terminal: report.facts.terminal, account: report.facts.account, ..seen };
    Ok(report)
}

/// `code N [with ticket]`, `error N`, or a line of the terminal's journal in quotation marks.
fn facts(text: &str) -> Result<Facts, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Facts::default());
    }
    if let Some(line) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        let line = JournalLine::parse(line).ok_or_else(|| format!("{line:?} says nothing"))?;
        return Ok(Facts { journal: Some(line), ..Facts::default() });
    }
    if let Some(code) = text.strip_prefix("code ") {
        let (code, ticket) = code.strip_suffix(" with ticket").map_or((code, false), |code| (code, true));
        return Ok(Facts { retcode: Some(number(code)?), ticket, ..Facts::default() });
    }
    if let Some(code) = text.strip_prefix("error ") {
        return Ok(Facts { last_error: Some(number(code)?), ..Facts::default() });
    }
    Err(format!("{text:?} is no evidence"))
}

fn state_store(text: &str) -> Result<StateStoreEvent, String> {
    match text.split_once(' ').unwrap_or((text, "0")) {
        ("lost", attempts) => Ok(StateStoreEvent::Lost { attempts: number(attempts)? }),
        ("back", _) => Ok(StateStoreEvent::Back),
        ("exhausted", _) => Ok(StateStoreEvent::Exhausted),
        _ => Err(format!("{text:?} is no news of the store")),
    }
}

fn state(text: &str) -> Result<StateEvent, String> {
    match text {
        "corrupted" => Ok(StateEvent::Corrupted),
        "written" => Ok(StateEvent::Written),
        "not rebuilt" => Ok(StateEvent::RebuildFailed),
        "conflict" => Ok(StateEvent::Conflict),
        _ => Err(format!("{text:?} is no news of the stored state")),
    }
}

/// `say stopped REASON`, `say permanently stopped REASON`, `say closed REASON`, `say destroyed REASON`; of an hour ago.
fn absorbed(text: &str, bench: &Bench) -> Result<Event, String> {
    let (how, reason) = text
        .strip_prefix("say ")
        .and_then(|text| text.rsplit_once(' '))
        .ok_or("accounts say <how> <REASON>")?;
    let reason = FailureReason::from_text(reason).ok_or_else(|| format!("{reason:?} is no reason"))?;
    let (state, destroyed) = match how {
        "stopped" => (Absorbing::Stopped { reason, permanently: false }, false),
        "permanently stopped" => (Absorbing::Stopped { reason, permanently: true }, false),
        "closed" => (Absorbing::Closed { reason }, false),
        "destroyed" => (Absorbing::Closed { reason }, true),
        _ => return Err(format!("{how:?} is no state that only a person ends")),
    };
    let since = warden_domain::Timestamp::from_millis(bench.now.as_millis() - 3_600_000);
    Ok(Event::Absorbed { state, since, destroyed })
}

fn store_action(text: &str) -> Result<StoreAction, String> {
    match text {
        "revocation" => Ok(StoreAction::Revoke),
        "removal" => Ok(StoreAction::RemoveHotState),
        "deletion" => Ok(StoreAction::DeleteCredentials),
        _ => Err(format!("{text:?} is no store action")),
    }
}

fn trouble(text: &str, bench: &Bench) -> Result<Trouble, String> {
    let (kind, what) = text.split_once(' ').ok_or("trades <kind> pause|clear|stop")?;
    let kind = match kind {
        "slipped" => TroubleKind::Slippage,
        "late" => TroubleKind::ExecutionTimeout,
        "duplicated" => TroubleKind::DuplicateOrders,
        "unprotected" => TroubleKind::ProtectionMisfire,
        _ => return Err(format!("{kind:?} is no trouble")),
    };
    let escalation = match what.split_once(' ').unwrap_or((what, "")) {
        ("pause", length) => Escalation::Pause { until: bench.now.after(span(length)?) },
        ("over", "") => Escalation::Clear,
        ("stop", "") => Escalation::Stop,
        _ => return Err(format!("{what:?} is nothing that a trade rule asks for")),
    };
    Ok(Trouble { kind, escalation })
}

fn span(text: &str) -> Result<Span, String> {
    text.parse::<Span>().map_err(|fault| fault.to_string())
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?} is no number"))
}
