//! Where the programs of other people lie on this machine, and how one gets them.
//!
//! Depends on the standard library alone: `cargo xtask setup` compiles this very file, so that what `setup` takes for
//! installed is exactly what the tests will find.

use std::env;
use std::path::{Path, PathBuf};

/// A program that tests start and that is not part of this project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// `redis-server`, 7.0 or later.
    RedisServer,
    /// `promtool`, which checks and tests alert rules.
    Promtool,
    /// `initdb` of PostgreSQL, 15 or later; `postgres`, `psql` and `pg_dump` lie beside it.
    Initdb,
}

impl Tool {
    /// Name of the program file.
    pub fn program(self) -> &'static str {
        match self {
            Self::RedisServer => "redis-server",
            Self::Promtool => "promtool",
            Self::Initdb => "initdb",
        }
    }

    /// The environment variable that names the program file and is believed before anything else.
    pub fn variable(self) -> &'static str {
        match self {
            Self::RedisServer => "WARDEN_REDIS_SERVER",
            Self::Promtool => "WARDEN_PROMTOOL",
            Self::Initdb => "WARDEN_INITDB",
        }
    }

    /// The Debian package that holds it.
    pub fn package(self) -> &'static str {
        match self {
            Self::RedisServer => "redis-server",
            Self::Promtool => "prometheus",
            Self::Initdb => "postgresql",
        }
    }

    /// The profile of `cargo xtask setup` that brings it.
    pub fn profile(self) -> &'static str {
        match self {
            Self::RedisServer | Self::Promtool | Self::Initdb => "test",
        }
    }

    /// Finds the program: the environment variable, then `PATH`, then where Debian puts it.
    ///
    /// A variable that is set but names no file finds nothing: falling back would test something else than asked for.
    pub fn find(self) -> Option<PathBuf> {
        if let Some(named) = env::var_os(self.variable()) {
            return Some(PathBuf::from(named)).filter(|path| path.is_file());
        }
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path)
            .chain(self.usual_folders())
            .map(|folder| folder.join(self.program()))
            .find(|file| is_program(file))
    }

    fn usual_folders(self) -> Vec<PathBuf> {
        match self {
            Self::RedisServer | Self::Promtool => {
                ["/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin"].map(PathBuf::from).to_vec()
            }
            Self::Initdb => versions_below(Path::new("/usr/lib/postgresql")),
        }
    }
}

/// The `bin` folders of every installed PostgreSQL, the newest first.
fn versions_below(base: &Path) -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir(base)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.is_file()
}
