//! Section 8: the keys of trades, and how long they live.

use warden_domain::Timestamp;
use warden_tests::{Plan, Signal, World};

const DAY: i64 = 24 * 3_600 * 1_000;
/// Longer than this test takes from a write to a look.
const SOON: i64 = 60_000;

#[test]
fn section_8_the_keys_of_a_trade_say_how_it_stands_and_expire_after_its_end() {
    let world = World::trading(Plan::trading(1));
    let signal = Signal::open("s-1", "EURUSD", "BUY", "0.02").to("acct-1").with("stop_loss", "0.5");
    world.give(&signal);
    let filled = world.wait_for_trade("acct-1", "s-1", "FILLED");
    let tag = world.tag("acct-1", "s-1").unwrap();
    for (field, wanted) in [
        ("tag", tag.to_string().as_str()),
        ("key", "s-1"),
        ("goal", "OPEN"),
        ("symbol", "EURUSD"),
        ("side", "BUY"),
        ("kind", "MARKET"),
        ("volume", "0.02"),
        ("filled", "0.02"),
        ("closed", "0"),
        ("stop_loss", "0.5"),
        ("attempt", "1"),
        ("reason", ""),
    ] {
        assert_eq!(filled[field], wanted, "{field} of {filled:?}");
    }
    for field in ["accepted_at", "expires_at", "updated_at"] {
        let moment = &filled[field];
        assert!(moment.ends_with('Z') && Timestamp::parse(moment).is_ok(), "{field} is {moment}");
    }
    assert_eq!(world.open_tags("acct-1"), [tag]);
    let state = format!("order_state:acct-1:{tag}");
    assert_eq!(world.lives_for(&state), -1, "an open trade stays");
    let key = world.lives_for("order_key:acct-1:s-1");
    assert!((DAY - SOON..=DAY).contains(&key), "the key of its signal lives for a day, not {key} ms");

    world.give(&Signal::close("s-2", "s-1").to("acct-1"));
    world.wait_for_trade("acct-1", "s-1", "CLOSED");
    world.wait_for_trade("acct-1", "s-2", "CLOSED");
    let lives = world.lives_for(&state);
    assert!((DAY - SOON..=DAY).contains(&lives), "a trade that ended lives for a day, not {lives} ms");
    assert_eq!(world.open_tags("acct-1"), Vec::<u64>::new());
    let index = world.lives_for("order_state:acct-1:index");
    assert!(
        (DAY - SOON..=DAY + SOON).contains(&index),
        "the index goes with the last of them, not in {index} ms"
    );
    world.judge();
}
