//! The retcodes that the engine gives by rule; any other one can be injected as a fault.

use warden_domain::retcode::Retcode;

/// The trade server refuses a request with this retcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) Retcode);

macro_rules! codes {
    ($($name:ident = $number:literal;)+) => {
        $(pub(crate) const $name: Retcode = Retcode::of($number);)+

        #[cfg(test)]
        const ALL: &[(&str, Retcode)] = &[$((stringify!($name), $name)),+];
    };
}

codes! {
    REQUOTE = 10_004;
    REJECT = 10_006;
    PLACED = 10_008;
    DONE = 10_009;
    DONE_PARTIAL = 10_010;
    INVALID = 10_013;
    INVALID_VOLUME = 10_014;
    INVALID_PRICE = 10_015;
    INVALID_STOPS = 10_016;
    TRADE_DISABLED = 10_017;
    MARKET_CLOSED = 10_018;
    NO_MONEY = 10_019;
    PRICE_OFF = 10_021;
    NO_CHANGES = 10_025;
    FROZEN = 10_029;
    INVALID_FILL = 10_030;
    LIMIT_ORDERS = 10_033;
    LIMIT_VOLUME = 10_034;
    INVALID_ORDER = 10_035;
    POSITION_CLOSED = 10_036;
    INVALID_CLOSE_VOLUME = 10_038;
    LIMIT_POSITIONS = 10_040;
    LONG_ONLY = 10_042;
    SHORT_ONLY = 10_043;
    CLOSE_ONLY = 10_044;
    FIFO_CLOSE = 10_045;
    HEDGE_PROHIBITED = 10_046;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trd_9_the_names_are_those_of_the_table() {
        for (name, code) in ALL {
            let entry = code.entry().unwrap_or_else(|| panic!("{name} stands in the table"));
            assert_eq!(entry.name, format!("TRADE_RETCODE_{name}"));
        }
    }
}
