//! One of our own programs as a child process.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::process::{Process, Signal};

/// Where a line was printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One line a program printed, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where.
    pub stream: Stream,
    /// What. Bytes that are not UTF-8 are replaced.
    pub text: String,
}

/// How a program that ran to its end did so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Exit code; nothing when a signal ended it.
    pub code: Option<i32>,
    /// Its standard output, line by line.
    pub stdout: Vec<String>,
    /// Its standard error, line by line.
    pub stderr: Vec<String>,
}

/// A running program of this workspace, ended when the handle is dropped.
///
/// # Caveats
///
/// The program is found, not built: after a change `cargo build --workspace --bins` (or `cargo xtask test`) must have
/// run. It is looked for in `CARGO_BIN_EXE_<name>`, in the folder `WARDEN_BIN_DIR`, and beside the test that runs.
#[derive(Debug)]
pub struct Program {
    name: String,
    process: Process,
    lines: Arc<Lines>,
}

impl Program {
    /// Starts the program with the arguments.
    ///
    /// # Errors
    ///
    /// [`Error::NotBuilt`] when it is nowhere, else why it could not be started.
    pub fn start(name: &str, args: &[&str]) -> Result<Self> {
        Self::start_with(name, |command| {
            command.args(args);
        })
    }

    /// Starts the program as `prepare` lays it out: arguments, variables, folder. Input and output are taken care of.
    ///
    /// # Errors
    ///
    /// As [`Program::start`].
    pub fn start_with(name: &str, prepare: impl FnOnce(&mut Command)) -> Result<Self> {
        let file = find(name).ok_or_else(|| Error::NotBuilt { name: name.to_owned() })?;
        let mut command = Command::new(file);
        prepare(&mut command);
        Self::spawn(name, &mut command)
    }

    /// Starts the program with the arguments and with all of its standard input, at most 64 KiB.
    ///
    /// # Errors
    ///
    /// As [`Program::start`].
    pub fn start_with_input(name: &str, args: &[&str], input: &str) -> Result<Self> {
        let file = find(name).ok_or_else(|| Error::NotBuilt { name: name.to_owned() })?;
        let mut command = Command::new(file);
        command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(Self::listening(name, Process::start_with_input(name, &mut command, input)?))
    }

    fn spawn(name: &str, command: &mut Command) -> Result<Self> {
        let process = Process::start(name, command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
        Ok(Self::listening(name, process))
    }

    fn listening(name: &str, mut process: Process) -> Self {
        let lines = Arc::new(Lines::default());
        let child = process.child_mut();
        let stdout = child.stdout.take().expect("the command was given a pipe for stdout");
        let stderr = child.stderr.take().expect("the command was given a pipe for stderr");
        lines.read_from(stdout, Stream::Stdout);
        lines.read_from(stderr, Stream::Stderr);
        Self { name: name.to_owned(), process, lines }
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Everything printed so far, in the order it was read.
    pub fn lines(&self) -> Vec<Line> {
        self.lines.lock().printed.clone()
    }

    /// Waits for a line, printed before or from now on, and gives the first that fits.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] when none came `within` the time; [`Error::Ended`] when the program ended without it.
    pub fn wait_for_line(&mut self, within: Duration, fits: impl Fn(&Line) -> bool) -> Result<Line> {
        let found = self.lines.wait_for(within, fits);
        match found {
            Wait::Found(line) => Ok(line),
            Wait::TimedOut => {
                let what = format!("a line of {}; so far it said: {}", self.name, self.last_words());
                Err(Error::Timeout { what, within })
            }
            Wait::NoMore => {
                let status = self.process.wait(within)?;
                Err(Error::Ended { program: self.name.clone(), status, said: self.last_words() })
            }
        }
    }

    /// Ends it as a crash would (SIGKILL), and waits until it is gone.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn kill9(&mut self) -> Result<()> {
        self.process.kill().map(drop)
    }

    /// Makes it hang (SIGSTOP).
    ///
    /// # Errors
    ///
    /// [`Error::NotRunning`] when it has ended.
    pub fn pause(&mut self) -> Result<()> {
        self.process.signal(Signal::Stop)
    }

    /// Ends a [`Program::pause`] (SIGCONT).
    ///
    /// # Errors
    ///
    /// [`Error::NotRunning`] when it has ended.
    pub fn resume(&mut self) -> Result<()> {
        self.process.signal(Signal::Continue)
    }

    /// Asks it to end (SIGTERM) and waits until it has, with everything it printed.
    ///
    /// # Errors
    ///
    /// [`Error::NotRunning`] when it has already ended; [`Error::Timeout`] when it does not end `within` the time.
    pub fn terminate(&mut self, within: Duration) -> Result<Finished> {
        self.process.signal(Signal::Terminate)?;
        self.finish(within)
    }

    /// Waits until it ends by itself, with everything it printed.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`], with its last words, when it does not end `within` the time.
    pub fn finish(&mut self, within: Duration) -> Result<Finished> {
        let started = Instant::now();
        let status = self.process.wait(within).map_err(|error| self.with_last_words(error))?;
        // a grandchild may hold the pipes open: wait for their end, but not longer than for the program
        self.lines.wait_for_end(within.saturating_sub(started.elapsed()));
        Ok(self.finished(status))
    }

    fn finished(&self, status: ExitStatus) -> Finished {
        let printed_on = |stream| {
            let lines = self.lines().into_iter();
            lines.filter(|line| line.stream == stream).map(|line| line.text).collect()
        };
        Finished {
            code: status.code(),
            stdout: printed_on(Stream::Stdout),
            stderr: printed_on(Stream::Stderr),
        }
    }

    fn with_last_words(&self, error: Error) -> Error {
        match error {
            Error::Timeout { what, within } => {
                Error::Timeout { what: format!("{what}; so far it said: {}", self.last_words()), within }
            }
            other @ (Error::Missing(_)
            | Error::NoChdb
            | Error::NotBuilt { .. }
            | Error::Io { .. }
            | Error::Ended { .. }
            | Error::Refused(_)
            | Error::Unreadable(_)
            | Error::NotRunning(_)) => other,
        }
    }

    fn last_words(&self) -> String {
        let lines = self.lines();
        let last = &lines[lines.len().saturating_sub(10)..];
        last.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("; ")
    }
}

/// What a program printed, shared with the threads that read it.
#[derive(Debug, Default)]
struct Lines {
    state: Mutex<Printed>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Printed {
    printed: Vec<Line>,
    open_streams: usize,
}

enum Wait {
    Found(Line),
    TimedOut,
    NoMore,
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, Printed> {
        // a reader thread that panicked leaves whole lines behind
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_from(self: &Arc<Self>, pipe: impl Read + Send + 'static, stream: Stream) {
        self.lock().open_streams += 1;
        let lines = Arc::clone(self);
        thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(std::io::Result::ok) {
                let text = String::from_utf8_lossy(&line);
                let text = text.strip_suffix('\r').unwrap_or(&text).to_owned();
                lines.lock().printed.push(Line { stream, text });
                lines.changed.notify_all();
            }
            lines.lock().open_streams -= 1;
            lines.changed.notify_all();
        });
    }

