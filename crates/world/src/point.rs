use std::fmt;

/// Where the supervisor can die: the crash points of the architecture, each an injection at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Point {
    /// Before the journal takes a batch with an intent: it did not happen.
    C0,
    /// An intent is durable and not projected.
    C1,
    /// An intent is durable and projected, and nothing of it was sent.
    C2,
    /// `SENDING` is durable, and no byte left.
    C3,
    /// The bytes left, and the gateway never got them.
    C4,
    /// The gateway has the order and did not begin with it.
    C5,
    /// The order is under way at the broker.
    C6,
    /// It executed, and its answer is lost.
    C7,
    /// The gateway has the answer and could not give it.
    C8,
    /// The answer was received and is not journalled.
    C9,
    /// An outcome is journalled and not projected.
    C10,
    /// Before a history took a range.
    C11,
    /// The history took a range, and the cursor did not move.
    C12,
    /// While a new start reads its stores and looks at the broker.
    C13,
    /// The owner epoch is raised, and no lease is taken.
    C14,
}

impl Point {
    /// Every point.
    pub const ALL: [Self; 15] = [
        Self::C0,
        Self::C1,
        Self::C2,
        Self::C3,
        Self::C4,
        Self::C5,
        Self::C6,
        Self::C7,
        Self::C8,
        Self::C9,
        Self::C10,
        Self::C11,
        Self::C12,
        Self::C13,
        Self::C14,
    ];
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "C{}", *self as u8)
    }
}
