//! NET-1, NET-5: the gateway goes away with its terminals.

use warden_domain::{FailureReason, Status};
use warden_tests::{Plan, World};

#[test]
fn net_1_a_gateway_that_is_killed_and_started_again_is_logged_in_again() {
    let mut world = World::connected(Plan::quick(&["a", "b"]).gateways(2));
    world.kill_simulator();
    for name in ["a", "b"] {
        world.wait_for(name, "DISCONNECTED", "NETWORK_LOST");
    }
    world.start_simulator();
    world.wait_until_all_are_connected();

    let story = world.judge();
    for name in ["a", "b"] {
        let lost = story.path(name).contains(&(Status::Disconnected, FailureReason::NetworkLost));
        assert!(lost, "{name}: {:?}", story.path(name));
    }
}
