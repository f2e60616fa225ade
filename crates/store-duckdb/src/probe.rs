use std::{
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use duckdb::{AccessMode, Connection};

use crate::{config::Probe, fault::Fault, files::Files};

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

/// Runs the trial. A clean refusal counts as survived: opening meets the same error and names it.
pub(crate) fn run(probe: &Probe, files: &Files) -> Result<(), Fault> {
    let trial = Command::new(&probe.program)
        .args(&probe.args)
        .arg(files.database())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Fault::storage("probe", error))?;
    match trial.status.code() {
        Some(0) => Ok(()),
        Some(code) if code == i32::from(REFUSED) => Ok(()),
        Some(_) | None => {
            let said = String::from_utf8_lossy(&trial.stderr);
            let said = said.lines().last().unwrap_or("nothing");
            Err(files.set_aside(format!("opening it ended its process ({}; it said: {said})", trial.status)))
        }
    }
}
