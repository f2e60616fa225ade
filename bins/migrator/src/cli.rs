use std::{
    fmt,
    path::{Path, PathBuf},
};

use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum, error::ErrorKind};

use crate::exit_codes;

/// Brings the schemas of the stores up, and proves them.
#[derive(Debug, Parser)]
#[command(name = "warden-migrator", version, arg_required_else_help = true, after_help = exit_codes::HELP)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) task: Task,
    /// The supervisor's configuration file: it says which stores there are
    #[arg(long, short = 'c', global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Who to be to PostgreSQL: a file with user:password, in place of the supervisor's own (mode 0600 or 0400)
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) accounts_auth: Option<PathBuf>,
    /// Who to be to ClickHouse, likewise
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) history_auth: Option<PathBuf>,
    /// Only this store; may be given several times
    #[arg(long = "store", global = true, value_name = "NAME", value_enum)]
    stores: Vec<Store>,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// What the program does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Task {
    /// Show which steps are applied; changes nothing
    Status,
    /// Print the SQL that `up` would run; changes nothing
    Plan,
    /// Apply every step that is not applied yet
    ///
    /// Steps go forward only. Running it again does nothing; two at once take turns; one that was interrupted or failed
    /// goes on where it ended when it is run again.
    Up,
    /// Compare each store with the sum of its steps; changes nothing
    Verify,
}

/// A store that has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Store {
    /// Accounts, credentials and owner epochs: PostgreSQL or SQLite
    Accounts,
    /// What happened, one row an event: DuckDB
    Journal,
    /// What happened, for questions: ClickHouse or DuckDB
    History,
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Accounts => "accounts",
            Self::Journal => "journal",
            Self::History => "history",
        })
    }
}

impl Cli {
    /// The configuration file; ends the program like every other faulty command line when there is none.
    pub(crate) fn config(&self) -> &Path {
        self.config.as_deref().unwrap_or_else(|| {
            let missing = "the configuration file is missing; give --config FILE";
            Self::command().error(ErrorKind::MissingRequiredArgument, missing).exit()
        })
    }

    /// The stores that were asked for, each once; all of them when none was named.
    pub(crate) fn stores(&self) -> Vec<Store> {
        let wanted = |store: &&Store| self.stores.is_empty() || self.stores.contains(store);
        Store::value_variants().iter().filter(wanted).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_stand_before_and_behind_the_task_and_stores_come_in_one_order() {
        for args in [
            &["x", "--config", "w.toml", "--store", "history", "--store", "accounts", "up"][..],
            &["x", "up", "-c", "w.toml", "--store", "accounts", "--store", "history", "--store", "accounts"],
        ] {
            let cli = Cli::try_parse_from(args).unwrap();
            assert_eq!((cli.task, cli.config()), (Task::Up, Path::new("w.toml")));
            assert_eq!(cli.stores(), [Store::Accounts, Store::History]);
        }
        let all = Cli::try_parse_from(["x", "status", "-c", "w.toml"]).unwrap().stores();
        assert_eq!(all, Store::value_variants());
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_the_code_of_bad_input() {
        for args in [&["x"][..], &["x", "down"], &["x", "up", "--store", "redis"]] {
            let fault = Cli::try_parse_from(args).unwrap_err();
            assert_eq!(fault.exit_code(), i32::from(exit_codes::BAD_CONFIGURATION), "{args:?}");
        }
    }

    #[test]
    fn stores_are_named_as_they_are_written() {
        for store in Store::value_variants() {
            assert_eq!(store.to_possible_value().unwrap().get_name(), store.to_string());
        }
    }
}
