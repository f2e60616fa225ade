//! The exit codes of `warden-supervisor`; `docs/operations.md` lists them for people.

use anyhow::Error;
use warden_bridge::server::BindError;
use warden_store::{AccountsError, JournalError, memory::MemoryAccountsError};
use warden_store_postgres::AdminError;
use warden_store_redis::ConfigError;
use warden_supervisor::{
    FleetError,
    config::Faults,
    control::{ClientError, SocketError},
};

use crate::trades::Unreadable;

/// It did what it was asked; `run` ended in order.
pub(crate) const OK: u8 = 0;
/// It failed while it worked; a demo found rows lost or states that disagree.
pub(crate) const FAILED: u8 = 1;
/// The configuration or the command line is wrong: a person has to correct it (clap ends with the same code).
pub(crate) const BAD_CONFIGURATION: u8 = 2;
/// The journal was damaged and set aside: start again to rebuild.
pub(crate) const JOURNAL_SET_ASIDE: u8 = 3;
/// No supervisor is running that could be asked.
pub(crate) const NOT_RUNNING: u8 = 4;
/// A supervisor is running already, or another process has the journal.
pub(crate) const ALREADY_RUNNING: u8 = 5;
/// It was refused: no such instance or one too many, or a rule forbids it.
pub(crate) const REFUSED: u8 = 6;
/// A second signal ended it before it was drained; what was committed is safe.
pub(crate) const CUT_SHORT: u8 = 7;

/// What `--help` says of them.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done; `run` ended in order
  1  it failed while it worked
  2  the configuration or the command line is wrong, or a file cannot be read
  3  the journal was damaged and set aside: start again to rebuild
  4  no supervisor is running that could be asked
  5  a supervisor is running already, or another process has the journal
  6  refused: no such instance, signal or trade, a rule forbids it, or no account took the signal
  7  a second signal ended it before it was drained";

/// The exit code that says whose fault an error is: the first one in its chain that names one.
#[must_use]
pub(crate) fn of(error: &Error) -> u8 {
    error.chain().find_map(of_cause).unwrap_or(FAILED)
}

fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<u8> {
    if let Some(fault) = cause.downcast_ref::<JournalError>() {
        return of_journal(fault);
    }
    if let Some(fault) = cause.downcast_ref::<ClientError>() {
        return match fault {
            ClientError::NotRunning(_) => Some(NOT_RUNNING),
            ClientError::Refused(_) => Some(REFUSED),
            ClientError::Io { .. } | ClientError::Silent(_) | ClientError::Unreadable(_) => Some(FAILED),
        };
    }
    if let Some(fault) = cause.downcast_ref::<AdminError>() {
        return of_admin(fault);
    }
    if let Some(fault) = cause.downcast_ref::<MemoryAccountsError>() {
        return of_accounts_file(fault);
    }
    if let Some(fault) = cause.downcast_ref::<SocketError>() {
        return match fault {
            SocketError::AlreadyRunning(_) => Some(ALREADY_RUNNING),
            SocketError::NoSocket(_) | SocketError::Io { .. } => Some(BAD_CONFIGURATION),
        };
    }
    if let Some(FleetError::Twice(_) | FleetError::SameAccount { .. }) = cause.downcast_ref::<FleetError>() {
        return Some(BAD_CONFIGURATION);
    }
    let configured = cause.is::<Faults>() || cause.is::<BindError>() || cause.is::<ConfigError>();
    (configured || cause.is::<Unreadable>()).then_some(BAD_CONFIGURATION)
}

fn of_admin(fault: &AdminError) -> Option<u8> {
    match fault {
        AdminError::Exists(_) | AdminError::Taken(_) | AdminError::Closed(_) => Some(REFUSED),
        AdminError::Accounts(AccountsError::Missing(_)) => Some(REFUSED),
        AdminError::Accounts(
            AccountsError::Revoked(_)
            | AccountsError::Fenced(_)
            | AccountsError::Unreachable(_)
            | AccountsError::Undecipherable { .. },
        )
        | AdminError::NoPassword
        | AdminError::Login(_)
        | AdminError::Raced(_) => Some(FAILED),
    }
}

fn of_accounts_file(fault: &MemoryAccountsError) -> Option<u8> {
    match fault {
        MemoryAccountsError::Unreadable { .. }
        | MemoryAccountsError::Exposed { .. }
        | MemoryAccountsError::Faulty { .. } => Some(BAD_CONFIGURATION),
        MemoryAccountsError::Damaged { .. } | MemoryAccountsError::Randomness(_) => Some(FAILED),
    }
}

fn of_journal(fault: &JournalError) -> Option<u8> {
    match fault {
        JournalError::Damaged(..) => Some(JOURNAL_SET_ASIDE),
        JournalError::InUse => Some(ALREADY_RUNNING),
        JournalError::NotWritable(_) => Some(BAD_CONFIGURATION),
        JournalError::Storage { .. }
        | JournalError::DiskFull { .. }
        | JournalError::NewerSchema { .. }
        | JournalError::Schema(_)
        | JournalError::Closed => Some(FAILED),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use anyhow::Context as _;

    use super::*;

    #[test]
    fn every_code_is_explained_once() {
        let code = |line: &str| line.split_whitespace().next().unwrap().parse().unwrap();
        let explained: Vec<u8> = HELP.lines().skip(1).map(code).collect();
        let codes = [
            OK,
            FAILED,
            BAD_CONFIGURATION,
            JOURNAL_SET_ASIDE,
            NOT_RUNNING,
            ALREADY_RUNNING,
            REFUSED,
            CUT_SHORT,
        ];
        assert_eq!(explained, codes);
    }

    #[test]
    fn the_cause_decides_wherever_it_stands_in_the_chain() {
        let nested = |error: Error| of(&error.context("while starting").context("at the edge"));
        assert_eq!(
            nested(JournalError::Damaged("row 7".into(), PathBuf::from("q")).into()),
            JOURNAL_SET_ASIDE
        );
        assert_eq!(nested(FleetError::Journal(JournalError::InUse).into()), ALREADY_RUNNING);
        assert_eq!(nested(ClientError::NotRunning(PathBuf::from("s")).into()), NOT_RUNNING);
        assert_eq!(nested(SocketError::AlreadyRunning(PathBuf::from("s")).into()), ALREADY_RUNNING);
        let places = warden_supervisor::config::Places::default();
        assert_eq!(nested(places.fault("listen.gateways", "is in use").into()), BAD_CONFIGURATION);
        assert_eq!(nested(anyhow::anyhow!("anything else")), FAILED);
        let refused: Result<(), _> = Err(std::io::Error::other("x"));
        assert_eq!(of(&refused.context("y").unwrap_err()), FAILED);
    }
}
