use std::ops::RangeInclusive;

use toml::de::{DeTable, DeValue};
use warden_distribution::{Params, Symbol};
use warden_domain::{Magic, Span};
use warden_store::{KEYS_KEPT, Subscription};

use super::{
    reader::{ANY_SPAN, Reader, Section, kind},
    rules,
};
use crate::{Distribution, signals::IntakeConfig};

/// `[trading]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradingConfig {
    /// `installation`: marks what is ours at the brokers.
    pub installation: u16,
    /// `symbols` and the numbers of distribution.
    pub distribution: Distribution,
    /// `intake`, `stream`, `group`, `consumer`, `dead_letters`: the stream of signals; `None` when it is not read.
    pub subscription: Option<Subscription>,
    /// `in_work`, `claim_after`, `ready_within`: how it is read.
    pub intake: IntakeConfig,
}

/// The section; `name` is the supervisor's, `redis` says whether there is one, `valid_for` is how long a signal is valid
/// that does not say.
pub(super) fn read(
    reader: &mut Reader<'_>,
    document: &DeTable<'_>,
    name: &str,
    redis: bool,
    valid_for: Span,
) -> TradingConfig {
    let mut section = reader.section("trading", document);
    let most = u32::from(Magic::MAX_INSTALLATION);
    let installation = section.number("installation", &(1..=most)).and_then(|it| u16::try_from(it).ok());
    let distribution = distribution(&mut section, valid_for);
    let intake = intake(&mut section);
    let wanted = section.flag("intake");
    if wanted == Some(true) && !redis {
        section.fault_at("intake", "asks for a stream, and there is no Redis; give redis.url");
    }
    let subscription = subscription(&mut section, name, &distribution.params);
    TradingConfig {
        installation: installation.unwrap_or(crate::Options::default().installation),
        distribution,
        subscription: (wanted.unwrap_or(redis) && redis).then_some(subscription),
        intake,
    }
}

fn distribution(section: &mut Section<'_, '_, '_>, valid_for: Span) -> Distribution {
    let mut params = Params::default();
    let keys = Params::describe().into_iter().map(|it| it.key);
    rules::set(section, keys, |key, value| params.set(key, value));
    for fault in params.faults(valid_for) {
        section.fault_at(&fault.field, fault.what);
    }
    if params.keep_keys > KEYS_KEPT {
        let what = format!("is longer than the journal keeps keys, {KEYS_KEPT}; shorten it");
        section.fault_at("keep_keys", what);
    }
    Distribution { params, symbols: symbols(section) }
}

fn symbols(section: &mut Section<'_, '_, '_>) -> Vec<Symbol> {
    let Some(value) = section.value("symbols") else { return Vec::new() };
    let DeValue::Array(items) = value.get_ref() else {
        let what = format!("is {}; give a list such as [\"EURUSD\"]", kind(value.get_ref()));
        section.fault("symbols", &value.span(), what);
        return Vec::new();
    };
    let mut symbols = Vec::new();
    for item in items.iter() {
        match item.get_ref().as_str().map(Symbol::new) {
            Some(Ok(symbol)) => symbols.push(symbol),
            Some(Err(fault)) => {
                section.fault("symbols", &item.span(), format!("has a faulty entry: {fault}"));
            }
            None => {
                let what = format!("has an entry that is {}; give texts", kind(item.get_ref()));
                section.fault("symbols", &item.span(), what);
            }
        }
    }
    if symbols.len() > MOST_SYMBOLS {
        let what = format!("names {} symbols; give at most {MOST_SYMBOLS}", symbols.len());
        section.fault_at("symbols", what);
    }
    symbols
}

/// Signals that wait for terminals grow late.
const READY: RangeInclusive<Span> = Span::ZERO..=Span::from_secs(300);

/// A gateway watches not more than these; the symbols of open trades are among them.
const MOST_SYMBOLS: usize = 64;

fn intake(section: &mut Section<'_, '_, '_>) -> IntakeConfig {
    let default = IntakeConfig::default();
    let in_work = section.number("in_work", &(1..=65_536)).map(|it| it as usize);
    IntakeConfig {
        in_work: in_work.and_then(std::num::NonZeroUsize::new).unwrap_or(default.in_work),
        claim_after: section.span("claim_after", &ANY_SPAN).unwrap_or(default.claim_after),
        ready_within: section.span("ready_within", &READY).unwrap_or(default.ready_within),
        ..default
    }
}

fn subscription(section: &mut Section<'_, '_, '_>, name: &str, params: &Params) -> Subscription {
    let usual = Subscription::new(name);
    let stream = section.parsed("stream", stream_name).unwrap_or(usual.stream);
    let group = section.parsed("group", stream_name).unwrap_or_else(|| name.to_owned());
    let consumer = section.parsed("consumer", stream_name).unwrap_or(usual.consumer);
    let dead_letters = section.number("dead_letters", &(1..=1_000_000)).unwrap_or(usual.dead_letters);
    let entry_bytes = params.most_bytes as usize;
    Subscription { stream, group, consumer, entry_bytes, dead_letters }
}

fn stream_name(text: &str) -> Result<String, String> {
    match Subscription::new(text).validate() {
        Ok(()) => Ok(text.to_owned()),
        Err(_) => Err("is no name; give 1 to 128 printable ASCII characters without spaces".to_owned()),
    }
}
