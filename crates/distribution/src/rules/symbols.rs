use std::{collections::BTreeMap, fmt};

use arrayvec::{ArrayString, CapacityError};

use super::AccountRules;
use crate::{Symbol, names::NameError};

/// What stands before or behind a symbol at a broker, such as `.r`: at most 16 bytes, often none.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Affix(ArrayString<{ Affix::LONGEST }>);

impl Affix {
    /// The longest there may be, in bytes.
    pub const LONGEST: usize = 16;

    /// Reads one.
    ///
    /// # Errors
    /// When it is too long, or holds a character that no symbol has.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        if text.chars().any(|c| c.is_control() || c == '=') {
            return Err("holds a character that no symbol has; remove it");
        }
        ArrayString::from(text)
            .map(Self)
            .map_err(|_: CapacityError<&str>| "is longer than 16 bytes; shorten it")
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Affix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

/// What a broker calls some symbols, by the signal's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SymbolMap(BTreeMap<Symbol, Symbol>);

impl SymbolMap {
    /// Reads pairs such as `XAUUSD=GOLD`.
    ///
    /// # Errors
    /// When one has no `=`, a side of it is no symbol, or a symbol is mapped twice.
    pub fn new<'a>(pairs: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut map = BTreeMap::new();
        for pair in pairs {
            let (signal, broker) =
                pair.split_once('=').ok_or("has an entry without =; write it like XAUUSD=GOLD")?;
            let symbol =
                |text| Symbol::new(text).map_err(|fault: NameError| format!("has a faulty entry: {fault}"));
            if map.insert(symbol(signal)?, symbol(broker)?).is_some() {
                return Err("maps a symbol twice; remove one entry".to_owned());
            }
        }
        Ok(Self(map))
    }

    /// The pairs, by the signal's name.
    pub fn iter(&self) -> impl Iterator<Item = (&Symbol, &Symbol)> {
        self.0.iter()
    }
}

/// Room for any symbol with both affixes.
type Room = ArrayString<{ Symbol::LONGEST + 2 * Affix::LONGEST }>;

impl AccountRules {
    /// What this broker calls the signal's symbol.
    #[must_use]
    pub fn broker_name(&self, symbol: &Symbol) -> String {
        self.broker_symbol(symbol, str::to_owned)
    }

    /// What this broker calls the signal's symbol; handed to `with`, as it is put together without an allocation.
    pub(crate) fn broker_symbol<T>(&self, symbol: &Symbol, with: impl FnOnce(&str) -> T) -> T {
        if let Some(other) = self.symbols.0.get(symbol) {
            return with(other.as_str());
        }
        let mut name = Room::new();
        for part in [self.symbol_prefix.as_str(), symbol.as_str(), self.symbol_suffix.as_str()] {
            name.push_str(part);
        }
        with(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(rules: &AccountRules, symbol: &str) -> String {
        rules.broker_symbol(&Symbol::new(symbol).unwrap(), str::to_owned)
    }

    #[test]
    fn a_symbol_is_the_override_or_has_its_affixes() {
        let mut rules = AccountRules::default();
        assert_eq!(named(&rules, "EURUSD"), "EURUSD");
        rules.symbol_prefix = Affix::new("m.").unwrap();
        rules.symbol_suffix = Affix::new("_r").unwrap();
        rules.symbols = SymbolMap::new(["XAUUSD=GOLD"]).unwrap();
        assert_eq!(named(&rules, "EURUSD"), "m.EURUSD_r");
        assert_eq!(named(&rules, "XAUUSD"), "GOLD");
        rules.symbol_prefix = Affix::new(&"p".repeat(16)).unwrap();
        rules.symbol_suffix = Affix::new(&"s".repeat(16)).unwrap();
        assert_eq!(named(&rules, &"x".repeat(64)).len(), 96);
    }

    #[test]
    fn a_faulty_mapping_is_refused() {
        for (pairs, fault) in [
            (&["XAUUSD"][..], "has an entry without =; write it like XAUUSD=GOLD"),
            (&["=GOLD"], "has a faulty entry: symbol is empty; give it at least one character"),
            (&["A=B", "A=C"], "maps a symbol twice; remove one entry"),
        ] {
            assert_eq!(SymbolMap::new(pairs.iter().copied()).unwrap_err(), fault);
        }
        assert!(Affix::new(&"x".repeat(17)).is_err() && Affix::new("=").is_err());
    }
}
