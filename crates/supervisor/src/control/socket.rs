use std::{
    fs, io,
    os::unix::{fs::DirBuilderExt as _, fs::PermissionsExt as _, net::UnixStream as Probe},
    path::{Path, PathBuf},
};

use thiserror::Error;
use tokio::net::UnixListener;

/// Why there is no control socket.
#[derive(Debug, Error)]
pub enum SocketError {
    /// A supervisor answers there.
    #[error("{0} is answered by a supervisor already; it is running, stop that one first")]
    AlreadyRunning(PathBuf),
    /// Something that is no socket is there.
    #[error("{0} is no socket; move it away or name another path with supervisor.control")]
    NoSocket(PathBuf),
    /// It could not be made.
    #[error("cannot make the control socket {path}; check the folder's permissions")]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Makes the socket, in place of one that a dead process left behind. Nobody but the owner can open it at any moment: it is
/// made in a folder of the owner's and moved in.
pub(super) fn listen(path: &Path) -> Result<UnixListener, SocketError> {
    let fault = |source| SocketError::Io { path: path.to_owned(), source };
    check_place(path)?;
    let folder = path.with_extension(format!("{}", std::process::id()));
    fs::DirBuilder::new().mode(0o700).create(&folder).map_err(fault)?;
    let made = make_inside(&folder, path);
    // Left behind it would only be an empty folder.
    let _ = fs::remove_dir_all(&folder);
    made.map_err(fault)
}

fn make_inside(folder: &Path, path: &Path) -> io::Result<UnixListener> {
    let inside = folder.join("s");
    let listener = UnixListener::bind(&inside)?;
    fs::set_permissions(&inside, fs::Permissions::from_mode(0o600))?;
    fs::rename(&inside, path)?;
    Ok(listener)
}

fn check_place(path: &Path) -> Result<(), SocketError> {
    match fs::symlink_metadata(path) {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(SocketError::Io { path: path.to_owned(), source }),
        Ok(about) if !is_socket(&about) => return Err(SocketError::NoSocket(path.to_owned())),
        Ok(_) => {}
    }
    match Probe::connect(path) {
        Ok(_) => Err(SocketError::AlreadyRunning(path.to_owned())),
        Err(fault) if fault.kind() == io::ErrorKind::ConnectionRefused => {
            tracing::info!(path = %path.display(), "replacing the control socket of a supervisor that has ended");
            Ok(())
        }
        Err(source) => Err(SocketError::Io { path: path.to_owned(), source }),
    }
}

fn is_socket(about: &fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    about.file_type().is_socket()
}
