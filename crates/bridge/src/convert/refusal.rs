//! `Refusal` and `Turned` of the contract.

use super::{LONGEST_DETAIL, cut};
use crate::{RefusalReason, Refused, wire};

/// What of a frame is refused, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: RefusalReason,
    pub(crate) sequence: u64,
    pub(crate) command_id: u64,
    pub(crate) detail: String,
}

impl Refusal {
    pub(crate) fn new(reason: RefusalReason) -> Self {
        Self { reason, sequence: 0, command_id: 0, detail: String::new() }
    }

    pub(crate) fn of(self, sequence: u64, command_id: u64) -> Self {
        Self { sequence, command_id, ..self }
    }

    pub(crate) fn saying(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }
}

pub(crate) fn encode(refusal: &Refusal) -> wire::Refusal {
    wire::Refusal {
        reason: reason(refusal.reason).into(),
        sequence: refusal.sequence,
        command_id: refusal.command_id,
        detail: cut(&refusal.detail, LONGEST_DETAIL).to_owned(),
    }
}

fn reason(reason: RefusalReason) -> wire::RefusalReason {
    match reason {
        RefusalReason::UnsupportedVersion => wire::RefusalReason::UnsupportedVersion,
        RefusalReason::UnknownType => wire::RefusalReason::UnknownType,
        RefusalReason::Oversized => wire::RefusalReason::Oversized,
        RefusalReason::Gap => wire::RefusalReason::Gap,
        RefusalReason::Duplicate => wire::RefusalReason::Duplicate,
        RefusalReason::StaleEpoch => wire::RefusalReason::StaleEpoch,
        RefusalReason::WrongLogin => wire::RefusalReason::WrongLogin,
        RefusalReason::UnknownInstance => wire::RefusalReason::UnknownInstance,
        RefusalReason::BadField => wire::RefusalReason::BadField,
        RefusalReason::OutOfPlace => wire::RefusalReason::OutOfPlace,
    }
}

/// The reason of the other side; a number that this side does not know is a bad field of the refusal itself.
pub(crate) fn read_reason(number: i32) -> RefusalReason {
    match wire::RefusalReason::try_from(number) {
        Ok(wire::RefusalReason::UnsupportedVersion) => RefusalReason::UnsupportedVersion,
        Ok(wire::RefusalReason::UnknownType) => RefusalReason::UnknownType,
        Ok(wire::RefusalReason::Oversized) => RefusalReason::Oversized,
        Ok(wire::RefusalReason::Gap) => RefusalReason::Gap,
        Ok(wire::RefusalReason::Duplicate) => RefusalReason::Duplicate,
        Ok(wire::RefusalReason::StaleEpoch) => RefusalReason::StaleEpoch,
        Ok(wire::RefusalReason::WrongLogin) => RefusalReason::WrongLogin,
        Ok(wire::RefusalReason::UnknownInstance) => RefusalReason::UnknownInstance,
        Ok(wire::RefusalReason::OutOfPlace) => RefusalReason::OutOfPlace,
        Ok(wire::RefusalReason::BadField | wire::RefusalReason::Unspecified) | Err(_) => {
            RefusalReason::BadField
        }
    }
}

pub(crate) fn turn(refused: Refused) -> wire::TurnReason {
    match refused {
        Refused::UnknownInstance => wire::TurnReason::UnknownInstance,
        Refused::OwnedElsewhere => wire::TurnReason::OwnedElsewhere,
        Refused::Unavailable => wire::TurnReason::Unavailable,
        Refused::StaleEpoch => wire::TurnReason::StaleEpoch,
        Refused::BadField => wire::TurnReason::BadField,
    }
}

/// A number that this side does not know means: announce the instance again later.
pub(crate) fn read_turn(number: i32) -> Refused {
    match wire::TurnReason::try_from(number) {
        Ok(wire::TurnReason::UnknownInstance) => Refused::UnknownInstance,
        Ok(wire::TurnReason::OwnedElsewhere) => Refused::OwnedElsewhere,
        Ok(wire::TurnReason::StaleEpoch) => Refused::StaleEpoch,
        Ok(wire::TurnReason::BadField) => Refused::BadField,
        Ok(wire::TurnReason::Unavailable | wire::TurnReason::Unspecified) | Err(_) => Refused::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_comes_back() {
        for reason in RefusalReason::ALL {
            let wire = encode(&Refusal::new(reason).of(3, 4).saying("why"));
            assert_eq!((wire.sequence, wire.command_id, wire.detail.as_str()), (3, 4, "why"));
            assert_eq!(read_reason(wire.reason), reason);
        }
        for refused in Refused::ALL {
            assert_eq!(read_turn(turn(refused).into()), refused);
        }
    }

    #[test]
    fn a_reason_of_tomorrow_is_read_today() {
        assert_eq!(read_reason(4_711), RefusalReason::BadField);
        assert_eq!(read_turn(4_711), Refused::Unavailable);
    }
}
