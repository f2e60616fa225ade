use super::*;

/// Nothing is stored of an instance that was never written, and the store says that it is well.
pub async fn hot_01_an_empty_store_loads_nothing(fixture: &dyn Fixture) {
    fixture.store().check().await.expect("a fresh store is fit");
    assert_eq!(load_one(fixture, &id("a")).await, Stored::Nothing);
    assert!(fixture.keys(&id("a")).await.is_empty());
}

/// The state comes back as it was written, beside the documented keys with their exact names and texts (§8).
pub async fn hot_02_a_written_state_is_loaded_with_its_keys(fixture: &dyn Fixture) {
    let first = step("a", 1, 1);
    assert_eq!(cas_one(fixture, &first).await, Cas::Applied);
    assert_eq!(load_one(fixture, &first.instance).await, stored(&first));
    let mut keys = fixture.keys(&first.instance).await;
    assert!(keys.remove("instance_state:a:snapshot").is_some());
    let expected = [
        ("instance_state:a:connection_state", "DISCONNECTED"),
        ("instance_state:a:last_failure_reason", "BROKER_DOWN"),
        ("instance_state:a:last_login_attempt", "2023-11-14T22:13:20.123Z"),
        ("instance_state:a:login_attempt_count", "1"),
        ("instance_state:a:login_failure_reason", "NONE"),
        ("instance_state:a:status", "CONNECTING"),
    ];
    assert_eq!(keys, expected.map(|(key, text)| (key.to_owned(), text.to_owned())).into());
    let second = step("a", 1, 2);
    assert_eq!(cas_one(fixture, &second).await, Cas::Applied);
    assert_eq!(load_one(fixture, &second.instance).await, stored(&second));
}

/// A retry is harmless, however often it comes.
pub async fn hot_03_a_write_given_again_is_already_applied(fixture: &dyn Fixture) {
    let last = written(fixture, "a", 1, 3).await;
    for _ in 0..2 {
        assert_eq!(cas_one(fixture, &last).await, Cas::AlreadyApplied);
    }
    assert_eq!(load_one(fixture, &last.instance).await, stored(&last));
}

/// Steps that were all written, and are given again in one call, are all known; what follows them is written.
pub async fn hot_04_several_writes_given_again_are_all_already_applied(fixture: &dyn Fixture) {
    written(fixture, "a", 1, 3).await;
    let again: Vec<_> = (1..=4).map(|version| step("a", 1, version)).collect();
    let answers = fixture.store().cas(&again).await.expect("the store answers");
    assert_eq!(answers, [Cas::AlreadyApplied, Cas::AlreadyApplied, Cas::AlreadyApplied, Cas::Applied]);
    assert_eq!(load_one(fixture, &id("a")).await, stored(&step("a", 1, 4)));
}

/// A store that lost everything says so and takes nothing.
pub async fn hot_05_an_empty_store_is_behind(fixture: &dyn Fixture) {
    let last = written(fixture, "a", 1, 2).await;
    fixture.forget(&last.instance).await;
    assert_eq!(cas_one(fixture, &step("a", 1, 3)).await, Cas::Behind { stored: None });
    assert_eq!(load_one(fixture, &last.instance).await, Stored::Nothing);
}

/// A store that lost its last writes says what it has, and keeps it.
pub async fn hot_06_an_older_store_is_behind(fixture: &dyn Fixture) {
    let last = written(fixture, "a", 1, 2).await;
    assert_eq!(cas_one(fixture, &step("a", 1, 5)).await, Cas::Behind { stored: Some(Version(2)) });
    assert_eq!(cas_one(fixture, &step("a", 2, 5)).await, Cas::Behind { stored: Some(Version(2)) });
    assert_eq!(load_one(fixture, &last.instance).await, stored(&last));
}

/// A store that has more than our journal says so, and keeps it.
pub async fn hot_07_a_newer_store_is_ahead(fixture: &dyn Fixture) {
    let last = written(fixture, "a", 1, 4).await;
    assert_eq!(cas_one(fixture, &step("a", 1, 3)).await, Cas::Ahead { stored: Version(4) });
    assert_eq!(cas_one(fixture, &step("a", 1, 1)).await, Cas::Ahead { stored: Version(4) });
    assert_eq!(load_one(fixture, &last.instance).await, stored(&last));
}

