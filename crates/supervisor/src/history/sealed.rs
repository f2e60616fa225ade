use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// A small text file that is whole or known not to be: title, body, checksum; always replaced, never changed.
#[derive(Clone, Debug)]
pub(super) struct Sealed {
    path: PathBuf,
    title: &'static str,
}

/// Why a file says nothing.
#[derive(Debug, Error)]
pub(super) enum Unusable {
    /// The system does not let it be read.
    #[error("cannot be read")]
    Unreadable(#[source] io::Error),
    /// It is not what was written.
    #[error("is damaged: {0}")]
    Damaged(&'static str),
}

impl Sealed {
    pub(super) const fn new(path: PathBuf, title: &'static str) -> Self {
        Self { path, title }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The body; `None` when there is no file.
    pub(super) fn read(&self) -> Result<Option<String>, Unusable> {
        match std::fs::read(&self.path) {
            Ok(bytes) => self.body(&bytes).map(Some).map_err(Unusable::Damaged),
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(fault) => Err(Unusable::Unreadable(fault)),
        }
    }

    fn body(&self, bytes: &[u8]) -> Result<String, &'static str> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is no text")?;
        let (sealed, last) = text.trim_end().rsplit_once('\n').ok_or("it is cut short")?;
        let sealed = format!("{sealed}\n");
        if last != seal(&sealed) {
            return Err("it does not match its checksum");
        }
        let (title, body) = sealed.split_once('\n').ok_or("it is cut short")?;
        if title != self.title {
            return Err("it is not of this version");
        }
        Ok(body.to_owned())
    }

    /// Replaces the file; after a crash at any moment the old or the new one is there, whole, and after an answer the new
    /// one is durable.
    pub(super) fn write(&self, body: &str) -> io::Result<()> {
        let text = format!("{}\n{body}", self.title);
        let mut name = self.path.clone().into_os_string();
        name.push(".new");
        let new = PathBuf::from(name);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        writeln!(file, "{}", seal(&text))?;
        file.sync_all()?;
        std::fs::rename(&new, &self.path)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

fn seal(text: &str) -> String {
    format!("blake3 {}", blake3::hash(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(folder: &Path) -> Sealed {
        Sealed::new(folder.join("file"), "title 1")
    }

    #[test]
    fn what_was_written_is_read_and_no_half_of_it_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let file = sealed(folder.path());
        assert_eq!(file.read().unwrap(), None);
        for body in ["", "one\n", "one\ntwo\n"] {
            file.write(body).unwrap();
            assert_eq!(file.read().unwrap().as_deref(), Some(body));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn whatever_byte_is_changed_or_lost_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let file = sealed(folder.path());
        file.write("acked 12\n").unwrap();
        let whole = std::fs::read(file.path()).unwrap();
        for at in 0..whole.len() - 1 {
            let mut changed = whole.clone();
            changed[at] ^= 0x01;
            std::fs::write(file.path(), &changed).unwrap();
            assert!(matches!(file.read(), Err(Unusable::Damaged(_))), "byte {at} changed");
            std::fs::write(file.path(), &whole[..at]).unwrap();
            assert!(matches!(file.read(), Err(Unusable::Damaged(_))), "cut to {at} bytes");
        }
        std::fs::write(file.path(), [0xff, 0xfe]).unwrap();
        assert!(matches!(file.read(), Err(Unusable::Damaged("it is no text"))));
    }

    #[test]
    fn another_version_is_not_taken_for_ours() {
        let folder = tempfile::tempdir().unwrap();
        let file = sealed(folder.path());
        Sealed::new(file.path().to_owned(), "title 2").write("acked 12\n").unwrap();
        assert!(matches!(file.read(), Err(Unusable::Damaged("it is not of this version"))));
    }

    #[test]
    fn a_file_that_cannot_be_replaced_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = sealed(folder.path());
        file.write("one\n").unwrap();
        std::fs::create_dir(folder.path().join("file.new")).unwrap();
        assert!(file.write("two\n").is_err());
        assert_eq!(file.read().unwrap().as_deref(), Some("one\n"));
    }
}
