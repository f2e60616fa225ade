//! Sends ranges one after the other, each until it is acknowledged.

use std::{io, path::Path, sync::Arc, time::Duration};

use tokio::sync::{mpsc, watch};
use tracing::{error, info, warn};
use warden_domain::Backoff;
use warden_store::{History, HistoryError};

use super::{
    ExportConfig, Told,
    cursor::{Cursor, CursorFile},
    gather::Gathered,
    heard,
    progress::Progress,
    servers::{Servers, ServersFile},
};

/// Sends.
pub(super) struct Sender {
    pub(super) history: Arc<dyn History>,
    pub(super) config: ExportConfig,
    pub(super) progress: Arc<Progress>,
    pub(super) file: CursorFile,
    /// As the file says.
    pub(super) cursor: Cursor,
    /// To be kept once no range that was derived with other ones is under way.
    pub(super) servers: Option<(ServersFile, Servers)>,
    pub(super) told: watch::Receiver<Told>,
}

/// The export is to end and something does not go on.
struct GivenUp;

impl Sender {
    /// Sends until no more ranges come, or until one cannot be sent and nobody waits for it.
    pub(super) async fn run(mut self, mut ready: mpsc::Receiver<Gathered>) {
        let mut next = ready.recv().await;
        while let Some(gathered) = next {
            let Ok(following) = self.see_through(gathered, &mut ready).await else { return };
            next = match following {
                Some(following) => Some(following),
                None => ready.recv().await,
            };
        }
    }

    /// Intent → insert → cursor, each durable before the next; answers the following range where its intent was written
    /// together with this one's cursor.
    async fn see_through(
        &mut self,
        gathered: Gathered,
        ready: &mut mpsc::Receiver<Gathered>,
    ) -> Result<Option<Gathered>, GivenUp> {
        let last = gathered.range.last;
        // Higher than the file says where the journal has forgotten rows.
        let intent = Cursor { acked: gathered.range.first - 1, sending: Some(last), ..self.cursor };
        if self.cursor != intent {
            self.keep_servers().await?;
            self.keep(intent).await?;
        }
        self.insert(&gathered).await?;
        let rows = gathered.rows.events.len() as u64;
        drop(gathered);
        let following = if self.servers.is_none() { ready.try_recv().ok() } else { None };
        let sending = following.as_ref().map(|following| following.range.last);
        self.keep(Cursor { acked: last, sending, ..self.cursor }).await?;
        self.progress.acked(last, rows);
        Ok(following)
    }

    /// What the waits of this export are lengthened by.
    fn salt(&self) -> u64 {
        self.cursor.journal.0 ^ self.cursor.acked.rotate_left(32)
    }

    async fn keep_servers(&mut self) -> Result<(), GivenUp> {
        if let Some((file, servers)) = self.servers.take() {
            self.until_durable(file.path(), || file.store(&servers)).await?;
        }
        Ok(())
    }

    async fn keep(&mut self, cursor: Cursor) -> Result<(), GivenUp> {
        let file = self.file.clone();
        self.until_durable(file.path(), || file.store(cursor)).await?;
        self.cursor = cursor;
        Ok(())
    }

    /// Writes until it is durable: nothing may be sent before.
    async fn until_durable(
        &mut self,
        path: &Path,
        write: impl Fn() -> io::Result<()>,
    ) -> Result<(), GivenUp> {
        let mut waits = Backoff::new(self.config.retry, self.config.retry_most, self.salt());
        while let Err(fault) = write() {
            error!(path = %path.display(), %fault, "the history's cursor cannot be written and nothing is exported; free space in the data folder, or give write permission");
            self.wait(waits.wait()).await?;
        }
        Ok(())
    }

    /// Inserts the identical range until it is acknowledged. What only a person mends is said once and tried slowly.
    async fn insert(&mut self, gathered: &Gathered) -> Result<(), GivenUp> {
        let mut waits = Backoff::new(self.config.retry, self.config.retry_most, self.salt());
        let (mut failures, mut said) = (0_u64, String::new());
        loop {
            let Err(fault) = self.insert_once(gathered).await else { break };
            failures += 1;
            self.progress.failures.add(1);
            let (words, range) = (fault.to_string(), gathered.range);
            if words != said {
                warn!(%fault, first = range.first, last = range.last, "the history did not take a range; the identical one is sent again");
                said = words;
            }
            let wait = match fault {
                HistoryError::Unreachable(_) | HistoryError::Refused(_) => waits.wait(),
                HistoryError::Schema(_) | HistoryError::Denied(_) => waits.longest_wait(),
            };
            self.wait(wait).await?;
        }
        if failures > 0 {
            info!(failures, "the history takes rows again");
        }
        Ok(())
    }

    async fn insert_once(&self, gathered: &Gathered) -> Result<(), HistoryError> {
        let within = Duration::from(self.config.insert_within);
        match tokio::time::timeout(within, self.history.insert(gathered.range, &gathered.rows)).await {
            Ok(done) => done,
            Err(_) => {
                Err(HistoryError::Unreachable(format!("no answer within {}", self.config.insert_within)))
            }
        }
    }

    /// Waits before something that failed is tried again; not once the export is to end, but for a last time when it is
    /// told so meanwhile.
    async fn wait(&mut self, wait: Duration) -> Result<(), GivenUp> {
        if *self.told.borrow() == Told::Flush {
            return Err(GivenUp);
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = heard(&mut self.told) => {}
        }
        Ok(())
    }
}
