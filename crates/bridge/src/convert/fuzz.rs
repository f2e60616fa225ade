//! Whatever bytes come, reading them ends in a value or a fault.

use proptest::{collection::vec, prelude::*, sample::Index};
use prost::Message;
use warden_domain::{Epoch, InstanceId, Lots};

use super::LONGEST_FRAME;
use super::{command, hello, market, refusal, report, result, snapshot};
use crate::{
    Finished, Market, Outcome, Snapshot,
    wire::{self, gateway_frame, supervisor_frame},
};

fn instance() -> InstanceId {
    InstanceId::new("acct-1").unwrap()
}

/// Reads bytes as a gateway's frame; what can be read is written and read again as the same.
fn read_gateway(bytes: &[u8]) {
    let Ok(frame) = wire::GatewayFrame::decode(bytes) else { return };
    match frame.body {
        Some(gateway_frame::Body::Hello(it)) => {
            for announced in it.instances.iter().filter_map(|it| hello::decode(it).ok()) {
                assert_eq!(hello::decode(&hello::encode(&announced)), Ok(announced));
            }
        }
        Some(gateway_frame::Body::Report(it)) => {
            if let Ok(read) = report::decode(&it) {
                assert_eq!(report::decode(&report::encode(&read)), Ok(read));
            }
        }
        Some(gateway_frame::Body::Result(it)) => {
            if let Ok((epoch, read)) = result::decode(instance(), it) {
                again_result(epoch, read);
            }
        }
        Some(gateway_frame::Body::Market(it)) => {
            if let Ok(read) = market::decode(it) {
                let again = market::encode(&read);
                assert!(again.encoded_len() < LONGEST_FRAME);
                if exact_market(&read) {
                    assert_eq!(market::decode(again), Ok(read));
                }
            }
        }
        Some(gateway_frame::Body::Refusal(it)) => {
            refusal::read_reason(it.reason);
        }
        Some(
            gateway_frame::Body::Heartbeat(_)
            | gateway_frame::Body::Resync(_)
            | gateway_frame::Body::Resumed(_)
            | gateway_frame::Body::Goodbye(_),
        )
        | None => {}
    }
}

fn again_result(epoch: Epoch, read: Finished) {
    let wire = result::encode(epoch, &read);
    assert!(wire.encoded_len() < LONGEST_FRAME);
    let exact = match &read.outcome {
        Outcome::Snapshot(it) => exact_snapshot(it),
        Outcome::Done | Outcome::Session(_) | Outcome::Trade(_) | Outcome::Failed | Outcome::NotStarted => {
            true
        }
    };
    if exact {
        assert_eq!(result::decode(instance(), wire), Ok((epoch, read)));
    }
}

/// Doubles hold every unit up to here (see `Price::to_f64`).
const EXACT: i64 = 9_000_000_000_000_000;

fn exact_snapshot(it: &Snapshot) -> bool {
    let orders = it.orders.iter().map(|it| (it.volume, [Some(it.price), it.stop_loss, it.take_profit]));
    let positions = it.positions.iter().map(|it| (it.volume, [Some(it.price), it.stop_loss, it.take_profit]));
    let past = it.past_orders.iter().map(|it| (it.volume, [None; 3]));
    let deals = it.deals.iter().map(|it| (it.volume, [Some(it.price), None, None]));
    orders.chain(positions).chain(past).chain(deals).all(|(volume, prices)| {
        volume.units() < EXACT && prices.into_iter().flatten().all(|it| it.units().abs() < EXACT)
    })
}

fn exact_market(it: &Market) -> bool {
    it.symbols.iter().all(|it| {
        let quote = it.quote.map_or([0; 2], |it| [it.bid.units(), it.ask.units()]);
        let volumes = [it.volume_step, it.volume_min, it.volume_max];
        let prices = [it.point.units(), it.tick.units()].into_iter().chain(quote);
        prices.chain(volumes.map(Lots::units)).all(|it| it.abs() < EXACT)
    })
}

