//! The program as a process: what it takes, what it says, how it ends.
#![expect(clippy::unwrap_used, reason = "helpers of tests panic as tests do")]

mod setup;

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    process::Command,
};

use serde_json::Value;
use setup::{SOON, Setup, last_line, ready, with_input};
use warden_testkit::Program;

#[test]
fn check_config_says_everything_that_is_wrong_and_ends_with_2() {
    let setup = Setup::new();
    let good = setup.ends(&["check-config", "w.toml"]);
    assert_eq!((good.code, good.stdout), (Some(0), vec!["w.toml: no fault; 2 accounts".to_owned()]));
    setup.put(
        "w.toml",
        "[supervisor]\nshards = 0\ncolour = 1\n[accounts]\nfile = \"accounts.toml\"\n",
        0o644,
    );
    for args in
        [&["check-config", "w.toml"][..], &["run", "--config", "w.toml"], &["status", "--config", "w.toml"]]
    {
        let bad = setup.ends(args);
        assert_eq!(bad.code, Some(2), "{bad:?}");
        assert_eq!(
            bad.stderr,
            [
                "w.toml: supervisor.data_folder: is missing; name the folder for journal and control socket",
                "w.toml:2: supervisor.shards: 0 is out of range; give 1 to 64",
                "w.toml:3: supervisor.colour: is unknown; remove it",
            ]
        );
    }
    let absent = setup.ends(&["check-config", "nowhere.toml"]);
    assert_eq!(absent.code, Some(2));
    assert_eq!(absent.stderr, ["nowhere.toml: does not exist; give the path of a configuration file"]);
    assert_eq!(setup.ends(&["status", "--config", "nowhere.toml"]).code, Some(2));
}

