//! `CommandResult` of the contract.

use prost::Message as _;
use warden_domain::{Epoch, InstanceId};

use super::{
    FrameFault, LONGEST_DETAIL, LONGEST_FRAME, LONGEST_SERVER, cut, facts, order, positive, snapshot,
};
use crate::{CommandId, Finished, Outcome, SessionFacts, wire, wire::command_result::Outcome as Wire};

/// Room that a frame needs around its body: instance, sequence number and tags.
const AROUND: usize = 256;

/// A session or a snapshot that does not fit in a frame becomes a failure that says so: half of it would look like closed
/// trades.
pub(crate) fn encode(epoch: Epoch, finished: &Finished) -> wire::CommandResult {
    let result = wire::CommandResult {
        epoch: epoch.0,
        id: finished.id.0,
        facts: Some(facts::encode(&finished.facts)),
        detail: cut(&finished.detail, LONGEST_DETAIL).to_owned(),
        outcome: Some(outcome(&finished.outcome)),
    };
    if result.encoded_len() + AROUND <= LONGEST_FRAME {
        return result;
    }
    wire::CommandResult {
        detail: too_large(&finished.outcome).to_owned(),
        outcome: Some(Wire::Failed(wire::Failed {})),
        ..result
    }
}

fn too_large(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Session(_) => {
            "the session holds more orders and positions than a frame; close or split the account"
        }
        Outcome::Snapshot(_) => {
            "the snapshot holds more than a frame of 65536 bytes; ask for fewer tags or a shorter past, or split the account"
        }
        Outcome::Done | Outcome::Trade(_) | Outcome::Failed | Outcome::NotStarted => {
            "the result holds more than a frame of 65536 bytes"
        }
    }
}

fn outcome(outcome: &Outcome) -> Wire {
    match outcome {
        Outcome::Done => Wire::Done(wire::Done {}),
        Outcome::Session(session) => Wire::Session(wire::Session {
            login: session.login,
            server: cut(&session.server, LONGEST_SERVER).to_owned(),
            orders: opens(&session.orders),
            positions: opens(&session.positions),
        }),
        Outcome::Trade(reply) => Wire::Trade(order::reply(reply)),
        Outcome::Snapshot(it) => Wire::Snapshot(snapshot::encode(it)),
        Outcome::Failed => Wire::Failed(wire::Failed {}),
        Outcome::NotStarted => Wire::NotStarted(wire::NotStarted {}),
    }
}

pub(crate) fn decode(
    instance: InstanceId,
    result: wire::CommandResult,
) -> Result<(Epoch, Finished), FrameFault> {
    let finished = Finished {
        instance,
        id: CommandId(positive("id", result.id)?),
        outcome: read_outcome(result.outcome.ok_or(FrameFault::Missing("outcome"))?)?,
        facts: facts::decode(result.facts.as_ref())?,
        detail: cut(&result.detail, LONGEST_DETAIL).to_owned(),
    };
    Ok((Epoch(result.epoch), finished))
}

fn read_outcome(outcome: Wire) -> Result<Outcome, FrameFault> {
    Ok(match outcome {
        Wire::Done(wire::Done {}) => Outcome::Done,
        Wire::Session(session) => Outcome::Session(SessionFacts {
            login: session.login,
            server: cut(&session.server, LONGEST_SERVER).to_owned(),
            orders: read_opens(&session.orders),
            positions: read_opens(&session.positions),
        }),
        Wire::Trade(trade) => Outcome::Trade(order::read_reply(&trade)?),
        Wire::Snapshot(it) => Outcome::Snapshot(Box::new(snapshot::decode(it)?)),
        Wire::Failed(wire::Failed {}) => Outcome::Failed,
        Wire::NotStarted(wire::NotStarted {}) => Outcome::NotStarted,
    })
}

fn opens(open: &[(u64, u64)]) -> Vec<wire::Open> {
    open.iter().map(|(magic, ticket)| wire::Open { magic: *magic, ticket: *ticket }).collect()
}

fn read_opens(open: &[wire::Open]) -> Vec<(u64, u64)> {
    open.iter().map(|it| (it.magic, it.ticket)).collect()
}

#[cfg(test)]
mod tests {
    use warden_domain::Facts;

    use super::*;
    use crate::{SnapshotQuery, TradeReply};

