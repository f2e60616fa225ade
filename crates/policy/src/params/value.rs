use std::collections::BTreeMap;

use arrayvec::ArrayVec;
use warden_domain::{Points, Span, StopMode, retcode::PlacedReading};

use super::{Exhausted, ParamError, Remainder, Slipped};

/// A value as a configuration file gives it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// A text, such as a span with its unit.
    Text(&'a str),
    /// A whole number.
    Number(i64),
    /// Several values.
    List(&'a [Value<'a>]),
    /// Anything else, by the name of its type.
    Other(&'static str),
}

/// The waits after attempt 1, 2, 3 …: 1 to 8 spans; the last one stands for every later attempt.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Waits(ArrayVec<Span, 8>);

impl Waits {
    /// Waits of these many seconds each.
    ///
    /// # Panics
    /// When there are none or more than eight; meant for defaults.
    #[must_use]
    pub fn secs(secs: &[u64]) -> Self {
        assert!((1..=8).contains(&secs.len()), "waits take one to eight spans");
        Self(secs.iter().map(|secs| Span::from_secs(*secs)).collect())
    }

    /// The wait after failed attempt `attempt`, counted from 1.
    #[must_use]
    pub fn after(&self, attempt: u8) -> Span {
        let index = usize::from(attempt.max(1) - 1).min(self.0.len() - 1);
        self.0[index]
    }

    /// The longest wait.
    #[must_use]
    pub fn longest(&self) -> Span {
        self.0.iter().copied().max().unwrap_or(Span::ZERO)
    }
}

/// Points for symbols by the names that the broker gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SymbolPoints(BTreeMap<Box<str>, Points>);

impl SymbolPoints {
    /// Those of this symbol, where there are any.
    #[must_use]
    pub fn of(&self, symbol: &str) -> Option<Points> {
        self.0.get(symbol).copied()
    }
}

pub(crate) trait Read: Sized {
    /// What the value may be, with its unit.
    const RANGE: &'static str;

    fn read(value: &Value<'_>) -> Result<Self, ParamError>;
    fn show(&self) -> String;
}

impl Read for Span {
    const RANGE: &'static str = "span, above 0 to 8760h";

    fn read(value: &Value<'_>) -> Result<Self, ParamError> {
        let text = text(value, "a span such as \"30s\"")?;
        let span: Self =
            text.parse().map_err(|fault: warden_domain::SpanError| ParamError::Value(fault.to_string()))?;
        if span == Self::ZERO {
            return Err(ParamError::Value("is zero; give a span longer than nothing".to_owned()));
        }
        Ok(span)
    }

    fn show(&self) -> String {
        format!("\"{self}\"")
    }
}

impl Read for Waits {
    const RANGE: &'static str = "1 to 8 spans, each above 0 to 8760h";

    fn read(value: &Value<'_>) -> Result<Self, ParamError> {
        let Value::List(items) = value else {
            return Err(kind(value, "a list of spans such as [\"5s\", \"10s\"]"));
        };
        if !(1..=8).contains(&items.len()) {
            return Err(ParamError::Value("takes one to eight spans".to_owned()));
        }
        items.iter().map(Span::read).collect::<Result<_, _>>().map(Self)
    }

    fn show(&self) -> String {
        let spans: Vec<String> = self.0.iter().map(Read::show).collect();
        format!("[{}]", spans.join(", "))
    }
}

impl Read for SymbolPoints {
    const RANGE: &'static str = "list of `\"SYMBOL=points\"`, each from 1 to 4294967295 points";

    fn read(value: &Value<'_>) -> Result<Self, ParamError> {
        const WANTED: &str = "a list of points such as [\"EURUSD=15\"]";
        let Value::List(items) = value else { return Err(kind(value, WANTED)) };
        let mut read = BTreeMap::new();
        for item in *items {
            let item = text(item, WANTED)?;
            let (symbol, points) = item.rsplit_once('=').map_or((item, None), |(symbol, points)| {
                (symbol.trim(), points.trim().parse::<u32>().ok().filter(|points| *points > 0))
            });
            let Some(points) = points.filter(|_| !symbol.is_empty()) else {
                return Err(ParamError::Value(format!("{item:?} is not understood; give {WANTED}")));
            };
            if read.insert(symbol.into(), Points(points.into())).is_some() {
                return Err(ParamError::Value(format!("names {symbol} twice; give each symbol once")));
            }
        }
        Ok(Self(read))
    }

