use std::{os::unix::fs::PermissionsExt as _, path::PathBuf, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};

use super::*;

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("control.sock")
    }

    /// A supervisor that answers every question with itself.
    fn echo(&self, limits: Limits) -> Server {
        let (server, mut questions) = Server::listen(&self.path(), limits).unwrap();
        tokio::spawn(async move {
            while let Some(Question { ask, answer }) = questions.recv().await {
                let _ = answer.send(Ok(serde_json::to_value(ask).unwrap()));
            }
        });
        server
    }

    /// What is answered to these bytes until the other side closes, line by line.
    async fn raw(&self, bytes: &[u8]) -> Vec<Value> {
        let mut stream = UnixStream::connect(self.path()).await.unwrap();
        // A server that refuses the line may close before it was read whole.
        let _ = stream.write_all(bytes).await;
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        answer.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn kind(answer: &Value) -> &str {
    answer["error"]["kind"].as_str().unwrap_or("ok")
}

#[tokio::test]
async fn every_question_arrives_as_it_was_asked() {
    let world = World::new();
    let _server = world.echo(Limits::default());
    let mut client = Client::connect(&world.path()).await.unwrap();
    let id = || warden_domain::InstanceId::new("acct-1").unwrap();
    for ask in [
        Ask::Status {},
        Ask::Views {},
        Ask::Stats {},
        Ask::Why { instance: id(), steps: 3 },
        Ask::Start { instance: id() },
        Ask::Stop { instance: id(), mode: None },
        Ask::Stop { instance: id(), mode: Some(warden_domain::StopMode::Preserve) },
        Ask::Reset { instance: id() },
        Ask::ConfirmClosure { instance: id() },
        Ask::CredentialsChanged { instance: id() },
        Ask::Signal { signal: "{\"key\": \"s-1\"}\n".to_owned() },
        Ask::Report { key: warden_domain::ClientTradeId::new("s-1").unwrap() },
        Ask::Trades { instance: None },
        Ask::Trades { instance: Some(id()) },
        Ask::Halt { instance: None, group: Some("gold".to_owned()), all: false },
        Ask::Resume { instance: Some(id()), group: None, all: false },
        Ask::Decide { instance: id(), trade: 1 << 38 | 7, decision: Said::NotOurs },
        Ask::WhyTrade { instance: id(), trade: 7, steps: 5 },
        Ask::Drain {},
    ] {
        let echoed = client.ask(ask.clone()).await.unwrap();
        assert_eq!(serde_json::from_value::<Ask>(echoed).unwrap(), ask);
    }
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_the_connection_goes_on() {
    let world = World::new();
    let _server = world.echo(Limits::default());
    let lines = concat!(
        "nonsense\n",
        "[]\n",
        "{\"ask\":\"status\"}\n",
        "{\"v\":2,\"ask\":\"dance\"}\n",
        "{\"v\":1,\"ask\":\"dance\"}\n",
        "{\"v\":1,\"ask\":\"status\",\"loud\":true}\n",
        "{\"v\":1,\"ask\":\"start\",\"instance\":\"a b\"}\n",
        "{\"v\":1,\"ask\":\"why\",\"instance\":\"a\"}\n",
    );
    let answers = world.raw(lines.as_bytes()).await;
    let kinds: Vec<&str> = answers.iter().map(kind).collect();
    let no = "malformed";
    assert_eq!(kinds, [no, no, no, "version", no, no, no, "ok"], "{answers:?}");
    assert_eq!(answers[7], json!({ "v": 1, "ok": { "ask": "why", "instance": "a", "steps": 20 } }));
    assert!(answers[6]["error"]["text"].as_str().unwrap().contains("holds the character"), "{answers:?}");
}

#[tokio::test]
async fn a_line_that_is_too_long_ends_the_connection() {
    let world = World::new();
    let _server = world.echo(Limits { line: 100, ..Limits::default() });
    let fits = format!("{{\"v\":1,\"ask\":\"status\"{}}}\n", " ".repeat(100 - 22));
    assert_eq!(fits.len(), 101);
    assert_eq!(kind(&world.raw(fits.as_bytes()).await[0]), "ok");
    let answers = world.raw(&[b' '; 101]).await;
    assert_eq!(answers.len(), 1);
    assert_eq!(kind(&answers[0]), "too_long");
}

#[tokio::test]
async fn connections_are_bounded_and_silent_ones_are_closed() {
    let world = World::new();
    let one = Limits { connections: 1, ..Limits::default() };
    let _server = world.echo(one);
    let mut first = Client::connect(&world.path()).await.unwrap();
    first.ask(Ask::Status {}).await.unwrap();
    let mut second = UnixStream::connect(world.path()).await.unwrap();
    let mut answer = String::new();
    second.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("\"busy\""), "{answer}");

    let world = World::new();
    let _server = world.echo(Limits { silence: Duration::from_millis(200), ..one });
    let mut first = Client::connect(&world.path()).await.unwrap();
    // It is silent for too long: then there is room again.
    loop {
        let mut client = Client::connect(&world.path()).await.unwrap();
        if client.ask(Ask::Status {}).await.is_ok() {
            break;
        }
    }
    assert!(first.ask(Ask::Status {}).await.is_err());
}

#[tokio::test]
async fn only_the_owner_may_open_the_socket_and_it_goes_with_the_server() {
    let world = World::new();
    let server = world.echo(Limits::default());
    let mode = std::fs::metadata(world.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let names: Vec<_> =
        std::fs::read_dir(world.folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(names, ["control.sock"], "nothing else is left behind");
    drop(server);
    assert!(matches!(Client::connect(&world.path()).await, Err(ClientError::NotRunning(_))));
    assert!(!world.path().exists());
}

#[tokio::test]
async fn a_living_supervisor_is_not_replaced_and_a_dead_ones_socket_is() {
    let world = World::new();
    let server = world.echo(Limits::default());
    let fault = Server::listen(&world.path(), Limits::default()).unwrap_err();
    assert!(matches!(fault, SocketError::AlreadyRunning(_)), "{fault}");
    drop(server);

    drop(std::os::unix::net::UnixListener::bind(world.path()).unwrap());
    assert!(world.path().exists(), "a process that is killed leaves its socket");
    let _server = world.echo(Limits::default());
    let mut client = Client::connect(&world.path()).await.unwrap();
    client.ask(Ask::Status {}).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_left_alone() {
    let world = World::new();
    std::fs::write(world.path(), "mine").unwrap();
    let fault = Server::listen(&world.path(), Limits::default()).unwrap_err();
    assert!(matches!(fault, SocketError::NoSocket(_)), "{fault}");
    assert_eq!(std::fs::read_to_string(world.path()).unwrap(), "mine");
}

#[tokio::test]
async fn a_question_that_is_never_answered_is_told_that_the_supervisor_ends() {
    let world = World::new();
    let (_server, questions) = Server::listen(&world.path(), Limits::default()).unwrap();
    drop(questions);
    let mut client = Client::connect(&world.path()).await.unwrap();
    let fault = client.ask(Ask::Status {}).await.unwrap_err();
    let ClientError::Refused(refusal) = fault else { panic!("{fault}") };
    assert_eq!(refusal.kind, RefusalKind::Ending);
}
