use std::{
    io,
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use duckdb::{AccessMode, Connection};

use crate::config::Probe;

/// What a program's hidden subcommand does when the journal asks it to try `file` out: opens it read-only, which replays
/// the write-ahead log, and reads every table. Exit code 0 when that worked, 1 when DuckDB refused it with an error,
/// which is printed; the process may also be aborted, which is what the trial is for.
#[must_use]
pub fn probe_main(file: &Path) -> ExitCode {
    match try_out(file) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(REFUSED)
        }
    }
}

const REFUSED: u8 = 1;

fn try_out(file: &Path) -> Result<(), duckdb::Error> {
    let flags = duckdb::Config::default().access_mode(AccessMode::ReadOnly)?.threads(1)?;
    let conn = Connection::open_with_flags(file, flags)?;
    let sql = "SELECT table_name FROM duckdb_tables()";
    let tables: Vec<String> =
        conn.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for table in tables {
        conn.query_row(&format!("SELECT count(*) FROM \"{table}\""), [], |row| row.get::<_, u64>(0))?;
    }
    Ok(())
}

/// Runs the trial and answers why the file cannot be opened here. A clean refusal counts as survived: opening meets the
/// same error and names it.
pub(crate) fn run(probe: &Probe, file: &Path) -> io::Result<Option<String>> {
    let trial = Command::new(&probe.program).args(&probe.args).arg(file).stdin(Stdio::null()).output()?;
    match trial.status.code() {
        Some(0) => Ok(None),
        Some(code) if code == i32::from(REFUSED) => Ok(None),
        Some(_) | None => {
            let said = String::from_utf8_lossy(&trial.stderr);
            let said = said.lines().last().unwrap_or("nothing");
            Ok(Some(format!("opening it ended its process ({}; it said: {said})", trial.status)))
        }
    }
}
