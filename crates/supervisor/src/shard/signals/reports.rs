//! The reports of the newest signals, kept up to date; older ones are told from the journal.

use std::collections::{BTreeMap, VecDeque};

use tracing::info;
use warden_distribution::{Folded, Line, Outcome, OutcomeEvent, Report};
use warden_domain::{ClientTradeId, InstanceId, Timestamp};

use super::Counted;

/// As many reports as there is room for.
#[derive(Debug)]
pub(super) struct Reports {
    known: BTreeMap<ClientTradeId, Kept>,
    /// The keys, oldest first.
    order: VecDeque<ClientTradeId>,
    /// Lines of all reports.
    lines: usize,
    /// Lines that are kept at most.
    most: usize,
}

#[derive(Debug)]
struct Kept {
    report: Report,
    /// Lines that may still change.
    open: usize,
}

impl Reports {
    pub(super) const fn new(most: usize) -> Self {
        Self { known: BTreeMap::new(), order: VecDeque::new(), lines: 0, most }
    }

    /// Keeps a report, in place of an older one of the same signal, whose lines go on; one without lines says nothing.
    pub(super) fn begin(&mut self, mut report: Report) {
        if report.lines.is_empty() {
            return;
        }
        let key = report.key.clone();
        match self.known.remove(&key) {
            Some(Kept { report: older, .. }) => {
                self.lines -= older.lines.len();
                report.merge(older);
            }
            None => self.order.push_back(key.clone()),
        }
        self.lines += report.lines.len();
        let open = report.lines.iter().filter(|line| !line.outcome.is_settled()).count();
        self.known.insert(key, Kept { report, open });
        self.forget();
    }

    pub(super) fn of(&self, key: &ClientTradeId) -> Option<&Report> {
        self.known.get(key).map(|kept| &kept.report)
    }

    /// Adds a line that a restart left behind.
    pub(super) fn resume(&mut self, key: &ClientTradeId, at: Timestamp, line: Line) {
        let mut report = Report::resumed(key.clone(), at);
        report.add(line);
        self.begin(report);
    }

    /// Takes in what became of a part.
    pub(super) fn fold(
        &mut self,
        instance: &InstanceId,
        key: &ClientTradeId,
        part: u32,
        outcome: Outcome,
        at: Timestamp,
        counted: &Counted,
    ) {
        let Some(Kept { report, open }) = self.known.get_mut(key) else { return };
        let event = OutcomeEvent { instance: instance.clone(), part, at, outcome };
        match report.fold(&event) {
            Folded::Changed if outcome.is_settled() => {
                counted.settled(&outcome);
                *open = open.saturating_sub(1);
                if *open == 0 {
                    info!(%key, summary = %report.summary(), "nothing more will be learnt of a signal here");
                }
            }
            // A position that was closed later stays what it was: filled.
            Folded::Changed | Folded::Unchanged | Folded::Contradiction | Folded::Foreign => {}
        }
    }

    /// Forgets the oldest where there is no room.
    fn forget(&mut self) {
        while self.lines > self.most && self.order.len() > 1 {
            let Some(oldest) = self.order.pop_front() else { return };
            self.lines -= self.known.remove(&oldest).map_or(0, |kept| kept.report.lines.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> ClientTradeId {
        ClientTradeId::new(text).unwrap()
    }

    fn line(instance: &str) -> Line {
        let symbol = warden_distribution::Symbol::new("EURUSD").unwrap();
        Line::resumed(InstanceId::new(instance).unwrap(), 1, symbol, None, Outcome::Waiting)
    }

    #[test]
    fn reports_of_signals_for_other_shards_take_no_room() {
        let mut reports = Reports::new(2);
        for name in ["s-1", "s-2", "s-3"] {
            reports.begin(Report::resumed(key(name), Timestamp::from_millis(0)));
        }
        assert!(reports.known.is_empty() && reports.order.is_empty());
    }

    #[test]
    fn the_oldest_reports_make_room_and_the_newest_stays_however_large() {
        let mut reports = Reports::new(2);
        for (name, instances) in [("s-1", &["a"][..]), ("s-2", &["a"]), ("s-3", &["a", "b", "c"])] {
            for instance in instances {
                reports.resume(&key(name), Timestamp::from_millis(0), line(instance));
            }
        }
        assert!(reports.of(&key("s-1")).is_none() && reports.of(&key("s-2")).is_none());
        assert_eq!((reports.of(&key("s-3")).unwrap().lines.len(), reports.lines), (3, 3));
    }
}
