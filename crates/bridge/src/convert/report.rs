//! `Report` of the contract.

use warden_domain::Facts;

use super::{FrameFault, LONGEST_DETAIL, cut, facts};
use crate::{Report, wire};

pub(crate) fn encode(report: &Report) -> wire::Report {
    wire::Report {
        terminal_alive: report.terminal_alive,
        facts: Some(facts::encode(&report.facts)),
        positions: report.positions,
        detail: cut(&report.detail, LONGEST_DETAIL).to_owned(),
    }
}

pub(crate) fn decode(report: &wire::Report) -> Result<Report, FrameFault> {
    Ok(Report {
        terminal_alive: report.terminal_alive,
        facts: facts::decode(report.facts.as_ref())?,
        positions: report.positions,
        detail: cut(&report.detail, LONGEST_DETAIL).to_owned(),
    })
}

/// Whether the report tells of one call or one moment, and not of the standing alone.
pub(crate) fn is_event(report: &Report) -> bool {
    let Facts { retcode, ticket: _, last_error, journal, terminal: _, account: _ } = report.facts;
    retcode.is_some() || last_error.is_some() || journal.is_some()
}

/// The report as it is repeated with a heartbeat: what belonged to one call is not told twice.
pub(crate) fn standing(report: &Report) -> Report {
    Report {
        terminal_alive: report.terminal_alive,
        facts: Facts { terminal: report.facts.terminal, account: report.facts.account, ..Facts::default() },
        positions: report.positions,
        detail: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use warden_domain::{JournalLine, TerminalFlags};

    use super::*;

    fn report() -> Report {
        Report {
            terminal_alive: true,
            facts: Facts {
                retcode: Some(10_024),
                ticket: true,
                last_error: Some(-10_005),
                journal: Some(JournalLine::NoConnection),
                terminal: Some(TerminalFlags {
                    connected: true,
                    trade_allowed: false,
                    tradeapi_disabled: true,
                }),
                account: None,
            },
            positions: 7,
            detail: "no connection to Broker-Live".into(),
        }
    }

    #[test]
    fn a_report_comes_back() {
        assert_eq!(decode(&encode(&report())), Ok(report()));
    }

    #[test]
    fn an_overlong_detail_is_cut_at_256_characters_on_both_sides() {
        let long = Report { detail: "ä".repeat(300), ..report() };
        assert_eq!(encode(&long).detail.chars().count(), 256);
        let wire = wire::Report { detail: "ä".repeat(300), ..wire::Report::default() };
        assert_eq!(decode(&wire).unwrap().detail, "ä".repeat(256));
    }

    #[test]
    fn brk_2_a_repeated_standing_does_not_tell_a_rate_limit_again() {
        assert!(is_event(&report()));
        let standing = standing(&report());
        assert!(!is_event(&standing));
        assert_eq!(standing.facts.terminal, report().facts.terminal);
        assert_eq!(standing.positions, 7);
    }
}
