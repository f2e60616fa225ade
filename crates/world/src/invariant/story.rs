//! For the tests of invariants: an instance that the real policy steps, row by row, and what judges say of the rows when
//! the rules' numbers are others.

use warden_domain::{
    AccountFlags, Epoch, Facts, InstanceId, JournalLine, Rule, Span, TerminalFlags, Timestamp, Version,
};
use warden_policy::{CommandId, Effects, Event, Instance, Outcome, Params, Report, Step, step};

use crate::judge::{Member, StepRow, Verdict};

/// What judges a row.
pub(super) type Judged = fn(&Member, &StepRow, &Params) -> Verdict;

/// What happens to an instance.
#[derive(Clone, Copy)]
pub(super) enum Happens {
    Event(Event),
    /// The command under way ends.
    Ends(Outcome, Facts),
    /// The next deadline comes.
    Deadline,
}

/// Its terminal is connected and logged in.
pub(super) const WELL: Facts = facts(true, true);
/// Nobody is logged in any more, and the broker does not answer.
pub(super) const CUT_OFF: Facts = facts(false, true);
/// Trading is not permitted.
pub(super) const NOT_PERMITTED: Facts = facts(true, false);

const fn facts(connected: bool, permitted: bool) -> Facts {
    Facts {
        retcode: None,
        ticket: false,
        last_error: None,
        journal: None,
        terminal: Some(TerminalFlags { connected, trade_allowed: true, tradeapi_disabled: false }),
        account: Some(AccountFlags { expected: true, trade_allowed: permitted, trade_expert: true }),
    }
}

pub(super) const fn report(terminal_alive: bool, facts: Facts) -> Happens {
    Happens::Event(Event::Report(Report { terminal_alive, positions: 0, facts }))
}

/// The command under way is refused, for what this line of the terminal's journal says.
pub(super) const fn refused(journal: JournalLine) -> Happens {
    Happens::Ends(Outcome::Failed, Facts { journal: Some(journal), ..NO_FACTS })
}

/// The command under way is answered with a code of the trade server.
pub(super) const fn answered(retcode: u32) -> Happens {
    Happens::Ends(Outcome::Failed, Facts { retcode: Some(retcode), ..NO_FACTS })
}

const NO_FACTS: Facts =
    Facts { retcode: None, ticket: false, last_error: None, journal: None, terminal: None, account: None };

/// A person starts it, its gateway comes, and its first login is under way.
pub(super) const STARTED: [Happens; 3] = [
    Happens::Event(Event::Start),
    Happens::Event(Event::GatewayUp(Report { terminal_alive: true, positions: 0, facts: NO_FACTS })),
    Happens::Deadline,
];

/// Its login works, and its session is confirmed.
pub(super) const UP: [Happens; 2] = [
    Happens::Ends(Outcome::Done, WELL),
    Happens::Ends(Outcome::Session { matches: true, reconciled: true, positions: 0 }, WELL),
];

/// What a judge says of each row of a story that the policy's own defaults made, when it believes in other numbers.
pub(super) fn faults(story: &[Happens], believed: &Params, judge: Judged) -> Vec<String> {
    let (mut state, mut member) = (Instance::new(7), Member::default());
    let (mut now, mut faults) = (Timestamp::from_millis(1_700_000_000_000), Vec::new());
    for (at, what) in (1..).zip(story) {
        let event = match *what {
            Happens::Event(event) => {
                now = now.after(Span::from_millis(100));
                event
            }
            Happens::Ends(outcome, facts) => {
                now = now.after(Span::from_millis(100));
                let id: CommandId = state.awaited().expect("the story has a command under way");
                Event::Finished { id, outcome, facts }
            }
            Happens::Deadline => {
                now = state.next_deadline().expect("the story has a deadline").max(now);
                Event::Tick { admitted: true }
            }
        };
        let mut effects = Effects::default();
        let _ = step(&mut state, &event, now, &Params::default(), &mut effects);
        let row = StepRow {
            instance: InstanceId::new("acct-1").expect("letters, a dash and a digit"),
            epoch: Epoch(1),
            version: Version(at),
            at: now,
            kind: event.kind(),
            rule: effects.rule().map_or("", Rule::as_str),
            step: Step { event, effects, state: state.clone(), detail: String::new() },
        };
        faults.extend(judge(&member, &row, believed).err());
        member.take_in(row);
    }
    faults
}
