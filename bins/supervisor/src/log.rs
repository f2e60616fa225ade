use std::io;

use tracing_subscriber::EnvFilter;

use crate::cli::LogFormat;

/// The variable that overrides what is logged.
const VARIABLE: &str = "WARDEN_LOG";

/// Sends log lines to stderr: those that `WARDEN_LOG` lets through, or else `filter`.
pub(crate) fn start(filter: &str, format: LogFormat) {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(filter));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => lines.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
}
