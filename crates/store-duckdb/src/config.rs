use std::{
    env,
    ffi::OsString,
    io,
    num::{NonZeroU32, NonZeroU64},
    path::PathBuf,
    time::Duration,
};

/// Where a journal lives and how it is run. [`Config::new`] gives the defaults.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder of the journal's files; created when it is missing. One journal a folder.
    pub folder: PathBuf,
    /// Rows that may wait to be committed; an append beyond them waits for room. Default 65,536.
    pub queue: NonZeroU32,
    /// Rows in one commit at most, unless one batch alone is larger. Default 4,096.
    pub commit: NonZeroU32,
    /// How long a commit may wait for more batches while they keep coming faster than this. Zero, the default, commits
    /// what is there: right unless a steady middle load makes many small commits. Useful up to 2 ms.
    pub linger: Duration,
    /// When checkpoints are taken.
    pub checkpoints: Checkpoints,
    /// Bytes that DuckDB may use for its buffers. Default 128 MiB.
    pub memory: NonZeroU64,
    /// How many of the newest rows opening proves against the hash chain; all of them after a read found damage.
    /// Default 100,000.
    pub proven: NonZeroU64,
    /// Rows that one transaction forgets at most, so that no commit waits long for it. Default 20,000.
    pub forgotten: NonZeroU64,
    /// Rows after which a new segment begins; forgotten rows give their room back by the segment. Default 1,000,000.
    pub segment: NonZeroU64,
    /// How to try the file out in a process of its own before it is opened: replaying a damaged write-ahead log can abort
    /// the process that does it. `None`, the default, opens without a trial.
    pub probe: Option<Probe>,
}

/// When checkpoints are taken. A checkpoint moves the write-ahead log into the file; commits go on beside it, but wait
/// for the disk at its end: about 15 ms at 4 MiB of log, 25 ms at 8 MiB, 50 ms at 32 MiB. So it is taken when it is
/// quiet, or while there is little to move, or when the log must not grow any more.
#[derive(Clone, Copy, Debug)]
pub struct Checkpoints {
    /// No batch for this long counts as quiet. Default 1 s.
    pub quiet: Duration,
    /// Bytes of log from which a quiet moment is used. Default 1 MiB.
    pub when_quiet: u64,
    /// Bytes of log from which a checkpoint is taken under a steady load. Default 4 MiB.
    pub when_steady: u64,
    /// Bytes a second, on average since the last checkpoint, up to which a load counts as steady; more is a storm, and
    /// checkpoints wait for its end. Default 6 MiB/s.
    pub steady: u64,
    /// Bytes of log from which a checkpoint is taken in the middle of a storm. Default 1 GiB.
    pub in_storm: u64,
}

/// A program that runs [`probe_main`](crate::probe_main) on the file given as its last argument.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The program.
    pub program: PathBuf,
    /// Its arguments before the file, such as a hidden subcommand.
    pub args: Vec<OsString>,
}

impl Config {
    /// The defaults, in `folder`.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            queue: NonZeroU32::new(65_536).expect("not zero"),
            commit: NonZeroU32::new(4_096).expect("not zero"),
            linger: Duration::ZERO,
            checkpoints: Checkpoints::default(),
            memory: NonZeroU64::new(128 << 20).expect("not zero"),
            proven: NonZeroU64::new(100_000).expect("not zero"),
            forgotten: NonZeroU64::new(20_000).expect("not zero"),
            segment: NonZeroU64::new(1_000_000).expect("not zero"),
            probe: None,
        }
    }
}

impl Default for Checkpoints {
    fn default() -> Self {
        Self {
            quiet: Duration::from_secs(1),
            when_quiet: 1 << 20,
            when_steady: 4 << 20,
            steady: 6 << 20,
            in_storm: 1 << 30,
        }
    }
}

impl Probe {
    /// The running program with other arguments.
    ///
    /// # Errors
    /// When the system does not say which file the running program is.
    pub fn this_program(args: impl IntoIterator<Item = impl Into<OsString>>) -> io::Result<Self> {
        Ok(Self { program: env::current_exe()?, args: args.into_iter().map(Into::into).collect() })
    }
}
