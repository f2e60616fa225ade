//! The gateway process that the order inbox's tests kill: carries orders out on paper, and stops dead where it is told to.
//! Not part of the product.

use std::{env, error::Error, net::SocketAddr, path::Path, sync::Arc, thread};

use tokio::sync::mpsc;
use warden_bridge::{
    Command, Envelope, Finished, Outcome, Report, SendId, Snapshot, TradeReply,
    client::{
        ClientConfig, ClientEvent, ClientHandle, EpochFile, SendFile, SendRecord, SendStep, SendStore,
        SendStoreError, connect,
    },
};
use warden_domain::{Facts, InstanceId, Span};

/// `inbox-child <supervisor> <folder> obey|hang|stop-started|stop-answered`
fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [address, folder, mode] = args.as_slice() else { return Err("three arguments are needed".into()) };
    let (address, folder): (SocketAddr, _) = (address.parse()?, Path::new(folder));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut config = ClientConfig::new(vec![address]);
        config.first_wait = Span::from_millis(1);
        config.longest_wait = Span::from_millis(20);
        let file = SendFile::open(&folder.join("sends"))?;
        config.sends = Arc::new(Stopping { file, mode: mode.clone() });
        let epochs = Arc::new(EpochFile::open(&folder.join("epochs"))?);
        let (handle, events) = connect(config, vec![(InstanceId::new("a")?, Report::default())], epochs)?;
        work(handle, events, mode).await
    })
}

async fn work(
    handle: ClientHandle,
    mut events: mpsc::Receiver<ClientEvent>,
    mode: &str,
) -> Result<(), Box<dyn Error>> {
    while let Some(event) = events.recv().await {
        let ClientEvent::Command(Envelope { instance, epoch, id, command, .. }) = event else { continue };
        let outcome = match command {
            Command::Order(order) => {
                say("started", order.send);
                if mode == "hang" {
                    continue;
                }
                let (deal, order) = (order.send.magic, u64::from(order.send.attempt));
                Outcome::Trade(TradeReply { deal, order, volume: 0.1, price: 1.1 })
            }
            Command::Snapshot(_) => {
                Outcome::Snapshot(Box::new(Snapshot { login: 5_001, ..Snapshot::default() }))
            }
            Command::Login { .. }
            | Command::Reconnect
            | Command::Restart { .. }
            | Command::Confirm
            | Command::CloseTrades { .. }
            | Command::EndSession
            | Command::Watch(_) => Outcome::Done,
        };
        let (facts, detail) = (Facts::default(), String::new());
        handle.finished(epoch, Finished { instance, id, outcome, facts, detail })?;
    }
    Ok(())
}

/// An inbox that never comes back from writing a certain step, as if the process were killed right behind it.
struct Stopping {
    file: SendFile,
    mode: String,
}

impl SendStore for Stopping {
    fn known(&self, instance: &InstanceId, send: SendId) -> Option<SendStep> {
        self.file.known(instance, send)
    }

    fn write(&self, records: &[SendRecord]) -> Result<(), SendStoreError> {
        self.file.write(records)?;
        for record in records {
            let stop = match record.step {
                SendStep::Started => "stop-started",
                SendStep::Answered(_) => "stop-answered",
                SendStep::NotStarted { .. } => "stop-refused",
            };
            if self.mode == stop {
                say("written", record.send);
                loop {
                    thread::park();
                }
            }
        }
        Ok(())
    }
}

fn say(what: &str, send: SendId) {
    println!("{what} {} {}", send.magic, send.attempt);
}
