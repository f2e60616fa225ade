//! Peers that speak the published contract by themselves, so that each side is tested against somebody else.
#![expect(unreachable_pub, reason = "a test program has no outside")]

pub mod boss;
pub mod peer;
pub mod rig;

use std::{future::Future, time::Duration};

use warden_bridge::Report;
use warden_domain::InstanceId;

/// The contract, compiled for the tests from the same file.
#[expect(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "generated from proto/mt5_warden/v1/gateway.proto"
)]
pub mod wire {
    include!(concat!(env!("OUT_DIR"), "/mt5_warden.v1.rs"));

    impl std::fmt::Debug for LoginCommand {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("LoginCommand")
        }
    }
}

/// Longer than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// What `what` brings, or a failed test.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("in time")
}

/// Waits until the condition holds, or fails the test.
pub async fn until(condition: impl Fn() -> bool) {
    soon(async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

pub fn id(text: &str) -> InstanceId {
    InstanceId::new(text).expect("a valid id")
}

/// A report that is known again by its number.
pub fn report(positions: u32) -> Report {
    Report { terminal_alive: true, positions, ..Report::default() }
}

/// Another session's announcement.
pub fn served(instance: &str, highest_epoch: u64, last_sequence: u64) -> wire::Served {
    let report = wire::Report { terminal_alive: true, ..wire::Report::default() };
    wire::Served { instance: instance.into(), highest_epoch, report: Some(report), last_sequence }
}
