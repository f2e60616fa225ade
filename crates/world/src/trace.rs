use std::fmt::{self, Write as _};

/// Everything that happened in a run, in order: hashed, and kept as lines where somebody wants to read them.
///
/// Two runs of one seed have one hash; what differs between two hashes is found by comparing the lines.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    hash: u64,
    steps: u64,
    line: String,
    log: Log,
}

/// What becomes of the lines of a trace.
#[derive(Clone, Debug, Default)]
pub enum Log {
    /// Nobody reads them.
    #[default]
    None,
    /// They are kept.
    Kept(
        /// One for each thing that happened.
        Vec<String>,
    ),
    /// They are told on standard error as they come: for a run that does not end.
    Told,
}

impl Trace {
    pub(crate) fn new(log: Log) -> Self {
        Self { hash: 0xCBF2_9CE4_8422_2325, steps: 0, line: String::new(), log }
    }

    /// One step: `at` in milliseconds since the run began.
    pub(crate) fn step(&mut self, at: u64, what: fmt::Arguments<'_>) {
        self.steps += 1;
        self.note(at, what);
    }

    /// Something worth a line that is no step by itself.
    pub(crate) fn note(&mut self, at: u64, what: fmt::Arguments<'_>) {
        self.line.clear();
        // Writing to a String cannot fail.
        let _ = write!(self.line, "{at:>8} {what}");
        self.take_in();
        match &mut self.log {
            Log::None => {}
            Log::Kept(lines) => lines.push(self.line.clone()),
            Log::Told => eprintln!("{}", self.line),
        }
    }

    fn take_in(&mut self) {
        for chunk in self.line.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.hash =
                (self.hash ^ u64::from_le_bytes(word)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        match self.log {
            Log::Kept(lines) => lines,
            Log::None | Log::Told => Vec::new(),
        }
    }
}
