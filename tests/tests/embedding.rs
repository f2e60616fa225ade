//! The examples for embedders run as they stand.
#![cfg(test)]

#[path = "../../crates/warden/examples/embed.rs"]
mod embed;
#[path = "../../crates/warden/examples/signal.rs"]
mod signal;

#[test]
fn ses_1_the_embedding_example_brings_its_terminal_to_a_confirmed_session() {
    embed::main().expect("the example ends well");
}

#[test]
fn trd_7_the_example_of_a_signal_fills_it_on_both_of_its_accounts() {
    signal::main().expect("both accounts took part");
}
