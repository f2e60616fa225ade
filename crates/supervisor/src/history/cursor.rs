use std::{fmt::Write as _, path::Path};

use tracing::{error, warn};
use warden_store::JournalId;

use super::{
    ExportError,
    sealed::{Sealed, Unusable},
};

/// How far a history has followed a journal: everything up to `acked` was acknowledged.
///
/// A range is sent only while the file says so in `sending`, and that is forgotten only when `acked` moves: so after a
/// crash the identical range is sent again (C11, C12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) journal: JournalId,
    /// BLAKE3 of the history's name: of another history nothing is known.
    pub(super) target: blake3::Hash,
    pub(super) acked: u64,
    /// The last row of the range that begins after `acked` and may have been sent.
    pub(super) sending: Option<u64>,
}

/// The cursor in the data folder.
#[derive(Clone, Debug)]
pub(super) struct CursorFile(Sealed);

impl CursorFile {
    /// The file's name in the data folder.
    pub(super) const NAME: &'static str = "history.cursor";

    pub(super) fn in_folder(folder: &Path) -> Self {
        Self(Sealed::new(folder.join(Self::NAME), "mt5-warden history cursor 1"))
    }

    /// Where the export of this journal into this history goes on; `head` is the journal's newest row, `known` what a
    /// history that keeps count says that it has of the journal: it is right about that.
    ///
    /// A cursor that says nothing about the two, or nothing at all, is replaced by one at 0: what is exported again
    /// changes nothing in a history that has it.
    pub(super) fn resume(
        &self,
        journal: JournalId,
        target: blake3::Hash,
        head: u64,
        known: Option<u64>,
    ) -> Result<Cursor, ExportError> {
        let path = self.0.path();
        let found = match self.0.read().map(|body| body.map(|body| read(&body))) {
            Ok(None) => None,
            Ok(Some(Some(cursor))) => Some(cursor),
            Ok(Some(None)) => self.without(&Unusable::Damaged("it does not say what a cursor says")),
            Err(fault @ Unusable::Damaged(_)) => self.without(&fault),
            Err(Unusable::Unreadable(source)) => {
                return Err(ExportError::Unreadable { path: path.to_owned(), source });
            }
        };
        let new = Cursor { journal, target, acked: 0, sending: None };
        let cursor = match found {
            Some(old) if old.journal != journal => {
                warn!(old = %old.journal, new = %journal, "the journal is a new one; the history takes it from its first row");
                new
            }
            Some(old) if old.target != target => {
                warn!("the history is another one; it takes everything that the journal still holds");
                new
            }
            Some(old) if old.acked > head => {
                error!(
                    acked = old.acked,
                    head,
                    "the journal ends before what was exported of it; the history keeps the lost rows beside those that take their places"
                );
                Cursor { acked: head, sending: None, ..old }
            }
            Some(old) => Cursor { sending: old.sending.filter(|last| *last <= head), ..old },
            None => new,
        };
        let cursor = match known {
            Some(known) if known != cursor.acked => {
                warn!(
                    cursor = cursor.acked,
                    known, "the history has more or less than its cursor says; it is believed"
                );
                Cursor { acked: known.min(head), sending: None, ..cursor }
            }
            Some(_) | None => cursor,
        };
        if found != Some(cursor) {
            self.store(cursor).map_err(|source| ExportError::Unwritable { path: path.to_owned(), source })?;
        }
        Ok(cursor)
    }

    fn without(&self, fault: &Unusable) -> Option<Cursor> {
        let path = self.0.path().display();
        error!(%path, %fault, "the history's cursor says nothing; everything that the journal still holds is exported again, which changes nothing");
        None
    }

