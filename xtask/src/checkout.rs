//! Where things lie: the checkout itself and the per-user cache that several checkouts share.

use std::env;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// The checkout this program was started for.
#[derive(Debug)]
pub(crate) struct Checkout {
    root: PathBuf,
}

impl Checkout {
    /// `cargo xtask` tells where the package lies; without cargo the current folder and its parents are searched.
    /// Decided at run time, so that checkouts sharing one target folder do not work on each other's files.
    pub(crate) fn find() -> Result<Self> {
        let start = match env::var_os("CARGO_MANIFEST_DIR") {
            Some(package) => PathBuf::from(package),
            None => {
                env::current_dir().map_err(|error| Failure::new(format!("no current folder: {error}")))?
            }
        };
        let root = start.ancestors().find(|folder| folder.join("xtask/Cargo.toml").is_file());
        match root {
            Some(root) => Ok(Self { root: root.to_path_buf() }),
            None => Err(Failure::new("not inside a checkout of mt5-warden: change into one first")),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// What `setup` brings for this checkout alone; never committed.
    pub(crate) fn tools(&self) -> PathBuf {
        self.root.join(".tools")
    }
}

/// What `setup` keeps between checkouts of one user: `$XDG_CACHE_HOME/mt5-warden`, else `~/.cache/mt5-warden`.
pub(crate) fn user_cache() -> Result<PathBuf> {
    let base = match env::var_os("XDG_CACHE_HOME") {
        Some(cache) if Path::new(&cache).is_absolute() => PathBuf::from(cache),
        _ => match env::home_dir() {
            Some(home) => home.join(".cache"),
            None => return Err(Failure::new("no home folder: set XDG_CACHE_HOME to a folder of yours")),
        },
    };
    Ok(base.join("mt5-warden"))
}