/// Reads bytes as a supervisor's frame; what can be read is written and read again as the same.
fn read_supervisor(bytes: &[u8]) {
    let Ok(frame) = wire::SupervisorFrame::decode(bytes) else { return };
    match frame.body {
        Some(supervisor_frame::Body::Command(it)) => {
            if let Ok(read) = command::decode(instance(), it) {
                let again = command::decode(instance(), command::encode(&read)).unwrap();
                assert_eq!(format!("{again:?}"), format!("{read:?}"));
            }
        }
        Some(supervisor_frame::Body::Welcome(it)) => {
            for turned in it.refused {
                refusal::read_turn(turned.reason);
            }
        }
        Some(supervisor_frame::Body::Refusal(it)) => {
            refusal::read_reason(it.reason);
        }
        Some(
            supervisor_frame::Body::Heartbeat(_)
            | supervisor_frame::Body::Resync(_)
            | supervisor_frame::Body::Resumed(_)
            | supervisor_frame::Body::Goodbye(_),
        )
        | None => {}
    }
}

/// One good frame of every kind that has fields worth damaging.
fn good_frames() -> Vec<Vec<u8>> {
    let facts = Some(wire::Facts {
        retcode: Some(10_008),
        ticket: true,
        last_error: Some(-10_005),
        journal_line: 3,
        terminal: Some(wire::TerminalFlags {
            connected: true,
            trade_allowed: true,
            tradeapi_disabled: false,
        }),
        account: Some(wire::AccountFlags { expected: true, trade_allowed: true, trade_expert: true }),
    });
    let report = wire::Report { terminal_alive: true, facts, positions: 3, detail: "wörds".into() };
    let served = wire::Served {
        instance: "acct-1".into(),
        highest_epoch: 3,
        report: Some(report.clone()),
        last_sequence: 9,
    };
    let hello = wire::Hello {
        protocol_version: 2,
        gateway_version: "1".into(),
        instances: vec![served.clone(), served],
    };
    let opens = vec![wire::Open { magic: 1 << 52, ticket: 77 }; 3];
    let session =
        wire::Session { login: 5_001, server: "Broker-Live".into(), orders: opens.clone(), positions: opens };
    let trade = wire::Trade { deal: 1, order: 2, volume: 0.1, price: 1.1 };
    let result = |outcome| {
        let result =
            wire::CommandResult { epoch: 1, id: 1, facts, detail: "d".into(), outcome: Some(outcome) };
        gateway_frame::Body::Result(result)
    };
    let bodies = [
        gateway_frame::Body::Hello(hello),
        gateway_frame::Body::Report(report),
        result(wire::command_result::Outcome::Session(session)),
        result(wire::command_result::Outcome::Trade(trade)),
        result(wire::command_result::Outcome::Snapshot(snapshot::encode(&snapshot::tests::snapshot()))),
        gateway_frame::Body::Market(market::encode(&market::tests::market())),
    ];
    let gateway = bodies.map(|body| {
        wire::GatewayFrame { instance: "acct-1".into(), sequence: 4, body: Some(body) }.encode_to_vec()
    });
    gateway.into_iter().chain(good_commands()).collect()
}