    /// Makes the cursor durable.
    pub(super) fn store(&self, cursor: Cursor) -> std::io::Result<()> {
        self.0.write(&written(cursor))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

fn written(cursor: Cursor) -> String {
    let Cursor { journal, target, acked, sending } = cursor;
    let mut text = format!("journal {journal}\ntarget {target}\nacked {acked}\n");
    if let Some(last) = sending {
        writeln!(text, "sending {last}").expect("writing into a string cannot fail");
    }
    text
}

fn read(body: &str) -> Option<Cursor> {
    let mut lines = body.lines();
    let mut value = |name: &str| lines.next().map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let journal = JournalId(u64::from_str_radix(value("journal")??, 16).ok()?);
    let target = blake3::Hash::from_hex(value("target")??).ok()?;
    let acked = value("acked")??.parse().ok()?;
    let sending = match value("sending") {
        Some(last) => Some(last?.parse().ok().filter(|last| *last > acked)?),
        None => None,
    };
    Some(Cursor { journal, target, acked, sending })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: JournalId = JournalId(0xbeef);

    fn target() -> blake3::Hash {
        blake3::hash(b"clickhouse at home")
    }

    fn cursor(acked: u64, sending: Option<u64>) -> Cursor {
        Cursor { journal: OURS, target: target(), acked, sending }
    }

    #[test]
    fn a_cursor_reads_what_it_wrote_and_says_it_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let file = CursorFile::in_folder(folder.path());
        for kept in [cursor(0, None), cursor(0, Some(7)), cursor(u64::MAX - 1, Some(u64::MAX))] {
            file.store(kept).unwrap();
            assert_eq!(file.resume(OURS, target(), u64::MAX, None).unwrap(), kept);
        }
        file.store(cursor(50_000, Some(61_234))).unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert!(text.starts_with("mt5-warden history cursor 1\njournal 000000000000beef\ntarget "), "{text}");
        assert!(text.contains("\nacked 50000\nsending 61234\nblake3 "), "{text}");
    }

    #[test]
    fn what_is_unknown_begins_at_the_first_row_and_is_durable_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = CursorFile::in_folder(folder.path());
        assert_eq!(file.resume(OURS, target(), 9, None).unwrap(), cursor(0, None));
        assert!(file.path().exists());

        file.store(cursor(5, Some(7))).unwrap();
        let another = JournalId(0xfeed);
        assert_eq!(
            file.resume(another, target(), 9, None).unwrap(),
            Cursor { journal: another, ..cursor(0, None) }
        );

        file.store(cursor(5, Some(7))).unwrap();
        let elsewhere = blake3::hash(b"clickhouse elsewhere");
        let fresh = file.resume(OURS, elsewhere, 9, None).unwrap();
        assert_eq!(fresh, Cursor { target: elsewhere, ..cursor(0, None) });
        assert_eq!(file.resume(OURS, elsewhere, 9, None).unwrap(), fresh);
    }

    /// C12: the history committed the range and died before its cursor moved, or was restored from a backup.
    #[test]
    fn a_history_that_keeps_count_is_believed() {
        let folder = tempfile::tempdir().unwrap();
        let file = CursorFile::in_folder(folder.path());
        for (kept, known, expected) in [
            (cursor(5, Some(7)), Some(7), cursor(7, None)),
            (cursor(5, Some(7)), Some(5), cursor(5, Some(7))),
            (cursor(5, None), Some(0), cursor(0, None)),
            (cursor(5, None), Some(20), cursor(9, None)),
            (cursor(5, Some(7)), None, cursor(5, Some(7))),
        ] {
            file.store(kept).unwrap();
            assert_eq!(file.resume(OURS, target(), 9, known).unwrap(), expected, "{known:?}");
            assert_eq!(file.resume(OURS, target(), 9, None).unwrap(), expected, "and it is durable");
        }
    }

    #[test]
    fn a_damaged_cursor_begins_anew_and_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = CursorFile::in_folder(folder.path());
        let sealed = Sealed::new(file.path().to_owned(), "mt5-warden history cursor 1");
        let whole = written(cursor(5, Some(7)));
        for body in [
            whole.replace("acked 5", "acked five"),
            whole.replace("sending 7", "sending 5"),
            whole.replace("journal", "jurnal"),
            whole.replace("target ", "target x"),
            whole.lines().take(2).map(|line| format!("{line}\n")).collect(),
        ] {
            sealed.write(&body).unwrap();
            assert_eq!(file.resume(OURS, target(), 9, None).unwrap(), cursor(0, None), "{body}");
            assert_eq!(sealed.read().unwrap().unwrap(), written(cursor(0, None)));
        }
        std::fs::write(file.path(), "nonsense").unwrap();
        assert_eq!(file.resume(OURS, target(), 9, None).unwrap(), cursor(0, None));
    }

    #[test]
    fn a_cursor_past_the_journals_end_goes_back_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = CursorFile::in_folder(folder.path());
        for (kept, head, expected) in [
            (cursor(5, Some(7)), 7, cursor(5, Some(7))),
            (cursor(5, Some(7)), 6, cursor(5, None)),
            (cursor(5, Some(7)), 4, cursor(4, None)),
        ] {
            file.store(kept).unwrap();
            assert_eq!(file.resume(OURS, target(), head, None).unwrap(), expected);
        }
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_a_named_error() {
        let folder = tempfile::tempdir().unwrap();
        let missing = CursorFile::in_folder(&folder.path().join("gone"));
        assert!(matches!(missing.resume(OURS, target(), 9, None), Err(ExportError::Unwritable { .. })));
        let taken = CursorFile::in_folder(folder.path());
        std::fs::create_dir(taken.path()).unwrap();
        assert!(matches!(taken.resume(OURS, target(), 9, None), Err(ExportError::Unreadable { .. })));
    }
}
