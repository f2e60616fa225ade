//! What goes wrong between us and ClickHouse, in words without secrets.

use clickhouse::error::Error;
use warden_domain::error_chain;
use warden_store::HistoryError;

/// Why there is no answer, or not the one that was hoped for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    /// The server's code of the error; 0 when it gave none.
    pub(crate) code: u32,
    /// What it, or the system, says.
    pub(crate) words: String,
}

/// Who has to do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No answer, or none that is whole.
    Unreachable,
    /// The server cannot now.
    Refused,
    /// Its tables are not what we think they are.
    Schema,
    /// It does not let us in, or not that far.
    Denied,
}

impl Fault {
    /// No answer came in time.
    pub(crate) fn late() -> Self {
        Self { kind: Kind::Unreachable, code: 0, words: "no answer in time".to_owned() }
    }

    /// Rows that this program does not know what to make of.
    pub(crate) fn unreadable(words: String) -> Self {
        Self { kind: Kind::Schema, code: 0, words }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::BadResponse(text) => answered(&text),
            Error::TimedOut => Self::late(),
            Error::Network(cause) => {
                Self { kind: Kind::Unreachable, code: 0, words: short(&error_chain(cause.as_ref())) }
            }
            Error::InvalidParams(_)
            | Error::Compression(_)
            | Error::Decompression(_)
            | Error::Custom(_)
            | Error::Unsupported(_)
            | Error::Other(_) => Self { kind: Kind::Refused, code: 0, words: short(&error.to_string()) },
            Error::DataFormat(_)
            | Error::RowNotFound
            | Error::SequenceMustHaveLength
            | Error::DeserializeAnyNotSupported
            | Error::NotEnoughData
            | Error::InvalidUtf8Encoding(_)
            | Error::InvalidTagEncoding(_)
            | Error::VariantDiscriminatorIsOutOfBound(_)
            | Error::InvalidColumnsHeader(_)
            | Error::SchemaMismatch(_) => Self::unreadable(short(&error.to_string())),
            // The client may name more kinds one day.
            _ => Self { kind: Kind::Refused, code: 0, words: short(&error.to_string()) },
        }
    }
}

impl From<Fault> for HistoryError {
    fn from(fault: Fault) -> Self {
        match fault.kind {
            Kind::Unreachable => Self::Unreachable(fault.words),
            Kind::Refused => Self::Refused(fault.words),
            Kind::Schema => Self::Schema(fault.words),
            Kind::Denied => Self::Denied(fault.words),
        }
    }
}

/// An answer that says no: `Code: 60. DB::Exception: …`, or what stands in front of the server says.
fn answered(text: &str) -> Fault {
    let digits = text.split_once("Code: ").map_or("", |(_, rest)| rest);
    let digits = digits.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    let code = digits.parse().unwrap_or(0);
    Fault { kind: kind_of(code), code, words: short(text) }
}

/// The codes of `src/Common/ErrorCodes.cpp` that say more than "not now".
fn kind_of(code: u32) -> Kind {
    match code {
        // columns: not found in block, none, their number, none such in the table; identifier, type, mismatch, table,
        // database, unreadable or incorrect data
        8 | 10 | 16 | 20 | 27 | 33 | 47 | 50 | 53 | 60 | 81 | 117 => Kind::Schema,
        // read-only, unknown user, wrong password, none given, address not allowed, no right, not authenticated
        164 | 192 | 193 | 194 | 195 | 497 | 516 => Kind::Denied,
        _ => Kind::Refused,
    }
}

/// At most 240 characters on one line.
fn short(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(240).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_to_act_is_told_by_the_servers_code() {
        for (text, kind, code) in [
            ("Code: 60. DB::Exception: Table w.alerts does not exist. (UNKNOWN_TABLE)", Kind::Schema, 60),
            ("Code: 16. DB::Exception: No such column", Kind::Schema, 16),
            ("Code: 516. DB::Exception: warden: Authentication failed", Kind::Denied, 516),
            ("Code: 497. DB::Exception: Not enough privileges", Kind::Denied, 497),
            ("Code: 252. DB::Exception: Too many parts (300)", Kind::Refused, 252),
            ("Code: 241. DB::Exception: Memory limit (total) exceeded", Kind::Refused, 241),
            ("503 Service Unavailable", Kind::Refused, 0),
            ("<html>Bad Gateway</html>", Kind::Refused, 0),
        ] {
            let fault = Fault::from(Error::BadResponse(text.to_owned()));
            assert_eq!((fault.kind, fault.code), (kind, code), "{text}");
        }
    }

    #[test]
    fn what_does_not_answer_is_unreachable_and_says_why() {
        let cause = std::io::Error::other("connection refused");
        let fault = Fault::from(Error::Network(Box::new(cause)));
        assert_eq!(fault.kind, Kind::Unreachable);
        assert!(fault.words.contains("connection refused"), "{}", fault.words);
        assert_eq!(Fault::from(Error::TimedOut).kind, Kind::Unreachable);
        let long = Fault::from(Error::BadResponse("x\n".repeat(5_000)));
        assert!(HistoryError::from(long).to_string().len() < 400);
    }
}
