use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use warden_domain::{OrderKind, Price, Span};

use super::{Action, Amount, Change, Entry, Opening, Signal, Sizing, Target, Which, fields, json, read};
use crate::{
    Params,
    fault::{Fault, Faults},
};

/// The field that says how long a signal is valid.
const VALID_FOR: &str = "valid_for";

/// The canonical form: every field that the signal has, optional ones included, by its name.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Form(BTreeMap<String, String>);

impl Signal {
    /// Reads a JSON object, whose values are all text; nothing is guessed and nothing is ignored. Where it does not say how
    /// long it is valid, `valid_for` counts (`trade.signal.valid_for`).
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its field and a remedy, never with a value.
    pub fn from_json(text: &[u8], valid_for: Span, params: &Params) -> Result<Self, Faults> {
        bounded(text.len(), params)?;
        let (fields, faults) = json::read(text)?;
        let pairs = fields.iter().map(|(field, value)| (field.as_bytes(), value.as_bytes()));
        Self::from_pairs(pairs, faults, valid_for, params)
    }

    /// Reads the fields of a Redis Stream entry, or any other flat list of texts. Where they do not say how long it is valid,
    /// `valid_for` counts (`trade.signal.valid_for`).
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its field and a remedy, never with a value.
    pub fn from_entry<F: AsRef<[u8]>, V: AsRef<[u8]>>(
        entry: &[(F, V)],
        valid_for: Span,
        params: &Params,
    ) -> Result<Self, Faults> {
        let bytes = entry.iter().map(|(field, value)| field.as_ref().len() + value.as_ref().len()).sum();
        bounded(bytes, params)?;
        Self::from_pairs(
            entry.iter().map(|(field, value)| (field.as_ref(), value.as_ref())),
            Vec::new(),
            valid_for,
            params,
        )
    }

    fn from_pairs<'a>(
        pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>,
        mut faults: Vec<Fault>,
        valid_for: Span,
        params: &Params,
    ) -> Result<Self, Faults> {
        let mut fields = BTreeMap::new();
        let mut fault = |field: &str, what: &str| {
            faults.push(Fault { field: fields::shown(field), what: what.to_owned() });
        };
        for (field, value) in pairs {
            match (str::from_utf8(field), str::from_utf8(value)) {
                (Ok(field), Ok(value)) => {
                    if fields.insert(field, value).is_some() {
                        fault(field, "is given twice; remove one");
                    }
                }
                (Ok(field), Err(_)) => fault(field, "is not UTF-8 text; correct its encoding"),
                (Err(_), Ok(_) | Err(_)) => {
                    fault(&String::from_utf8_lossy(field), "is not UTF-8 text; correct its encoding");
                }
            }
        }
        let validity = read::Validity { usual: Some(valid_for), longest: params.keep_keys };
        read::signal(fields, faults, validity)
    }

    /// Checks a signal that was put together in code, and gives it in its canonical form.
    ///
    /// # Errors
    /// What reading it would refuse.
    pub fn checked(self, params: &Params) -> Result<Self, Faults> {
        Form::from(self).read(params.keep_keys)
    }

    /// Names its content: two signals with one key and different digests are two signals (TRD-4). Stable over releases,
    /// as it is stored. How long a signal is valid is no part of it: what is usual may change over a restart.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut hasher = blake3::Hasher::new();
        for (field, value) in &Form::from(self.clone()).0 {
            if field != VALID_FOR {
                hasher.update(field.as_bytes()).update(b"=").update(value.as_bytes()).update(b"\n");
            }
        }
        let [a, b, c, d, e, f, g, h, ..] = *hasher.finalize().as_bytes();
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }

    /// The canonical form as fields in the order of their names: equal signals give equal fields, and
    /// [`from_entry`](Self::from_entry) reads them back.
    #[must_use]
    pub fn to_entry(&self) -> Vec<(String, String)> {
        Form::from(self.clone()).0.into_iter().collect()
    }

    /// The canonical form as a JSON object; [`from_json`](Self::from_json) reads it back.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a map of texts has a JSON form")
    }
}

fn bounded(bytes: usize, params: &Params) -> Result<(), Faults> {
    if u32::try_from(bytes).is_ok_and(|bytes| bytes <= params.most_bytes) {
        return Ok(());
    }
    Err(Faults::whole(&format!(
        "is larger than {} bytes; name a group instead of its instances",
        params.most_bytes
    )))
}