    fn finished(outcome: Outcome) -> Finished {
        Finished {
            instance: InstanceId::new("acct-1").unwrap(),
            id: CommandId(4),
            outcome,
            facts: Facts { retcode: Some(99_999), ..Facts::default() },
            detail: "said so".into(),
        }
    }

    fn session(positions: u64) -> Outcome {
        Outcome::Session(SessionFacts {
            login: 0,
            server: "Somewhere-Else".into(),
            orders: vec![(1, 2)],
            positions: (0..positions).map(|n| (u64::MAX - n, u64::MAX)).collect(),
        })
    }

    #[test]
    fn every_result_comes_back_whatever_login_it_tells() {
        let trade = TradeReply { deal: 1, order: 2, volume: 0.5, price: 1.1 };
        for outcome in [
            Outcome::Done,
            session(2),
            Outcome::Trade(trade),
            Outcome::Snapshot(Box::new(snapshot::tests::snapshot())),
            Outcome::Failed,
            Outcome::NotStarted,
        ] {
            let sent = finished(outcome);
            let wire = encode(Epoch(2), &sent);
            assert_eq!(decode(sent.instance.clone(), wire), Ok((Epoch(2), sent)));
        }
    }

    #[test]
    fn ses_1_a_session_too_large_for_a_frame_is_a_failure_not_a_part() {
        let wire = encode(Epoch(2), &finished(session(10_000)));
        assert!(wire.encoded_len() < LONGEST_FRAME);
        let (_, read) = decode(InstanceId::new("acct-1").unwrap(), wire).unwrap();
        assert_eq!(read.outcome, Outcome::Failed);
        assert!(read.detail.contains("more orders and positions than a frame"));
    }

    #[test]
    fn a_snapshot_too_large_for_a_frame_is_a_failure_that_says_so() {
        let mut large = snapshot::tests::snapshot();
        large.positions = vec![large.positions[0].clone(); 2_000];
        let wire = encode(Epoch(2), &finished(Outcome::Snapshot(Box::new(large))));
        assert!(wire.encoded_len() < LONGEST_FRAME);
        let (_, read) = decode(InstanceId::new("acct-1").unwrap(), wire).unwrap();
        assert_eq!(read.outcome, Outcome::Failed);
        assert!(
            read.detail.contains("the snapshot holds more than a frame of 65536 bytes"),
            "{}",
            read.detail
        );
    }

    /// `trade.limit.open` says so many; each asked tag has an order and a deal that opened, and one of each that closed.
    #[test]
    fn trd_7_a_reading_of_as_many_trades_as_may_be_open_fits_in_a_frame() {
        let mut full = snapshot::tests::snapshot();
        full.positions[0].symbol = "EURUSD.pro".to_owned();
        full.positions[0].take_profit = full.positions[0].stop_loss;
        full.orders.clear();
        full.positions = vec![full.positions[0].clone(); 400];
        full.past_orders = vec![full.past_orders[0].clone(); 2 * SnapshotQuery::MOST];
        full.deals = vec![full.deals[0].clone(); 2 * SnapshotQuery::MOST];
        full.sends = vec![full.sends[4]; SnapshotQuery::MOST];
        let wire = encode(Epoch(2), &finished(Outcome::Snapshot(Box::new(full))));
        assert!(matches!(wire.outcome, Some(Wire::Snapshot(_))), "{}", wire.detail);
    }

    #[test]
    fn bad_fields_of_a_result_are_named() {
        let good = || encode(Epoch(2), &finished(Outcome::Done));
        let trade = |volume, price| Some(Wire::Trade(wire::Trade { deal: 1, order: 1, volume, price }));
        let cases = [
            (wire::CommandResult { id: 0, ..good() }, FrameFault::Zero("id")),
            (wire::CommandResult { outcome: None, ..good() }, FrameFault::Missing("outcome")),
            (
                wire::CommandResult { outcome: trade(f64::NAN, 1.0), ..good() },
                FrameFault::OutOfRange("volume"),
            ),
            (
                wire::CommandResult { outcome: trade(1.0, f64::INFINITY), ..good() },
                FrameFault::OutOfRange("price"),
            ),
        ];
        for (wire, fault) in cases {
            assert_eq!(decode(InstanceId::new("acct-1").unwrap(), wire), Err(fault));
        }
    }
}
