use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use super::KeyFileError;

/// The mode of a key file: its owner reads it, and nobody does anything else.
const MODE: u32 = 0o400;

/// Writes a new file, or leaves none behind.
pub(super) fn write(path: &Path, text: &[u8]) -> Result<(), KeyFileError> {
    // Exclusive: what is there, be it a link, is neither followed nor replaced.
    let file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path);
    let file = file.map_err(|source| match source.kind() == io::ErrorKind::AlreadyExists {
        true => KeyFileError::Exists { path: path.to_owned() },
        false => KeyFileError::Unwritable { path: path.to_owned(), source },
    })?;
    ended(path, fill(file, text).and_then(|()| sync_folder(path)))
}

/// Keeps the file that was written, or removes the one that was begun.
fn ended(path: &Path, written: io::Result<()>) -> Result<(), KeyFileError> {
    written.map_err(|source| {
        // It is ours, and nobody uses its key; when it cannot be removed, its length shows what it is.
        let _ = fs::remove_file(path);
        KeyFileError::Unwritable { path: path.to_owned(), source }
    })
}

fn fill(mut file: File, text: &[u8]) -> io::Result<()> {
    file.write_all(text)?;
    file.sync_all()
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_could_not_be_written_to_its_end_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "0123").unwrap();
        ended(&path, Ok(())).unwrap();
        assert!(path.exists());
        let fault = ended(&path, Err(io::ErrorKind::StorageFull.into())).unwrap_err();
        assert!(matches!(fault, KeyFileError::Unwritable { .. }), "{fault}");
        assert!(!path.exists());
    }
}
