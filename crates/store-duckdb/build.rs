//! Lets everything that links DuckDB find the shared library at run time.
//!
//! Shared by every package whose programs or tests end up linking DuckDB (`build = "…/store-duckdb/build.rs"`).
//! Two ways are prepared, because neither covers every case:
//!
//! - an rpath, for programs and tests that are started directly;
//! - a link inside `OUT_DIR` on the library search path: cargo and nextest export such folders to what they run,
//!   which reaches doctests and dependants, where an rpath does not.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> Result<(), io::Error> {
    println!("cargo::rerun-if-env-changed=DUCKDB_LIB_DIR");
    if env::var_os("CARGO_FEATURE_BUNDLED").is_some() {
        return Ok(());
    }
    let Some(folder) = env::var_os("DUCKDB_LIB_DIR").map(PathBuf::from) else {
        return Ok(()); // the system's own library, found by the system's own loader
    };
    let (name, beside) = match env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("macos") => ("libduckdb.dylib", "@loader_path/../lib"),
        _ => ("libduckdb.so", "$ORIGIN/../lib"),
    };
    let library = folder.join(name);
    println!("cargo::rerun-if-changed={}", library.display());
    if !library.exists() {
        println!("cargo::error={} is missing: run `cargo xtask setup`", library.display());
        return Ok(());
    }
    println!("cargo::rustc-link-arg=-Wl,-rpath,{beside}");
    println!("cargo::rustc-link-arg=-Wl,-rpath,{}", folder.display());

    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts"));
    link(&library, &out.join(name))?;
    println!("cargo::rustc-link-search=native={}", out.display());
    Ok(())
}

/// Puts `source` at `target`: as a hard link, or as a copy where the two are on different file systems.
fn link(source: &Path, target: &Path) -> io::Result<()> {
    if target.exists() {
        fs::remove_file(target)?;
    }
    fs::hard_link(source, target).or_else(|_| fs::copy(source, target).map(drop))
}
