use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use warden_domain::InstanceId;

use super::{
    SendRecord, SendStep, SendStore, SendStoreError,
    index::Index,
    record::{self, Found},
};
use crate::{SendId, client::epochs};

/// The first bytes of every inbox.
const TITLE: &[u8; 16] = b"warden inbox 1\r\n";
/// So many bytes are written at once when the file is written anew.
const CHUNK: usize = 1 << 20;

/// Keeps sends in an append-only file of records with checksums; one process at a time.
///
/// A batch is one write, and one sync where it holds a start. The file is written anew, without what is old or replaced,
/// when its records are four times what was live before. A tail that was not written whole, or was damaged since, is cut when
/// the file is opened, with a warning that says how much.
#[derive(Debug)]
pub struct SendFile {
    path: PathBuf,
    tail: Mutex<Tail>,
    index: Mutex<Index>,
}

/// The file as it is written.
#[derive(Debug)]
struct Tail {
    file: File,
    /// How many bytes of it are whole records.
    length: u64,
    /// How many records.
    records: usize,
}

impl SendFile {
    /// Opens the file and reads what it holds; a missing one is made.
    ///
    /// # Errors
    /// When the file cannot be read or written, another process has it open, or it holds anything but an inbox.
    pub fn open(path: &Path) -> Result<Self, SendStoreError> {
        let io = |source| SendStoreError::Io { path: path.to_owned(), source };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(io)?;
        lock(&file, path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        let mut index = Index::default();
        let (length, records) = scan(path, &bytes, &mut index)?;
        if length < bytes.len() {
            tracing::warn!(
                path = %path.display(),
                at = length,
                cut = bytes.len() - length,
                "the order inbox was not written whole, or is damaged; its tail is cut, and the sends in it are unseen"
            );
        }
        if length < bytes.len() || bytes.is_empty() {
            begin(&mut file, length).and_then(|()| epochs::sync_folder_of(path)).map_err(io)?;
        }
        index.expire();
        let tail = Tail { file, length: length.max(TITLE.len()) as u64, records };
        Ok(Self { path: path.to_owned(), tail: Mutex::new(tail), index: Mutex::new(index) })
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the file anew with what is known and not old.
    fn compact(&self, tail: &mut Tail) -> Result<(), SendStoreError> {
        let io = |source| SendStoreError::Io { path: self.path.clone(), source };
        let mut name = OsString::from(&self.path);
        name.push(".new");
        let beside = PathBuf::from(name);
        let mut file = File::create(&beside).map_err(io)?;
        lock(&file, &beside)?;
        let (length, records) = {
            let mut index = self.index();
            index.expire();
            (write_all(&mut file, index.records()).map_err(io)?, index.len())
        };
        file.sync_all().map_err(io)?;
        fs::rename(&beside, &self.path).map_err(io)?;
        *tail = Tail { file, length, records };
        epochs::sync_folder_of(&self.path).map_err(io)
    }
}

impl SendStore for SendFile {
    fn known(&self, instance: &InstanceId, send: SendId) -> Option<SendStep> {
        self.index().known(instance, send)
    }

    fn write(&self, records: &[SendRecord]) -> Result<(), SendStoreError> {
        let mut bytes = Vec::with_capacity(records.len() * 128);
        records.iter().for_each(|it| record::put(it, &mut bytes));
        let sync = records.iter().any(|it| it.step == SendStep::Started);
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        self.index().take(records);
        let written = tail.append(&bytes, sync);
        written.map_err(|source| SendStoreError::Io { path: self.path.clone(), source })?;
        tail.records += records.len();
        let due = self.index().is_due(tail.records);
        if due && let Err(fault) = self.compact(&mut tail) {
            // what was written is kept nevertheless; the next batch tries again
            tracing::warn!(%fault, "the order inbox could not be written anew; it grows");
        }
        Ok(())
    }
}

impl Tail {
    /// Appends behind the last whole record, all of it or nothing.
    fn append(&mut self, bytes: &[u8], sync: bool) -> io::Result<()> {
        let appended = self.try_append(bytes, sync);
        match appended {
            Ok(()) => self.length += bytes.len() as u64,
            // where even that fails, the next append writes over what is left
            Err(_) => drop(self.file.set_len(self.length)),
        }
        appended
    }

    fn try_append(&mut self, bytes: &[u8], sync: bool) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.length))?;
        self.file.write_all(bytes)?;
        if sync {
            self.file.sync_data()?;
        }
        Ok(())
    }
}

/// Reads all whole records; how many bytes and records they are.
fn scan(path: &Path, bytes: &[u8], index: &mut Index) -> Result<(usize, usize), SendStoreError> {
    let unreadable = |at: usize| SendStoreError::Unreadable { path: path.to_owned(), at: at as u64 };
    if bytes.len() < TITLE.len() && TITLE.starts_with(bytes) {
        return Ok((0, 0));
    }
    if !bytes.starts_with(TITLE) {
        return Err(unreadable(0));
    }
    let (mut at, mut records) = (TITLE.len(), 0);
    loop {
        match record::find(&bytes[at..]) {
            Found::Record(record, length) => {
                index.take(&[record]);
                at += length;
                records += 1;
            }
            Found::End | Found::Damage => return Ok((at, records)),
            Found::Strange => return Err(unreadable(at)),
        }
    }
}

/// Cuts the file to its whole records, and gives an empty one its title.
fn begin(file: &mut File, length: usize) -> io::Result<()> {
    file.set_len(length as u64)?;
    if length == 0 {
        file.seek(SeekFrom::Start(0))?;
        file.write_all(TITLE)?;
    }
    file.sync_all()
}

fn write_all(file: &mut File, records: impl Iterator<Item = SendRecord>) -> io::Result<u64> {
    let (mut bytes, mut length) = (TITLE.to_vec(), 0);
    for record in records {
        record::put(&record, &mut bytes);
        if bytes.len() >= CHUNK {
            file.write_all(&bytes)?;
            length += bytes.len() as u64;
            bytes.clear();
        }
    }
    file.write_all(&bytes)?;
    Ok(length + bytes.len() as u64)
}

fn lock(file: &File, path: &Path) -> Result<(), SendStoreError> {
    file.try_lock().map_err(|fault| match fault {
        TryLockError::WouldBlock => SendStoreError::InUse { path: path.to_owned() },
        TryLockError::Error(source) => SendStoreError::Io { path: path.to_owned(), source },
    })
}
