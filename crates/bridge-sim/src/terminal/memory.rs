use warden_domain::Timestamp;

use crate::{
    account::Account,
    engine::{Dealt, Ended, PendingOrder, Position},
};

/// What a terminal remembers of its account from before its connection was lost.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    orders: Vec<PendingOrder>,
    positions: Vec<Position>,
    /// So much of the history.
    ended: usize,
    deals: usize,
    /// Shown until this moment; `None` while there is no connection.
    pub(crate) until: Option<Timestamp>,
}

/// What a terminal shows of its account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a> {
    pub(crate) orders: &'a [PendingOrder],
    pub(crate) positions: &'a [Position],
    pub(crate) ended: &'a [Ended],
    pub(crate) deals: &'a [Dealt],
}

impl Memory {
    /// How the account stands now.
    pub(crate) fn of(account: &Account) -> Self {
        Self {
            orders: account.orders.clone(),
            positions: account.positions.clone(),
            ended: account.history.orders.len(),
            deals: account.history.deals.len(),
            until: None,
        }
    }

    /// The same, shown until a moment.
    pub(crate) fn shown_until(self, moment: Timestamp) -> Self {
        Self { until: Some(moment), ..self }
    }
}

impl<'a> Shown<'a> {
    /// What is remembered, or the account as it is.
    pub(crate) fn of(account: &'a Account, memory: Option<&'a Memory>) -> Self {
        let history = &account.history;
        match memory {
            None => Self {
                orders: &account.orders,
                positions: &account.positions,
                ended: &history.orders,
                deals: &history.deals,
            },
            Some(memory) => Self {
                orders: &memory.orders,
                positions: &memory.positions,
                ended: &history.orders[..memory.ended],
                deals: &history.deals[..memory.deals],
            },
        }
    }
}
