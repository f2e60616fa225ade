//! What the run knows for certain, and whether it may be so: the journal as it was told, the commands as they left, the
//! ledger of the broker, compared after every event.

mod books;
mod life;
mod member;
mod rows;

use std::{collections::BTreeMap, fmt, sync::Arc};

use warden_bridge::{Command, Envelope};
use warden_bridge_sim::FleetPlan;
use warden_domain::{AccountMode, InstanceId, Timestamp};
use warden_policy::Params;
use warden_store::{Commit, HistoryRows, history::Range};

pub(crate) use self::{
    books::{Account, Books, Made, units},
    life::Life,
    member::Member,
    rows::{Batch, LifeRow, Row, StepRow},
};
use crate::{invariant, sim::State};

/// Something that may not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When, in milliseconds since the run began.
    pub at: u64,
    /// The invariant that does not hold.
    pub invariant: &'static str,
    /// What was seen instead.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>8} {}: {}", self.at, self.invariant, self.what)
    }
}

/// Who compares what should be with what is.
#[derive(Debug)]
pub(crate) struct Judge {
    pub(crate) params: Arc<Params>,
    pub(crate) members: BTreeMap<InstanceId, Member>,
    pub(crate) rows: u64,
    pub(crate) books: Books,
    /// The instance of each account.
    pub(crate) logins: BTreeMap<u64, (InstanceId, AccountMode)>,
    ranges: BTreeMap<(u64, u64), u64>,
    pub(crate) violations: Vec<Violation>,
}

impl Judge {
    pub(crate) fn new(params: Arc<Params>, plan: &FleetPlan) -> Self {
        let accounts = || plan.accounts.iter();
        let members = accounts().map(|account| (account.instance.clone(), Member::default())).collect();
        let logins = accounts().map(|of| (of.login.number(), (of.instance.clone(), of.mode))).collect();
        let (books, ranges) = (Books::default(), BTreeMap::new());
        Self { params, members, rows: 0, books, logins, ranges, violations: Vec::new() }
    }
}

/// What an invariant answers: what was seen instead of what may be.
pub(crate) type Verdict = Result<(), String>;

impl State {
    /// Takes a verdict down.
    pub(crate) fn judged(&mut self, invariant: &'static str, verdict: Verdict) {
        let Err(what) = verdict else { return };
        let at = self.millis();
        self.note(format_args!("VIOLATION {invariant}: {what}"));
        self.judge.violations.push(Violation { at, invariant, what });
    }

    /// The journal took a batch: from here on it is true.
    pub(crate) fn journalled(&mut self, commit: Commit, batch: Batch) {
        let first = invariant::journal::rows_have_no_gap(self.judge.rows, commit, batch.rows.len());
        self.judged("the journal's rows have no gap", first);
        self.judge.rows = commit.last;
        for row in batch.rows {
            if row.is_deadline() {
                self.step(format_args!("deadline {row}"));
            } else {
                self.note(format_args!("row {row}"));
            }
            match row {
                Row::Instance(step) => {
                    self.judge_row(&step);
                    if let Some(member) = self.judge.members.get_mut(&step.instance) {
                        member.take_in(*step);
                    }
                }
                Row::Trade(life) => self.take_in_life(&life),
            }
        }
    }

    fn take_in_life(&mut self, row: &LifeRow) {
        let clock = self.clocks.get(&self.process).copied().unwrap_or(0);
        let member = self.judge.members.get_mut(&row.instance);
        if let Some(life) = member.and_then(|member| member.lives.get_mut(&row.magic.number())) {
            life.read_by(clock);
        }
        self.judge_life(row);
        let params = Arc::clone(&self.judge.params);
        if let Some(member) = self.judge.members.get_mut(&row.instance) {
            if let Some(life) = member.lives.get_mut(&row.magic.number()) {
                life.waits_after(row, &params);
            }
            member.take_in_life(row);
        }
    }

    fn judge_life(&mut self, row: &LifeRow) {
        use invariant::{trade, trouble};
        let Some(member) = self.judge.members.get(&row.instance) else { return };
        let (life, params) = (member.lives.get(&row.magic.number()), &self.judge.params);
        let verdicts = [
            (
                "a signal is accepted once",
                if life.is_some() { Ok(()) } else { trade::accepted_once(member, row) },
            ),
            ("every send has a number of its own", trade::sends_are_numbered(life, row)),
            ("nothing is sent too late", trade::nothing_leaves_late(row)),
            ("nothing leaves through a shut gate", trade::nothing_leaves_through_a_shut_gate(member, row)),
            ("one order is in flight per symbol", trade::lane_is_free(member, row)),
            ("resends wait as long as the rules say", trade::resends_wait(life, row)),
            (
                "an intent is sent as often as its budgets allow",
                trade::sends_are_within_budget(life, row, params),
            ),
            ("no order may deviate beyond the threshold", trade::deviation_is_bounded(row, params)),
            ("an end is final", trade::ends_are_final(life, row)),
            ("what demands to be told is told", trade::is_told(member, life, row)),
            (
                "a duplicate is counted once",
                trade::duplicates_are_counted_once(member, life, self.made_by(row), row),
            ),
            ("a part is not taken for the whole", trade::rest_is_tried(life, row)),
            ("the rest of a part has its time", trouble::rest_has_its_time(life, row, params)),
            ("the rest of a part is tried once more", trouble::rest_is_tried_once(life, row)),
            ("trouble escalates as the rules say", trouble::escalates_as_ruled(row, params)),
            ("trouble is counted once", trouble::counted_once(member, row)),
        ];
        for (name, verdict) in verdicts {
            self.judged(name, verdict);
        }
    }

