//! The same from the fleet itself.

use warden_distribution::{Report, Signal};
use warden_domain::{ClientTradeId, InstanceId, Magic};
use warden_policy::trade::Decision;
use warden_store::JournalError;

use super::{DecideError, HaltError, Scope, SignalError, TradeView};
use crate::Fleet;

impl Fleet {
    /// Gives a signal to every account it is for; see [`Distributor::signal`](super::Distributor::signal).
    ///
    /// # Errors
    /// When it cannot be a signal, is for nobody, or the fleet has ended.
    pub async fn signal(&self, signal: Signal) -> Result<Report, SignalError> {
        self.distributor().signal(signal).await
    }

    /// What became of the signal with this key; see [`Distributor::report`](super::Distributor::report).
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn report(&self, key: &ClientTradeId) -> Result<Option<Report>, JournalError> {
        self.distributor().report(key).await
    }

    /// The trades that have not ended; see [`Distributor::trades`](super::Distributor::trades).
    pub async fn trades(&self, instance: Option<&InstanceId>) -> Vec<TradeView> {
        self.distributor().trades(instance).await
    }

    /// Shuts gates until a person lets trading go on; see [`Distributor::halt`](super::Distributor::halt).
    ///
    /// # Errors
    /// When there is no such instance, another supervisor has one of them, or the fleet has ended.
    pub async fn halt(&self, scope: Scope) -> Result<Vec<InstanceId>, HaltError> {
        self.distributor().halt(scope).await
    }

    /// Lets halted instances go on.
    ///
    /// # Errors
    /// As [`halt`](Self::halt).
    pub async fn resume(&self, scope: Scope) -> Result<Vec<InstanceId>, HaltError> {
        self.distributor().resume(scope).await
    }

    /// Takes a person's word on a lookalike; see [`Distributor::decide`](super::Distributor::decide).
    ///
    /// # Errors
    /// When there is no such trade, nothing looks like it, or the fleet has ended.
    pub async fn decide(
        &self,
        instance: &InstanceId,
        trade: Magic,
        decision: Decision,
    ) -> Result<(), DecideError> {
        self.distributor().decide(instance, trade, decision).await
    }
}
