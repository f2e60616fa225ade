//! `Facts` of the contract.

use warden_domain::{AccountFlags, Facts, JournalLine, TerminalFlags};

use super::{FrameFault, known};
use crate::wire;

pub(crate) fn encode(facts: &Facts) -> wire::Facts {
    wire::Facts {
        retcode: facts.retcode,
        ticket: facts.ticket,
        last_error: facts.last_error,
        journal_line: facts.journal.map_or(wire::JournalLine::Unspecified, line).into(),
        terminal: facts.terminal.map(|it| wire::TerminalFlags {
            connected: it.connected,
            trade_allowed: it.trade_allowed,
            tradeapi_disabled: it.tradeapi_disabled,
        }),
        account: facts.account.map(|it| wire::AccountFlags {
            expected: it.expected,
            trade_allowed: it.trade_allowed,
            trade_expert: it.trade_expert,
        }),
    }
}

/// Unset facts are facts that observed nothing.
pub(crate) fn decode(facts: Option<&wire::Facts>) -> Result<Facts, FrameFault> {
    let Some(facts) = facts else { return Ok(Facts::default()) };
    Ok(Facts {
        retcode: facts.retcode,
        ticket: facts.ticket,
        last_error: facts.last_error,
        journal: read_line(known("journal_line", facts.journal_line)?),
        terminal: facts.terminal.map(|it| TerminalFlags {
            connected: it.connected,
            trade_allowed: it.trade_allowed,
            tradeapi_disabled: it.tradeapi_disabled,
        }),
        account: facts.account.map(|it| AccountFlags {
            expected: it.expected,
            trade_allowed: it.trade_allowed,
            trade_expert: it.trade_expert,
        }),
    })
}

fn line(line: JournalLine) -> wire::JournalLine {
    match line {
        JournalLine::InvalidAccount => wire::JournalLine::InvalidAccount,
        JournalLine::AccountDisabled => wire::JournalLine::AccountDisabled,
        JournalLine::ServiceUnavailable => wire::JournalLine::ServiceUnavailable,
        JournalLine::CommonError => wire::JournalLine::CommonError,
        JournalLine::NoConnection => wire::JournalLine::NoConnection,
        JournalLine::InvestorMode => wire::JournalLine::InvestorMode,
    }
}

fn read_line(line: wire::JournalLine) -> Option<JournalLine> {
    match line {
        wire::JournalLine::Unspecified => None,
        wire::JournalLine::InvalidAccount => Some(JournalLine::InvalidAccount),
        wire::JournalLine::AccountDisabled => Some(JournalLine::AccountDisabled),
        wire::JournalLine::ServiceUnavailable => Some(JournalLine::ServiceUnavailable),
        wire::JournalLine::CommonError => Some(JournalLine::CommonError),
        wire::JournalLine::NoConnection => Some(JournalLine::NoConnection),
        wire::JournalLine::InvestorMode => Some(JournalLine::InvestorMode),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_journal_line_comes_back() {
        for journal in JournalLine::ALL.iter().copied().map(Some).chain([None]) {
            let facts = Facts { journal, ..Facts::default() };
            assert_eq!(decode(Some(&encode(&facts))), Ok(facts));
        }
    }

    #[test]
    fn trd_9_an_unlisted_retcode_keeps_its_number() {
        for retcode in [99_999, 10_008, 0, u32::MAX] {
            let facts = Facts { retcode: Some(retcode), last_error: Some(i32::MIN), ..Facts::default() };
            assert_eq!(decode(Some(&encode(&facts))), Ok(facts));
        }
    }

    #[test]
    fn unset_facts_observed_nothing_and_an_unknown_line_is_refused() {
        assert_eq!(decode(None), Ok(Facts::default()));
        let strange = wire::Facts { journal_line: 99, ..wire::Facts::default() };
        assert_eq!(
            decode(Some(&strange)),
            Err(FrameFault::UnknownNumber { field: "journal_line", number: 99 })
        );
    }
}
