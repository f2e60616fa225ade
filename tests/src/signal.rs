use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use warden_domain::Timestamp;

/// What a source says, as the fields that it writes.
///
/// ```
/// use warden_tests::Signal;
///
/// let signal = Signal::open("s-1", "EURUSD", "BUY", "0.01").to("acct-1").with("valid_for", "5s");
/// assert!(signal.json().contains(r#""key":"s-1""#));
/// assert!(signal.words().windows(2).any(|pair| pair == ["instance", "acct-1"]));
/// ```
#[derive(Clone, Debug)]
pub struct Signal(BTreeMap<&'static str, String>);

impl Signal {
    /// A new position at the market, made now, of so many lots.
    #[must_use]
    pub fn open(key: &str, symbol: &str, side: &str, lots: &str) -> Self {
        Self::made_now(key, "open")
            .with("symbol", symbol)
            .with("side", side)
            .with("sizing", "fixed")
            .with("lots", lots)
    }

    /// The end of what another signal opened.
    #[must_use]
    pub fn close(key: &str, of: &str) -> Self {
        Self::made_now(key, "close").with("of", of)
    }

    fn made_now(key: &str, action: &str) -> Self {
        let fields = [("key", key), ("source", "tests"), ("action", action)];
        let fields = fields.into_iter().map(|(field, value)| (field, value.to_owned())).collect();
        Self(fields).with("created_at", &now().to_string())
    }

    /// For this instance.
    #[must_use]
    pub fn to(self, instance: &str) -> Self {
        self.with("instance", instance)
    }

    /// For every instance of a group.
    #[must_use]
    pub fn to_group(self, group: &str) -> Self {
        self.with("group", group)
    }

    /// With a field, in the place of what stands there.
    #[must_use]
    pub fn with(mut self, field: &'static str, value: &str) -> Self {
        self.0.insert(field, value.to_owned());
        self
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &str {
        self.0.get("key").map(String::as_str).unwrap_or_default()
    }

    /// Names and values, as they stand in an entry of the stream.
    #[must_use]
    pub fn words(&self) -> Vec<&str> {
        self.0.iter().flat_map(|(field, value)| [*field, value.as_str()]).collect()
    }

    /// As a JSON object.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::json!(self.0).to_string()
    }
}

/// Now, by the wall's clock.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