    /// What the sends of a trade made at the broker so far.
    fn made_by(&self, row: &LifeRow) -> Option<&Made> {
        let (login, _) = self.judge.logins.iter().find(|(_, (instance, _))| *instance == row.instance)?;
        self.judge.books.account(*login)?.made.get(&row.magic.number())
    }

    /// Reads what the broker did since.
    pub(crate) fn audit(&mut self) {
        while let Some(entry) = self.world.ledger().entries().get(self.judge.books.read).cloned() {
            self.note(format_args!(
                "ledger {} {:?} {:?} send {:?} order {} position {} {} {:?} {} at {} {:?}",
                entry.login,
                entry.kind,
                entry.reason,
                entry.send,
                entry.order,
                entry.position,
                entry.symbol,
                entry.side,
                entry.volume,
                entry.price,
                entry.repeated,
            ));
            self.judge.books.take_in(&entry);
            let Some((instance, mode)) = self.judge.logins.get(&entry.login.number()) else { continue };
            let (Some(member), Some(account)) =
                (self.judge.members.get(instance), self.judge.books.account(entry.login.number()))
            else {
                continue;
            };
            let verdicts = [
                ("no order without a durable intent", invariant::ledger::intended(member, &entry)),
                ("no order begins after its deadline", invariant::ledger::begun_in_time(member, &entry)),
                ("an intent executes once", invariant::ledger::executed_once(account, &entry)),
                (
                    "what others made is untouched",
                    invariant::ledger::externals_are_untouched(account, &entry, *mode),
                ),
            ];
            for (name, verdict) in verdicts {
                self.judged(name, verdict);
            }
        }
    }

    fn judge_row(&mut self, row: &StepRow) {
        let Some(member) = self.judge.members.get(&row.instance) else { return };
        let params = Arc::clone(&self.judge.params);
        use invariant::{alert, instance, journal, retry, trouble, wait};
        let verdicts = [
            ("epochs and versions rise", journal::epochs_and_versions_rise(member, row)),
            ("a stopped instance rests", instance::stopped_rests(member, row)),
            ("the gate opens on a confirmed session only", instance::gate_needs_session(row)),
            ("a halt holds until a person ends it", instance::halt_holds(member, row)),
            ("retries are as many as the rules say", retry::counts(row, &params)),
            ("a lost network is no refused login", retry::a_lost_network_is_no_refusal(member, row)),
            ("retries wait as long as the rules say", wait::set_as_ruled(member, row, &params)),
            ("attempts start when they are due", wait::attempts_are_due(member, row)),
            ("an attempt is not brought forward", wait::none_is_brought_forward(member, row)),
            ("recoveries that do not last are counted", wait::recoveries_are_counted(member, row)),
            ("every rule that demands an alert raises it", alert::raised(member, row, &params)),
            ("a long disconnection is told", alert::a_long_loss_is_told(member, row)),
            ("who is to act is told", alert::notified(member, row)),
            ("the instance does what its trades ask", trouble::instance_follows(row)),
        ];
        for (name, verdict) in verdicts {
            self.judged(name, verdict);
        }
    }

    /// A command left the driver.
    pub(crate) fn sent(&mut self, envelope: &Envelope) {
        self.step(format_args!(
            "send {} {} {} at epoch {}",
            envelope.instance,
            envelope.id.0,
            command_name(envelope),
            envelope.epoch.0
        ));
        let Some(member) = self.judge.members.get(&envelope.instance) else { return };
        let verdicts = [
            ("nothing is sent before its intent is durable", invariant::send::durable(member, envelope)),
            ("every command is sent once", invariant::send::once(member, envelope)),
            ("every command carries the present epoch", invariant::send::epoch(member, envelope)),
        ];
        for (name, verdict) in verdicts {
            self.judged(name, verdict);
        }
        let ahead = self.clocks.get(&self.process).copied().unwrap_or(0);
        let until = Timestamp::from_millis(envelope.deadline.as_millis() - ahead);
        if let Some(member) = self.judge.members.get_mut(&envelope.instance) {
            member.sent.insert((envelope.epoch, envelope.id));
            if let Command::Order(order) = &envelope.command
                && let Some(life) = member.lives.get_mut(&order.send.magic)
            {
                life.left.insert(order.send.attempt, until);
            }
        }
    }

    /// A command was refused, because no session stands.
    pub(crate) fn refused(&mut self, envelope: &Envelope) {
        self.step(format_args!("refuse {} {} {}", envelope.instance, envelope.id.0, command_name(envelope)));
    }

    /// The history took a range.
    pub(crate) fn inserted(&mut self, range: Range, rows: &HistoryRows) {
        self.step(format_args!("history {}..{} {} events", range.first, range.last, rows.events.len()));
        let digest = invariant::history::digest(rows);
        let verdict = invariant::history::same_range_same_rows(&self.judge.ranges, range, digest);
        self.judged("a range of the history is sent again unchanged", verdict);
        self.judge.ranges.insert((range.first, range.last), digest);
    }
}

fn command_name(envelope: &Envelope) -> &'static str {
    match &envelope.command {
        Command::Login { .. } => "login",
        Command::Reconnect => "reconnect",
        Command::Restart { .. } => "restart",
        Command::Confirm => "confirm",
        Command::CloseTrades { .. } => "close_trades",
        Command::EndSession => "end_session",
        Command::Order(_) => "order",
        Command::Snapshot(_) => "snapshot",
        Command::Watch(_) => "watch",
    }
}
