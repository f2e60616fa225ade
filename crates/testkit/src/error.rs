//! What can go wrong with the surroundings of a test.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use crate::locate::Tool;

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the surroundings of a test are not what the test needs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program of other people is not installed.
    #[error(
        "{} is not installed: run `cargo xtask setup {}`, or name the program in {}",
        .0.program(), .0.profile(), .0.variable()
    )]
    Missing(Tool),
    /// The engine of ClickHouse, a Python package, is not installed.
    #[error(
        "chdb-core is not installed: run `cargo xtask setup test`, or name the folder of its packages in WARDEN_CHDB"
    )]
    NoChdb,
    /// One of our own programs has not been built.
    #[error(
        "{name} is not built: run `cargo build --workspace --bins` (`cargo xtask test` does), or name its folder in WARDEN_BIN_DIR"
    )]
    NotBuilt {
        /// The program's name, without a folder.
        name: String,
    },
    /// The operating system refused.
    #[error("could not {doing}")]
    Io {
        /// What was being done.
        doing: String,
        /// The refusal.
        #[source]
        source: io::Error,
    },
    /// A program ended that should still run, or ended otherwise than it should.
    #[error("{program} ended unexpectedly ({status}); it said: {said}")]
    Ended {
        /// The program's name.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it printed or logged.
        said: String,
    },
    /// A condition did not become true in time.
    #[error("waited {within:?} in vain for {what}")]
    Timeout {
        /// The condition.
        what: String,
        /// How long was waited.
        within: Duration,
    },
    /// A server answered with an error: its own words.
    #[error("the server refused: {0}")]
    Refused(String),
    /// What came over a connection is not what its protocol allows.
    #[error("unreadable reply: {0}")]
    Unreadable(String),
    /// The handle's process was killed and not started again.
    #[error("{0} is not running: start it again first")]
    NotRunning(String),
}

/// Says what was being done when the operating system refused.
pub(crate) trait Doing<T> {
    fn doing(self, what: impl Into<String>) -> Result<T>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl Into<String>) -> Result<T> {
        self.map_err(|source| Error::Io { doing: what.into(), source })
    }
}
