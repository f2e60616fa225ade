use std::{
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use super::frame::{Colour, Frame};

/// Where a demonstration is shown.
pub(crate) enum Screen {
    /// A terminal that is drawn over and over; left as it was when dropped.
    Drawn,
    /// Lines, now and then: no terminal.
    Told {
        /// When the next line is due.
        due: Instant,
    },
    /// Nothing but the summary.
    Silent,
}

/// How often a line is told where there is no terminal.
const TELL: Duration = Duration::from_secs(2);
/// The other screen, cleared, without cursor and line wrap.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

impl Screen {
    /// Opens the screen: a terminal if standard output is one.
    pub(crate) fn open(silent: bool) -> io::Result<Self> {
        let mut out = io::stdout();
        if silent {
            return Ok(Self::Silent);
        }
        if !out.is_terminal() {
            return Ok(Self::Told { due: Instant::now() + TELL });
        }
        out.write_all(ENTER.as_bytes())?;
        out.flush()?;
        Ok(Self::Drawn)
    }

    /// Shows a frame.
    pub(crate) fn draw(&mut self, frame: &Frame) -> io::Result<()> {
        let mut out = io::stdout();
        match self {
            Self::Silent => return Ok(()),
            Self::Drawn => out.write_all(ansi(frame).as_bytes())?,
            Self::Told { due } if *due <= Instant::now() => {
                *due += TELL;
                writeln!(out, "{}", frame.sentence)?;
            }
            Self::Told { .. } => return Ok(()),
        }
        out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        match self {
            Self::Drawn => {
                // A terminal that is gone needs no repair.
                let _ = io::stdout().write_all(LEAVE.as_bytes());
                let _ = io::stdout().flush();
            }
            Self::Told { .. } | Self::Silent => {}
        }
    }
}

/// Every line at its place: a terminal with fewer lines shows the last one at its bottom.
fn ansi(frame: &Frame) -> String {
    let mut text = String::from("\x1b[?2026h");
    for (at, line) in frame.lines.iter().enumerate() {
        text.push_str(&format!("\x1b[{};1H", at + 1));
        for piece in &line.0 {
            text.push_str(code(piece.colour));
            text.push_str(&piece.text);
        }
        text.push_str("\x1b[0m\x1b[K");
    }
    text.push_str("\x1b[J\x1b[?2026l");
    text
}

const fn code(colour: Colour) -> &'static str {
    match colour {
        Colour::Plain => "\x1b[0m",
        Colour::Faint => "\x1b[0;90m",
        Colour::Strong => "\x1b[0;1m",
        Colour::Good => "\x1b[0;32m",
        Colour::Busy => "\x1b[0;36m",
        Colour::Trouble => "\x1b[0;33m",
        Colour::Bad => "\x1b[0;31m",
    }
}