    fn show(&self) -> String {
        let items: Vec<String> =
            self.0.iter().map(|(symbol, points)| format!("\"{symbol}={}\"", points.0)).collect();
        format!("[{}]", items.join(", "))
    }
}

macro_rules! number {
    ($($ty:ty: $range:literal),*) => {$(
        impl Read for $ty {
            const RANGE: &'static str = $range;

            fn read(value: &Value<'_>) -> Result<Self, ParamError> {
                let Value::Number(number) = value else {
                    return Err(kind(value, "a whole number"));
                };
                match <$ty>::try_from(*number) {
                    Ok(read) if read > 0 => Ok(read),
                    _ => Err(ParamError::Value(format!("{number} is out of range; give 1 to {}", <$ty>::MAX))),
                }
            }

            fn show(&self) -> String {
                self.to_string()
            }
        }
    )*};
}
number!(u8: "1 to 255", u32: "1 to 4294967295");

/// A share in percent, 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Percent(pub u8);

impl Read for Percent {
    const RANGE: &'static str = "0 to 100 percent";

    fn read(value: &Value<'_>) -> Result<Self, ParamError> {
        match value {
            Value::Number(number @ 0..=100) => Ok(Self(u8::try_from(*number).unwrap_or(100))),
            Value::Number(number) => {
                Err(ParamError::Value(format!("{number} is out of range; give 0 to 100")))
            }
            Value::Text(_) | Value::List(_) | Value::Other(_) => Err(kind(value, "a whole number")),
        }
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

macro_rules! choice {
    ($ty:ty { $($text:literal => $variant:expr,)+ }) => {
        impl Read for $ty {
            const RANGE: &'static str = concat!("one of", $(" `", $text, "`"),+);

            fn read(value: &Value<'_>) -> Result<Self, ParamError> {
                match text(value, concat!("one of", $(" ", $text),+))? {
                    $($text => Ok($variant),)+
                    other => Err(ParamError::Value(format!(concat!("{:?} is not known; give one of", $(" ", $text),+), other))),
                }
            }

            fn show(&self) -> String {
                $(if *self == $variant { return format!("\"{}\"", $text); })+
                String::new()
            }
        }
    };
}

choice!(StopMode {
    "close" => StopMode::Close,
    "preserve" => StopMode::Preserve,
    "cancel_pending" => StopMode::CancelPending,
});
choice!(Exhausted {
    "stop" => Exhausted::Stop,
    "degrade" => Exhausted::Degrade,
});
choice!(Remainder {
    "retry" => Remainder::Retry,
    "leave" => Remainder::Leave,
});
choice!(Slipped {
    "flatten" => Slipped::Flatten,
    "keep" => Slipped::Keep,
});
choice!(PlacedReading {
    "evidence" => PlacedReading::Evidence,
    "always_placed" => PlacedReading::AlwaysPlaced,
    "always_rate_limit" => PlacedReading::AlwaysRateLimit,
});

fn text<'a>(value: &Value<'a>, wanted: &str) -> Result<&'a str, ParamError> {
    match value {
        Value::Text(text) => Ok(text),
        Value::Number(_) | Value::List(_) | Value::Other(_) => Err(kind(value, wanted)),
    }
}

fn kind(value: &Value<'_>, wanted: &str) -> ParamError {
    let found = match value {
        Value::Text(_) => "a text",
        Value::Number(_) => "a number",
        Value::List(_) => "a list",
        Value::Other(name) => name,
    };
    ParamError::Value(format!("is {found}; give {wanted}"))
}
