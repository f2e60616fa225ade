//! The exit codes of `warden-migrator`. When several stores end differently, the first of [`HARDEST_FIRST`] counts.

use anyhow::Error;
use warden_store::schema::SchemaError;
use warden_supervisor::config::Faults;

/// Every schema is current; `plan` printed what there is to do.
pub(crate) const OK: u8 = 0;
/// `verify` found differences, or the program failed.
pub(crate) const DIFFERS: u8 = 1;
/// The configuration or the command line is wrong: a person has to correct it (clap ends with the same code).
pub(crate) const BAD_CONFIGURATION: u8 = 2;
/// A store lacks steps.
pub(crate) const BEHIND: u8 = 3;
/// A store did not answer.
pub(crate) const UNREACHABLE: u8 = 4;
/// A store's ledger does not fit our steps.
pub(crate) const MISFIT: u8 = 5;
/// A store has a newer schema.
pub(crate) const NEWER: u8 = 6;
/// A step failed.
pub(crate) const STEP_FAILED: u8 = 7;
/// Another migrator works on a store.
pub(crate) const LOCKED: u8 = 8;
/// A running supervisor keeps a store for itself, so that `verify` could not compare it.
pub(crate) const IN_USE: u8 = 9;

/// What `--help` says of them.
pub(crate) const HELP: &str = "\
Exit codes; when stores end differently, the hardest counts:
  0  every schema is current, or was brought up
  1  `verify` found differences, or the program failed
  2  the configuration or the command line is wrong, or a store refuses its user
  3  a store lacks steps: run `up`
  4  a store did not answer; the others were still tried
  5  a store's ledger does not fit our steps: one was edited or left out
  6  a store has a newer schema than this program knows
  7  a step failed: mend the cause and run `up` again
  8  another migrator works on a store: run this again later
  9  `verify` could not compare a store that a running supervisor keeps for itself";

/// From the hardest to none.
const HARDEST_FIRST: [u8; 10] =
    [STEP_FAILED, MISFIT, NEWER, DIFFERS, BAD_CONFIGURATION, UNREACHABLE, LOCKED, BEHIND, IN_USE, OK];

/// The hardest of several.
pub(crate) fn hardest(codes: &[u8]) -> u8 {
    HARDEST_FIRST.into_iter().find(|code| codes.contains(code)).unwrap_or(OK)
}

/// The exit code that says whose fault an error is: the first one in its chain that names one.
pub(crate) fn of(error: &Error) -> u8 {
    error.chain().find_map(of_cause).unwrap_or(DIFFERS)
}

fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<u8> {
    if let Some(fault) = cause.downcast_ref::<SchemaError>() {
        return Some(of_schema(fault));
    }
    cause.is::<Faults>().then_some(BAD_CONFIGURATION)
}

fn of_schema(fault: &SchemaError) -> u8 {
    match fault {
        SchemaError::Unreachable { .. } => UNREACHABLE,
        SchemaError::Refused { .. } => BAD_CONFIGURATION,
        SchemaError::Failed { .. } => STEP_FAILED,
        SchemaError::Locked { .. } | SchemaError::InUse { .. } => LOCKED,
        SchemaError::Edited { .. } | SchemaError::Missing { .. } => MISFIT,
        SchemaError::Behind { .. } => BEHIND,
        SchemaError::Newer { .. } => NEWER,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn every_code_is_explained_once_and_has_its_place() {
        let mut codes = HARDEST_FIRST;
        codes.sort_unstable();
        let explained: Vec<u8> = HELP
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(explained, codes);
    }

    #[test]
    fn the_hardest_of_several_counts() {
        assert_eq!(hardest(&[]), OK);
        assert_eq!(hardest(&[OK, BEHIND, UNREACHABLE]), UNREACHABLE);
        assert_eq!(hardest(&[DIFFERS, STEP_FAILED, OK]), STEP_FAILED);
        assert_eq!(hardest(&[IN_USE, OK]), IN_USE);
    }

    #[test]
    fn the_cause_decides_wherever_it_stands_in_the_chain() {
        let place = || "SQLite a.db".to_owned();
        let newer: Result<(), _> = Err(SchemaError::Newer { place: place(), found: 3, known: 2 });
        assert_eq!(of(&newer.context("accounts").unwrap_err()), NEWER);
        assert_eq!(of(&SchemaError::Edited { place: place(), step: "0001_a".into() }.into()), MISFIT);
        let places = warden_supervisor::config::Places::default();
        assert_eq!(of(&places.fault("accounts.url", "is wrong").into()), BAD_CONFIGURATION);
        assert_eq!(of(&anyhow::anyhow!("anything else")), DIFFERS);
    }
}
