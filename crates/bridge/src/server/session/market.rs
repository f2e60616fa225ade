use tokio::sync::mpsc::{Permit, error::TrySendError};

use super::{End, Flow, Session};
use crate::{
    Inbound, Market, RefusalReason,
    convert::{market, refusal::Refusal},
    wire,
};

impl Session {
    /// Hands over how an instance's account and symbols stand; where there is no room, the newest of them waits.
    pub(super) async fn market(&mut self, instance: &str, sequence: u64, it: wire::Market) -> Flow {
        let refusal = |reason| Refusal::new(reason).of(sequence, 0);
        let Some(slot) = self.served.get(instance).cloned() else {
            self.refuse(instance, &refusal(RefusalReason::UnknownInstance));
            return Flow::Continue(());
        };
        let seat = slot.seat.lock().await;
        if seat.owner != Some(self.id()) {
            drop(seat);
            self.forget(instance);
            self.refuse(instance, &refusal(RefusalReason::UnknownInstance));
            return Flow::Continue(());
        }
        match market::decode(it) {
            Ok(market) => return self.offer(instance, market),
            Err(fault) => self.refuse(instance, &refusal(RefusalReason::BadField).saying(fault.to_string())),
        }
        Flow::Continue(())
    }

    /// Hands a market over where there is room at once; what waited is older.
    fn offer(&mut self, instance: &str, market: Market) -> Flow {
        let Some(slot) = self.served.get(instance) else { return Flow::Continue(()) };
        match self.service.inbound.try_reserve() {
            Ok(room) => {
                self.markets.remove(instance);
                room.send(Inbound::Market { instance: slot.instance.clone(), market: Box::new(market) });
            }
            Err(TrySendError::Full(())) => {
                self.markets.insert(instance.to_owned(), market);
            }
            Err(TrySendError::Closed(())) => return Flow::Break(End::Shutdown),
        }
        Flow::Continue(())
    }

    /// Hands over one of the markets that wait.
    ///
    /// A seat that is held now is being taken by another session, whose events this one's would mix with.
    pub(super) fn hand_over_market(&mut self, room: Permit<'_, Inbound>) {
        let Some((instance, market)) = self.markets.pop_first() else { return };
        let Some(slot) = self.served.get(&instance) else { return };
        if slot.seat.try_lock().is_ok_and(|seat| seat.owner == Some(self.id())) {
            room.send(Inbound::Market { instance: slot.instance.clone(), market: Box::new(market) });
        }
    }
}
