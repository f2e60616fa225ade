//! What older versions stored can be read.

mod common;

use common::{Bench, disconnected, plain, ready};
use warden_domain::StopMode;
use warden_policy::{Command, DecodeError, Effect, Event, decode_state, decode_step, encode_state};

/// As schema 2 stored a disconnected instance.
const STATE: &str = "02050400030100000000000000000000000007000200050180a0abfef9620201a0bfabfef96205e0f4aefef96201\
    0480a0abfef962030080a0abfef96280a0abfef96280a0abfef96280a0abfef96280a0abfef96280a0abfef962";
/// The step that led to it.
const STEP: &str = "02080100000000000100000001000001011000050400030100000000000000000000000007000200050180a0abfe\
    f9620201a0bfabfef96205e0f4aefef962010480a0abfef962030080a0abfef96280a0abfef96280a0abfef96280a0abfef96280a0ab\
    fef96280a0abfef9620661206c696e65";
/// One that was stopped while no gateway could be told to close its session.
const LEFT: &str = "02000512011e0100000000000100000000000007000200120180a0abfef962000080a0abfef96280a0abfef96280a0a\
    bfef96280a0abfef96280a0abfef96280a0abfef962";

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(&String::from_utf8_lossy(pair), 16).expect("two digits"))
        .collect()
}

#[test]
fn acc_6_a_row_of_schema_2_is_read_as_it_was_written() {
    let mut bench = Bench::up(plain());
    let _ = bench.give(Event::Report(disconnected()));
    assert_eq!(decode_state(&bytes(STATE)).as_ref(), Ok(&bench.state));
    let step = decode_step(&bytes(STEP)).expect("it is a step");
    assert_eq!(
        (step.event, &step.effects, &step.state),
        (Event::Report(disconnected()), &bench.fx, &bench.state)
    );
}

#[test]
fn acc_6_a_session_that_schema_2_left_open_is_closed_by_the_next_gateway() {
    let mut left = Bench { state: decode_state(&bytes(LEFT)).expect("it is a state"), ..Bench::new(plain()) };
    assert!(!left.state.is_halted());
    let mut ours = Bench::up(plain());
    let _ = ours.give(Event::GatewayDown);
    let _ = ours.give(Event::Stop(StopMode::Close));
    assert_eq!(left.state, ours.state);
    let _ = left.give(Event::GatewayUp(ready()));
    let asked = left
        .fx
        .list()
        .iter()
        .any(|(_, effect)| matches!(effect, Effect::Command { command: Command::EndSession, .. }));
    assert!(asked);
}

#[test]
fn acc_6_flags_of_another_version_are_refused() {
    let mut halted = Bench::up(plain());
    let _ = halted.give(Event::Halt);
    let (mut with, mut without) = (Vec::new(), Vec::new());
    encode_state(&halted.state, &mut with);
    let _ = halted.give(Event::Unhalt);
    encode_state(&halted.state, &mut without);
    let place =
        with.iter().zip(&without).position(|(with, without)| with != without).expect("a halt is stored");
    assert_eq!((with.len(), with[place], without[place]), (without.len(), 2, 0), "a bit of one byte");
    with[place] = 8;
    assert!(matches!(decode_state(&with), Err(DecodeError::Malformed(_))));
}
