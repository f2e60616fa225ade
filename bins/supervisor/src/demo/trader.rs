//! A strategy that trades while the demonstration runs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{task::JoinHandle, time::interval};
use warden_domain::{Timestamp, TradeState};
use warden_supervisor::{Clock, Distributor, signals::TradeView};

use super::clock::StoppableClock;

/// Gives signals to the fleet of a demonstration: opens, protects and closes, whatever befalls the fleet meanwhile.
pub(crate) struct Trader {
    given: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

/// The group of every instance of a demonstration.
pub(crate) const GROUP: &str = "demo";

/// How often a signal is given, by the wall's clock.
const EVERY: Duration = Duration::from_millis(250);

impl Trader {
    pub(crate) fn start(distributor: Distributor, clock: Arc<StoppableClock>) -> Self {
        let given = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&given);
        let task = tokio::spawn(async move {
            let mut next = interval(EVERY);
            for round in 0_u64.. {
                next.tick().await;
                let text = written(round, clock.now());
                let Ok(signal) = distributor.read_json(text.as_bytes()) else { return };
                if distributor.signal(signal).await.is_err() {
                    return;
                }
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { given, task }
    }

    /// Gives no more signals; answers how many it gave.
    pub(crate) fn stop(&self) -> u64 {
        self.task.abort();
        self.given.load(Ordering::Relaxed)
    }
}

impl Drop for Trader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Four signals make a round: one opens, one protects what it opened, one opens the other way, one closes the first, or
/// everything.
fn written(round: u64, now: Timestamp) -> String {
    let (first, turn) = (round - round % 4, round % 4);
    let side = if round % 8 < 4 { "BUY" } else { "SELL" };
    let open = |side: &str| {
        format!(
            r#""action": "open", "symbol": "EURUSD", "side": "{side}", "sizing": "fixed", "lots": "0.02""#
        )
    };
    let what = match turn {
        0 => open(side),
        1 => {
            // Far enough never to be reached.
            let stop = if side == "BUY" { "0.50" } else { "2.50" };
            format!(r#""action": "modify", "of": "t-{first}", "stop_loss": "{stop}""#)
        }
        2 => open(if side == "BUY" { "SELL" } else { "BUY" }),
        _ if round % 8 == 7 => r#""action": "close-all""#.to_owned(),
        _ => format!(r#""action": "close", "of": "t-{first}""#),
    };
    format!(r#"{{"key": "t-{round}", "source": "demo", "created_at": "{now}", "group": "{GROUP}", {what}}}"#)
}

/// Whether nothing of the trade is on its way.
pub(crate) fn is_at_rest(trade: &TradeView) -> bool {
    match trade.state {
        TradeState::Filled | TradeState::Placed => true,
        TradeState::New
        | TradeState::Submitting
        | TradeState::Unknown
        | TradeState::Pending
        | TradeState::PartiallyFilled
        | TradeState::Cancelling
        | TradeState::Cancelled
        | TradeState::Rejected
        | TradeState::Failed
        | TradeState::Closed => false,
    }
}

#[cfg(test)]
mod tests {
    use warden_distribution::{Params, Signal};
    use warden_domain::Span;

    use super::*;

    #[test]
    fn every_signal_of_a_round_can_be_read() {
        for round in 0..16 {
            let text = written(round, Timestamp::from_millis(1_700_000_000_000));
            let read = Signal::from_json(text.as_bytes(), Span::from_secs(60), &Params::default());
            assert!(read.is_ok(), "{text}: {read:?}");
        }
    }
}
