//! A folder with a configuration, and the supervisor that it configures.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use warden_testkit::{Finished, Line, Program, Stream, free_port};

pub(crate) const SOON: Duration = Duration::from_secs(60);

/// A folder with a configuration, and the supervisor that it configures.
pub(crate) struct Setup {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) port: u16,
}

impl Setup {
    pub(crate) fn new() -> Self {
        let setup = Self { folder: tempfile::tempdir().unwrap(), port: free_port().unwrap() };
        setup.put("w.toml", &setup.config("data", setup.port), 0o644);
        let account = |at: u32| {
            format!("[accounts.acct-{at}]\nlogin = {at}\nserver = \"Broker-Live\"\npassword = \"hunter2\"\n")
        };
        setup.put("accounts.toml", &(account(1) + &account(2)), 0o600);
        setup
    }

    pub(crate) fn config(&self, data: &str, port: u16) -> String {
        format!(
            "[supervisor]\ndata_folder = \"{data}\"\n[listen]\ngateways = \"127.0.0.1:{port}\"\n[accounts]\nfile = \"accounts.toml\"\n"
        )
    }

    pub(crate) fn put(&self, name: &str, text: &str, mode: u32) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the program in the folder.
    pub(crate) fn start(&self, args: &[&str]) -> Program {
        Program::start_with("warden-supervisor", |command| {
            command.args(args).current_dir(self.folder.path());
        })
        .unwrap()
    }

    /// Runs the program to its end.
    pub(crate) fn ends(&self, args: &[&str]) -> Finished {
        self.start(args).finish(SOON).unwrap()
    }

    /// A supervisor that is ready.
    pub(crate) fn supervisor(&self) -> Program {
        let mut supervisor = self.start(&["run", "--config", "w.toml"]);
        supervisor.wait_for_line(SOON, ready).unwrap();
        supervisor
    }
}

pub(crate) fn ready(line: &Line) -> bool {
    line.stream == Stream::Stdout && line.text.starts_with("ready: ")
}

pub(crate) fn last_line(finished: &Finished) -> Value {
    serde_json::from_str(finished.stdout.last().unwrap()).unwrap()
}

/// Runs the program with a line on its standard input: its exit code and what it said.
pub(crate) fn with_input(setup: &Setup, args: &[&str], line: &str) -> (Option<i32>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_warden-supervisor"))
        .args(args)
        .current_dir(setup.folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
    let ended = child.wait_with_output().unwrap();
    (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
}
