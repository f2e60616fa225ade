//! A child process that does not outlive its handle, and the signals it can be sent.

use std::io::{self, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::error::{Doing, Error, Result};
use crate::poll::poll_until;

/// What a process is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Stop,
    Continue,
    Terminate,
    Interrupt,
    Quit,
    Kill,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Stop => "STOP",
            Self::Continue => "CONT",
            Self::Terminate => "TERM",
            Self::Interrupt => "INT",
            Self::Quit => "QUIT",
            Self::Kill => "KILL",
        }
    }
}

/// A running child; killed and reaped on drop.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
}

impl Process {
    /// Starts it without input.
    pub(crate) fn start(name: &str, command: &mut Command) -> Result<Self> {
        Self::spawn(name, command.stdin(Stdio::null()))
    }

    /// Starts it with all of its input, which must fit into a pipe.
    pub(crate) fn start_with_input(name: &str, command: &mut Command, input: &str) -> Result<Self> {
        let mut process = Self::spawn(name, command.stdin(Stdio::piped()))?;
        let mut pipe = process.child.stdin.take().expect("the command was given a pipe for stdin");
        match pipe.write_all(input.as_bytes()) {
            // it ended without reading, and says itself why
            Err(fault) if fault.kind() == io::ErrorKind::BrokenPipe => {}
            written => written.doing(format!("give {name} its input"))?,
        }
        Ok(process)
    }

    fn spawn(name: &str, command: &mut Command) -> Result<Self> {
        let child = command.spawn().doing(format!("start {name}"))?;
        Ok(Self { name: name.to_owned(), child })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn child_mut(&mut self) -> &mut Child {
        &mut self.child
    }

    /// How it ended, when it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().doing(format!("ask for the state of {}", self.name))
    }

    pub(crate) fn wait(&mut self, within: Duration) -> Result<ExitStatus> {
        let what = format!("the end of {}", self.name);
        poll_until(within, &what, || self.ended().transpose())?
    }

    pub(crate) fn signal(&mut self, signal: Signal) -> Result<()> {
        if self.ended()?.is_some() {
            return Err(Error::NotRunning(self.name.clone()));
        }
        send(signal, &[self.id()], &self.name)
    }

    /// SIGKILL, and waits until the process is gone.
    pub(crate) fn kill(&mut self) -> Result<ExitStatus> {
        self.child.kill().doing(format!("kill {}", self.name))?;
        self.child.wait().doing(format!("wait for the end of {}", self.name))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // an error means that it has already ended, which is all that is wanted
        let _ = self.kill();
    }
}

/// Through the shell, whose own `kill` is there even where the program of that name is not installed.
pub(crate) fn send(signal: Signal, ids: &[u32], to: &str) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let doing = format!("send {} to {to}", signal.name());
    let mut kill = Command::new("sh");
    kill.args(["-c", r#"kill -s "$@""#, "sh", signal.name()]).args(ids.iter().map(u32::to_string));
    let status = kill.status().doing(doing.clone())?;
    if status.success() { Ok(()) } else { Err(Error::Ended { program: "kill".into(), status, said: doing }) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn sleeper() -> Process {
        Process::start("sleep", Command::new("sleep").arg("600")).unwrap()
    }

    fn state_of(id: u32) -> Option<String> {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        Some(stat.rsplit(')').next()?.split_whitespace().next()?.to_owned())
    }

    #[test]
    fn a_stopped_process_stands_still_until_it_is_continued() {
        let mut process = sleeper();
        for (signal, expected) in [(Signal::Stop, "T"), (Signal::Continue, "S")] {
            process.signal(signal).unwrap();
            let id = process.id();
            poll_until(Duration::from_secs(60), expected, || (state_of(id)? == expected).then_some(()))
                .unwrap();
        }
    }

    #[test]
    fn terminating_is_asked_for_by_sigterm() {
        let mut process = sleeper();
        process.signal(Signal::Terminate).unwrap();
        assert_eq!(process.wait(Duration::from_secs(60)).unwrap().signal(), Some(15));
        assert!(matches!(process.signal(Signal::Stop), Err(Error::NotRunning(_))));
    }

    #[test]
    fn a_process_does_not_outlive_its_handle_even_when_stopped() {
        let mut process = sleeper();
        process.signal(Signal::Stop).unwrap();
        let id = process.id();
        drop(process);
        assert_eq!(state_of(id), None);
    }
}
