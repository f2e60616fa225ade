//! What stands between a session and the program that carries out commands: nothing starts before it is in the order inbox,
//! and nothing is answered before its end is.

use std::sync::{Arc, Weak};

use tokio::sync::mpsc;

use super::{
    handle::{ClientEvent, Shared},
    sends::{SendRecord, SendStep, SendStore},
};
use warden_domain::Facts;

use crate::{Command, Envelope, Finished, Outcome};

/// So many events or ends are written at once.
pub(super) const BATCH: usize = 256;

/// Hands events on, in their order; orders after their start is written, what came meanwhile as one batch.
pub(super) async fn starts(
    mut events: mpsc::Receiver<ClientEvent>,
    out: mpsc::Sender<ClientEvent>,
    shared: Arc<Shared>,
    store: Arc<dyn SendStore>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let taken = tokio::select! {
            taken = events.recv_many(&mut batch, BATCH) => taken,
            () = out.closed() => return,
        };
        if taken == 0 {
            return;
        }
        let starting = batch.iter().filter_map(|it| start(it, &shared)).collect();
        let kept = write(&store, starting).await.is_some();
        for event in batch.drain(..) {
            let Ok(room) = out.reserve().await else { return };
            if let Some(event) = due(event, kept, &shared) {
                room.send(event);
            }
        }
    }
}

/// What is written before this event is handed on.
fn start(event: &ClientEvent, shared: &Shared) -> Option<SendRecord> {
    let ClientEvent::Command(Envelope { instance, command: Command::Order(order), .. }) = event else {
        return None;
    };
    Some(SendRecord {
        instance: instance.clone(),
        send: order.send,
        at: shared.now(),
        step: SendStep::Started,
    })
}

/// The event, unless it is a command that may not start any more, which is answered here.
fn due(event: ClientEvent, kept: bool, shared: &Shared) -> Option<ClientEvent> {
    let ClientEvent::Command(envelope) = event else { return Some(event) };
    let unkept = !kept && matches!(envelope.command, Command::Order(_));
    let refused = match unkept {
        true => Some("the order inbox cannot be written, and nothing starts that is not in it"),
        false => shared.book().overtaken(&envelope, shared.now()),
    };
    let Some(why) = refused else { return Some(ClientEvent::Command(envelope)) };
    let Envelope { instance, epoch, id, .. } = envelope;
    let (outcome, facts, detail) = (Outcome::NotStarted, Facts::default(), why.to_owned());
    shared.finished(epoch, Finished { instance, id, outcome, facts, detail });
    None
}

/// Writes the ends of sends, what came meanwhile as one batch, and has those answered who asked.
///
/// An end that cannot be written is told nevertheless: after a restart its send is known as started, and is looked for at the
/// broker.
pub(super) async fn ends(
    mut ends: mpsc::UnboundedReceiver<SendRecord>,
    shared: Weak<Shared>,
    store: Arc<dyn SendStore>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    while ends.recv_many(&mut batch, BATCH).await > 0 {
        let records = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
        let ended: Vec<_> = records.iter().map(|it| (it.instance.clone(), it.send)).collect();
        write(&store, records).await;
        if let Some(shared) = shared.upgrade() {
            shared.book().written(&ended);
            shared.wake.notify_one();
        }
    }
}

/// Writes records, beside the tasks of the runtime; `None` when that failed, which is logged.
async fn write(store: &Arc<dyn SendStore>, records: Vec<SendRecord>) -> Option<()> {
    if records.is_empty() {
        return Some(());
    }
    let store = Arc::clone(store);
    let written = tokio::task::spawn_blocking(move || store.write(&records)).await;
    match written.ok()? {
        Ok(()) => Some(()),
        Err(fault) => {
            tracing::error!(%fault, source = ?std::error::Error::source(&fault), "the order inbox was not written");
            None
        }
    }
}
