//! What keeps a second migrator out.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    time::{Duration, Instant},
};

/// The key of the advisory lock of PostgreSQL, which holds within one database: "warden" in ASCII.
pub(super) const ADVISORY: i64 = 0x7761_7264_656e;

/// How often a locked file is looked at again.
const LOOK: Duration = Duration::from_millis(20);

/// Locks a file beside the database; `None` when another one holds it all the time. The lock ends with the handle.
pub(super) async fn file(path: &Path, within: Duration) -> io::Result<Option<File>> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    let until = Instant::now() + within;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() >= until => return Ok(None),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOOK).await,
        }
    }
}
