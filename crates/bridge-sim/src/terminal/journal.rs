use std::collections::VecDeque;

use warden_domain::{JournalLine, Timestamp};

/// The terminal's journal: the last lines, in MT5's wording.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    lines: VecDeque<String>,
    /// Lines ever written.
    written: u64,
    /// Lines that the gateway has read.
    read: u64,
}

impl Journal {
    /// How many lines are kept.
    const CAPACITY: usize = 64;

    /// Writes a line: time of day, source, text.
    pub(crate) fn write(&mut self, now: Timestamp, source: &str, text: &str) {
        let day = now.as_millis().rem_euclid(86_400_000);
        let (hours, minutes, seconds) = (day / 3_600_000, day / 60_000 % 60, day / 1_000 % 60);
        self.lines
            .push_back(format!("{hours:02}:{minutes:02}:{seconds:02}.{:03} {source} {text}", day % 1_000));
        self.written += 1;
        if self.lines.len() > Self::CAPACITY {
            self.lines.pop_front();
        }
    }

    pub(crate) fn lines(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// What was written since the gateway last read: its class, an explicit refusal before all else, and its words;
    /// the last line's words where none has a class.
    pub(crate) fn read_on(&mut self) -> (Option<JournalLine>, String) {
        let fresh = usize::try_from(self.written - self.read).unwrap_or(usize::MAX).min(self.lines.len());
        self.read = self.written;
        let fresh = || self.lines.iter().rev().take(fresh);
        let classed = || fresh().filter_map(|line| Some((JournalLine::parse(line)?, line)));
        let found = classed().find(|(class, _)| refuses(*class)).or_else(|| classed().next());
        match found {
            Some((class, line)) => (Some(class), line.clone()),
            None => (None, fresh().next().cloned().unwrap_or_default()),
        }
    }
}

fn refuses(class: JournalLine) -> bool {
    match class {
        JournalLine::InvalidAccount | JournalLine::AccountDisabled | JournalLine::InvestorMode => true,
        JournalLine::ServiceUnavailable | JournalLine::CommonError | JournalLine::NoConnection => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_9_an_explicit_refusal_beats_transport_evidence() {
        let mut journal = Journal::default();
        let now = Timestamp::from_millis(45_296_789);
        journal.write(now, "Network", "'5001': authorization on Broker-Live failed (Invalid account)");
        journal.write(now, "Network", "'5001': no connection to Broker-Live");
        let (class, words) = journal.read_on();
        assert_eq!(class, Some(JournalLine::InvalidAccount));
        assert_eq!(
            words,
            "12:34:56.789 Network '5001': authorization on Broker-Live failed (Invalid account)"
        );
        assert_eq!(journal.read_on(), (None, String::new()), "what was read is not read again");
    }
}
