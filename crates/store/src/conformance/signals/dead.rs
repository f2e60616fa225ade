use super::*;

fn letter(reason: &str) -> [(&'static str, String); 2] {
    [("reason", reason.to_owned()), ("raw", "side=BUY\nvolume=\u{fffd}".to_owned())]
}

fn fields(pairs: &[(&str, &str)]) -> Fields {
    pairs.iter().map(|(field, value)| (field.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}

/// The letter says which entry it stands for and why; the entry is pending no longer.
pub async fn sig_14_a_dead_letter_stands_in_for_its_entry(fixture: &dyn Fixture) {
    let signals = consumer(fixture, "a").await;
    let added = add(fixture, 0..2).await;
    assert_eq!(read(&*signals, 10).await.len(), 2);
    let letter = letter("volume is no number");
    signals.bury(added[0], &letter).await.expect("it answers");
    let entry = added[0].to_string();
    let raw = "side=BUY\nvolume=\u{fffd}";
    let first = fields(&[("entry", &entry), ("reason", "volume is no number"), ("raw", raw)]);
    assert_eq!(fixture.dead().await, std::slice::from_ref(&first));
    assert_eq!(backlog(&*signals).await, Backlog { pending: 1, oldest: Some(added[1]) });
    assert_eq!(ids(&claim(&*signals, 10, Span::ZERO).await.entries), added[1..]);
    // Buried again after an answer that got lost: doubled, and to be known by its entry.
    signals.bury(added[0], &letter).await.expect("it answers");
    assert_eq!(fixture.dead().await, [first.clone(), first]);
    signals.bury(added[1], &[]).await.expect("it answers");
    assert_eq!(fixture.dead().await[2], fields(&[("entry", &added[1].to_string())]));
    assert_eq!(backlog(&*signals).await, Backlog::default());
}

/// The stream of dead letters does not grow without end, and keeps the newest.
pub async fn sig_15_old_dead_letters_go(fixture: &dyn Fixture) {
    let subscription = Subscription { dead_letters: 50, ..Subscription::new("a") };
    let signals = fixture.signals(subscription).await;
    let last = 600;
    for sequence in 0..=last {
        let id = EntryId { millis: 1, sequence };
        signals.bury(id, &letter("unknown field")).await.expect("it answers");
    }
    let dead = fixture.dead().await;
    assert!((50..=250).contains(&dead.len()), "{} are kept", dead.len());
    assert_eq!(dead[dead.len() - 1][0].1, format!("1-{last}").into_bytes());
    assert_eq!(dead[dead.len() - 50][0].1, format!("1-{}", last - 49).into_bytes());
}

/// No ids, and ids that nobody knows.
pub async fn sig_17_a_call_about_nothing_is_harmless(fixture: &dyn Fixture) {
    let signals = consumer(fixture, "a").await;
    let unknown = EntryId { millis: u64::MAX, sequence: u64::MAX };
    signals.acknowledge(&[]).await.expect("it answers");
    signals.acknowledge(&[unknown, EntryId::default()]).await.expect("it answers");
    let added = add(fixture, 0..1).await;
    signals.acknowledge(&added).await.expect("it answers");
    assert_eq!(ids(&read(&*signals, 10).await), added, "what was not given yet is not acknowledged");
    signals.acknowledge(&[added[0], added[0]]).await.expect("it answers");
    assert_eq!(backlog(&*signals).await, Backlog::default());
}
