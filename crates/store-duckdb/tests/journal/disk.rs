//! Real faults of the disk, each in a process of its own.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use crate::{CHILD, text};

/// Runs the other process with a small disk of its own mounted on `folder`; `None` where the system allows no mounts.
fn on_own_disk(folder: &Path, options: &str, args: &[&str]) -> Option<Output> {
    const NO_MOUNT: i32 = 77;
    let script = r#"mount -t tmpfs -o "$1" tmpfs "$2" || exit 77; shift 2; exec "$@""#;
    let done = Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            script,
            "sh",
            options,
            text(folder),
            CHILD,
        ])
        .args(args)
        .output()
        .unwrap();
    let allowed = done.status.code() != Some(NO_MOUNT) && !said(&done).contains("unshare:");
    allowed.then_some(done)
}

/// Runs the other process with a limit on the size of its files, which fails a write as a full disk does.
fn with_limited_files(blocks: u32, args: &[&str]) -> Output {
    let script = r#"trap '' XFSZ; ulimit -S -f "$1"; shift; exec "$@""#;
    Command::new("sh").args(["-c", script, "sh", &blocks.to_string(), CHILD]).args(args).output().unwrap()
}

fn said(done: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
}

#[test]
fn net_3_a_full_disk_refuses_and_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let path = text(folder.path());
    let done = on_own_disk(folder.path(), "size=32m", &["fill", path, "disk"])
        .unwrap_or_else(|| with_limited_files(4_096, &["fill", path, "limit"]));
    assert!(done.status.success(), "{}: {}", done.status, said(&done));
    assert!(said(&done).contains("commit failed because the disk is full"), "{}", said(&done));
}

/// The same with every file limited in size: another error of the system, the same meaning.
#[test]
fn net_3_a_file_at_its_limit_refuses_and_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let done = with_limited_files(4_096, &["fill", text(folder.path()), "limit"]);
    assert!(done.status.success(), "{}: {}", done.status, said(&done));
    assert!(said(&done).contains("commit failed because the disk is full"), "{}", said(&done));
}

#[test]
fn a_folder_that_refuses_writing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = text(folder.path());
    let is_root = fs::metadata(folder.path()).unwrap().uid() == 0;
    let done = if is_root {
        on_own_disk(folder.path(), "ro", &["open", path]).expect("the system's root may mount")
    } else {
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
        Command::new(CHILD).args(["open", path]).output().unwrap()
    };
    let expected = format!(
        "journal cannot write in {path}; give the supervisor's user write permission to the folder and its files\n"
    );
    assert_eq!(said(&done), expected);
}
