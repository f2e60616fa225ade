//! What comes in at the gateways' port and is no gateway.

use warden_tests::{Plan, World, wire::Rude};

#[test]
fn garbage_at_the_gateways_port_does_no_harm() {
    let world = World::connected(Plan::quick(&["a"]));
    let pid = world.supervisor_pid();
    let gateways = world.gateways();

    let mut noise = Rude::dial(gateways);
    noise.say(&(0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<_>>());
    let _ = noise.listen();
    drop(Rude::dial(gateways));

    let mut oversized = Rude::session(gateways);
    oversized.message(70_000, &[b'x'; 60_000]); // as much as HTTP/2 lets through before it is read
    assert!(oversized.listen() > 0, "an oversized frame is answered");

    let mut enormous = Rude::session(gateways);
    enormous.message(u32::MAX, b"");
    assert!(enormous.listen() > 0, "a length of 4 GiB is answered, not allocated");

    let mut nonsense = Rude::session(gateways);
    nonsense.message(5, &[0xFF; 5]);
    assert!(nonsense.listen() > 0, "bytes that are no message are answered");

    let silent: Vec<Rude> = (0..50).map(|_| Rude::dial(gateways)).collect();
    world.fault("a", "terminal_crash");
    world.wait_for("a", "CONNECTED", "TERMINAL_CRASHED");
    drop(silent);
    world.wait("what was refused is counted", || {
        let refused = |kind| world.metric(&format!("warden_refusals_total{{kind=\"{kind}\"}}"));
        (refused("oversized")? + refused("bad_field")? >= 3.0).then_some(())
    });
    assert_eq!(world.supervisor_pid(), pid);
    let refused = world.cli(&["status"]);
    assert_eq!(refused.code, Some(0), "{refused:?}");
    world.judge();
}
