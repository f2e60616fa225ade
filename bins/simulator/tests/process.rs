//! The program as a process: input, exit codes, control socket, ledger, and a real session.
#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests panic as tests do, and look for one kind of message among others"
)]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;
use warden_bridge::{
    CommandId, Envelope, Inbound, Mt5Bridge, Order, OrderAction, Outcome, Refused, SendId,
    server::{Listener, Listening, ServerConfig},
};
use warden_bridge_sim::FleetPlan;
use warden_domain::{Epoch, Filling, InstanceId, Side, Span, Timestamp};

fn simulator() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_warden-simulator"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn last_line(output: &Output) -> serde_json::Value {
    let stdout = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(stdout.lines().last().unwrap()).unwrap()
}

/// A process that is ended whatever happens to the test.
struct Running(Option<Child>);

impl Running {
    fn of(mut command: Command) -> Self {
        Self(Some(command.spawn().unwrap()))
    }

    /// Ends it with SIGTERM, and waits.
    fn terminate(mut self) -> Output {
        let child = self.0.take().unwrap();
        let ended = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(ended.success());
        child.wait_with_output().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// One line to the control socket, one back; waits for the socket to be there.
fn control(path: &Path, line: &str) -> String {
    let began = Instant::now();
    let mut stream = loop {
        match UnixStream::connect(path) {
            Ok(stream) => break stream,
            Err(fault) => assert!(began.elapsed() < Duration::from_secs(60), "no control socket: {fault}"),
        }
        std::thread::yield_now();
    };
    writeln!(stream, "{line}").unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    answer.trim_end().to_owned()
}

#[test]
fn all_bad_input_is_told_at_once_with_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let accounts = write("accounts.toml", "[accounts.a]\nlogin = 1\nserver = \"S\"\npassword = \"p\"\n");
    let script =
        write("script.toml", "[[fault]]\nat = \"1s\"\nwho = \"nobody\"\nwhat = \"freeze\"\nhow = 1\n");
    let prices = write("prices.csv", "time,open,high,low,close\n2020-01-01 00:00:00,1,1,1\n");
    let output = simulator()
        .args(["--supervisor", "192.0.2.1:1"])
        .arg("--accounts")
        .arg(&accounts)
        .arg("--script")
        .arg(&script)
        .arg("--prices")
        .arg(&prices)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    for wanted in [
        "--supervisor: 192.0.2.1:1 is not a loopback address".to_owned(),
        format!("{}: line 3: who: there is no instance \"nobody\"", script.display()),
        format!("{}: line 5: how: unknown key", script.display()),
        format!("{}: line 2: there are 4 columns", prices.display()),
    ] {
        assert!(told.contains(&wanted), "{wanted:?} is missing in:\n{told}");
    }
    assert_eq!(told.lines().count(), 4, "{told}");
}

#[test]
fn a_file_that_cannot_be_read_and_a_wrong_argument_are_bad_input() {
    let output = simulator().args(["--script", "/nonexistent/script.toml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("/nonexistent/script.toml: "));
    assert_eq!(simulator().args(["--for", "30"]).output().unwrap().status.code(), Some(2));
}

#[test]
fn what_cannot_be_written_is_a_failure() {
    let output =
        simulator().args(["--write-accounts", "/nonexistent/a.toml", "--for", "1ms"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("cannot write the accounts to /nonexistent/a.toml"));
}

#[test]
fn the_accounts_it_writes_are_private_and_can_be_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("accounts.toml");
    let output = simulator()
        .args(["--fleet", "3", "--for", "1ms", "--json", "--write-accounts"])
        .arg(&path)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(last_line(&output)["instances"], 3);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(FleetPlan::parse(&text).unwrap().accounts.len(), 3);
    let output = simulator().args(["--for", "1ms", "--json", "--accounts"]).arg(&path).output().unwrap();
    assert_eq!(last_line(&output)["instances"], 3, "{}", stderr(&output));
}

#[test]
fn faults_are_begun_and_truth_is_told_over_the_control_socket() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("control");
    // What a run that was killed leaves behind is in nobody's way.
    drop(UnixListener::bind(&socket).unwrap());
    let mut command = simulator();
    command.args(["--fleet", "2", "--json", "--control"]).arg(&socket);
    let running = Running::of(command);
    assert_eq!(control(&socket, r#"{ who = "acct-1", what = "terminal_crash" }"#), "ok");
    let truth: serde_json::Value = serde_json::from_str(&control(&socket, "truth")).unwrap();
    assert_eq!(
        (&truth["acct-1"]["terminal_alive"], &truth["acct-2"]["terminal_alive"]),
        (&false.into(), &true.into())
    );
    let answer = control(&socket, r#"{ who = "acct-9", what = "nothing" }"#);
    assert!(
        answer.starts_with("error: ") && answer.contains("acct-9") && answer.contains("nothing"),
        "{answer}"
    );
    let audit: serde_json::Value = serde_json::from_str(&control(&socket, "audit")).unwrap();
    assert_eq!((&audit["intents"], &audit["sends_twice"]), (&0.into(), &0.into()));
    assert_eq!(control(&socket, "clear"), "ok");
    let second = simulator().args(["--fleet", "1", "--control"]).arg(&socket).output().unwrap();
    assert_eq!(second.status.code(), Some(1), "somebody listens there: {}", stderr(&second));
    let output = running.terminate();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(last_line(&output)["faults"], 1);
    assert!(!socket.exists());
}

fn utc() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}

async fn hear<T>(heard: &mut mpsc::Receiver<Inbound>, wanted: impl Fn(&Inbound) -> Option<T>) -> T {
    let listen = async {
        loop {
            let inbound = heard.recv().await.expect("the listener lives");
            if let Some(found) = wanted(&inbound) {
                return found;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), listen).await.expect("heard in time")
}

/// Sends a command to `acct-1`; answers how it ended.
async fn ask(
    listening: &Listening,
    heard: &mut mpsc::Receiver<Inbound>,
    (epoch, number): (u64, u64),
    command: warden_bridge::Command,
) -> Outcome {
    let deadline = utc().after(Span::from_secs(60));
    let instance = InstanceId::new("acct-1").unwrap();
    let envelope = Envelope { instance, epoch: Epoch(epoch), id: CommandId(number), deadline, command };
    listening.bridge.send(envelope).unwrap();
    hear(heard, |inbound| match inbound {
        Inbound::Finished(finished) if finished.id == CommandId(number) => Some(finished.outcome.clone()),
        _ => None,
    })
    .await
}

/// A supervisor's side that owns everything.
async fn listen() -> (Listening, mpsc::Receiver<Inbound>) {
    let (inbound, heard) = mpsc::channel(256);
    let everything = |_: &InstanceId, seen: Epoch| Ok::<_, Refused>(seen.next());
    let config = ServerConfig::new("127.0.0.1:0".parse().unwrap());
    (Listener::bind(config, Arc::new(everything), inbound).await.unwrap(), heard)
}

fn login(accounts: &Path) -> warden_bridge::Command {
    let plan = FleetPlan::parse(&fs::read_to_string(accounts).unwrap()).unwrap();
    let account = plan.accounts.iter().find(|account| account.instance.as_str() == "acct-1").unwrap().clone();
    let (login, server, password) = (account.login, account.server, account.password);
    warden_bridge::Command::Login { login, server, password }
}

/// The first send of magic 77: 0.1 lots of EURUSD.
fn order() -> warden_bridge::Command {
    warden_bridge::Command::Order(Order {
        action: OrderAction::Deal(Side::Buy),
        send: SendId { magic: 77, attempt: 1 },
        symbol: "EURUSD".into(),
        volume: 0.1,
        price: 0.0,
        stop_loss: 0.0,
        take_profit: 0.0,
        deviation: 0,
        filling: Some(Filling::ImmediateOrCancel),
        comment: String::new(),
    })
}

#[tokio::test]
async fn trd_7_a_simulator_that_starts_again_is_a_new_world_behind_the_same_order_inbox() {
    let folder = tempfile::tempdir().unwrap();
    let accounts = folder.path().join("accounts.toml");
    let mut outcomes = Vec::new();
    for (life, deals) in [(1, 1), (2, 0)] {
        let (listening, mut heard) = listen().await;
        let mut command = simulator();
        command.args(["--fleet", "1", "--json", "--supervisor", &listening.address.to_string()]);
        command.arg("--write-accounts").arg(&accounts).arg("--epochs").arg(folder.path().join("epochs"));
        let running = Running::of(command);
        hear(&mut heard, |inbound| matches!(inbound, Inbound::Up { .. }).then_some(())).await;
        assert_eq!(ask(&listening, &mut heard, (life, 1), login(&accounts)).await, Outcome::Done);
        outcomes.push(ask(&listening, &mut heard, (life, 2), order()).await);
        let output = tokio::task::spawn_blocking(|| running.terminate()).await.unwrap();
        assert_eq!(last_line(&output)["deals"], deals, "{}", stderr(&output));
    }
    assert!(matches!(outcomes[0], Outcome::Trade(_)));
    assert_eq!(outcomes[0], outcomes[1], "answered, and not executed again");
}

#[tokio::test]
async fn a_supervisor_logs_a_terminal_in_and_its_deal_stands_in_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let (accounts, ledger) = (folder.path().join("accounts.toml"), folder.path().join("ledger.jsonl"));
    let (listening, mut heard) = listen().await;
    let mut command = simulator();
    command.args([
        "--fleet",
        "4",
        "--gateways",
        "2",
        "--json",
        "--supervisor",
        &listening.address.to_string(),
    ]);
    command.arg("--write-accounts").arg(&accounts).arg("--ledger").arg(&ledger);
    command.arg("--epochs").arg(folder.path().join("epochs"));
    let running = Running::of(command);
    for _ in 0..4 {
        hear(&mut heard, |inbound| matches!(inbound, Inbound::Up { .. }).then_some(())).await;
    }
    assert_eq!(ask(&listening, &mut heard, (1, 1), login(&accounts)).await, Outcome::Done);
    let Outcome::Trade(reply) = ask(&listening, &mut heard, (1, 2), order()).await else {
        panic!("a trade reply")
    };

    let output = tokio::task::spawn_blocking(|| running.terminate()).await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let summary = last_line(&output);
    assert_eq!(
        (&summary["gateways"], &summary["logged_in"], &summary["deals"]),
        (&2.into(), &1.into(), &1.into())
    );
    let audit = &summary["audit"];
    assert_eq!((&audit["max_executions"], &audit["overfilled"]), (&1.into(), &0.into()));
    let lines = fs::read_to_string(&ledger).unwrap();
    let [line] = &lines.lines().collect::<Vec<_>>()[..] else { panic!("one line: {lines}") };
    let deal: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        (&deal["kind"], &deal["magic"], &deal["ticket"]),
        (&"deal".into(), &77.into(), &reply.deal.into())
    );
    assert_eq!(deal["send"], serde_json::json!({ "magic": 77, "attempt": 1 }));
    assert!(folder.path().join("epochs").join("gw1.epochs").exists(), "the epochs survive");
    assert!(folder.path().join("epochs").join("gw1.sends").exists(), "and so does the order inbox");
    assert!(!stderr(&output).contains("Sim-"), "no password is logged");
}
