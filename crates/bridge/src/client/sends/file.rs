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
/// when its records are four times what was live before.
///
/// A tail that was not written whole is cut when the file is opened. Around damage in the middle every whole record is
/// kept, and the file as it was stands beside it as `….damaged`. Either is said in a warning.
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
        let Scan { length, records, lost } = scan(path, &bytes, &mut index)?;
        if lost > 0 {
            tracing::warn!(path = %path.display(), lost, "bytes of the order inbox are damaged; sends in them are unseen");
            fs::write(beside(path, ".damaged"), &bytes).map_err(io)?;
        }
        if length < bytes.len() {
            let cut = bytes.len() - length;
            tracing::warn!(path = %path.display(), cut, "the order inbox was not written whole; its tail is cut");
        }
        if length < bytes.len() || bytes.is_empty() {
            begin(&mut file, length).and_then(|()| epochs::sync_folder_of(path)).map_err(io)?;
        }
        index.expire();
        let tail = Tail { file, length: length.max(TITLE.len()) as u64, records };
        let opened = Self { path: path.to_owned(), tail: Mutex::new(tail), index: Mutex::new(index) };
        if lost > 0 {
            opened.compact(&mut opened.tail())?;
        }
        Ok(opened)
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the file anew with what is known and not old.
    fn compact(&self, tail: &mut Tail) -> Result<(), SendStoreError> {
        let io = |source| SendStoreError::Io { path: self.path.clone(), source };
        let beside = beside(&self.path, ".new");
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
        let mut tail = self.tail();
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

/// What a file holds.
struct Scan {
    /// Up to the end of the last whole record.
    length: usize,
    /// How many whole records.
    records: usize,
    /// How many bytes between them are none.
    lost: usize,
}

/// Reads all whole records.
fn scan(path: &Path, bytes: &[u8], index: &mut Index) -> Result<Scan, SendStoreError> {
    let unreadable = |at: usize| SendStoreError::Unreadable { path: path.to_owned(), at: at as u64 };
    if bytes.len() < TITLE.len() && TITLE.starts_with(bytes) {
        return Ok(Scan { length: 0, records: 0, lost: 0 });
    }
    if !bytes.starts_with(TITLE) {
        return Err(unreadable(0));
    }
    let mut scan = Scan { length: TITLE.len(), records: 0, lost: 0 };
    let mut at = scan.length;
    loop {
        match record::find(&bytes[at..]) {
            Found::Record(record, length) => {
                index.take(&[record]);
                scan.lost += at - scan.length;
                scan.records += 1;
                at += length;
                scan.length = at;
            }
            // whole records may stand behind it
            Found::Damage => at += 1,
            Found::End => return Ok(scan),
            Found::Strange => return Err(unreadable(at)),
        }
    }
}

/// The file of this name with more behind it.
fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(more);
    PathBuf::from(name)
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

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use warden_domain::{Facts, Timestamp};

    use super::*;
    use crate::{TradeReply, client::sends::SendAnswer};

    const DAY: i64 = 86_400_000;

    fn inbox() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sends");
        (folder, path)
    }

    fn id(number: u64) -> InstanceId {
        InstanceId::new(&format!("acct-{number}")).unwrap()
    }

    fn send(magic: u64) -> SendId {
        SendId { magic, attempt: 1 }
    }

    fn record(instance: u64, magic: u64, step: SendStep) -> SendRecord {
        SendRecord { instance: id(instance), send: send(magic), at: Timestamp::from_millis(5), step }
    }

    fn answered(order: u64) -> SendStep {
        let reply = Some(TradeReply { deal: 1, order, volume: 0.1, price: 1.1 });
        let facts = Facts { retcode: Some(10_009), ..Facts::default() };
        SendStep::Answered(Box::new(SendAnswer { facts, reply, detail: "done".into() }))
    }

    #[test]
    fn what_was_written_is_known_to_the_next_process() {
        let (_folder, path) = inbox();
        let file = SendFile::open(&path).unwrap();
        let refused = SendStep::NotStarted { detail: "late".into() };
        file.write(&[record(1, 7, SendStep::Started), record(1, 8, SendStep::Started)]).unwrap();
        file.write(&[record(1, 8, answered(80)), record(2, 7, refused.clone())]).unwrap();
        drop(file);
        for _ in 0..2 {
            let file = SendFile::open(&path).unwrap();
            assert_eq!(file.known(&id(1), send(7)), Some(SendStep::Started));
            assert_eq!(file.known(&id(1), send(8)), Some(answered(80)));
            assert_eq!(file.known(&id(2), send(7)), Some(refused.clone()));
            assert_eq!(file.known(&id(2), send(8)), None);
            assert_eq!(file.known(&id(1), SendId { magic: 7, attempt: 2 }), None, "another send");
        }
    }

    #[test]
    fn a_torn_tail_is_cut_at_the_last_whole_record_wherever_it_was_torn() {
        let (_folder, path) = inbox();
        let file = SendFile::open(&path).unwrap();
        file.write(&[record(1, 7, SendStep::Started)]).unwrap();
        let whole = fs::metadata(&path).unwrap().len();
        file.write(&[record(1, 8, answered(80))]).unwrap();
        drop(file);
        let good = fs::read(&path).unwrap();
        for end in usize::try_from(whole).unwrap()..good.len() {
            fs::write(&path, &good[..end]).unwrap();
            let file = SendFile::open(&path).unwrap();
            assert_eq!(file.known(&id(1), send(7)), Some(SendStep::Started), "{end}");
            assert_eq!(file.known(&id(1), send(8)), None, "{end}");
            file.write(&[record(1, 9, SendStep::Started)]).unwrap();
            drop(file);
            let file = SendFile::open(&path).unwrap();
            assert_eq!(file.known(&id(1), send(7)), Some(SendStep::Started), "{end}");
            assert_eq!(
                file.known(&id(1), send(9)),
                Some(SendStep::Started),
                "{end}: appended behind what was cut"
            );
        }
    }

    #[test]
    fn damage_in_the_middle_costs_what_is_damaged_and_no_more() {
        let (_folder, path) = inbox();
        let file = SendFile::open(&path).unwrap();
        let mut ends = Vec::new();
        for magic in 1..=4 {
            file.write(&[record(1, magic, answered(magic))]).unwrap();
            ends.push(usize::try_from(fs::metadata(&path).unwrap().len()).unwrap());
        }
        drop(file);
        let good = fs::read(&path).unwrap();
        for at in ends[0]..ends[1] {
            let mut bad = good.clone();
            bad[at] ^= 0x41;
            fs::write(&path, &bad).unwrap();
            for _ in 0..2 {
                let file = SendFile::open(&path).unwrap();
                let known = |magic| file.known(&id(1), send(magic));
                assert_eq!((known(1), known(2)), (Some(answered(1)), None), "{at}");
                assert_eq!((known(3), known(4)), (Some(answered(3)), Some(answered(4))), "{at}");
            }
            assert_eq!(fs::read(beside(&path, ".damaged")).unwrap(), bad, "as it was");
        }
    }

    #[test]
    fn a_title_that_was_not_written_whole_is_begun_anew_and_another_file_is_left_alone() {
        let (_folder, path) = inbox();
        for end in 0..TITLE.len() {
            fs::write(&path, &TITLE[..end]).unwrap();
            let file = SendFile::open(&path).unwrap();
            file.write(&[record(1, 7, SendStep::Started)]).unwrap();
            drop(file);
            assert_eq!(
                SendFile::open(&path).unwrap().known(&id(1), send(7)),
                Some(SendStep::Started),
                "{end}"
            );
        }
        for other in ["a 3\n", "warden inbox 2\r\nand more of it"] {
            fs::write(&path, other).unwrap();
            let fault = SendFile::open(&path).unwrap_err();
            assert!(matches!(fault, SendStoreError::Unreadable { at: 0, .. }), "{fault}");
            assert_eq!(fs::read_to_string(&path).unwrap(), other);
        }
    }

    #[test]
    fn one_process_at_a_time() {
        let (_folder, path) = inbox();
        let first = SendFile::open(&path).unwrap();
        assert!(matches!(SendFile::open(&path).unwrap_err(), SendStoreError::InUse { .. }));
        grow(&first, 70_000, 5);
        assert!(
            matches!(SendFile::open(&path).unwrap_err(), SendStoreError::InUse { .. }),
            "also when written anew"
        );
        drop(first);
        SendFile::open(&path).unwrap();
    }

    /// Writes so many sends that were started and answered at this moment.
    fn grow(file: &SendFile, sends: u64, at: i64) {
        let at = Timestamp::from_millis(at);
        for first in (0..sends).step_by(1_000) {
            let mut batch = Vec::new();
            for magic in first..(first + 1_000).min(sends) {
                batch.push(SendRecord { at, ..record(magic % 10, magic, SendStep::Started) });
                batch.push(SendRecord { at, ..record(magic % 10, magic, answered(magic)) });
            }
            file.write(&batch).unwrap();
        }
    }

    #[test]
    fn a_file_that_grew_is_written_anew_without_what_is_old_or_replaced() {
        let (_folder, path) = inbox();
        let file = SendFile::open(&path).unwrap();
        file.write(&[record(1, 1 << 50, SendStep::Started)]).unwrap();
        grow(&file, 30_000, 2 * DAY);
        let before = fs::metadata(&path).unwrap().len();
        let later =
            SendRecord { at: Timestamp::from_millis(8 * DAY), ..record(3, 1 << 51, SendStep::Started) };
        file.write(&vec![later; 10_000]).unwrap();
        assert!(fs::metadata(&path).unwrap().len() < before, "30,000 starts and 9,999 repetitions less");
        assert_eq!(file.known(&id(1), send(1 << 50)), None, "more than 7 days old");
        (0..30_000).for_each(|it| assert_eq!(file.known(&id(it % 10), send(it)), Some(answered(it))));
        file.write(&[record(1, 5, answered(6))]).unwrap();
        drop(file);
        let file = SendFile::open(&path).unwrap();
        assert_eq!(file.known(&id(1), send(5)), Some(answered(6)), "written behind what was written anew");
        assert_eq!(file.known(&id(3), send(1 << 51)), Some(SendStep::Started));
        assert_eq!(file.known(&id(9), send(29_999)), Some(answered(29_999)));
        assert!(!path.with_file_name("sends.new").exists());
    }

    #[test]
    fn ten_thousand_instances_share_one_file() {
        let (_folder, path) = inbox();
        let file = SendFile::open(&path).unwrap();
        let starts: Vec<_> = (0..10_000).map(|it| record(it, it, SendStep::Started)).collect();
        let ends: Vec<_> = (0..10_000).step_by(2).map(|it| record(it, it, answered(it))).collect();
        starts.chunks(256).for_each(|it| file.write(it).unwrap());
        ends.chunks(256).for_each(|it| file.write(it).unwrap());
        drop(file);
        let file = SendFile::open(&path).unwrap();
        for it in 0..10_000 {
            let step = if it % 2 == 0 { answered(it) } else { SendStep::Started };
            assert_eq!(file.known(&id(it), send(it)), Some(step));
            assert_eq!(file.known(&id(it + 1), send(it)), None);
        }
    }

    #[test]
    fn what_could_not_be_written_is_an_error_and_known_until_the_process_ends() {
        let (_folder, path) = inbox();
        let file = SendFile::open(&path).unwrap();
        file.write(&[record(1, 7, SendStep::Started)]).unwrap();
        // a file that is open for reading only takes nothing
        file.tail.lock().unwrap().file = File::open(&path).unwrap();
        let fault = file.write(&[record(1, 8, SendStep::Started)]).unwrap_err();
        assert!(matches!(fault, SendStoreError::Io { .. }), "{fault}");
        assert_eq!(file.known(&id(1), send(8)), Some(SendStep::Started));
        drop(file);
        let file = SendFile::open(&path).unwrap();
        assert_eq!(file.known(&id(1), send(7)), Some(SendStep::Started));
        assert_eq!(file.known(&id(1), send(8)), None);
        let nowhere = path.with_file_name("gone").join("sends");
        assert!(matches!(SendFile::open(&nowhere).unwrap_err(), SendStoreError::Io { .. }));
    }
}
