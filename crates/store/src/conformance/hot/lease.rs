use std::time::Duration;

use super::*;

/// Runs out soon, yet not between two neighbouring calls, on a busy machine either.
const SHORT: Span = Span::from_secs(2);

/// A lease is taken, kept, renewed and given back by its owner only.
pub async fn hot_23_a_lease_is_kept_by_its_owner(fixture: &dyn Fixture) {
    let ours = [(id("a"), Epoch(3))];
    assert_eq!(renew(fixture, &ours, "node-a", LONG).await, [false], "nothing to renew yet");
    for _ in 0..2 {
        assert_eq!(acquire(fixture, &ours, "node-a", LONG).await, [true]);
    }
    assert_eq!(fixture.keys(&id("a")).await[&key_of(&id("a"), "lease")], "3 node-a");
    assert_eq!(acquire(fixture, &ours, "node-b", LONG).await, [false]);
    assert_eq!(renew(fixture, &ours, "node-b", LONG).await, [false]);
    release(fixture, &ours, "node-b").await;
    release(fixture, &[(id("a"), Epoch(2))], "node-a").await;
    assert_eq!(renew(fixture, &ours, "node-a", LONG).await, [true]);
    release(fixture, &ours, "node-a").await;
    assert!(fixture.keys(&id("a")).await.is_empty());
    assert_eq!(renew(fixture, &ours, "node-a", LONG).await, [false]);
    assert_eq!(acquire(fixture, &ours, "node b with spaces", LONG).await, [true]);
    assert_eq!(renew(fixture, &ours, "node b with spaces", LONG).await, [true]);
}

/// A lease that is not renewed is free for the next owner; a renewed one is not.
pub async fn hot_24_a_lease_runs_out(fixture: &dyn Fixture) {
    let (left, kept) = ([(id("left"), Epoch(1))], [(id("kept"), Epoch(1))]);
    assert_eq!(acquire(fixture, &left, "node-a", SHORT).await, [true]);
    assert_eq!(acquire(fixture, &kept, "node-a", SHORT).await, [true]);
    assert_eq!(renew(fixture, &kept, "node-a", LONG).await, [true]);
    while !fixture.keys(&id("left")).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(renew(fixture, &left, "node-a", LONG).await, [false]);
    assert_eq!(acquire(fixture, &left, "node-b", LONG).await, [true]);
    assert_eq!(renew(fixture, &kept, "node-a", LONG).await, [true]);
}

/// A higher epoch takes the lease at once; the older owner neither keeps it, nor gets it back, nor writes.
pub async fn hot_25_a_higher_epoch_takes_the_lease(fixture: &dyn Fixture) {
    written(fixture, "a", 3, 2).await;
    let (old, new) = ([(id("a"), Epoch(3))], [(id("a"), Epoch(4))]);
    assert_eq!(acquire(fixture, &old, "node-a", LONG).await, [true]);
    assert_eq!(acquire(fixture, &new, "node-b", LONG).await, [true]);
    assert_eq!(renew(fixture, &old, "node-a", LONG).await, [false]);
    assert_eq!(acquire(fixture, &old, "node-a", LONG).await, [false]);
    assert_eq!(cas_one(fixture, &step("a", 3, 3)).await, Cas::Fenced { by: Epoch(4) });
    assert_eq!(restore_one(fixture, &step("a", 3, 3)).await, Cas::Fenced { by: Epoch(4) });
    release(fixture, &new, "node-b").await;
    assert_eq!(
        cas_one(fixture, &step("a", 3, 3)).await,
        Cas::Fenced { by: Epoch(4) },
        "also once it was given back"
    );
    assert_eq!(acquire(fixture, &old, "node-a", LONG).await, [false]);
    assert_eq!(
        load_one(fixture, &id("a")).await,
        stored(&step("a", 3, 2)),
        "the state itself is the old owner's"
    );
    assert_eq!(cas_one(fixture, &step("a", 4, 3)).await, Cas::Applied);
    assert_eq!(cas_one(fixture, &step("a", 4, 4)).await, Cas::Applied);
    let higher = [(id("b"), Epoch(1)), (id("a"), Epoch(3)), (id("c"), Epoch(1))];
    assert_eq!(acquire(fixture, &higher, "node-a", LONG).await, [true, false, true]);
}

/// Where nothing is stored yet, the lease alone keeps a lower epoch out.
pub async fn hot_26_a_lease_fences_writes_before_the_first_own_one(fixture: &dyn Fixture) {
    assert_eq!(acquire(fixture, &[(id("a"), Epoch(10))], "node-b", LONG).await, [true]);
    assert_eq!(cas_one(fixture, &step("a", 9, 1)).await, Cas::Fenced { by: Epoch(10) });
    assert_eq!(restore_one(fixture, &step("a", 9, 1)).await, Cas::Fenced { by: Epoch(10) });
    assert!(!fixture.store().remove(&id("a"), Epoch(9)).await.expect("the store answers"));
    assert_eq!(cas_one(fixture, &step("a", 10, 1)).await, Cas::Applied);
    assert_eq!(cas_one(fixture, &step("a", 10, 2)).await, Cas::Applied);
}

/// LOG-10: one login at a time per instance; the lock is prolonged and given back by its owner, and runs out.
pub async fn hot_27_log_10_one_login_at_a_time(fixture: &dyn Fixture) {
    let store = fixture.store();
    let both = [id("a"), id("b")];
    let key = key_of(&both[0], "login_attempt");
    let lock = async |ids: &[InstanceId], owner: &str, ttl| {
        store.lock_login(ids, owner, ttl).await.expect("it answers")
    };
    assert_eq!(lock(&both[..1], "node-a", SHORT).await, [true]);
    assert_eq!(fixture.keys(&both[0]).await[&key], "node-a");
    assert_eq!(lock(&both, "node-b", LONG).await, [false, true]);
    assert_eq!(lock(&both[..1], "node-a", LONG).await, [true]);
    store.unlock_login(&both, "node-a").await.expect("it answers");
    assert_eq!(lock(&both, "node-c", SHORT).await, [true, false]);
    while fixture.keys(&both[0]).await.contains_key(&key) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(lock(&both, "node-b", LONG).await, [true, true]);
    assert_eq!(load_one(fixture, &both[0]).await, Stored::Nothing, "a lock is no state");
}

async fn acquire(fixture: &dyn Fixture, leases: &[(InstanceId, Epoch)], owner: &str, ttl: Span) -> Vec<bool> {
    fixture.store().acquire(leases, owner, ttl).await.expect("the store answers")
}

async fn renew(fixture: &dyn Fixture, leases: &[(InstanceId, Epoch)], owner: &str, ttl: Span) -> Vec<bool> {
    fixture.store().renew(leases, owner, ttl).await.expect("the store answers")
}

async fn release(fixture: &dyn Fixture, leases: &[(InstanceId, Epoch)], owner: &str) {
    fixture.store().release(leases, owner).await.expect("the store answers");
}
