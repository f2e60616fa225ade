//! The example for embedders runs as it stands.
#![cfg(test)]

#[path = "../../crates/warden/examples/embed.rs"]
mod embed;

#[test]
fn ses_1_the_embedding_example_brings_its_terminal_to_a_confirmed_session() {
    embed::main().expect("the example ends well");
}
