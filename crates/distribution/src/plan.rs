//! One signal in, one plan for every account out.

mod entrance;
mod exit;
mod target;

use warden_domain::{Gate, InstanceId, Price, Side, Timestamp};

use crate::{
    AccountFacts, AccountPlan, Action, Budget, Fanout, Intent, Params, Refusal, Signal, Target, Verdict,
    Work,
    refusal::{Fact, Scope},
};

/// What a signal means for every account it is for.
///
/// A function of its arguments: the same ones give the same plan, whatever the order of `accounts`. `accounts` may hold
/// more than the signal is for; of several facts of one instance the first ones count.
///
/// What is looked at, the first refusal counts: validity, instance, permission, gate; then to open: symbol, side, volume,
/// number of open trades, worth, and last the order-rate budget, so that only what leaves uses it up. Changing and ending
/// use it up too and are never refused by it.
///
/// It does not know which keys were planned before: [`Book::plan`](crate::Book::plan) does.
pub fn plan(signal: &Signal, accounts: &[AccountFacts<'_>], now: Timestamp, params: &Params) -> Fanout {
    plan_but(signal, accounts, &[], now, params)
}

/// The same without the instances that have accepted the signal before, sorted.
pub(crate) fn plan_but(
    signal: &Signal,
    accounts: &[AccountFacts<'_>],
    accepted: &[InstanceId],
    now: Timestamp,
    params: &Params,
) -> Fanout {
    let valid = validity(signal, now, params);
    with(signal, accounts, now, |instance, facts, intents| {
        if accepted.binary_search(instance).is_ok() {
            return Ok(None);
        }
        valid?;
        judge(signal, facts.ok_or(Refusal::NoSuchInstance)?, now, intents).map(Some)
    })
}

/// The same refusal for every account that the signal is for.
pub(crate) fn refuse(
    signal: &Signal,
    accounts: &[AccountFacts<'_>],
    now: Timestamp,
    refusal: Refusal,
) -> Fanout {
    with(signal, accounts, now, |_, _, _| Err(refusal))
}

fn with(
    signal: &Signal,
    accounts: &[AccountFacts<'_>],
    now: Timestamp,
    mut judge: impl FnMut(
        &InstanceId,
        Option<&AccountFacts<'_>>,
        &mut Vec<Intent>,
    ) -> Result<Option<Budget>, Refusal>,
) -> Fanout {
    let targeted = target::targeted(&signal.target, accounts);
    let mut plans = Vec::with_capacity(targeted.len());
    let mut intents = Vec::with_capacity(targeted.len());
    for (instance, facts) in targeted {
        let first = intents.len();
        let verdict = match judge(instance, facts, &mut intents) {
            Ok(None) => Verdict::Accepted,
            Ok(Some(budget)) => {
                Verdict::Planned { first: count(first), count: count(intents.len() - first), budget }
            }
            Err(refusal) => Verdict::Refused(refusal),
        };
        plans.push(AccountPlan { instance: instance.clone(), verdict });
    }
    Fanout {
        key: signal.key.clone(),
        source: signal.source.clone(),
        planned_at: now,
        expires_at: signal.expires_at(),
        nobody: match &signal.target {
            Target::Group(group) if plans.is_empty() => Some(group.clone()),
            Target::Instance(_) | Target::List(_) | Target::Group(_) => None,
        },
        accounts: plans,
        intents,
    }
}

/// A number of intents; more than fit are not planned: a signal has at most one for each trade of an account.
fn count(number: usize) -> u32 {
    u32::try_from(number).expect("2^32 intents, of 200 bytes each, do not fit into memory")
}

fn validity(signal: &Signal, now: Timestamp, params: &Params) -> Result<(), Refusal> {
    let expires_at = signal.expires_at();
    if now > expires_at {
        return Err(Refusal::Late(now.since(expires_at)));
    }
    let ahead = signal.created_at.since(now);
    if ahead > params.ahead { Err(Refusal::Ahead(ahead)) } else { Ok(()) }
}

/// Adds the account's intents, at least one, and answers what is left of its budget; adds none when it refuses.
fn judge(
    signal: &Signal,
    facts: &AccountFacts<'_>,
    now: Timestamp,
    intents: &mut Vec<Intent>,
) -> Result<Budget, Refusal> {
    if !facts.permitted {
        return Err(Refusal::NotPermitted(Scope::Account));
    }
    let reduces = match &signal.action {
        Action::Open(_) => false,
        Action::Modify(_) | Action::Close { .. } | Action::CloseAll => true,
    };
    gate(facts.gate, reduces, signal.expires_at())?;
    match &signal.action {
        Action::Open(opening) => {
            let (symbol, placing) = entrance::placing(opening, facts)?;
            let rules = facts.rules;
            let taken = facts.budget.take(rules.orders_per_minute, rules.order_burst, now);
            let budget = taken.map_err(Refusal::RateBudget)?;
            intents.push(Intent {
                instance: facts.instance.clone(),
                part: 1,
                symbol,
                work: Work::Place(placing),
            });
            Ok(budget)
        }
        Action::Modify(change) => exit::modify(change, facts, now, intents),
        Action::Close { which, amount } => exit::close(Some(which), *amount, facts, now, intents),
        Action::CloseAll => exit::close(None, crate::Amount::All, facts, now, intents),
    }
}

/// A symbol that is not among those that are known: there is none, or it was not reported yet.
const fn unlisted(facts: &AccountFacts<'_>) -> Refusal {
    if facts.all_symbols { Refusal::SymbolUnknown } else { Refusal::FactMissing(Fact::Symbol) }
}

/// Whether the price at which a trade would end lies between its stop loss and take profit; where that price is not known,
/// nothing is said.
fn on_their_sides(
    side: Side,
    exit: Option<Price>,
    stop_loss: Option<Price>,
    take_profit: Option<Price>,
) -> Result<(), Refusal> {
    let Some(exit) = exit else { return Ok(()) };
    let (below, above) = match side {
        Side::Buy => (stop_loss, take_profit),
        Side::Sell => (take_profit, stop_loss),
    };
    let passed = below.is_some_and(|level| exit <= level) || above.is_some_and(|level| exit >= level);
    if passed { Err(Refusal::StopWrongSide) } else { Ok(()) }
}

/// A pause that may end while the signal is valid does not refuse it, such as that of a terminal on its way back (NET-1):
/// the order waits where orders leave, and is dropped there when it is too late.
fn gate(gate: Gate, reduces: bool, expires_at: Timestamp) -> Result<(), Refusal> {
    match gate {
        Gate::Open => Ok(()),
        Gate::Paused { until: Timestamp::MAX, .. } => Ok(()),
        Gate::Paused { until, .. } if until <= expires_at => Ok(()),
        Gate::Paused { until, reason } => Err(Refusal::GatePaused { until, reason }),
        Gate::ReduceOnly(_) if reduces => Ok(()),
        Gate::ReduceOnly(reason) => Err(Refusal::ReduceOnly(reason)),
        Gate::Shut(reason) => Err(Refusal::GateShut(reason)),
    }
}
