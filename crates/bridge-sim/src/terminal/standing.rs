use crate::fault::FaultKind;

/// A fault that stands at a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Names the fault, so that its end ends this one alone.
    pub(crate) id: u64,
    pub(crate) kind: FaultKind,
    /// How often it still acts; `None` until it ends.
    left: Option<u32>,
}

impl Standing {
    pub(crate) fn new(id: u64, kind: FaultKind, lasts: bool) -> Self {
        let left = if let FaultKind::LoginFlaky(times) = kind {
            Some(times)
        } else {
            (kind.once() && !lasts).then_some(1)
        };
        Self { id, kind, left }
    }

    /// It acts; answers whether that was the last time.
    pub(crate) fn spend(&mut self) -> bool {
        self.left = self.left.map(|left| left.saturating_sub(1));
        self.left == Some(0)
    }
}
