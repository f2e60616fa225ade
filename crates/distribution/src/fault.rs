use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing that is wrong: the field or key, and what to do about it. It never repeats a value: that may be a secret
/// in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The field; empty when it is about the whole.
    pub field: String,
    /// What is wrong and what to do.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            f.write_str(&self.what)
        } else {
            write!(f, "{} {}", self.field, self.what)
        }
    }
}

/// Everything that is wrong with one input, at least one fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// These; `Ok` when there are none.
    ///
    /// # Errors
    /// The faults themselves.
    pub fn check(faults: Vec<Fault>) -> Result<(), Self> {
        if faults.is_empty() { Ok(()) } else { Err(Self(faults)) }
    }

    /// A single one, about the whole.
    #[must_use]
    pub fn whole(what: &str) -> Self {
        Self(vec![Fault { field: String::new(), what: what.to_owned() }])
    }

    /// In the order of the fields.
    #[must_use]
    pub fn list(&self) -> &[Fault] {
        &self.0
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", and ")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
