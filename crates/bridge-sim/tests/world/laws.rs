//! Laws that hold whatever is asked and whatever goes wrong.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use warden_bridge::{Command, CommandId, Inbound, Order, OrderAction, Pending, SendId};
use warden_bridge_sim::{EntryKind, FaultKind};
use warden_domain::{Epoch, Side, Span, StopMode};

use crate::hand::{Hand, INSTALLATION, deal, id, tag};

/// One thing that happens to a fleet of three.
#[derive(Clone, Debug)]
enum Move {
    Fault {
        at: usize,
        what: &'static str,
        lasts: Option<u64>,
    },
    Ask {
        at: usize,
        command: Asked,
    },
    /// The newest send of this instance comes once more, under another command and a newer epoch.
    Again {
        at: usize,
    },
    Wait {
        millis: u64,
    },
    Clear,
}

#[derive(Clone, Copy, Debug)]
enum Asked {
    Login,
    Reconnect,
    Restart(bool),
    Confirm,
    Close(StopMode),
    End,
    Buy(u8),
    Sell(u8),
    Limit,
    CloseOldest,
    CancelOldest,
}

fn asked() -> impl Strategy<Value = Asked> {
    prop_oneof![
        4 => Just(Asked::Login),
        1 => Just(Asked::Reconnect),
        1 => any::<bool>().prop_map(Asked::Restart),
        1 => Just(Asked::Confirm),
        1 => prop::sample::select(StopMode::ALL.to_vec()).prop_map(Asked::Close),
        1 => Just(Asked::End),
        4 => (1_u8..40).prop_map(Asked::Buy),
        4 => (1_u8..40).prop_map(Asked::Sell),
        2 => Just(Asked::Limit),
        2 => Just(Asked::CloseOldest),
        1 => Just(Asked::CancelOldest),
    ]
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let kinds: Vec<&'static str> = FaultKind::names().collect();
    let fault = (1_usize..=3, prop::sample::select(kinds), prop::option::of(1_u64..60))
        .prop_map(|(at, what, lasts)| Move::Fault { at, what, lasts });
    let one = prop_oneof![
        2 => fault,
        6 => (1_usize..=3, asked()).prop_map(|(at, command)| Move::Ask { at, command }),
        2 => (1_usize..=3).prop_map(|at| Move::Again { at }),
        3 => (1_u64..20_000).prop_map(|millis| Move::Wait { millis }),
        1 => Just(Move::Clear),
    ];
    prop::collection::vec(one, 1..60)
}

fn command(hand: &Hand, at: usize, asked: Asked) -> Command {
    let volume = |steps: u8| f64::from(steps) / 100.0;
    let truth = hand.truth(at);
    match asked {
        Asked::Login => {
            let account = hand.plan.accounts[at - 1].clone();
            Command::Login { login: account.login, server: account.server, password: account.password }
        }
        Asked::Reconnect => Command::Reconnect,
        Asked::Restart(force) => Command::Restart { force },
        Asked::Confirm => Command::Confirm,
        Asked::Close(mode) => Command::CloseTrades { mode, installation: INSTALLATION },
        Asked::End => Command::EndSession,
        Asked::Buy(steps) => {
            Command::Order(Order { volume: volume(steps), ..deal(OrderAction::Deal(Side::Buy)) })
        }
        Asked::Sell(steps) => {
            Command::Order(Order { volume: volume(steps), ..deal(OrderAction::Deal(Side::Sell)) })
        }
        Asked::Limit => {
            Command::Order(Order { price: 1.0715, ..deal(OrderAction::Place(Side::Buy, Pending::Limit)) })
        }
        Asked::CloseOldest => {
            let position = truth.positions.first().map_or(0, |(_, ticket)| *ticket);
            Command::Order(Order { volume: 0.0, ..deal(OrderAction::Close { position }) })
        }
        Asked::CancelOldest => {
            let order = truth.orders.first().map_or(0, |(_, ticket)| *ticket);
            Command::Order(deal(OrderAction::Cancel { order }))
        }
    }
}

