//! A gateway process that is killed at the worst moments, and what the next one says of its sends.

use std::{path::Path, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::{
    inbox::{ask, look, order},
    support::{
        boss::{Boss, Desk},
        soon,
        wire::{self, SendStanding as Standing, command_result::Outcome as Told},
    },
};

/// The process.
const CHILD: &str = env!("CARGO_BIN_EXE_inbox-child");

struct Gateway {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Gateway {
    fn start(boss: &Boss, folder: &Path, mode: &str) -> Self {
        let mut child = Command::new(CHILD)
            .args([boss.address.to_string().as_str(), folder.to_str().expect("text"), mode])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the child starts");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Self { child, lines }
    }

    /// Waits until the child says this.
    async fn says(&mut self, words: &str) {
        let line = soon(self.lines.next_line()).await.expect("a line").expect("not the end");
        assert_eq!(line, words);
    }

    /// Kills it, and gives back what it said since.
    async fn kill(mut self) -> Vec<String> {
        soon(self.child.kill()).await.expect("it is killed");
        let mut said = Vec::new();
        while let Some(line) = soon(self.lines.next_line()).await.expect("text") {
            said.push(line);
        }
        said
    }
}

/// Starts a gateway in this mode, sends it order 7, and kills it when it says these words.
async fn kill_at(boss: &mut Boss, folder: &Path, mode: &str, words: &[&str]) {
    let mut gateway = Gateway::start(boss, folder, mode);
    let (desk, _) = boss.welcome(&[("a", 1)]).await;
    ask(&desk, 1, 1, 1, order(7)).await;
    for it in words {
        gateway.says(it).await;
    }
    assert_eq!(gateway.kill().await, [""; 0]);
}

/// The next life of the gateway, under the next owner; what it says of order 7, and of one that never came.
async fn next_life(boss: &mut Boss, folder: &Path) -> (Gateway, Desk, Standing) {
    let gateway = Gateway::start(boss, folder, "obey");
    let (mut desk, hello) = boss.welcome(&[("a", 2)]).await;
    assert_eq!(hello.instances[0].highest_epoch, 1);
    ask(&desk, 1, 2, 1, look(&[7, 8])).await;
    let (_, result) = desk.result().await;
    let Some(Told::Snapshot(it)) = result.outcome else { panic!("a snapshot, not {result:?}") };
    assert_eq!((it.sends[1].standing(), it.waiting, it.login), (Standing::Unseen, 0, 5_001));
    (gateway, desk, it.sends[0].standing())
}

/// Asks the present life for order 7 again, under this command, and for another one behind it; the first answer.
async fn ask_again(gateway: &mut Gateway, desk: &mut Desk, sequence: u64, magic: u64) -> wire::CommandResult {
    ask(desk, sequence, 2, sequence, order(7)).await;
    let (_, result) = desk.result().await;
    assert_eq!(result.id, sequence);
    ask(desk, sequence + 1, 2, sequence + 1, order(magic)).await;
    assert!(matches!(desk.result().await.1.outcome, Some(Told::Trade(it)) if it.deal == magic));
    gateway.says(&format!("started {magic} 1")).await;
    result
}

#[tokio::test]
async fn a_gateway_killed_between_the_inbox_and_the_order_never_starts_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut boss = Boss::start().await;
    kill_at(&mut boss, folder.path(), "stop-started", &["written 7 1"]).await;
    for round in 0..2 {
        let (mut gateway, mut desk, standing) = next_life(&mut boss, folder.path()).await;
        assert_eq!(standing, Standing::Interrupted);
        let result = ask_again(&mut gateway, &mut desk, 2, 100 + round).await;
        assert_eq!(result.outcome, Some(Told::Failed(wire::Failed {})));
        assert!(result.detail.contains("it is not started again"), "{}", result.detail);
        assert_eq!(gateway.kill().await, [""; 0]);
        std::fs::write(folder.path().join("epochs"), "a 1\n").unwrap();
    }
}

#[tokio::test]
async fn a_gateway_killed_while_an_order_runs_never_starts_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut boss = Boss::start().await;
    kill_at(&mut boss, folder.path(), "hang", &["started 7 1"]).await;
    let (mut gateway, mut desk, standing) = next_life(&mut boss, folder.path()).await;
    assert_eq!(standing, Standing::Interrupted);
    let result = ask_again(&mut gateway, &mut desk, 2, 100).await;
    assert_eq!(result.outcome, Some(Told::Failed(wire::Failed {})));
}

#[tokio::test]
async fn a_gateway_killed_before_its_answer_left_gives_it_in_its_next_life() {
    let folder = tempfile::tempdir().unwrap();
    let mut boss = Boss::start().await;
    kill_at(&mut boss, folder.path(), "stop-answered", &["started 7 1", "written 7 1"]).await;
    let (mut gateway, mut desk, standing) = next_life(&mut boss, folder.path()).await;
    assert_eq!(standing, Standing::Answered);
    let result = ask_again(&mut gateway, &mut desk, 2, 100).await;
    assert!(matches!(result.outcome, Some(Told::Trade(it)) if (it.deal, it.order) == (7, 1)));
}

#[tokio::test]
async fn two_gateways_do_not_share_an_inbox() {
    let folder = tempfile::tempdir().unwrap();
    let mut boss = Boss::start().await;
    let gateway = Gateway::start(&boss, folder.path(), "obey");
    boss.welcome(&[("a", 1)]).await;
    let fault = warden_bridge::client::SendFile::open(&folder.path().join("sends")).unwrap_err();
    assert!(fault.to_string().contains("is in use by another gateway"), "{fault}");
    gateway.kill().await;
    warden_bridge::client::SendFile::open(&folder.path().join("sends")).unwrap();
}