fn good_commands() -> impl Iterator<Item = Vec<u8>> {
    let login = wire::LoginCommand { login: 5_001, server: "Broker-Live".into(), password: "p".into() };
    let order = wire::OrderCommand {
        action: 3,
        target: 5,
        magic: 9,
        symbol: "EURUSD".into(),
        volume: 0.1,
        price: 1.1,
        stop_loss: 1.0,
        take_profit: 1.2,
        deviation: 10,
        comment: "w".into(),
        attempt: 2,
        pending: 3,
        stop_limit: 1.3,
        filling: 1,
    };
    let query = snapshot::encode_query(&snapshot::tests::query());
    let actions = [
        wire::command::Action::Login(login),
        wire::command::Action::Order(order),
        wire::command::Action::Snapshot(query),
        wire::command::Action::Watch(wire::WatchCommand { symbols: vec!["EURUSD".into()] }),
        wire::command::Action::CloseTrades(wire::CloseTradesCommand { mode: 1, installation: 1 }),
        wire::command::Action::Restart(wire::RestartCommand { force: true }),
    ];
    actions.into_iter().map(|action| {
        let command = wire::Command { epoch: 1, id: 1, deadline_ms: 5, action: Some(action) };
        let body = Some(supervisor_frame::Body::Command(command));
        wire::SupervisorFrame { instance: "acct-1".into(), sequence: 4, body }.encode_to_vec()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in vec(any::<u8>(), 0..256)) {
        read_gateway(&bytes);
        read_supervisor(&bytes);
    }

    #[test]
    fn damaged_frames_do_not_panic(
        which in any::<Index>(),
        damage in vec((any::<Index>(), any::<u8>()), 0..6),
        end in any::<Index>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = which.get(&good_frames()).clone();
        for (at, byte) in damage {
            *at.get_mut(&mut bytes[..]) = byte;
        }
        if cut {
            bytes.truncate(end.index(bytes.len()));
        }
        read_gateway(&bytes);
        read_supervisor(&bytes);
    }

    #[test]
    fn strange_orders_do_not_panic(
        action in -2..11_i32,
        (target, magic, attempt) in any::<(u64, u64, u32)>(),
        (pending, filling) in (-2..6_i32, -2..6_i32),
        numbers in any::<[f64; 5]>(),
        symbol in ".{0,80}",
        comment in ".{0,80}",
    ) {
        let [volume, price, stop_loss, take_profit, stop_limit] = numbers;
        let order = wire::OrderCommand {
            action, target, magic, symbol, volume, price, stop_loss, take_profit, deviation: 1, comment,
            attempt, pending, stop_limit, filling,
        };
        let action = Some(wire::command::Action::Order(order));
        let command = wire::Command { epoch: 1, id: 1, deadline_ms: i64::MIN, action };
        let body = Some(supervisor_frame::Body::Command(command));
        read_supervisor(&wire::SupervisorFrame { instance: String::new(), sequence: 0, body }.encode_to_vec());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn strange_snapshots_and_markets_do_not_panic(
        numbers in any::<[f64; 5]>(),
        (ticket, magic) in any::<(u64, u64)>(),
        (side, entry, standing) in (-1..4_i32, -1..5_i32, -1..7_i32),
        symbol in ".{0,80}",
        times in 0..300_usize,
    ) {
        let [volume, price, stop_loss, take_profit, balance] = numbers;
        let order = wire::OpenOrder { ticket, magic, symbol: symbol.clone(), side, volume, price, stop_loss, take_profit };
        let deal = wire::Deal { ticket, magic, symbol: symbol.clone(), side, entry, volume, price, ..wire::Deal::default() };
        let send = wire::SendState { standing, ..wire::SendState::default() };
        let snapshot = wire::Snapshot {
            orders: vec![order; times],
            deals: vec![deal; times],
            sends: vec![send; times],
            newest: Some(wire::Tickets::default()),
            ..wire::Snapshot::default()
        };
        let outcome = Some(wire::command_result::Outcome::Snapshot(snapshot));
        let result = wire::CommandResult { epoch: 1, id: 1, outcome, ..wire::CommandResult::default() };
        let now = wire::SymbolNow {
            name: symbol, point: price, tick: stop_loss, tick_value: take_profit, volume_step: volume,
            stops_level: 1, trade_mode: entry, filling: vec![side], ..wire::SymbolNow::default()
        };
        let market = wire::Market { mode: 1, balance, symbols: vec![now; times], ..wire::Market::default() };
        for body in [gateway_frame::Body::Result(result), gateway_frame::Body::Market(market)] {
            read_gateway(&wire::GatewayFrame { instance: String::new(), sequence: 0, body: Some(body) }.encode_to_vec());
        }
    }
}

#[test]
fn good_frames_are_read_whole() {
    for bytes in good_frames() {
        read_gateway(&bytes);
        read_supervisor(&bytes);
    }
    let commands = good_commands().map(|bytes| wire::SupervisorFrame::decode(bytes.as_slice()).unwrap());
    for frame in commands {
        let Some(supervisor_frame::Body::Command(it)) = frame.body else { panic!("a command") };
        assert_eq!(command::decode(instance(), it).unwrap().epoch, Epoch(1));
    }
}

#[test]
fn a_body_of_a_later_version_is_no_body() {
    let bytes = [0x9a, 0x06, 0x02, 0x08, 0x01];
    assert_eq!(wire::GatewayFrame::decode(bytes.as_slice()).unwrap().body, None);
    assert_eq!(wire::SupervisorFrame::decode(bytes.as_slice()).unwrap().body, None);
}
