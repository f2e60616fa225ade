//! Reads the journal and derives ranges of it, one ahead of the one that is being sent.

use std::{sync::Arc, time::Duration};

use tokio::sync::{Notify, mpsc, watch};
use tracing::{error, warn};
use warden_domain::Backoff;
use warden_store::{HistoryRows, Journal, JournalError, JournalId, Pending, Row, history::Range};

use super::{Derived, Deriver, ExportConfig, Told, heard, progress::Progress, servers::Servers};

/// A range with its rows, ready to be sent.
pub(super) struct Gathered {
    pub(super) range: Range,
    pub(super) rows: HistoryRows,
}

/// Reads and derives.
pub(super) struct Gatherer {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) id: JournalId,
    pub(super) deriver: Deriver,
    pub(super) config: ExportConfig,
    pub(super) progress: Arc<Progress>,
    /// Everything up to this row is in a range.
    pub(super) taken: u64,
    /// The last row of the range that was intended before a restart.
    pub(super) intended: Option<u64>,
    /// Where instances trade from the range after the intended one on.
    pub(super) servers: Option<Servers>,
    pub(super) hurry: Arc<Notify>,
    pub(super) told: watch::Receiver<Told>,
}

impl Gatherer {
    /// Gathers until the journal is closed, the ranges are not taken any more, or, told to flush, everything is gathered.
    pub(super) async fn run(mut self, to_send: mpsc::Sender<Gathered>) {
        if self.begin().await.is_none() {
            return;
        }
        // The place for a range comes before the range: so two are in memory at most, this one and the one under way.
        while let Ok(place) = to_send.reserve().await {
            let Some(gathered) = self.next().await else { return };
            place.send(gathered);
        }
    }

    /// Finds the first row there is, and what every instance was before it.
    async fn begin(&mut self) -> Option<()> {
        while self.waiting() == 0 {
            self.wait().await.then_some(())?;
        }
        let after = self.taken;
        let rows = self.ask("read", move |journal| journal.read(after, 1)).await?;
        let before = rows.first().map_or(after, |row| row.seq - 1);
        if before != after {
            warn!(after, before, "the journal has forgotten rows that this history never had");
            self.intended = None;
            self.taken = before;
        }
        let latest = self.ask("read", move |journal| journal.latest_upto(before)).await?;
        self.deriver.know(latest);
        Some(())
    }

    /// The next range: the intended one as it was, else a full one, or what is there after the linger.
    async fn next(&mut self) -> Option<Gathered> {
        if let Some(last) = self.intended.take() {
            return self.collect(last, usize::MAX).await;
        }
        if let Some(servers) = self.servers.take() {
            self.deriver.set_servers(servers);
        }
        let rows = u64::from(self.config.rows.max(1));
        if self.waiting() < rows {
            // Told to flush, it does not linger: what is there is the last.
            self.wait().await;
            while self.waiting() == 0 {
                self.wait().await.then_some(())?;
            }
        }
        self.collect(self.taken + self.waiting().min(rows), self.config.bytes).await
    }

    /// Rows that are in no range yet.
    fn waiting(&self) -> u64 {
        self.journal.head().seq.saturating_sub(self.taken)
    }