/// The same version made by another operation is not ours: neither a retry nor room for it.
pub async fn hot_08_another_operation_at_this_version_is_ahead(fixture: &dyn Fixture) {
    let last = written(fixture, "a", 1, 3).await;
    let other = HotUpdate { op: OpId(999), ..last.clone() };
    assert_eq!(cas_one(fixture, &other).await, Cas::Ahead { stored: Version(3) });
    let both = [step("a", 1, 2), other];
    let answers = fixture.store().cas(&both).await.expect("the store answers");
    assert_eq!(answers, [Cas::Ahead { stored: Version(3) }; 2], "no later retry proves the earlier one");
    assert_eq!(load_one(fixture, &last.instance).await, stored(&last));
}

/// A higher epoch's state is never touched, whichever version a lower one wants to write.
pub async fn hot_09_a_higher_epoch_fences(fixture: &dyn Fixture) {
    let last = written(fixture, "a", 5, 2).await;
    for version in 1..=4 {
        assert_eq!(cas_one(fixture, &step("a", 4, version)).await, Cas::Fenced { by: Epoch(5) });
    }
    assert_eq!(load_one(fixture, &last.instance).await, stored(&last));
}

/// ACC-6: a snapshot that is none is found by the next load, and by the next write where its numbers are concerned.
pub async fn hot_10_a_spoilt_snapshot_is_corrupt(fixture: &dyn Fixture) {
    let spoilt = [
        ("a", Damage::WrongType, "snapshot"),
        ("b", Damage::MissingField, "version"),
        ("c", Damage::NewerSchema, "update the supervisor"),
    ];
    for (name, damage, says) in spoilt {
        written(fixture, name, 1, 2).await;
        fixture.damage(&id(name), damage).await;
        assert_eq!(cas_one(fixture, &step(name, 1, 3)).await, Cas::Corrupt, "{damage:?}");
        assert_corrupt(fixture, name, says).await;
    }
    written(fixture, "d", 1, 2).await;
    fixture.damage(&id("d"), Damage::FlippedBit).await;
    assert_corrupt(fixture, "d", "checksum").await;
}

/// ACC-6: a documented key that holds what it cannot hold is found by the next load.
pub async fn hot_11_a_spoilt_key_is_corrupt(fixture: &dyn Fixture) {
    for key in HotKey::ALL {
        written(fixture, key.suffix(), 1, 1).await;
        fixture.overwrite(&id(key.suffix()), key, "no such thing").await;
        assert_corrupt(fixture, key.suffix(), key.suffix()).await;
    }
    fixture.overwrite(&id("orphan"), HotKey::Status, "CONNECTED").await;
    assert_corrupt(fixture, "orphan", "snapshot is missing").await;
}

async fn assert_corrupt(fixture: &dyn Fixture, name: &str, says: &str) {
    match load_one(fixture, &id(name)).await {
        Stored::Corrupt(what) => assert!(what.contains(says), "{what:?} does not say {says:?}"),
        found @ (Stored::Nothing | Stored::State(..)) => panic!("{name} was loaded as {found:?}"),
    }
}

/// One call over instances in every condition answers each in its place.
pub async fn hot_12_answers_keep_the_order_of_the_updates(fixture: &dyn Fixture) {
    written(fixture, "same", 1, 2).await;
    written(fixture, "next", 1, 1).await;
    written(fixture, "old", 1, 1).await;
    written(fixture, "new", 1, 5).await;
    written(fixture, "fenced", 9, 1).await;
    written(fixture, "spoilt", 1, 1).await;
    fixture.damage(&id("spoilt"), Damage::WrongType).await;
    let names = ["spoilt", "new", "same", "gone", "fenced", "next", "old"];
    let mut updates = names.map(|name| step(name, 1, 2));
    updates[6] = step("old", 1, 7);
    let answers = fixture.store().cas(&updates).await.expect("the store answers");
    let expected = [
        Cas::Corrupt,
        Cas::Ahead { stored: Version(5) },
        Cas::AlreadyApplied,
        Cas::Behind { stored: None },
        Cas::Fenced { by: Epoch(9) },
        Cas::Applied,
        Cas::Behind { stored: Some(Version(1)) },
    ];
    assert_eq!(answers, expected);
    let found = fixture.store().load(&names.map(id)).await.expect("the store answers");
    let versions: Vec<_> = found.into_iter().map(version_of).collect();
    assert_eq!(versions, [None, Some(5), Some(2), None, Some(1), Some(2), Some(1)]);
}

