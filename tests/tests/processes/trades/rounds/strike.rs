//! The faults of the rounds.

use std::time::Duration;

use warden_policy::Phase;
use warden_testkit::{Fault, poll_until};
use warden_tests::{World, keys, must};

use super::Round;

/// What strikes a wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strike {
    /// The gateways' connections are cut after the orders left.
    Cut,
    /// The supervisor is killed between `SENDING` and the answer.
    Killed,
    /// The gateways restart; their inboxes are on disk.
    GatewaysRestart,
    /// Redis is killed with the signals in its stream, and started again with what it had written.
    RedisKilled,
    /// Nothing.
    Nothing,
    /// The orders execute, and every answer is lost.
    AnswersLost,
    /// Redis is killed once everything was read from it, and started again empty.
    RedisEmptied,
    /// Answers are lost, and so are requests; or the orders execute after their answer.
    RequestsLost,
}

/// The rotation: every wave the next of its five columns, every other round of the rotation another variant.
const ROTATION: [[Strike; 5]; 2] = [
    [Strike::Cut, Strike::Killed, Strike::GatewaysRestart, Strike::RedisKilled, Strike::Nothing],
    [
        Strike::AnswersLost,
        Strike::Killed,
        Strike::GatewaysRestart,
        Strike::RedisEmptied,
        Strike::RequestsLost,
    ],
];

impl Strike {
    pub(super) fn of(wave: usize) -> Self {
        ROTATION[wave / 5 % 2][wave % 5]
    }

    /// Whether the stream is away when the signals are given.
    pub(super) fn needs_the_command_line(self) -> bool {
        self == Self::RedisEmptied
    }

    /// What must stand before the orders leave.
    pub(super) fn prepare(self, world: &World, wave: usize) {
        match self {
            // Answers come late, so that the orders are caught on their way.
            Self::Cut | Self::Killed | Self::GatewaysRestart => {
                world.fault_for("all", "gateway_slow(700ms)", "1m");
            }
            Self::AnswersLost => {
                for (name, kind) in world.plan().instances().zip(["lost_reply", "lost_result"].iter().cycle())
                {
                    world.fault(name, kind);
                }
            }
            Self::RequestsLost => {
                let kinds = ["lost_request", "delayed_execution(2s)", "executed_as(10012)", "lost_reply"];
                for (name, kind) in world.plan().instances().zip(kinds.iter().cycle().skip(wave)) {
                    world.fault(name, kind);
                }
            }
            Self::RedisKilled | Self::RedisEmptied | Self::Nothing => {}
        }
    }

    /// The fault itself, and its end; answers how many of the wave's orders were seen under way when it came.
    pub(super) fn strike(self, world: &mut World, wave: &[Round]) -> usize {
        match self {
            Self::Cut => {
                let seen = under_way(world, wave);
                let net = world.net.as_ref().expect("a world that trades has a network");
                net.set(Fault::Cut);
                wait_for_loss(world);
                world.net.as_ref().expect("it is there").heal();
                world.control("clear");
                seen
            }
            Self::Killed => {
                let seen = under_way(world, wave);
                world.kill_supervisor();
                world.control("clear");
                world.start_supervisor();
                seen
            }
            Self::GatewaysRestart => {
                let seen = under_way(world, wave);
                world.fault("all", "gateway_down");
                wait_for_loss(world);
                world.control("clear");
                seen
            }
            Self::RedisKilled => {
                must(world.redis.kill(), "kill redis");
                world.wait("the loss of Redis is seen", || store_is_lost(world).then_some(()));
                must(world.redis.restart(), "start redis again");
                0
            }
            Self::RedisEmptied => {
                world.wait("the stream is read", || (world.unacknowledged() == Some(0)).then_some(()));
                must(world.redis.kill(), "kill redis");
                world.wait("the loss of Redis is seen", || store_is_lost(world).then_some(()));
                must(world.redis.restart_empty(), "start redis empty");
                0
            }
            Self::Nothing | Self::AnswersLost | Self::RequestsLost => under_way(world, wave),
        }
    }
}

/// How long an order is waited for that is seen on its way: after that, all of them were quicker than we looked.
const SEEN: Duration = Duration::from_secs(5);

/// Waits until the first orders of a wave are on their way, and counts them.
fn under_way(world: &World, wave: &[Round]) -> usize {
    let sending = || {
        let on_its_way = |round: &&Round| {
            world.trade_state(&round.instance, &round.key).is_some_and(|state| state == "SUBMITTING")
        };
        let seen = wave.iter().filter(on_its_way).count();
        (seen > 0).then_some(seen)
    };
    poll_until(SEEN, "an order on its way", sending).unwrap_or(0)
}

/// Waits until every instance noticed; none gets its gateway back meanwhile.
fn wait_for_loss(world: &World) {
    for name in world.plan().instances() {
        world.wait(&format!("{name} lost its gateway"), || {
            keys::snapshot(&world.redis, name).filter(|(_, state)| state.phase() != Phase::Up).map(drop)
        });
    }
}

fn store_is_lost(world: &World) -> bool {
    world.plan().instances().any(|name| world.alerts("StateStoreLost", name))
}
