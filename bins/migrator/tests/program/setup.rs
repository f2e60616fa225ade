use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, time::Duration};

use serde_json::Value;
use warden_testkit::{Finished, Program};

/// Generous: a migrator waits for the lock of one that died.
pub(crate) const SOON: Duration = Duration::from_secs(120);

/// A folder with a configuration, and the migrator that it configures.
pub(crate) struct Setup {
    folder: tempfile::TempDir,
}

impl Setup {
    /// With these sections beside the common ones.
    pub(crate) fn new(sections: &str) -> Self {
        let setup = Self { folder: tempfile::tempdir().unwrap() };
        let common = "[supervisor]\ndata_folder = \"data\"\n[listen]\ngateways = \"127.0.0.1:7443\"\n";
        setup.put("w.toml", &format!("{common}{sections}"), 0o644);
        setup
    }

    pub(crate) fn put(&self, name: &str, text: &str, mode: u32) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the migrator in the folder.
    pub(crate) fn start(&self, args: &[&str]) -> Program {
        Program::start_with("warden-migrator", |command| {
            command.args(args).args(["--config", "w.toml"]).current_dir(self.folder.path());
        })
        .unwrap()
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Finished {
        self.start(args).finish(SOON).unwrap()
    }

    /// Runs it to its end and wants this exit code; what it printed, as one text each.
    pub(crate) fn ends(&self, code: i32, args: &[&str]) -> (String, String) {
        let finished = self.run(args);
        assert_eq!(finished.code, Some(code), "{args:?}: {finished:#?}");
        (finished.stdout.join("\n"), finished.stderr.join("\n"))
    }

    /// The JSON of one store, which ends with this code.
    pub(crate) fn json(&self, code: i32, task: &str, store: &str) -> Value {
        one_store(&self.ends(code, &[task, "--store", store, "--json"]).0, code)
    }
}

/// The only store of a report.
pub(crate) fn one_store(printed: &str, code: i32) -> Value {
    let report: Value = serde_json::from_str(printed).unwrap();
    assert_eq!(report["exit_code"], code, "{report}");
    assert_eq!(report["stores"].as_array().unwrap().len(), 1, "{report}");
    report["stores"][0].clone()
}
