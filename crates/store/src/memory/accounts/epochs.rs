use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use warden_domain::{Epoch, InstanceId};

use super::MemoryAccountsError;
use crate::AccountsError;

const TITLE: &str = "mt5-warden epochs 1";

/// The highest epoch of every instance, in a file or in memory only.
#[derive(Default)]
pub(super) struct Epochs {
    file: Option<PathBuf>,
    highest: BTreeMap<InstanceId, Epoch>,
}

impl Epochs {
    /// Reads the file; a missing one is empty.
    pub(super) fn open(path: &Path) -> Result<Self, MemoryAccountsError> {
        let highest = match std::fs::read_to_string(path) {
            Ok(text) => {
                read(&text).map_err(|what| MemoryAccountsError::Damaged { path: path.to_owned(), what })?
            }
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(source) => return Err(MemoryAccountsError::Unreadable { path: path.to_owned(), source }),
        };
        Ok(Self { file: Some(path.to_owned()), highest })
    }

    pub(super) fn of(&self, instance: &InstanceId) -> Epoch {
        self.highest.get(instance).copied().unwrap_or_default()
    }

    /// Raises each by one; what was answered is durable when there is a file. After an error nothing was raised.
    pub(super) async fn raise(&mut self, instances: &[InstanceId]) -> Result<Vec<Epoch>, AccountsError> {
        let mut highest = self.highest.clone();
        let raised = instances
            .iter()
            .map(|instance| {
                let epoch = highest.entry(instance.clone()).or_default();
                *epoch = epoch.next();
                *epoch
            })
            .collect();
        if let Some(path) = self.file.clone() {
            let text = written(&highest);
            tokio::task::spawn_blocking(move || replace(&path, &text))
                .await
                .map_err(io::Error::other)
                .and_then(|done| done)
                .map_err(|fault| AccountsError::Unreachable(format!("epochs file: {fault}")))?;
        }
        self.highest = highest;
        Ok(raised)
    }
}

fn written(highest: &BTreeMap<InstanceId, Epoch>) -> String {
    let mut text = format!("{TITLE}\n");
    for (instance, epoch) in highest {
        writeln!(text, "{instance} {epoch}").expect("writing into a string cannot fail");
    }
    let checksum = blake3::hash(text.as_bytes());
    writeln!(text, "blake3 {checksum}").expect("writing into a string cannot fail");
    text
}

fn read(text: &str) -> Result<BTreeMap<InstanceId, Epoch>, String> {
    let (body, last) = text.trim_end().rsplit_once('\n').ok_or("it is cut short")?;
    let body = format!("{body}\n");
    if last != format!("blake3 {}", blake3::hash(body.as_bytes())) {
        return Err("it does not match its checksum".to_owned());
    }
    let mut lines = body.lines();
    if lines.next() != Some(TITLE) {
        return Err("it is not an epochs file of this version".to_owned());
    }
    lines
        .map(|line| entry(line).ok_or_else(|| format!("line {line:?} is not an instance and its epoch")))
        .collect()
}

fn entry(line: &str) -> Option<(InstanceId, Epoch)> {
    let (instance, epoch) = line.split_once(' ')?;
    Some((InstanceId::new(instance).ok()?, Epoch(epoch.parse().ok()?)))
}

/// Replaces a file so that after a crash at any point either the old or the new text is there, whole.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Accounts as _, memory::MemoryAccounts};

    #[tokio::test]
    async fn rec_4_epochs_rise_across_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("epochs");
        let ids = ["a", "b"].map(|id| InstanceId::new(id).unwrap());
        for round in 1..=3 {
            let accounts = MemoryAccounts::new([]).unwrap().with_epochs_file(&path).unwrap();
            assert_eq!(accounts.raise_epochs(&ids).await.unwrap(), [Epoch(round), Epoch(round)]);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no half-written file is left");
    }

    #[tokio::test]
    async fn an_epoch_that_could_not_be_stored_is_not_raised() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gone").join("epochs");
        let ids = [InstanceId::new("a").unwrap()];
        let accounts = MemoryAccounts::new([]).unwrap().with_epochs_file(&path).unwrap();
        assert!(matches!(accounts.raise_epochs(&ids).await, Err(AccountsError::Unreachable(_))));
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        assert_eq!(accounts.raise_epochs(&ids).await.unwrap(), [Epoch(1)]);
    }

    #[test]
    fn a_damaged_epochs_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("epochs");
        let whole = written(&BTreeMap::from([(InstanceId::new("a").unwrap(), Epoch(12))]));
        let other_title = {
            let body = "mt5-warden epochs 2\n";
            format!("{body}blake3 {}\n", blake3::hash(body.as_bytes()))
        };
        for (text, says) in [
            (whole.replace("12", "11"), "checksum"),
            (whole[..whole.len() - 10].to_owned(), "checksum"),
            (String::new(), "cut short"),
            (other_title, "not an epochs file"),
        ] {
            std::fs::write(&path, text).unwrap();
            let fault = Epochs::open(&path).err().unwrap().to_string();
            assert!(fault.contains(says) && fault.contains("epochs is damaged"), "{fault}");
        }
        std::fs::write(&path, whole).unwrap();
        assert_eq!(Epochs::open(&path).ok().unwrap().of(&InstanceId::new("a").unwrap()), Epoch(12));
    }
}
