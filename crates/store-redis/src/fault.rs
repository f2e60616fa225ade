//! What goes wrong between us and Redis, in words without secrets.

use fred::error::{Error, ErrorKind};
use warden_store::{HotError, StreamError};

/// Why a call has no answer.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Redis does not know our functions: it was started empty. Nothing was done.
    NotLoaded,
    /// There is no such stream or group: Redis was started empty. Nothing was done.
    NoGroup,
    /// The group that was to be made is there.
    GroupThere,
    /// Anything else.
    Hot(HotError),
}

impl From<HotError> for Fault {
    fn from(error: HotError) -> Self {
        Self::Hot(error)
    }
}

impl From<Fault> for HotError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::NotLoaded => Self::Unreachable("it lost its functions twice in a row".to_owned()),
            Fault::NoGroup | Fault::GroupThere => {
                Self::Unreachable("its groups come and go; does somebody else make them?".to_owned())
            }
            Fault::Hot(error) => error,
        }
    }
}

impl From<Fault> for StreamError {
    fn from(fault: Fault) -> Self {
        match HotError::from(fault) {
            HotError::Unreachable(why) => Self::Unreachable(why),
            HotError::Unfit(why) => Self::Unfit(why),
        }
    }
}

/// A reply of Redis that is an error.
pub(crate) fn refused(text: &str) -> Fault {
    let kind = text.split_whitespace().next().unwrap_or_default();
    match kind {
        "ERR" if text.contains("Function not found") => Fault::NotLoaded,
        "NOGROUP" | "UNBLOCKED" => Fault::NoGroup,
        "BUSYGROUP" => Fault::GroupThere,
        "NOAUTH" | "WRONGPASS" | "NOPERM" => unfit(format!(
            "it refuses our user ({kind}); give the user its password and the rights of the documentation"
        )),
        "ERR" if text.contains("unknown command 'F") => {
            unfit("it does not know functions; use Redis 7.0 or newer".to_owned())
        }
        "LOADING" | "READONLY" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "MOVED" | "ASK" | "BUSY"
        | "MISCONF" | "OOM" | "NOREPLICAS" | "EXECABORT" => {
            Fault::Hot(HotError::Unreachable(format!("it answers {}", short(text))))
        }
        _ => unfit(format!("it answers {}", short(text))),
    }
}

fn unfit(text: String) -> Fault {
    Fault::Hot(HotError::Unfit(text))
}

/// An error of the client; `last` is what its connection said last.
pub(crate) fn failed(error: &Error, last: Option<String>) -> Fault {
    let said = match error.kind() {
        ErrorKind::Timeout => "no answer in time".to_owned(),
        ErrorKind::Canceled | ErrorKind::IO => match last {
            Some(said) if said.starts_with("NOAUTH") || said.starts_with("WRONGPASS") => {
                return refused(&said);
            }
            Some(said) => said,
            None => "there is no connection".to_owned(),
        },
        ErrorKind::Config
        | ErrorKind::Auth
        | ErrorKind::Routing
        | ErrorKind::InvalidCommand
        | ErrorKind::InvalidArgument
        | ErrorKind::Url
        | ErrorKind::Protocol
        | ErrorKind::Unknown
        | ErrorKind::Cluster
        | ErrorKind::Parse
        | ErrorKind::Sentinel
        | ErrorKind::Backpressure
        | ErrorKind::NotFound => match error.details() {
            text if is_reply(text) => return refused(text),
            text => short(text),
        },
    };
    Fault::Hot(HotError::Unreachable(said))
}

/// Whether Redis itself said this: its errors begin with their kind in capitals. The client's own do not.
fn is_reply(text: &str) -> bool {
    let kind = text.split_whitespace().next().unwrap_or_default();
    kind.len() > 1 && kind.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// More calls are under way than may be.
pub(crate) fn crowded() -> Fault {
    Fault::Hot(HotError::Unreachable("too many calls wait for it".to_owned()))
}

/// What the client says about its connection.
pub(crate) fn connection(error: &Error) -> String {
    short(error.details())
}

/// At most 120 characters on one line.
fn short(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn net_3_what_may_pass_by_itself_is_unreachable_and_what_needs_a_person_is_unfit() {
        for text in
            ["LOADING Redis is loading", "READONLY You can't write", "OOM command not allowed", "BUSY Redis"]
        {
            assert!(matches!(refused(text), Fault::Hot(HotError::Unreachable(_))), "{text}");
        }
        for text in [
            "NOAUTH Authentication required.",
            "ERR unknown command 'FCALL', with args",
            "ERR user_function: oops",
            "",
        ] {
            assert!(matches!(refused(text), Fault::Hot(HotError::Unfit(_))), "{text}");
        }
        assert!(matches!(refused("ERR Function not found"), Fault::NotLoaded));
        assert!(matches!(refused("NOGROUP No such key"), Fault::NoGroup));
        let ended = failed(&Error::new(ErrorKind::Unknown, "channel closed"), None);
        assert!(matches!(ended, Fault::Hot(HotError::Unreachable(_))));
        let long = failed(&Error::new(ErrorKind::Unknown, "ERR \r\n".repeat(500)), None);
        assert!(HotError::from(long).to_string().len() < 250);
    }
}
