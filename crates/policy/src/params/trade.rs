use warden_domain::Span;

use super::{Percent, SymbolPoints, Waits, element};

element! {
    /// Signals and the way of an order to the gateway (TRD-7).
    Signal {
        /// TRD-7: how long an intent may be sent after it was accepted, where the signal does not say.
        valid_for: Span = Span::from_secs(60),
        /// How late the gateway may start an order; later it answers that it did not.
        start_within: Span = Span::from_secs(2),
    }
}

element! {
    /// What nobody knows the outcome of (`UNKNOWN`).
    Unknown {
        /// Negative probes that prove, together with `window`, that an order was not executed.
        probes: u8 = 3,
        /// Over how long the negative probes have to reach.
        window: Span = Span::from_secs(60),
        /// The waits between probes 1, 2, 3, 4 and 5.
        waits: Waits = Waits::secs(&[2, 5, 10, 20, 30]),
        /// How far apart two equal snapshots are that make the terminal synchronised.
        synchronised_after: Span = Span::from_secs(1),
        /// How far back, by the server's clock, orders and deals are searched; more than any time zone.
        search_back: Span = Span::from_secs(172_800),
    }
}

/// What becomes of the rest of a partial fill (TRD-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Remainder {
    /// It is tried once more.
    Retry,
    /// It is left: the position is as large as it is.
    Leave,
}

element! {
    /// Partial fills (TRD-1).
    PartialFill {
        /// TRD-1: how long the rest may take to fill before it is cancelled.
        fill_within: Span = Span::from_secs(10),
        /// TRD-1: what becomes of the rest then: `retry` once, or `leave`.
        remainder: Remainder = Remainder::Retry,
    }
}

/// What becomes of a fill beyond the slippage threshold (TRD-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slipped {
    /// It is closed.
    Flatten,
    /// It is kept, and guarded like any other.
    Keep,
}

element! {
    /// Slippage (TRD-2).
    Slippage {
        /// TRD-2: how far a fill may be from the price that was asked for; a symbol's own points may be stricter.
        percent: Percent = Percent(3),
        /// TRD-2: how many points a fill of a symbol may be from the price that was asked for, where that is less;
        /// symbols by the broker's names.
        points: SymbolPoints = SymbolPoints::default(),
        /// TRD-2: what becomes of a fill beyond it: `flatten` or `keep`.
        filled: Slipped = Slipped::Flatten,
        /// TRD-2: how long trading pauses after slippage 1, 2 and so on in a row.
        pauses: Waits = Waits::secs(&[30, 60, 120]),
        /// TRD-2: slippages in a row after which the instance stops.
        stop_after: u8 = 3,
    }
}

element! {
    /// Orders that are not executed in time (TRD-3).
    ExecutionTimeout {
        /// TRD-3: how long an order may take before it is verified.
        execute_within: Span = Span::from_secs(5),
        /// TRD-3: the wait before an order that was proven not to be executed is sent again.
        recover_after: Span = Span::from_secs(10),
        /// TRD-3: orders in a row that were not executed in time, after which the instance stops.
        stop_after: u8 = 3,
    }
}

element! {
    /// Duplicate orders (TRD-4).
    Duplicate {
        /// TRD-4: duplicates after which the instance stops.
        stop_after: u8 = 3,
    }
}

element! {
    /// Stop loss and take profit (TRD-5).
    Protection {
        /// TRD-5: the wait before a protection that is not as it should be is read again.
        reread_after: Span = Span::from_secs(1),
        /// TRD-5: how long a position may stand after the price passed its stop loss or take profit.
        executes_within: Span = Span::from_secs(5),
        /// TRD-5: misfires without a repair that worked in between, after which the instance stops.
        stop_after: u8 = 3,
    }
}

element! {
    /// Trades that wait to be tried again (TRD-6, NET-1).
    Pending {
        /// TRD-6, NET-1: the waits before retry 1, 2 and 3.
        waits: Waits = Waits::secs(&[5, 10, 20]),
        /// NET-1: retries after which a trade that was never executed fails.
        attempts: u8 = 3,
    }
}

element! {
    /// Answers of the trade server that ask for another try (TRD-9).
    Retry {
        /// TRD-9: fresh prices taken for one order after requotes and price changes.
        requotes: u8 = 3,
        /// TRD-9: the wait before a price is asked for again where there was none.
        price_off_after: Span = Span::from_secs(1),
    }
}

element! {
    /// Looks at the broker, and the prices that decisions rest on (SES-1, TRD-5).
    Look {
        /// TRD-5: how often the broker is looked at while trades of ours are open there.
        every: Span = Span::from_secs(30),
        /// How long a gateway may take to answer a look; then it is asked anew.
        answer_within: Span = Span::from_secs(10),
        /// How old a price may be; an older one is none.
        price_valid_for: Span = Span::from_secs(15),
    }
}

element! {
    /// What is bounded of the trades of one instance.
    Limit {
        /// TRD-7: trades that have not ended, at most; another one that opens is refused. A reading of the broker that
        /// holds many more does not fit in a frame.
        open: u32 = 400,
    }
}

impl Signal {
    pub(super) fn faults(&self, fault: &mut dyn FnMut(&str, &str)) {
        if self.start_within > self.valid_for {
            fault(
                "start_within",
                "is longer than trade.signal.valid_for; an order would start when it is late",
            );
        }
    }
}

impl Unknown {
    pub(super) fn faults(&self, fault: &mut dyn FnMut(&str, &str)) {
        if self.probes < 2 {
            fault("probes", "is less than 2; one look proves nothing");
        }
    }
}

impl PartialFill {
    pub(super) fn faults(&self, _fault: &mut dyn FnMut(&str, &str)) {}
}

impl Slippage {
    pub(super) fn faults(&self, _fault: &mut dyn FnMut(&str, &str)) {}
}

impl ExecutionTimeout {
    pub(super) fn faults(&self, _fault: &mut dyn FnMut(&str, &str)) {}
}

impl Duplicate {
    pub(super) fn faults(&self, _fault: &mut dyn FnMut(&str, &str)) {}
}

impl Protection {
    pub(super) fn faults(&self, _fault: &mut dyn FnMut(&str, &str)) {}
}

impl Pending {
    pub(super) fn faults(&self, _fault: &mut dyn FnMut(&str, &str)) {}
}

impl Retry {
    pub(super) fn faults(&self, _fault: &mut dyn FnMut(&str, &str)) {}
}

impl Look {
    pub(super) fn faults(&self, _fault: &mut dyn FnMut(&str, &str)) {}
}

impl Limit {
    pub(super) fn faults(&self, _fault: &mut dyn FnMut(&str, &str)) {}
}
