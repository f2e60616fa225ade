use super::*;

/// REC-4, ACC-6: an older, missing or spoilt state is written over, every key of it.
pub async fn hot_20_a_restore_heals_whatever_is_older_or_spoilt(fixture: &dyn Fixture) {
    let unknown = HotUpdate { previous: Some(projection()), ..step("gone", 1, 7) };
    assert_eq!(restore_one(fixture, &unknown).await, Cas::Applied);
    assert_eq!(load_one(fixture, &unknown.instance).await, stored(&unknown));
    for (name, damage) in [
        ("a", Damage::WrongType),
        ("b", Damage::MissingField),
        ("c", Damage::NewerSchema),
        ("d", Damage::FlippedBit),
    ] {
        let last = HotUpdate { previous: Some(projection()), ..written(fixture, name, 1, 2).await };
        fixture.damage(&last.instance, damage).await;
        let answer = restore_one(fixture, &last).await;
        assert!(matches!(answer, Cas::Applied | Cas::AlreadyApplied), "{damage:?}: {answer:?}");
        assert_eq!(load_one(fixture, &last.instance).await, stored(&last), "{damage:?}");
        assert_eq!(cas_one(fixture, &step(name, 1, 3)).await, Cas::Applied, "{damage:?}");
    }
    let mut healed = written(fixture, "e", 1, 2).await;
    for key in HotKey::ALL {
        fixture.overwrite(&healed.instance, key, "no such thing").await;
    }
    healed.projection.last_login_attempt = None;
    assert_eq!(restore_one(fixture, &healed).await, Cas::AlreadyApplied);
    assert_eq!(load_one(fixture, &healed.instance).await, stored(&healed));
    let newer = HotUpdate { expected: Version(700), ..step("e", 1, 9) };
    assert_eq!(restore_one(fixture, &newer).await, Cas::Applied);
    assert_eq!(load_one(fixture, &newer.instance).await, stored(&newer));
}

/// A higher epoch, and a higher version at the same epoch, stay; a lower epoch's higher version does not.
pub async fn hot_21_a_restore_yields_to_what_is_newer(fixture: &dyn Fixture) {
    let last = written(fixture, "a", 5, 4).await;
    assert_eq!(restore_one(fixture, &step("a", 4, 9)).await, Cas::Fenced { by: Epoch(5) });
    assert_eq!(restore_one(fixture, &step("a", 5, 3)).await, Cas::Ahead { stored: Version(4) });
    assert_eq!(load_one(fixture, &last.instance).await, stored(&last));
    let higher = step("a", 6, 3);
    assert_eq!(restore_one(fixture, &higher).await, Cas::Applied);
    assert_eq!(load_one(fixture, &higher.instance).await, stored(&higher));
    assert_eq!(restore_one(fixture, &higher).await, Cas::AlreadyApplied);
    let updates = [step("b", 1, 2), step("a", 1, 1), step("c", 1, 3)];
    let answers = fixture.store().restore(&updates).await.expect("the store answers");
    assert_eq!(answers, [Cas::Applied, Cas::Fenced { by: Epoch(6) }, Cas::Applied]);
}

/// ACC-1, ACC-3: nothing is left of a removed instance; a higher epoch's instance is not removed.
pub async fn hot_22_a_removed_instance_leaves_no_key(fixture: &dyn Fixture) {
    let store = fixture.store();
    let (a, b) = (id("a"), id("b"));
    for name in ["a", "b"] {
        written(fixture, name, 3, 2).await;
    }
    let leases = [(a.clone(), Epoch(3)), (b.clone(), Epoch(3))];
    assert_eq!(store.acquire(&leases, "node", LONG).await.expect("the store answers"), [true, true]);
    assert_eq!(
        store.lock_login(std::slice::from_ref(&a), "node", LONG).await.expect("the store answers"),
        [true]
    );
    assert_eq!(fixture.keys(&a).await.len(), 9);
    assert!(!store.remove(&a, Epoch(2)).await.expect("the store answers"));
    assert_eq!(fixture.keys(&a).await.len(), 9);
    assert!(store.remove(&a, Epoch(3)).await.expect("the store answers"));
    assert!(fixture.keys(&a).await.is_empty());
    assert_eq!(load_one(fixture, &a).await, Stored::Nothing);
    assert_eq!(fixture.keys(&b).await.len(), 8, "its neighbour is untouched");
    assert!(store.remove(&a, Epoch(1)).await.expect("the store answers"), "removing nothing is harmless");
    fixture.damage(&b, Damage::WrongType).await;
    assert!(store.remove(&b, Epoch(4)).await.expect("the store answers"));
    assert!(fixture.keys(&b).await.is_empty());
}

/// Nothing asked, nothing answered.
pub async fn hot_28_an_empty_call_answers_nothing(fixture: &dyn Fixture) {
    let store = fixture.store();
    assert!(store.cas(&[]).await.expect("the store answers").is_empty());
    assert!(store.restore(&[]).await.expect("the store answers").is_empty());
    assert!(store.load(&[]).await.expect("the store answers").is_empty());
    assert!(store.acquire(&[], "node", LONG).await.expect("the store answers").is_empty());
    assert!(store.lock_login(&[], "node", LONG).await.expect("the store answers").is_empty());
    store.release(&[], "node").await.expect("the store answers");
}
