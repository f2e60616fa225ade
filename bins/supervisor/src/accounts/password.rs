//! A password from standard input: one line, not shown while it is typed.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use anyhow::{Context as _, Error, ensure};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use warden_store::Password;

/// The longest password that is taken, in bytes.
const LONGEST: u64 = 4_096;

/// Reads one line. At a terminal it asks, and does not show what is typed.
pub(super) fn read(prompt: &str) -> Result<Password, Error> {
    let stdin = io::stdin();
    let _hidden = if stdin.is_terminal() {
        eprint!("{prompt}: ");
        io::stderr().flush().context("the terminal cannot be written to")?;
        Some(Hidden::begin()?)
    } else {
        None
    };
    // Sized beforehand, so that no grown copy is left behind.
    let mut line = String::with_capacity(LONGEST as usize + 2);
    stdin.lock().take(LONGEST + 2).read_line(&mut line).context("no password could be read")?;
    let length = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(length);
    let password = Password::new(line);
    ensure!(!password.reveal().is_empty(), "no password was given; write it on one line of standard input");
    ensure!(
        password.reveal().len() as u64 <= LONGEST,
        "the password is longer than {LONGEST} bytes; check what was given"
    );
    Ok(password)
}

/// While it lives, a terminal shows nothing of what is typed.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> Result<Self, Error> {
        let shown = tcgetattr(io::stdin()).context("the terminal cannot be asked")?;
        let mut hidden = shown.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden).context("the terminal cannot be told")?;
        Ok(Self(shown))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that went away needs nothing back.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
        eprintln!();
    }
}
