//! The memory of a running supervisor stays with it.
#![cfg(all(test, target_os = "linux"))]

use std::{fs, process::Command, time::Duration};

use warden_testkit::Program;

const SOON: Duration = Duration::from_secs(60);

#[test]
fn a_running_supervisor_may_not_write_a_core_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Program::start_with("warden-supervisor", |command| {
        command.args(["demo", "--for", "10m", "--fleet", "1"]).current_dir(folder.path());
    })
    .unwrap();
    demo.wait_for_line(SOON, |_| true).unwrap();
    let limits = fs::read_to_string(format!("/proc/{}/limits", demo.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");

    // the end by a signal whose default action is a core file leaves none
    let abort = format!("kill -s ABRT {}", demo.pid());
    assert!(Command::new("sh").args(["-c", &abort]).status().unwrap().success());
    assert_eq!(demo.finish(SOON).unwrap().code, None, "ended by the signal");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