fn version_of(found: Stored) -> Option<u64> {
    match found {
        Stored::State(snapshot, _) => Some(snapshot.version.0),
        Stored::Nothing | Stored::Corrupt(_) => None,
    }
}

/// Several steps of one instance in one call are written one after the other, their keys too.
pub async fn hot_13_updates_of_one_instance_follow_each_other(fixture: &dyn Fixture) {
    let mut updates = [step("a", 1, 1), step("b", 1, 1), step("a", 1, 2), step("a", 1, 3)];
    updates[2].projection.last_login_attempt = None;
    updates[2].projection.status = Status::Failed;
    updates[2].previous = Some(updates[0].projection);
    updates[3].projection.status = Status::Connected;
    updates[3].previous = Some(updates[2].projection);
    let answers = fixture.store().cas(&updates).await.expect("the store answers");
    assert_eq!(answers, [Cas::Applied; 4]);
    assert_eq!(load_one(fixture, &id("a")).await, stored(&updates[3]));
    assert_eq!(load_one(fixture, &id("b")).await, stored(&updates[1]));
}

/// The key stands for a moment; without one it is absent, also when it was there before.
pub async fn hot_14_the_last_login_attempt_is_absent_before_the_first(fixture: &dyn Fixture) {
    let key = key_of(&id("a"), "last_login_attempt");
    let never = Projection { last_login_attempt: None, ..projection() };
    let mut update = HotUpdate { projection: never, ..step("a", 1, 1) };
    for (version, moment, present) in
        [(1, None, false), (2, projection().last_login_attempt, true), (3, None, false)]
    {
        let previous = update.projection;
        update = HotUpdate { previous: (version > 1).then_some(previous), ..step("a", 1, version) };
        update.projection.last_login_attempt = moment;
        assert_eq!(cas_one(fixture, &update).await, Cas::Applied);
        assert_eq!(fixture.keys(&update.instance).await.contains_key(&key), present);
        assert_eq!(load_one(fixture, &update.instance).await, stored(&update));
    }
}

/// A key whose text did not change is left alone; without a `previous`, and for a first state, all are written.
pub async fn hot_15_only_changed_keys_are_written(fixture: &dyn Fixture) {
    let a = id("a");
    let key = key_of(&a, "connection_state");
    let first = HotUpdate { previous: Some(projection()), ..step("a", 1, 1) };
    assert_eq!(cas_one(fixture, &first).await, Cas::Applied);
    assert_eq!(load_one(fixture, &a).await, stored(&first));
    fixture.overwrite(&a, HotKey::ConnectionState, "LEFT ALONE").await;
    let mut update = HotUpdate { previous: Some(projection()), ..step("a", 1, 2) };
    update.projection.status = Status::Connected;
    assert_eq!(cas_one(fixture, &update).await, Cas::Applied);
    assert_eq!(fixture.keys(&a).await[&key], "LEFT ALONE");
    assert_eq!(fixture.keys(&a).await[&key_of(&a, "status")], "CONNECTED");
    assert_eq!(cas_one(fixture, &step("a", 1, 3)).await, Cas::Applied);
    assert_eq!(fixture.keys(&a).await[&key], "DISCONNECTED");
}

