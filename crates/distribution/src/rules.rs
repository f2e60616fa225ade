//! What an account allows, and how a signal is changed for it.

mod symbols;

use warden_domain::{Lots, Side, named_enum};

pub use symbols::{Affix, SymbolMap};

use crate::{Factor, Money, fault::Fault, settings::settings};

settings! {
    /// The rules of one account; what a configuration gives by key, see [`set`](Self::set).
    AccountRules {
        /// What stands before the signal's symbol at this broker.
        symbol_prefix: Affix = Affix::default(),
        /// What stands behind the signal's symbol at this broker.
        symbol_suffix: Affix = Affix::default(),
        /// Symbols that this broker calls otherwise; without prefix and suffix.
        symbols: SymbolMap = SymbolMap::default(),
        /// How many times the volume that the signal asks for, its risk included.
        multiplier: Factor = Factor::ONE,
        /// Whether the account does as the signal says, or the opposite; not to be changed while trades of it are open.
        direction: Direction = Direction::Same,
        /// The sides that may be opened, after a reversal.
        sides: Sides = Sides::Both,
        /// The least lots of one order.
        min_lots: Option<Lots> = None,
        /// The most lots of one order.
        max_lots: Option<Lots> = None,
        /// What becomes of an order below the least lots, the symbol's or `min_lots`.
        below_minimum: BelowMinimum = BelowMinimum::Refuse,
        /// What becomes of an order above the most lots, the symbol's or `max_lots`.
        above_maximum: AboveMaximum = AboveMaximum::Refuse,
        /// The most trades of ours that are open or on their way at the same time.
        max_open: Option<u32> = None,
        /// The most that all open trades of ours together and the new one may be worth, in the account's currency.
        max_notional: Option<Money> = None,
        /// How many orders a minute may open trades, on average.
        orders_per_minute: u32 = 60,
        /// How many orders may open trades at once, after a quiet time.
        order_burst: u32 = 10,
    }
}

impl AccountRules {
    /// What does not fit together: the key and what to do about it. Empty when all is well.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if let (Some(least), Some(most)) = (self.min_lots, self.max_lots)
            && least > most
        {
            let what = format!("is less than min_lots, {least}; no order would fit");
            faults.push(Fault { field: "max_lots".to_owned(), what });
        }
        faults
    }
}

named_enum! {
    /// Whether an account does as the signal says.
    Direction {
        /// It buys what the signal buys.
        Same = "same",
        /// It sells what the signal buys: stop loss and take profit change places, and a limit order becomes a stop order.
        Reversed = "reversed",
    }
}

named_enum! {
    /// The sides that may be opened.
    Sides {
        /// Both.
        Both = "both",
        /// Buys only.
        Buy = "buy",
        /// Sells only.
        Sell = "sell",
    }
}

impl Sides {
    /// Whether this side may be opened.
    #[must_use]
    pub const fn allow(self, side: Side) -> bool {
        match (self, side) {
            (Self::Both, Side::Buy | Side::Sell) | (Self::Buy, Side::Buy) | (Self::Sell, Side::Sell) => true,
            (Self::Buy, Side::Sell) | (Self::Sell, Side::Buy) => false,
        }
    }
}

named_enum! {
    /// What becomes of an order that is too small.
    BelowMinimum {
        /// It is refused.
        Refuse = "refuse",
        /// The least lots are taken: more than the signal asked for.
        UseMinimum = "use_minimum",
    }
}

named_enum! {
    /// What becomes of an order that is too large.
    AboveMaximum {
        /// It is refused.
        Refuse = "refuse",
        /// The most lots are taken.
        UseMaximum = "use_maximum",
    }
}
