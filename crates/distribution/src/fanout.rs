use std::fmt;

use serde::{Deserialize, Serialize};
use warden_domain::{ClientTradeId, InstanceId, Lots, Magic, Price, Side, Timestamp};

use crate::{Budget, Entry, Group, Refusal, Source, Symbol};

/// What one signal means for every account it is for: nothing is left to choose, and it can be printed without being
/// carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[must_use = "an intent that is not carried out is lost"]
pub struct Fanout {
    /// The key of the signal.
    pub key: ClientTradeId,
    /// Who made the signal.
    pub source: Source,
    /// When it was planned.
    pub planned_at: Timestamp,
    /// After this moment none of it is sent (TRD-7).
    pub expires_at: Timestamp,
    /// The group to which no instance belongs, where that is so: there are no accounts then.
    pub nobody: Option<Group>,
    /// One for each targeted account, in the order of their instances.
    pub accounts: Vec<AccountPlan>,
    /// What is to be done, account by account in the same order.
    pub intents: Vec<Intent>,
}

/// What a signal means for one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountPlan {
    /// Which instance.
    pub instance: InstanceId,
    /// Whether it takes part.
    pub verdict: Verdict,
}

/// Whether an account takes part in a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It does.
    Planned {
        /// Where its intents begin in [`Fanout::intents`].
        first: u32,
        /// How many there are, at least one.
        count: u32,
        /// What is left of its order-rate budget.
        budget: Budget,
    },
    /// It does since before a restart: its intents are in the journal.
    Accepted,
    /// It does not.
    Refused(Refusal),
}

/// One thing to do on one account; with the signal's key and its part it is named for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Which instance.
    pub instance: InstanceId,
    /// Counts the intents of this signal on this instance, from 1.
    pub part: u32,
    /// The broker's name of the symbol.
    pub symbol: Symbol,
    /// What to do.
    pub work: Work,
}

/// What an intent does; the trade machine of the instance makes it happen.
///
/// | work | on a trade that | is |
/// |---|---|---|
/// | `Place` | | an intent to open |
/// | `Change` | is a position | an intent to protect |
/// | `Change` | rests | an intent to move |
/// | `Change` | is on its way | what its protection shall be |
/// | `End` | is a position | an intent to close |
/// | `End` | rests | an intent to cancel |
/// | `End` | is on its way | its withdrawal |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// A new position.
    Place(Placing),
    /// Another stop loss and take profit of a trade of ours, and another price where it rests.
    Change {
        /// Which trade.
        trade: Magic,
        /// The price at which it shall rest, the present one where that stays; `None` for what does not rest.
        price: Option<Price>,
        /// The stop loss that shall stand.
        stop_loss: Option<Price>,
        /// The take profit that shall stand.
        take_profit: Option<Price>,
    },
    /// The end of a trade of ours: a position is closed, an order cancelled, what was not sent withdrawn.
    End {
        /// Which trade.
        trade: Magic,
        /// How much of a position; all when `None`.
        lots: Option<Lots>,
    },
}

/// A new position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placing {
    /// Which way, after a reversal.
    pub side: Side,
    /// How, after a reversal; at the market with the price the signal was made at.
    pub entry: Entry,
    /// How much: a whole number of volume steps within all limits.
    pub lots: Lots,
    /// MQL5 `sl`, after a reversal.
    pub stop_loss: Option<Price>,
    /// MQL5 `tp`, after a reversal.
    pub take_profit: Option<Price>,
    /// What slippage is judged by (TRD-2): the signal's price, else the quote at planning; `None` when neither is known.
    pub reference: Option<Price>,
    /// What one point is, for the deviation.
    pub point: Price,
    /// Whether it goes the opposite way of the signal.
    pub reversed: bool,
}

impl Fanout {
    /// The intents of an account, none when it was refused.
    #[must_use]
    pub fn intents_of(&self, account: &AccountPlan) -> &[Intent] {
        match account.verdict {
            Verdict::Planned { first, count, budget: _ } => {
                let rest = self.intents.get(first as usize..).unwrap_or_default();
                rest.get(..count as usize).unwrap_or(rest)
            }
            Verdict::Accepted | Verdict::Refused(_) => &[],
        }
    }
}

impl fmt::Display for Fanout {
    /// One line for each intent and each refusal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = 0;
        let mut next = |f: &mut fmt::Formatter<'_>| {
            line += 1;
            if line > 1 { f.write_str("\n") } else { Ok(()) }
        };
        if let Some(group) = &self.nobody {
            next(f)?;
            write!(f, "no instance belongs to group {group}; correct the target")?;
        }
        for account in &self.accounts {
            for intent in self.intents_of(account) {
                next(f)?;
                write!(f, "{intent}")?;
            }
            match &account.verdict {
                Verdict::Planned { .. } => {}
                Verdict::Accepted => {
                    next(f)?;
                    write!(f, "{} accepted before", account.instance)?;
                }
                Verdict::Refused(refusal) => {
                    next(f)?;
                    write!(f, "{} refused {}: {refusal}", account.instance, refusal.code())?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} ", self.instance, self.part)?;
        match &self.work {
            Work::Place(placing) => {
                write!(f, "{} {} {}", placing.side, placing.lots, self.symbol)?;
                placing.fmt(f)
            }
            Work::Change { trade, price, stop_loss, take_profit } => {
                let (_, number) = trade.parts();
                write!(f, "change {} of trade {number}:", self.symbol)?;
                some(f, "price", *price)?;
                stops(f, *stop_loss, *take_profit)
            }
            Work::End { trade, lots } => {
                let (_, number) = trade.parts();
                match lots {
                    Some(lots) => write!(f, "end {lots} {} of trade {number}", self.symbol),
                    None => write!(f, "end all {} of trade {number}", self.symbol),
                }
            }
        }
    }
}

impl fmt::Display for Placing {
    /// Everything but side, lots and symbol.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " {}", self.entry.kind())?;
        let (price, trigger) = match self.entry {
            Entry::Market { .. } => (None, None),
            Entry::Limit { .. } | Entry::Stop { .. } | Entry::StopLimit { .. } => self.entry.prices(),
        };
        some(f, "at", price)?;
        some(f, "trigger", trigger)?;
        stops(f, self.stop_loss, self.take_profit)?;
        some(f, "reference", self.reference)?;
        f.write_str(if self.reversed { " reversed" } else { "" })
    }
}

fn stops(f: &mut fmt::Formatter<'_>, stop_loss: Option<Price>, take_profit: Option<Price>) -> fmt::Result {
    some(f, "sl", stop_loss)?;
    some(f, "tp", take_profit)
}

fn some(f: &mut fmt::Formatter<'_>, name: &str, price: Option<Price>) -> fmt::Result {
    price.map_or(Ok(()), |price| write!(f, " {name} {price}"))
}
