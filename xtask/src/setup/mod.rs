//! `cargo xtask setup`: brings what a profile needs and leaves alone what is already there.

mod cargo_deny;
mod chdb;
mod debian;
mod libduckdb;

use std::path::PathBuf;

use crate::checkout::Checkout;
use crate::failure::{Failure, Result};
use crate::locate::Tool;

pub(crate) use cargo_deny::find as find_cargo_deny;

pub(crate) const HELP: &str = "\
usage: cargo xtask setup [demo | test | lint | all]

Brings what is missing through the ordinary package clients (npm, apt, cargo, pip),
prefers what is already there, and says what it did. Running it again does nothing.

  demo    libduckdb (the default)
  test    demo, redis-server, promtool, PostgreSQL, chdb-core (the ClickHouse engine)
  lint    demo, cargo-deny
  all     test, lint

Kept for all checkouts of a user in ~/.cache/mt5-warden, for this one in .tools/.";

/// What a contributor wants to do, and so which components must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    Demo,
    Test,
    Lint,
    All,
}

impl Profile {
    fn parse(word: &str) -> Result<Self> {
        match word {
            "demo" => Ok(Self::Demo),
            "test" => Ok(Self::Test),
            "lint" => Ok(Self::Lint),
            "all" => Ok(Self::All),
            other => Err(Failure::usage(format!("no profile `{other}`: demo, test, lint or all"))),
        }
    }

    fn components(self) -> &'static [Component] {
        const REDIS: Component = Component::Debian(Tool::RedisServer);
        const PROMTOOL: Component = Component::Debian(Tool::Promtool);
        const POSTGRES: Component = Component::Debian(Tool::Initdb);
        match self {
            Self::Demo => &[Component::Libduckdb],
            Self::Test => &[Component::Libduckdb, REDIS, PROMTOOL, POSTGRES, Component::ChdbCore],
            Self::Lint => &[Component::Libduckdb, Component::CargoDeny],
            Self::All => {
                &[Component::Libduckdb, REDIS, PROMTOOL, POSTGRES, Component::ChdbCore, Component::CargoDeny]
            }
        }
    }
}

/// One thing that other people make and we need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Component {
    Libduckdb,
    CargoDeny,
    ChdbCore,
    Debian(Tool),
}

impl Component {
    fn name(self) -> &'static str {
        match self {
            Self::Libduckdb => "libduckdb",
            Self::CargoDeny => "cargo-deny",
            Self::ChdbCore => "chdb-core",
            Self::Debian(tool) => tool.program(),
        }
    }

    fn find(self, checkout: &Checkout) -> Result<Option<PathBuf>> {
        match self {
            Self::Libduckdb => libduckdb::find(checkout),
            Self::CargoDeny => cargo_deny::find(),
            Self::ChdbCore => Ok(chdb::find(checkout)),
            Self::Debian(tool) => Ok(tool.find()),
        }
    }

    fn bring(self, checkout: &Checkout) -> Result {
        match self {
            Self::Libduckdb => libduckdb::bring(checkout),
            Self::CargoDeny => cargo_deny::bring(),
            Self::ChdbCore => chdb::bring(checkout),
            Self::Debian(tool) => debian::bring(tool),
        }
    }
}

/// The task itself: `cargo xtask setup [PROFILE]`.
pub(crate) fn task(checkout: &Checkout, args: &[String]) -> Result {
    let profile = match args {
        [] => Profile::Demo,
        [word] => Profile::parse(word)?,
        [_, extra, ..] => return Err(Failure::usage(format!("one profile at a time, what is `{extra}`?"))),
    };
    have(checkout, profile)
}

/// Makes sure that everything a profile needs is there. Every missing component is tried, so that one run tells all.
pub(crate) fn have(checkout: &Checkout, profile: Profile) -> Result {
    let failures: Vec<String> = profile
        .components()
        .iter()
        .filter_map(|component| have_component(checkout, *component).err())
        .map(|failure| failure.to_string())
        .collect();
    if failures.is_empty() { Ok(()) } else { Err(Failure::new(failures.join("\n"))) }
}

fn have_component(checkout: &Checkout, component: Component) -> Result {
    let name = component.name();
    if let Some(place) = component.find(checkout)? {
        eprintln!("    {name}: already there, {}", place.display());
        return Ok(());
    }
    eprintln!("    {name}: missing, fetching it");
    component.bring(checkout)?;
    match component.find(checkout)? {
        Some(place) => eprintln!("    {name}: now there, {}", place.display()),
        None => return Err(Failure::new(format!("{name} was installed but cannot be found"))),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_links_duckdb_and_all_holds_every_other() {
        let all = Profile::All.components();
        for profile in [Profile::Demo, Profile::Test, Profile::Lint] {
            assert_eq!(profile.components()[0], Component::Libduckdb);
            assert!(profile.components().iter().all(|component| all.contains(component)), "{profile:?}");
        }
    }

    #[test]
    fn every_server_the_tests_start_comes_with_the_profile_that_its_absence_names() {
        for tool in [Tool::RedisServer, Tool::Promtool, Tool::Initdb] {
            let named = Profile::parse(tool.profile()).unwrap();
            assert!(named.components().contains(&Component::Debian(tool)), "{tool:?}");
        }
        assert!(Profile::Test.components().contains(&Component::ChdbCore));
    }

    #[test]
    fn an_unknown_profile_is_a_usage_error() {
        assert_eq!(Profile::parse("everything").unwrap_err().code(), 2);
    }
}