/// Neighbours that a double cannot tell apart are told apart, up to the largest number.
pub async fn hot_16_numbers_beyond_two_to_the_53_stay_exact(fixture: &dyn Fixture) {
    let base = 1 << 53;
    for (name, epoch) in [("a", base + 1), ("b", u64::MAX - 1)] {
        let mut update = HotUpdate { expected: Version(0), ..step(name, epoch, 1) };
        (update.version, update.op) = (Version(base + 1), OpId(u64::MAX));
        assert_eq!(cas_one(fixture, &update).await, Cas::Applied);
        assert_eq!(load_one(fixture, &update.instance).await, stored(&update));
        let mut next = HotUpdate { expected: Version(base), version: Version(base + 2), ..update.clone() };
        assert_eq!(cas_one(fixture, &next).await, Cas::Ahead { stored: Version(base + 1) });
        next.expected = Version(base + 2);
        next.version = Version(base + 3);
        assert_eq!(cas_one(fixture, &next).await, Cas::Behind { stored: Some(Version(base + 1)) });
        let older = HotUpdate { epoch: Epoch(epoch - 1), ..update.clone() };
        assert_eq!(cas_one(fixture, &older).await, Cas::Fenced { by: Epoch(epoch) });
        assert_eq!(restore_one(fixture, &older).await, Cas::Fenced { by: Epoch(epoch) });
        next.expected = Version(base + 1);
        assert_eq!(cas_one(fixture, &next).await, Cas::Applied);
        let other_op = HotUpdate { op: OpId(u64::MAX - 1), ..next };
        assert_eq!(cas_one(fixture, &other_op).await, Cas::Ahead { stored: Version(base + 3) });
    }
    let shorter =
        HotUpdate { epoch: Epoch(u64::MAX), expected: Version(9), version: Version(10), ..step("a", 1, 1) };
    assert_eq!(cas_one(fixture, &shorter).await, Cas::Ahead { stored: Version(base + 3) });
}

/// A call larger than any batch of an adapter answers for every element.
pub async fn hot_17_a_thousand_instances_in_one_call(fixture: &dyn Fixture) {
    let names: Vec<_> = (0..1_000).map(|n| format!("i{n}")).collect();
    let updates: Vec<_> = names.iter().map(|name| step(name, 1, 1)).collect();
    assert_eq!(fixture.store().cas(&updates).await.expect("the store answers"), vec![Cas::Applied; 1_000]);
    let expected: Vec<_> = updates.iter().map(stored).collect();
    let ids: Vec<_> = names.iter().map(|name| id(name)).collect();
    assert_eq!(fixture.store().load(&ids).await.expect("the store answers"), expected);
    let leases: Vec<_> = ids.iter().map(|id| (id.clone(), Epoch(1))).collect();
    let taken = fixture.store().acquire(&leases, "node", LONG).await.expect("the store answers");
    assert_eq!(taken, vec![true; 1_000]);
    assert_eq!(
        fixture.store().restore(&updates).await.expect("the store answers"),
        vec![Cas::AlreadyApplied; 1_000]
    );
}

/// States of every byte, of none and of many come back as they were.
pub async fn hot_18_any_bytes_are_a_state(fixture: &dyn Fixture) {
    let states = [vec![], (0..=255).collect(), b"\r\n$-1\r\n\0".repeat(20), vec![0xc1; 70_000]];
    for (version, state) in (1..).zip(states) {
        let update = HotUpdate { state, ..step("a", 1, version) };
        assert_eq!(cas_one(fixture, &update).await, Cas::Applied);
        assert_eq!(load_one(fixture, &update.instance).await, stored(&update));
    }
}

/// A higher epoch writes on top of what the older owner left; the older one is fenced from then on.
pub async fn hot_19_a_takeover_goes_on_from_the_older_owners_state(fixture: &dyn Fixture) {
    let left = written(fixture, "a", 3, 2).await;
    let same_version = HotUpdate { epoch: Epoch(4), ..left };
    assert_eq!(cas_one(fixture, &same_version).await, Cas::Ahead { stored: Version(2) }, "not our operation");
    let next = step("a", 4, 3);
    assert_eq!(cas_one(fixture, &next).await, Cas::Applied);
    assert_eq!(load_one(fixture, &next.instance).await, stored(&next));
    assert_eq!(cas_one(fixture, &step("a", 3, 4)).await, Cas::Fenced { by: Epoch(4) });
}