impl TryFrom<Form> for Signal {
    type Error = Faults;

    fn try_from(form: Form) -> Result<Self, Faults> {
        form.read(Span::from_millis(u64::MAX))
    }
}

impl From<Signal> for Form {
    fn from(signal: Signal) -> Self {
        let mut form = Self(BTreeMap::new());
        form.put("key", &signal.key);
        form.put("source", &signal.source);
        form.put("created_at", signal.created_at);
        form.put(VALID_FOR, signal.valid_for);
        match &signal.target {
            Target::Instance(instance) => form.put("instance", instance),
            Target::List(list) => {
                form.put(
                    "instances",
                    list.iter().map(|instance| instance.as_str()).collect::<Vec<_>>().join(","),
                );
            }
            Target::Group(group) => form.put("group", group),
        }
        form.action(&signal.action);
        form
    }
}

impl Form {
    fn read(&self, longest: Span) -> Result<Signal, Faults> {
        let fields = self.0.iter().map(|(field, value)| (field.as_str(), value.as_str())).collect();
        read::signal(fields, Vec::new(), read::Validity { usual: None, longest })
    }

    fn put(&mut self, field: &str, value: impl fmt::Display) {
        self.0.insert(field.to_owned(), value.to_string());
    }

    fn put_some(&mut self, field: &str, value: Option<impl fmt::Display>) {
        if let Some(value) = value {
            self.put(field, value);
        }
    }

    fn action(&mut self, action: &Action) {
        match action {
            Action::Open(opening) => {
                self.put("action", "open");
                self.opening(opening);
            }
            Action::Modify(modification) => {
                self.put("action", "modify");
                self.which(&modification.which);
                self.put_some("price", modification.price);
                self.change("stop_loss", modification.stop_loss);
                self.change("take_profit", modification.take_profit);
            }
            Action::Close { which, amount } => {
                self.put("action", "close");
                self.which(which);
                match amount {
                    Amount::All => {}
                    Amount::Share(percent) => self.put("percent", percent),
                }
            }
            Action::CloseAll => self.put("action", "close-all"),
        }
    }

    fn opening(&mut self, opening: &Opening) {
        self.put("symbol", &opening.symbol);
        self.put("side", opening.side);
        self.put("kind", opening.entry.kind());
        let (price, trigger) = opening.entry.prices();
        self.put_some("price", price);
        self.put_some("trigger", trigger);
        self.put_some("stop_loss", opening.stop_loss);
        self.put_some("take_profit", opening.take_profit);
        match opening.sizing {
            Sizing::Fixed { lots } => {
                self.put("sizing", "fixed");
                self.put("lots", lots);
            }
            Sizing::Ratio { lots, balance } => {
                self.put("sizing", "ratio");
                self.put("source_lots", lots);
                self.put("source_balance", balance);
            }
            Sizing::Risk { percent, of } => {
                self.put("sizing", "risk");
                self.put("risk_percent", percent);
                self.put("risk_of", of);
            }
        }
    }

    fn which(&mut self, which: &Which) {
        self.put_some("of", which.of.as_ref());
        self.put_some("symbol", which.symbol.as_ref());
        self.put_some("side", which.side);
    }

    fn change(&mut self, field: &str, change: Change) {
        match change {
            Change::Keep => {}
            Change::Remove => self.put(field, read::NONE),
            Change::Set(price) => self.put(field, price),
        }
    }
}

impl Entry {
    /// The kind alone.
    #[must_use]
    pub const fn kind(self) -> OrderKind {
        match self {
            Self::Market { .. } => OrderKind::Market,
            Self::Limit { .. } => OrderKind::Limit,
            Self::Stop { .. } => OrderKind::Stop,
            Self::StopLimit { .. } => OrderKind::StopLimit,
        }
    }

    /// Price and trigger, where there are any; at the market the price the signal was made at.
    #[must_use]
    pub const fn prices(self) -> (Option<Price>, Option<Price>) {
        match self {
            Self::Market { reference } => (reference, None),
            Self::Limit { price } | Self::Stop { price } => (Some(price), None),
            Self::StopLimit { price, trigger } => (Some(price), Some(trigger)),
        }
    }
}
