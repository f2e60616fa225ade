//! A password crosses the session, and never a log.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::timeout;
use tracing_subscriber::{filter::LevelFilter, fmt::MakeWriter};
use warden_bridge::{
    Command, CommandId, Envelope, Inbound, Mt5Bridge, Refused, Report, Secret,
    client::{ClientConfig, ClientEvent, MemoryEpochs, connect},
    server::{Listener, ServerConfig},
};
use warden_domain::{Epoch, InstanceId, Login, Timestamp, TradeServer};

const PASSWORD: &str = "correct-horse-battery-staple";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no writer panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn log_1_a_password_is_in_no_log_of_either_side() {
    let log = Log::default();
    tracing_subscriber::fmt().with_writer(log.clone()).with_max_level(LevelFilter::TRACE).init();
    let (sender, mut inbound) = tokio::sync::mpsc::channel(16);
    let admit = |_: &InstanceId, seen: Epoch| Ok::<_, Refused>(seen.next());
    let config = ServerConfig::new("127.0.0.1:0".parse().unwrap());
    let listening = Listener::bind(config, Arc::new(admit), sender).await.unwrap();
    let instance = InstanceId::new("acct-1").unwrap();
    let (_handle, mut events) = connect(
        ClientConfig::new(vec![listening.address]),
        vec![(instance.clone(), Report::default())],
        Arc::new(MemoryEpochs::default()),
    )
    .unwrap();
    let patience = Duration::from_secs(60);
    let up = timeout(patience, inbound.recv()).await.unwrap();
    assert!(matches!(up, Some(Inbound::Up { .. })));
    let envelope = Envelope {
        instance,
        epoch: Epoch(1),
        id: CommandId(1),
        deadline: Timestamp::MAX,
        command: Command::Login {
            login: Login::new(5001).unwrap(),
            server: TradeServer::new("Broker-Live").unwrap(),
            password: Secret::new(PASSWORD.to_owned()),
        },
    };
    tracing::info!(?envelope, "a careless supervisor logs its command");
    listening.bridge.send(envelope).unwrap();
    let arrived = loop {
        if let Some(ClientEvent::Command(envelope)) = timeout(patience, events.recv()).await.unwrap() {
            tracing::info!(?envelope, "a careless gateway logs its command");
            break envelope;
        }
    };
    assert!(matches!(arrived.command, Command::Login { password, .. } if password.reveal() == PASSWORD));
    listening.server.shutdown().await;
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(log.contains("a gateway connected") && log.contains("[redacted]"), "the log was taken");
    assert!(!log.contains(PASSWORD), "the password is in the log");
}