#[test]
fn a_port_in_use_is_told_with_its_line_and_ends_with_2() {
    let setup = Setup::new();
    let _taken = TcpListener::bind(("127.0.0.1", setup.port)).unwrap();
    let ended = setup.ends(&["run", "--config", "w.toml"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let told = ended.stderr.last().unwrap();
    assert!(told.starts_with("w.toml:4: listen.gateways: ") && told.contains("choose a free port"), "{told}");
    assert!(!setup.path("data/control.sock").exists());
}

#[test]
fn a_data_folder_that_cannot_be_made_is_told_and_ends_with_2() {
    let setup = Setup::new();
    setup.put("w.toml", &setup.config("accounts.toml/data", setup.port), 0o644);
    let ended = setup.ends(&["run", "--config", "w.toml"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let told = ended.stderr.last().unwrap();
    assert!(told.starts_with("w.toml:2: supervisor.data_folder: "), "{told}");
}

#[test]
fn a_key_that_opens_no_stored_credential_is_refused_before_anything_is_taken_over() {
    let setup = Setup::new();
    setup.put(
        "w.toml",
        &format!("[supervisor]\ndata_folder = \"data\"\n[listen]\ngateways = \"127.0.0.1:{}\"\n", setup.port),
        0o644,
    );
    let add = ["accounts", "add", "a", "--login", "7", "--server", "B", "--config", "w.toml"];
    assert_eq!(with_input(&setup, &add, "hunter2\n").0, Some(0));
    fs::remove_file(setup.path("data/accounts.key")).unwrap();
    let (code, said) = with_input(&setup, &["run", "--config", "w.toml"], "");
    assert!(code == Some(2) && said.contains("accounts.key is missing; restore it"), "{said}");
    assert_eq!(setup.ends(&["accounts", "new-key", "data/accounts.key"]).code, Some(0));
    let (code, said) = with_input(&setup, &["run", "--config", "w.toml"], "");
    assert!(code == Some(2) && said.contains("accounts.key_file: holds key k-"), "{said}");
    assert!(said.contains("name the file of that key") && !setup.path("data/journal").exists(), "{said}");
    // and a check reads the key's file
    assert_eq!(setup.ends(&["check-config", "w.toml"]).code, Some(0));
    fs::set_permissions(setup.path("data/accounts.key"), fs::Permissions::from_mode(0o600)).unwrap();
    let (code, said) = with_input(&setup, &["check-config", "w.toml"], "");
    assert!(code == Some(2) && said.contains("has mode 0600, and 0400 is right"), "{said}");
}

#[test]
fn an_import_refuses_a_faulty_file_with_2_and_goes_on_behind_an_account_that_is_taken() {
    let setup = Setup::new();
    setup.put("w.toml", "[supervisor]\ndata_folder = \"data\"\n", 0o644);
    setup.put("faulty.toml", "[accounts.a]\nlogin = 7\nserver = \"B\"\npasword = \"hunter2\"\n", 0o600);
    let (code, said) = with_input(&setup, &["accounts", "import", "faulty.toml", "--config", "w.toml"], "");
    assert!(code == Some(2) && said.contains("accounts.a.pasword") && !said.contains("hunter2"), "{said}");
    let add = ["accounts", "add", "other", "--login", "1", "--server", "Broker-Live", "--config", "w.toml"];
    assert_eq!(with_input(&setup, &add, "hunter2\n").0, Some(0));
    let (code, said) = with_input(&setup, &["accounts", "import", "accounts.toml", "--config", "w.toml"], "");
    assert!(code == Some(6) && said.contains("the account of instance other"), "{said}");
    assert!(said.contains("1 added, 0 known already, 1 refused"), "{said}");
    let listed = setup.ends(&["accounts", "list", "--config", "w.toml"]).stdout.join("\n");
    assert!(listed.contains("acct-2 ") && !listed.contains("acct-1 "), "{listed}");
}

#[test]
fn acc_7_a_running_supervisor_answers_and_a_stopped_one_leaves_its_journal_to_explain() {
    let setup = Setup::new();
    let ask = |args: &[&str]| setup.ends(&[args, &["--config", "w.toml"]].concat());
    assert_eq!(ask(&["status"]).code, Some(4), "nothing runs");
    assert_eq!(ask(&["why", "acct-1"]).code, Some(4), "nothing ran");
    let mut supervisor = setup.supervisor();

    let second = ask(&["run"]);
    assert_eq!(second.code, Some(5), "{second:?}");
    let status = last_line(&ask(&["status", "--json"]));
    assert_eq!(status["supervisor"]["instances"], 2, "{status}");
    let one = last_line(&ask(&["status", "acct-2", "--json"]));
    assert_eq!(one["instances"][0]["instance"], "acct-2", "{one}");
    assert_eq!(one["instances"].as_array().unwrap().len(), 1, "{one}");
    let table = ask(&["status"]);
    assert!(
        table.stdout.iter().any(|line| line.starts_with("acct-1 ") && line.contains("CONNECTING")),
        "{table:?}"
    );

    let why = ask(&["why", "acct-1"]);
    assert!(why.stdout.iter().any(|line| line.contains("LOG-1")), "{why:?}");
    assert_eq!(ask(&["stop", "acct-1", "--mode", "preserve"]).stdout, ["accepted"]);
    for args in [&["start", "nobody"][..], &["why", "nobody"], &["status", "nobody"]] {
        let refused = ask(args);
        assert_eq!(refused.code, Some(6), "{refused:?}");
        assert_eq!(
            refused.stderr,
            ["warden-supervisor: there is no instance nobody; see the list of instances"]
        );
    }

    let ended = supervisor.terminate(SOON).unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!format!("{ended:?}").contains("hunter2"));
    assert!(!setup.path("data/control.sock").exists());
    let why = last_line(&ask(&["why", "acct-1", "--json"]));
    assert_eq!(why["chain"].as_array().unwrap().last().unwrap()["rule"], "ACC-7", "{why}");
    assert_eq!(ask(&["why", "nobody"]).code, Some(6));
}

#[test]
fn rec_4_a_killed_supervisor_is_replaced_and_the_next_goes_on() {
    let setup = Setup::new();
    let mut first = setup.supervisor();
    assert_eq!(setup.ends(&["stop", "acct-1", "--config", "w.toml"]).code, Some(0));
    first.kill9().unwrap();
    assert!(setup.path("data/control.sock").exists(), "a killed process leaves its socket");
    let mut second = setup.supervisor();
    let status = last_line(&setup.ends(&["status", "acct-1", "--config", "w.toml", "--json"]));
    assert_eq!(status["instances"][0]["last_failure_reason"], "USER_STOPPED", "{status}");
    let drained = setup.ends(&["drain", "--config", "w.toml"]);
    assert_eq!(drained.code, Some(0), "{drained:?}");
    assert_eq!(second.finish(SOON).unwrap().code, Some(0));
}

#[test]
fn a_damaged_journal_is_set_aside_with_3_and_the_next_start_works() {
    let setup = Setup::new();
    setup.supervisor().terminate(SOON).unwrap();
    let head = setup.path("data/journal/journal.head");
    let mut bytes = fs::read(&head).unwrap();
    bytes.iter_mut().for_each(|byte| *byte = !*byte);
    fs::write(&head, bytes).unwrap();
    let damaged = setup.ends(&["run", "--config", "w.toml"]);
    assert_eq!(damaged.code, Some(3), "{damaged:?}");
    assert!(damaged.stderr.iter().any(|line| line.contains("set aside")), "{damaged:?}");
    assert!(setup.path("data/journal/quarantine").is_dir());
    assert_eq!(setup.supervisor().terminate(SOON).unwrap().code, Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once_with_7() {
    let setup = Setup::new();
    let mut supervisor = setup.supervisor();
    // A connection that never says anything keeps the listener from ending in order.
    let _silent = TcpStream::connect(("127.0.0.1", setup.port)).unwrap();
    let signal = |program: &Program| {
        assert!(Command::new("kill").args(["-TERM", &program.pid().to_string()]).status().unwrap().success());
    };
    signal(&supervisor);
    supervisor.wait_for_line(SOON, |line| line.text.contains("is ending")).unwrap();
    signal(&supervisor);
    let ended = supervisor.finish(SOON).unwrap();
    assert_eq!(ended.code, Some(7), "{ended:?}");
}

#[test]
fn log_lines_can_be_json() {
    let setup = Setup::new();
    let mut supervisor = setup.start(&["run", "--config", "w.toml", "--log-format", "json"]);
    supervisor.wait_for_line(SOON, ready).unwrap();
    let ended = supervisor.terminate(SOON).unwrap();
    assert!(!ended.stderr.is_empty());
    for line in &ended.stderr {
        assert!(serde_json::from_str::<Value>(line).unwrap()["level"].is_string(), "{line}");
    }
}

#[test]
fn the_demo_loses_nothing_and_draws_its_picture() {
    let setup = Setup::new();
    let args = "demo --for 6s --speed 100 --fleet 24 --seed 7 --json --picture p.svg --folder kept";
    let ended = setup.ends(&args.split(' ').collect::<Vec<_>>());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout.len(), 1, "nothing but JSON");
    let summary = last_line(&ended);
    assert_eq!(summary["instances"], 24, "{summary}");
    assert!(summary["incidents_opened"].as_u64().unwrap() >= 10, "{summary}");
    assert_eq!(
        (summary["lost_transitions"].as_u64(), summary["state_mismatches"].as_u64()),
        (Some(0), Some(0))
    );
    let count = |key: &str| summary[key].as_u64().unwrap();
    assert_eq!(count("transitions"), count("journal_rows") + count("trade_rows"), "{summary}");
    assert_eq!(summary["journal_rows"], summary["history_rows"], "{summary}");
    assert!(count("signals") > 0 && count("orders_executed") > 0, "{summary}");
    assert_eq!(summary["executed_twice"], 0, "{summary}");
    let picture = fs::read_to_string(setup.path("p.svg")).unwrap();
    assert!(picture.contains("acct-24") && picture.ends_with("</svg>\n"));
    assert!(setup.path("kept/journal/journal.duckdb").exists());
}

#[test]
fn a_demo_without_a_terminal_tells_lines_and_a_summary() {
    let setup = Setup::new();
    let ended = setup.ends(&["demo", "--for", "3s", "--fleet", "3", "--seed", "7"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.iter().any(|line| line.contains(" connected") && line.contains("incidents:")),
        "{ended:?}"
    );
    assert!(ended.stdout.iter().any(|line| line.contains("0 lost")), "{ended:?}");
    assert!(!ended.stdout.iter().any(|line| line.contains('\x1b')), "no colours where nobody sees them");
}

#[test]
fn a_demo_that_is_interrupted_still_compares_everything() {
    let setup = Setup::new();
    let mut demo = setup.start(&["demo", "--for", "10m", "--fleet", "3", "--seed", "7"]);
    demo.wait_for_line(SOON, |line| line.text.contains(" connected")).unwrap();
    let ended = demo.terminate(SOON).unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.iter().any(|line| line.contains("0 lost")), "{ended:?}");
}
