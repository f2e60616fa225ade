//! The alerts and figures that follow from trades.

use warden_domain::Alert;

use crate::shard::Shard;

/// How many trades of one instance ask for an alert.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Alerting {
    partly_filled: u32,
    suspect: u32,
    /// Orders and positions with our tag that no trade knows (TRD-8).
    pub(super) unclaimed: u32,
    /// What the board shows.
    shown: Shown,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Shown {
    partly_filled: bool,
    drift: bool,
}

impl Alerting {
    /// A step changed what a trade asks for.
    pub(super) fn follow(&mut self, before: Option<Alert>, after: Option<Alert>) {
        if before != after {
            if let Some(count) = self.count(before) {
                *count -= 1;
            }
            if let Some(count) = self.count(after) {
                *count += 1;
            }
        }
    }

    fn count(&mut self, alert: Option<Alert>) -> Option<&mut u32> {
        if alert == Some(Alert::PartialFillIncomplete) {
            Some(&mut self.partly_filled)
        } else if alert == Some(Alert::DriftFound) {
            Some(&mut self.suspect)
        } else {
            None
        }
    }

    const fn due(&self) -> Shown {
        Shown { partly_filled: self.partly_filled > 0, drift: self.suspect > 0 || self.unclaimed > 0 }
    }
}

impl Shard {
    /// Shows the alerts as the durable trades ask for them.
    pub(super) fn show_trade_alerts(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        let Some(desk) = slot.trading.desk.known() else { return };
        let due = desk.alerting.due();
        let shown = std::mem::replace(&mut desk.alerting.shown, due);
        if due.partly_filled != shown.partly_filled {
            self.shared.meters.alert(Alert::PartialFillIncomplete, &slot.id, due.partly_filled);
        }
        if due.drift != shown.drift {
            self.shared.meters.alert(Alert::DriftFound, &slot.id, due.drift);
        }
    }

    /// Nothing of its trades is looked after here any more: their alerts and rows are somebody else's.
    pub(in crate::shard) fn drop_trades(&mut self, index: u32) {
        let now = self.now();
        let slot = &mut self.slots[index as usize];
        let mut trading = super::Trading::new(slot.trading.installation, now);
        // A number that was used at this epoch is answered from the gateway's inbox.
        trading.next_command = slot.trading.next_command;
        let old = std::mem::replace(&mut slot.trading, trading);
        let shown = old.desk.alerting.shown;
        for (alert, shows) in
            [(Alert::PartialFillIncomplete, shown.partly_filled), (Alert::DriftFound, shown.drift)]
        {
            if shows {
                self.shared.meters.alert(alert, &slot.id, false);
            }
        }
        self.shared.meters.trades_gone(old.desk.trades.values().map(|held| held.noted.figure()));
    }
}