    /// Lingers, unless somebody is in a hurry; answers whether more rows are worth waiting for.
    async fn wait(&mut self) -> bool {
        if *self.told.borrow() == Told::Flush {
            return false;
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from(self.config.linger).max(SOONEST)) => {}
            () = self.hurry.notified() => {}
            () = heard(&mut self.told) => {}
        }
        true
    }

    /// Reads and derives every row up to `last`, or fewer where their payloads are more than `bytes`.
    ///
    /// A journal in a file reads on one thread that also takes its checkpoints, one job after the other, on a connection
    /// of its own: commits never wait for a read, a checkpoint waits for the one under way. So rows are asked for in
    /// small pieces, the next one only after the last was derived, and other jobs get in between. Between two pieces the
    /// insert of the range before goes on.
    async fn collect(&mut self, last: u64, bytes: usize) -> Option<Gathered> {
        let first = self.taken + 1;
        let (mut rows, mut size, mut faults) = (HistoryRows::default(), 0_usize, Faults::default());
        while self.taken < last && size < bytes {
            let piece = self.piece(last).await?;
            if self.taken + 1 == first {
                self.begun(&piece, last, &mut rows);
            }
            self.taken = piece.last().map_or(last, |row| row.seq);
            for row in piece {
                size += row.payload.len();
                self.derive(row, &mut rows, &mut faults);
            }
            tokio::task::yield_now().await;
        }
        faults.tell();
        Some(Gathered { range: Range { journal: self.id, first, last: self.taken }, rows })
    }

    /// The next rows, at least one; none past `last` but where the journal has a gap, which it never should.
    async fn piece(&mut self, last: u64) -> Option<Vec<Row>> {
        let after = self.taken;
        let limit = u64::from(self.config.piece.max(1)).min(last - after);
        let limit = u32::try_from(limit).expect("it is at most a piece");
        let mut waits = Backoff::new(self.config.retry, self.config.retry_most, self.id.0 ^ self.taken);
        loop {
            let rows = self.ask("read", move |journal| journal.read(after, limit)).await?;
            match rows.first().map(|row| row.seq) {
                Some(seq) => {
                    if seq != after + 1 {
                        error!(after, seq, "the journal lacks rows that were not exported");
                    }
                    return Some(rows);
                }
                None => {
                    error!(after, "the journal does not give rows that it has; it is asked again");
                    tokio::time::sleep(waits.wait()).await;
                }
            }
        }
    }

    /// The first rows of a range are there.
    fn begun(&self, piece: &[Row], last: u64, rows: &mut HistoryRows) {
        if let Some(oldest) = piece.first() {
            self.progress.begun(oldest.at);
        }
        // Most ranges are as long as they were meant to be.
        let most = usize::try_from(last - self.taken).unwrap_or(usize::MAX);
        rows.events.reserve_exact(most.min(self.config.rows as usize));
    }

    fn derive(&mut self, row: Row, rows: &mut HistoryRows, faults: &mut Faults) {
        let seq = row.seq;
        match self.deriver.add(row, rows) {
            Derived::Whole => {}
            Derived::Unreadable(fault) => {
                self.progress.unreadable.add(1);
                faults.count += 1;
                faults.first.get_or_insert_with(|| (seq, fault.to_string()));
            }
        }
    }

    /// Asks the journal until it answers; `None` when it is closed, or when it does not answer and nobody waits for it.
    async fn ask<T>(
        &mut self,
        action: &'static str,
        question: impl Fn(&dyn Journal) -> Pending<'_, Result<T, JournalError>>,
    ) -> Option<T> {
        let mut waits = Backoff::new(self.config.retry, self.config.retry_most, self.id.0 ^ self.taken);
        loop {
            match question(&*self.journal).await {
                Ok(answer) => return Some(answer),
                Err(JournalError::Closed) => return None,
                Err(fault) => {
                    warn!(%fault, action, "the journal did not answer the history's export; it is asked again");
                    if *self.told.borrow() == Told::Flush {
                        return None;
                    }
                    tokio::time::sleep(waits.wait()).await;
                }
            }
        }
    }
}

/// How often an idle journal is looked at most.
const SOONEST: Duration = Duration::from_millis(10);

/// The steps of a range that could not be read.
#[derive(Default)]
struct Faults {
    count: u64,
    first: Option<(u64, String)>,
}

impl Faults {
    fn tell(&self) {
        if let Some((seq, fault)) = &self.first {
            warn!(
                count = self.count,
                seq,
                fault,
                "steps of the journal could not be read; the history has no more of them than their kind"
            );
        }
    }
}