/// Plays the moves, and answers what was said.
fn play(hand: &mut Hand, moves: &[Move]) -> Vec<Inbound> {
    let mut said = Vec::new();
    let mut sent: HashMap<usize, Order> = HashMap::new();
    for (number, one) in moves.iter().enumerate() {
        match one {
            Move::Fault { at, what, lasts } => {
                let lasts = lasts.map_or(String::new(), |secs| format!(", for = \"{secs}s\""));
                hand.fault(&format!("{{ who = \"acct-{at}\", what = \"{what}\"{lasts} }}"));
            }
            Move::Ask { at, command: asked } => {
                let mut command = command(hand, *at, *asked);
                let number = CommandId(1_000 + u64::try_from(number).unwrap());
                if let Command::Order(order) = &mut command {
                    order.send = SendId { magic: tag(INSTALLATION, number.0), attempt: 1 };
                    sent.insert(*at, order.clone());
                }
                let mut envelope = hand.envelope(*at, number, command);
                envelope.epoch = Epoch(number.0);
                // A gateway that is down takes nothing; that is not looked at here.
                let _ = hand.world.command(envelope, hand.now);
            }
            Move::Again { at } => {
                let Some(order) = sent.get(at) else { continue };
                let number = CommandId(1_000 + u64::try_from(number).unwrap());
                let mut envelope = hand.envelope(*at, number, Command::Order(order.clone()));
                envelope.epoch = Epoch(number.0);
                let _ = hand.world.command(envelope, hand.now);
            }
            Move::Wait { millis } => said.extend(hand.wait(Span::from_millis(*millis))),
            Move::Clear => hand.world.clear_faults(hand.now),
        }
    }
    said.extend(hand.wait(Span::from_secs(120)));
    said
}

proptest! {
    #[test]
    fn the_ledger_accounts_for_every_position_and_every_command_is_answered_once_at_most(moves in moves()) {
        let mut hand = Hand::logged_in(3);
        let before: Vec<f64> = (1..=3).map(|at| hand.truth(at).volume).collect();
        let said = play(&mut hand, &moves);

        let mut answered = HashSet::new();
        for inbound in &said {
            if let Inbound::Finished(finished) = inbound {
                prop_assert!(answered.insert((finished.instance.clone(), finished.id)), "twice: {finished:?}");
            }
        }
        let mut dealt: HashMap<u64, f64> = HashMap::new();
        let (mut tickets, mut last) = (HashSet::new(), None);
        for entry in hand.world.ledger().entries() {
            prop_assert!(last <= Some(entry.time), "the ledger goes back in time");
            last = Some(entry.time);
            if entry.kind == EntryKind::Deal {
                prop_assert!(tickets.insert((entry.server.clone(), entry.ticket)), "a deal's ticket is used once");
                let signed = if entry.side == Side::Buy { entry.volume } else { -entry.volume };
                *dealt.entry(entry.login.number()).or_default() += signed;
            }
        }
        for at in 1..=3 {
            let login = hand.plan.accounts[at - 1].login.number();
            let held = hand.truth(at).volume - before[at - 1];
            let dealt = dealt.get(&login).copied().unwrap_or(0.0);
            prop_assert!((held - dealt).abs() < 1e-6, "{} holds {held}, the ledger says {dealt}", id(at));
        }
    }

    #[test]
    fn trd_7_each_send_executes_at_most_once_whatever_goes_wrong(moves in moves()) {
        let mut hand = Hand::logged_in(3);
        let _ = play(&mut hand, &moves);
        let audit = hand.world.audit();
        prop_assert!(audit.is_clean(), "{audit:?}");
        prop_assert!(audit.max_executions <= 1, "{audit:?}");
    }

    #[test]
    fn the_same_moves_make_the_same_world(moves in moves()) {
        let run = |moves: &[Move]| {
            let mut hand = Hand::logged_in(3);
            let _ = play(&mut hand, moves);
            (hand.world.trace_hash(), hand.world.ledger().entries().to_vec())
        };
        prop_assert_eq!(run(&moves), run(&moves));
    }

    #[test]
    fn truth_comes_back_when_the_faults_are_over_and_somebody_logs_in(moves in moves()) {
        let mut hand = Hand::logged_in(3);
        let _ = play(&mut hand, &moves);
        hand.world.clear_faults(hand.now);
        let _ = hand.wait(Span::from_secs(60));
        for at in 1..=3 {
            hand.epoch = Epoch(10_000);
            prop_assert_eq!(hand.login(at).outcome, warden_bridge::Outcome::Done);
            prop_assert!(hand.truth(at).trade_permitted);
        }
    }
}