    fn wait_for(&self, within: Duration, fits: impl Fn(&Line) -> bool) -> Wait {
        let deadline = Instant::now() + within;
        let mut seen = 0;
        let mut state = self.lock();
        loop {
            if let Some(line) = state.printed[seen..].iter().find(|line| fits(line)) {
                return Wait::Found(line.clone());
            }
            seen = state.printed.len();
            let left = deadline.saturating_duration_since(Instant::now());
            if state.open_streams == 0 {
                return Wait::NoMore;
            }
            if left.is_zero() {
                return Wait::TimedOut;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn wait_for_end(&self, within: Duration) {
        // the outcome is in the lines either way
        let _ = self.changed.wait_timeout_while(self.lock(), within, |state| state.open_streams > 0);
    }
}

fn find(name: &str) -> Option<PathBuf> {
    let named = env::var_os(format!("CARGO_BIN_EXE_{name}")).map(PathBuf::from);
    let folder = env::var_os("WARDEN_BIN_DIR").map(PathBuf::from);
    // a test lies in <target>/<profile>/deps, a program one folder higher
    let beside = env::current_exe()
        .ok()
        .into_iter()
        .flat_map(|own| own.ancestors().skip(1).take(2).map(PathBuf::from).collect::<Vec<_>>());
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    let in_folders = folder.into_iter().chain(beside).map(|folder| folder.join(&file));
    named.into_iter().chain(in_folders).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(60);

    fn shell(script: &str) -> Program {
        Program::spawn("sh", Command::new("sh").args(["-c", script])).unwrap()
    }

    #[test]
    fn a_line_is_waited_for_and_later_lines_do_not_hide_it() {
        let mut program = shell("echo ready; echo next; exec sleep 600");
        let next = program.wait_for_line(SOON, |line| line.text == "next").unwrap();
        assert_eq!(next.stream, Stream::Stdout);
        assert!(program.wait_for_line(SOON, |line| line.text == "ready").is_ok());
    }

    #[test]
    fn a_program_that_ends_without_the_line_is_told_apart_from_one_that_is_silent() {
        let mut ended = shell("echo broken >&2; exit 3");
        match ended.wait_for_line(SOON, |line| line.text == "ready") {
            Err(Error::Ended { status, said, .. }) => {
                assert_eq!((status.code(), said.as_str()), (Some(3), "broken"));
            }
            other => panic!("{other:?}"),
        }
        let mut silent = shell("exec sleep 600");
        let waited = silent.wait_for_line(Duration::from_millis(20), |_| true);
        assert!(matches!(waited, Err(Error::Timeout { .. })), "{waited:?}");
    }

    #[test]
    fn a_drained_program_gives_its_code_and_everything_it_said() {
        let mut program = shell(
            "trap 'echo drained; exit 7' TERM; echo careful >&2; echo ready; while :; do sleep 0.05; done",
        );
        program.wait_for_line(SOON, |line| line.text == "ready").unwrap();
        let finished = program.terminate(SOON).unwrap();
        assert_eq!(finished.code, Some(7));
        assert_eq!(finished.stdout, ["ready", "drained"]);
        assert_eq!(finished.stderr, ["careful"]);
        assert!(matches!(program.terminate(SOON), Err(Error::NotRunning(_))));
    }

    #[test]
    fn a_killed_program_has_no_code() {
        let mut program = shell("exec sleep 600");
        program.kill9().unwrap();
        assert_eq!(program.finish(SOON).unwrap().code, None);
    }

    #[test]
    fn a_program_that_is_not_built_is_named_with_the_command_that_builds_it() {
        let failure = Program::start("warden-nothing", &[]).unwrap_err().to_string();
        assert!(
            failure.contains("warden-nothing") && failure.contains("cargo build --workspace --bins"),
            "{failure}"
        );
    }
}
