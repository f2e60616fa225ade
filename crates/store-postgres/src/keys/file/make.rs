use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use super::KeyFileError;

/// The mode of a key file: its owner reads it, and nobody does anything else.
const MODE: u32 = 0o400;

/// Writes a new file, or leaves none behind.
pub(super) fn write(path: &Path, text: &[u8]) -> Result<(), KeyFileError> {
    let unwritable = |source| KeyFileError::Unwritable { path: path.to_owned(), source };
    // Exclusive: what is there, be it a link, is neither followed nor replaced.
    let file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path).map_err(|fault| {
        match fault.kind() == io::ErrorKind::AlreadyExists {
            true => KeyFileError::Exists { path: path.to_owned() },
            false => unwritable(fault),
        }
    })?;
    fill(file, path, text).map_err(|fault| {
        // The file is ours and holds no key that anybody uses; when it cannot be removed, its length shows what it is.
        let _ = fs::remove_file(path);
        unwritable(fault)
    })
}

fn fill(mut file: File, path: &Path, text: &[u8]) -> io::Result<()> {
    // The umask may have taken the owner's right to read.
    file.set_permissions(Permissions::from_mode(MODE))?;
    file.write_all(text)?;
    file.sync_all()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
