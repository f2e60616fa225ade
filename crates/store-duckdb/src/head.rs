use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

use warden_store::Head;

/// `journal.head`: the newest acknowledged row, in two slots that are written in turn.
///
/// A slot is 64 bytes at the start of its own 4,096-byte page, so that a torn write spoils one slot only:
///
/// ```text
/// "WARDENH1" | seq u64 little-endian | hash, 32 bytes | first 16 bytes of BLAKE3 over what stands before
/// ```
#[derive(Debug)]
pub(crate) struct HeadFile {
    file: File,
    next: u64, // the slot to write: 0 or 1
}

const MAGIC: &[u8; 8] = b"WARDENH1";
const PAGE: u64 = 4_096;
const SLOT: usize = 64;

impl HeadFile {
    /// Opens the file, or makes one that says "no rows"; answers what the newer valid slot says.
    ///
    /// `None`: a file is there and neither slot is valid.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, Option<Head>)> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        if file.metadata()?.len() == 0 {
            let mut fresh = Self { file, next: 0 };
            fresh.file.set_len(2 * PAGE)?;
            fresh.write(Head::default())?;
            fresh.file.sync_all()?;
            return Ok((fresh, Some(Head::default())));
        }
        let slots = [read(&file, 0), read(&file, 1)];
        let (newer, head) = match slots {
            [Some(first), Some(second)] if second.seq > first.seq => (1, Some(second)),
            [Some(first), _] => (0, Some(first)),
            [None, Some(second)] => (1, Some(second)),
            [None, None] => (1, None),
        };
        Ok((Self { file, next: 1 - newer }, head))
    }

    /// A head file that cannot be written.
    #[cfg(test)]
    pub(crate) fn read_only(path: &Path) -> Self {
        Self { file: File::open(path).unwrap(), next: 0 }
    }

    /// Makes `head` durable; the other slot keeps the one before.
    pub(crate) fn write(&mut self, head: Head) -> io::Result<()> {
        self.file.write_all_at(&encode(head), self.next * PAGE)?;
        self.file.sync_data()?;
        self.next = 1 - self.next;
        Ok(())
    }
}

fn read(file: &File, slot: u64) -> Option<Head> {
    let mut bytes = [0; SLOT];
    file.read_exact_at(&mut bytes, slot * PAGE).ok()?;
    let head = Head {
        seq: u64::from_le_bytes(bytes[8..16].try_into().expect("eight bytes")),
        hash: bytes[16..48].try_into().expect("thirty-two bytes"),
    };
    (bytes == encode(head)).then_some(head)
}

fn encode(head: Head) -> [u8; SLOT] {
    let mut bytes = [0; SLOT];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..16].copy_from_slice(&head.seq.to_le_bytes());
    bytes[16..48].copy_from_slice(&head.hash);
    let sum = blake3::hash(&bytes[..48]);
    bytes[48..].copy_from_slice(&sum.as_bytes()[..16]);
    bytes
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn head(seq: u64) -> Head {
        Head { seq, hash: [u8::try_from(seq).unwrap(); 32] }
    }

    #[test]
    fn a_new_file_says_no_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("head");
        assert_eq!(HeadFile::open(&path).unwrap().1, Some(Head::default()));
        assert_eq!(HeadFile::open(&path).unwrap().1, Some(Head::default()));
    }

    #[test]
    fn the_newer_valid_slot_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("head");
        let mut file = HeadFile::open(&path).unwrap().0;
        for seq in 1..=5 {
            file.write(head(seq)).unwrap();
            assert_eq!(HeadFile::open(&path).unwrap().1, Some(head(seq)));
        }
    }

    #[test]
    fn a_torn_slot_leaves_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("head");
        let mut file = HeadFile::open(&path).unwrap().0;
        for seq in 1..=4 {
            file.write(head(seq)).unwrap();
            let good = fs::read(&path).unwrap();
            for byte in 0..SLOT {
                let mut torn = good.clone();
                let newest = if seq % 2 == 1 { PAGE as usize } else { 0 };
                torn[newest + byte] ^= 0x40;
                fs::write(&path, torn).unwrap();
                assert_eq!(HeadFile::open(&path).unwrap().1, Some(head(seq - 1)), "row {seq} byte {byte}");
            }
            fs::write(&path, good).unwrap();
        }
    }

    #[test]
    fn a_write_after_a_torn_slot_replaces_the_torn_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("head");
        let mut file = HeadFile::open(&path).unwrap().0;
        file.write(head(1)).unwrap();
        file.write(head(2)).unwrap();
        let mut torn = fs::read(&path).unwrap();
        torn[20] ^= 1;
        fs::write(&path, torn).unwrap();
        let (mut file, found) = HeadFile::open(&path).unwrap();
        assert_eq!(found, Some(head(1)));
        file.write(head(3)).unwrap();
        assert_eq!(HeadFile::open(&path).unwrap().1, Some(head(3)));
        let bytes = fs::read(&path).unwrap();
        assert_eq!(&bytes[PAGE as usize..PAGE as usize + SLOT], &encode(head(1)), "the older one is kept");
    }

    #[test]
    fn a_file_without_a_valid_slot_is_no_head() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("head");
        for junk in [&b"x"[..], &[0; 8_192], &[0xff; 100]] {
            fs::write(&path, junk).unwrap();
            assert_eq!(HeadFile::open(&path).unwrap().1, None);
        }
    }
}
