use warden_domain::Timestamp;

use crate::fault::FaultKind;

/// A fault that stands at a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Names the fault, so that its end ends this one alone.
    pub(crate) id: u64,
    pub(crate) kind: FaultKind,
    /// When it ends, where that is known.
    pub(crate) until: Option<Timestamp>,
    /// How often it still acts; `None` until it ends.
    left: Option<u32>,
}

impl Standing {
    pub(crate) fn new(id: u64, kind: FaultKind, until: Option<Timestamp>) -> Self {
        let left = if let FaultKind::LoginFlaky(times) = kind {
            Some(times)
        } else {
            (kind.once() && until.is_none()).then_some(1)
        };
        Self { id, kind, until, left }
    }

    /// It acts; answers whether that was the last time.
    pub(crate) fn spend(&mut self) -> bool {
        self.left = self.left.map(|left| left.saturating_sub(1));
        self.left == Some(0)
    }
}
