//! Without any store configured: everything is in the data folder.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Command};

use warden_domain::{InstanceId, Status, Timestamp};
use warden_policy::{Notice, account::Closure};
use warden_store::{History as _, history::Period};
use warden_store_duckdb::{DuckHistory, HistoryConfig};
use warden_tests::{Plan, Story, World, succeeded};

use crate::{
    destruction::wait_until_destroyed,
    secrets::{files_with_a_password, keeps_quiet},
};

const NAMES: [&str; 3] = ["a", "b", "gone"];

#[test]
fn acc_3_log_1_without_any_store_the_fleet_runs_and_a_destroyed_account_leaves_no_byte() {
    let mut world = World::prepare(Plan::quick(&NAMES).embedded().log("debug"));
    for name in NAMES {
        let (login, server) = (world.login(name).to_string(), format!("Broker-{name}"));
        let add = ["accounts", "add", name, "--login", &login, "--server", &server];
        let password = format!("{}\n", Plan::password(name));
        succeeded(&world.cli_with("warden.toml", &add, &password));
    }
    for (file, mode) in [("", 0o700), ("accounts.key", 0o400), ("accounts.db", 0o600)] {
        let found = fs::metadata(data(&world, file)).expect("it is there").permissions().mode() & 0o7777;
        assert_eq!(found, mode, "{file}: {found:o}");
    }
    let sealed = sealed(&world, "gone");
    let [login, cipher, key] = traces(&world, &sealed);
    assert!(login && cipher && key, "it is there");

    world.start_supervisor();
    world.start_simulator();
    for name in NAMES {
        wait_until_connected(&world, name);
    }
    succeeded(&world.cli(&["confirm-closure", "gone"]));
    wait_until_destroyed(&world, "gone");
    assert_eq!(traces(&world, &sealed), [false; 3], "number, encrypted password, wrapped key");
    world.kill_supervisor();
    assert_eq!(traces(&world, &sealed), [false; 3], "number, encrypted password, wrapped key");

    world.start_supervisor();
    wait_until_connected(&world, "a");
    world.drain();
    succeeded(&world.cli(&["accounts", "verify-audit"]));
    let listed = world.cli(&["accounts", "list"]).stdout.join("\n");
    assert!(listed.contains("closed ACCOUNT_CLOSED"), "{listed}");
    for line in world.said() {
        keeps_quiet("a line of the log", &line);
    }
    assert_eq!(files_with_a_password(&data(&world, "")), Vec::<String>::new());
    let story = Story::read(&data(&world, "journal"));
    assert_eq!(story.last("gone").step.state.closure(), Closure::Done);
    assert_eq!(story.notices("gone", Notice::CredentialsDeleted).len(), 1);
    has_history(&world, &story);
}

fn data(world: &World, name: &str) -> PathBuf {
    world.path("data").join(name)
}

fn wait_until_connected(world: &World, name: &str) {
    world
        .wait(&format!("{name} is connected"), || world.status(name).contains("\"CONNECTED\"").then_some(()));
}

/// What is stored of a password, in hexadecimal, as another SQLite reads it.
fn sealed(world: &World, name: &str) -> [Vec<u8>; 2] {
    let script = "import sqlite3, sys\n\
                  rows = sqlite3.connect(sys.argv[1]).execute(\n\
                  'SELECT hex(ciphertext), hex(wrapped) FROM credentials WHERE instance = ?', sys.argv[2:])\n\
                  print(*rows.fetchone())";
    let mut python = Command::new("python3");
    python.args(["-c", script]).arg(data(world, "accounts.db")).arg(name);
    let output = python.output().expect("python runs");
    let text = String::from_utf8(output.stdout).expect("hexadecimal");
    let read: Vec<Vec<u8>> = text.split_whitespace().map(bytes).collect();
    read.try_into().unwrap_or_else(|_| panic!("{text} {}", String::from_utf8_lossy(&output.stderr)))
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().filter_map(|c| u8::try_from(c.to_digit(16)?).ok()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// Whether the files of the accounts hold the number of the destroyed account, its encrypted password, its wrapped key.
fn traces(world: &World, sealed: &[Vec<u8>; 2]) -> [bool; 3] {
    let mut found = [false; 3];
    let login = world.login("gone");
    let stored = u32::try_from(login).expect("it fits into four bytes").to_be_bytes();
    for name in ["accounts.db", "accounts.db-wal", "accounts.db-shm"] {
        // A file that is not there holds nothing.
        let Ok(file) = fs::read(data(world, name)) else { continue };
        let holds = |part: &[u8]| file.windows(part.len()).any(|window| window == part);
        found[0] |= holds(&stored) || holds(login.to_string().as_bytes());
        found[1] |= holds(&sealed[0]);
        found[2] |= holds(&sealed[1]);
    }
    found
}

/// The history has every step, and the end of the destroyed account says that it is inactive.
fn has_history(world: &World, story: &Story) {
    let file = HistoryConfig::new(data(world, "history.duckdb"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it is made");
    let history = DuckHistory::open(file).expect("the history opens");
    let always = Period { from: Timestamp::from_millis(0), until: Timestamp::MAX };
    for name in NAMES {
        let id = InstanceId::new(name).expect("a valid id");
        let found = runtime.block_on(history.timeline(&id, always, 10_000)).expect("it answers");
        let seqs: Vec<u64> = found.iter().map(|event| event.origin.seq).collect();
        assert_eq!(seqs, story.of(name).map(|told| told.row.seq).collect::<Vec<_>>(), "{name}");
        let last = found.last().expect("it has steps").status;
        assert_eq!(last == Status::Inactive, name == "gone", "{name}: {last}");
    }
}
