use std::str::FromStr;

use warden_domain::{Lots, Span};
use warden_policy::params::Value;

use super::SettingError;
use crate::{
    Factor, Money,
    rules::{AboveMaximum, Affix, BelowMinimum, Direction, Sides, SymbolMap},
};

pub(crate) trait Read: Sized {
    /// What the value may be, with its unit.
    const RANGE: &'static str;

    fn read(value: &Value<'_>) -> Result<Self, SettingError>;
    fn show(&self) -> String;
}

impl Read for Span {
    const RANGE: &'static str = "span, above 0 to 8760h";

    fn read(value: &Value<'_>) -> Result<Self, SettingError> {
        const FORM: &str = "is not a span above zero; write it like \"30s\"";
        match text(value, "a span such as \"30s\"")?.parse() {
            Ok(Self::ZERO) | Err(_) => refused(FORM),
            Ok(span) => Ok(span),
        }
    }

    fn show(&self) -> String {
        format!("\"{self}\"")
    }
}

impl Read for u32 {
    const RANGE: &'static str = "1 to 4294967295";

    fn read(value: &Value<'_>) -> Result<Self, SettingError> {
        let Value::Number(number) = value else {
            return Err(kind(value, "a whole number"));
        };
        match Self::try_from(*number) {
            Ok(read) if read > 0 => Ok(read),
            Ok(_) | Err(_) => refused("is out of range; give 1 to 4294967295"),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// What may be unlimited.
const NONE: &str = "none";

macro_rules! limit {
    ($($ty:ty: $range:literal, $form:literal, $zero:expr;)+) => {$(
        impl Read for Option<$ty> {
            const RANGE: &'static str = $range;

            fn read(value: &Value<'_>) -> Result<Self, SettingError> {
                match text(value, $form)? {
                    NONE => Ok(None),
                    text => match <$ty>::from_str(text) {
                        Ok(read) if read > $zero => Ok(Some(read)),
                        Ok(_) | Err(_) => refused(concat!("is not an amount above zero; give ", $form)),
                    },
                }
            }

            fn show(&self) -> String {
                self.map_or_else(|| format!("\"{NONE}\""), |it| format!("\"{it}\""))
            }
        }
    )+};
}

limit! {
    Lots: "`none`, or lots above 0 as text", "\"none\" or lots such as \"0.10\"", Lots::ZERO;
    Money: "`none`, or an amount above 0 in the account's currency as text", "\"none\" or an amount such as \"50000\"", Money::ZERO;
}

impl Read for Option<u32> {
    const RANGE: &'static str = "`none`, or 1 to 4294967295";

    fn read(value: &Value<'_>) -> Result<Self, SettingError> {
        match value {
            Value::Text(NONE) => Ok(None),
            Value::Number(_) => u32::read(value).map(Some),
            Value::Text(_) | Value::List(_) | Value::Other(_) => {
                Err(kind(value, "\"none\" or a whole number"))
            }
        }
    }

    fn show(&self) -> String {
        self.map_or_else(|| format!("\"{NONE}\""), |number| number.to_string())
    }
}

impl Read for Factor {
    const RANGE: &'static str = "0.0001 to 10000 as text";

    fn read(value: &Value<'_>) -> Result<Self, SettingError> {
        let read = text(value, "a factor such as \"0.5\"")?.parse();
        read.map_err(|fault: crate::DecimalError| SettingError::Value(fault.to_string()))
    }

    fn show(&self) -> String {
        format!("\"{self}\"")
    }
}

impl Read for Affix {
    const RANGE: &'static str = "text of at most 16 bytes";

    fn read(value: &Value<'_>) -> Result<Self, SettingError> {
        Self::new(text(value, "a text such as \".r\"")?).map_err(|what| SettingError::Value(what.to_owned()))
    }

    fn show(&self) -> String {
        format!("{:?}", self.as_str())
    }
}

impl Read for SymbolMap {
    const RANGE: &'static str = "list of `SIGNAL=BROKER`";

    fn read(value: &Value<'_>) -> Result<Self, SettingError> {
        const WANTED: &str = "a list such as [\"XAUUSD=GOLD\"]";
        let Value::List(items) = value else {
            return Err(kind(value, WANTED));
        };
        let pairs: Result<Vec<&str>, _> = items.iter().map(|item| text(item, WANTED)).collect();
        Self::new(pairs?).map_err(SettingError::Value)
    }

    fn show(&self) -> String {
        let pairs: Vec<String> =
            self.iter().map(|(signal, broker)| format!("\"{signal}={broker}\"")).collect();
        format!("[{}]", pairs.join(", "))
    }
}

macro_rules! choice {
    ($ty:ty, $range:literal) => {
        impl Read for $ty {
            const RANGE: &'static str = $range;

            fn read(value: &Value<'_>) -> Result<Self, SettingError> {
                let wanted = concat!("one of ", $range);
                let read = <$ty>::from_text(text(value, wanted)?);
                read.ok_or_else(|| SettingError::Value(format!("is not known; give {wanted}")))
            }

            fn show(&self) -> String {
                format!("\"{self}\"")
            }
        }
    };
}

choice!(Sides, "`both`, `buy`, `sell`");
choice!(Direction, "`same`, `reversed`");
choice!(BelowMinimum, "`refuse`, `use_minimum`");
choice!(AboveMaximum, "`refuse`, `use_maximum`");

fn text<'a>(value: &Value<'a>, wanted: &str) -> Result<&'a str, SettingError> {
    match value {
        Value::Text(text) => Ok(text),
        Value::Number(_) | Value::List(_) | Value::Other(_) => Err(kind(value, wanted)),
    }
}

fn kind(value: &Value<'_>, wanted: &str) -> SettingError {
    let found = match value {
        Value::Text(_) => "a text",
        Value::Number(_) => "a number",
        Value::List(_) => "a list",
        Value::Other(name) => name,
    };
    SettingError::Value(format!("is {found}; give {wanted}"))
}

fn refused<T>(what: &str) -> Result<T, SettingError> {
    Err(SettingError::Value(what.to_owned()))
}
