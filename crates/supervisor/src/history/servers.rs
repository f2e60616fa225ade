use std::{collections::HashMap, fmt::Write as _, io, path::Path, sync::Arc};

use tracing::warn;
use warden_domain::{InstanceId, TradeServer};

use super::{
    ExportError,
    sealed::{Sealed, Unusable},
};

/// Where instances trade.
pub(super) type Servers = Arc<HashMap<InstanceId, TradeServer>>;

/// Where instances traded when the range under way was derived: an instance may be taken out, or moved, between a crash
/// and the restart, and the range is to be identical all the same.
#[derive(Clone, Debug)]
pub(super) struct ServersFile(Sealed);

impl ServersFile {
    /// The file's name in the data folder.
    pub(super) const NAME: &'static str = "history.servers";

    pub(super) fn in_folder(folder: &Path) -> Self {
        Self(Sealed::new(folder.join(Self::NAME), "mt5-warden history servers 1"))
    }

    /// The servers for what is derived first: those that are kept, where a range that was derived with other ones than
    /// `now` is `under_way`; else `now`, which is then kept.
    pub(super) fn resume(&self, now: &Servers, under_way: bool) -> Result<Servers, ExportError> {
        let path = self.0.path();
        let kept = match self.0.read() {
            Ok(kept) => kept.and_then(|body| read(&body)),
            Err(fault @ Unusable::Damaged(_)) => {
                warn!(path = %path.display(), %fault, "it is not known any more which servers were exported last");
                None
            }
            Err(Unusable::Unreadable(source)) => {
                return Err(ExportError::Unreadable { path: path.to_owned(), source });
            }
        };
        match kept {
            Some(kept) if kept == **now => Ok(Arc::clone(now)),
            Some(kept) if under_way => Ok(Arc::new(kept)),
            Some(_) | None => {
                self.store(now)
                    .map_err(|source| ExportError::Unwritable { path: path.to_owned(), source })?;
                Ok(Arc::clone(now))
            }
        }
    }

    /// Makes the servers durable.
    pub(super) fn store(&self, servers: &Servers) -> io::Result<()> {
        let mut lines: Vec<_> = servers.iter().collect();
        lines.sort();
        let mut text = String::new();
        for (instance, server) in lines {
            writeln!(text, "{instance} {server}").expect("writing into a string cannot fail");
        }
        self.0.write(&text)
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

fn read(body: &str) -> Option<HashMap<InstanceId, TradeServer>> {
    let entry = |line: &str| {
        let (instance, server) = line.split_once(' ')?;
        Some((InstanceId::new(instance).ok()?, TradeServer::new(server).ok()?))
    };
    body.split_terminator('\n').map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers<const N: usize>(pairs: [(&str, &str); N]) -> Servers {
        let pair = |(id, server)| (InstanceId::new(id).unwrap(), TradeServer::new(server).unwrap());
        Arc::new(pairs.map(pair).into())
    }

    #[test]
    fn servers_are_kept_and_changed_only_between_two_ranges() {
        let folder = tempfile::tempdir().unwrap();
        let file = ServersFile::in_folder(folder.path());
        let (old, new) = (servers([("a", "Broker Live 3"), ("b", "B")]), servers([("b", "B2"), ("c", "C")]));
        assert_eq!(file.resume(&old, true).unwrap(), old, "none are kept yet");
        assert_eq!(file.resume(&new, true).unwrap(), old, "a range was derived with the old ones");
        assert_eq!(file.resume(&new, false).unwrap(), new);
        assert_eq!(file.resume(&old, true).unwrap(), new, "the new ones are kept now");
    }

    #[test]
    fn damaged_servers_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = ServersFile::in_folder(folder.path());
        let now = servers([("a", "A")]);
        file.store(&servers([("a", "B")])).unwrap();
        std::fs::write(file.path(), "nonsense").unwrap();
        assert_eq!(file.resume(&now, true).unwrap(), now);
        assert_eq!(file.resume(&servers([]), true).unwrap(), now);
    }
}
