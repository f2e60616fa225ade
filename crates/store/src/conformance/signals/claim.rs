use super::*;

/// An acknowledged entry is neither read nor claimed again, whoever acknowledged it.
pub async fn sig_09_what_was_acknowledged_never_comes_again(fixture: &dyn Fixture) {
    let (a, b) = (consumer(fixture, "a").await, consumer(fixture, "b").await);
    let added = add(fixture, 0..5).await;
    assert_eq!(read(&*a, 5).await.len(), 5);
    a.acknowledge(&added[1..4]).await.expect("it answers");
    assert_eq!(backlog(&*a).await, Backlog { pending: 2, oldest: Some(added[0]) });
    b.acknowledge(&added[..1]).await.expect("it answers");
    assert_eq!(backlog(&*a).await, Backlog { pending: 1, oldest: Some(added[4]) });
    assert_eq!(ids(&claim(&*b, 10, Span::ZERO).await.entries), added[4..]);
    assert_eq!(read(&*b, 10).await, []);
}

/// What a consumer read and did not acknowledge goes to the next claimer, exactly once, and not before its time.
pub async fn sig_10_what_a_consumer_left_is_claimed_once(fixture: &dyn Fixture) {
    let (a, b, c) =
        (consumer(fixture, "a").await, consumer(fixture, "b").await, consumer(fixture, "c").await);
    let added = add(fixture, 0..1).await;
    assert_eq!(ids(&read(&*a, 1).await), added);
    assert!(claim(&*b, 10, LONG).await.is_empty(), "it is still worked on");
    let claimed = claim_in_time(&*b, 10).await;
    let content = whole(&[(b"number", b"0")]);
    assert_eq!(claimed.entries, [StreamEntry { id: added[0], deliveries: 2, content }]);
    assert!(claimed.gone.is_empty());
    assert!(claim(&*c, 10, LONG).await.is_empty(), "it has just been given to another one");
    assert!(claim(&*a, 10, LONG).await.is_empty());
    assert_eq!(claim_in_time(&*b, 10).await.entries[0].deliveries, 3, "a claimer may find what is its own");
    b.acknowledge(&added).await.expect("it answers");
    assert!(claim(&*c, 10, Span::ZERO).await.is_empty());
}

/// Claims of several consumers at once share what was left; together they get all of it, each entry once.
pub async fn sig_11_many_entries_are_claimed_in_pieces(fixture: &dyn Fixture) {
    let (a, b, c) =
        (consumer(fixture, "a").await, consumer(fixture, "b").await, consumer(fixture, "c").await);
    let added = add(fixture, 0..250).await;
    assert_eq!(read(&*a, 1_000).await.len(), 250);
    let began = tokio::time::Instant::now();
    let mut seen = Vec::new();
    while seen.len() < added.len() && began.elapsed() < LONG.into() {
        let (left, right) = tokio::join!(claim(&*b, 16, IDLE), claim(&*c, 30, IDLE));
        assert!(left.entries.len() <= 16 && right.entries.len() <= 30);
        let claimed: Vec<_> = left.entries.into_iter().chain(right.entries).collect();
        // On a slow machine an entry may be left once more before it is acknowledged: then it says so.
        seen.extend(claimed.iter().filter(|entry| entry.deliveries == 2).map(|entry| entry.id));
        b.acknowledge(&ids(&claimed)).await.expect("it answers");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    seen.sort_unstable();
    assert_eq!(seen, added);
    assert_eq!(backlog(&*a).await, Backlog::default());
}

/// Entries that were just given do not hide those that were left, however many they are.
pub async fn sig_12_a_claim_passes_over_what_is_worked_on(fixture: &dyn Fixture) {
    let (a, b) = (consumer(fixture, "a").await, consumer(fixture, "b").await);
    let added = add(fixture, 0..120).await;
    assert_eq!(read(&*a, 120).await.len(), 120);
    let look = async {
        loop {
            // All but the last are given anew, and so are worked on again.
            let again = claim(&*a, 119, Span::ZERO).await;
            assert_eq!(ids(&again.entries), added[..119]);
            let left = claim(&*b, 1, IDLE).await;
            if ids(&left.entries) == added[119..] {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG.into(), look).await.expect("what was left is found behind the others");
}

/// An entry that was cut off the stream while it was pending is reported, once, and is pending no longer.
pub async fn sig_13_an_entry_that_is_gone_is_reported_once(fixture: &dyn Fixture) {
    let (a, b) = (consumer(fixture, "a").await, consumer(fixture, "b").await);
    let added = add(fixture, 0..3).await;
    assert_eq!(read(&*a, 2).await.len(), 2);
    fixture.delete(added[0]).await;
    fixture.delete(added[2]).await;
    let claimed = claim(&*b, 10, Span::ZERO).await;
    assert_eq!((ids(&claimed.entries), claimed.gone), (vec![added[1]], vec![added[0]]));
    assert_eq!(backlog(&*b).await, Backlog { pending: 1, oldest: Some(added[1]) });
    assert_eq!(claim(&*b, 10, Span::ZERO).await.gone, []);
    assert_eq!(read(&*b, 10).await, [], "one that was never given is lost unseen");
    fixture.delete(added[1]).await;
    let claimed = claim(&*a, 1, Span::ZERO).await;
    assert_eq!((claimed.entries, claimed.gone), (vec![], vec![added[1]]));
    assert_eq!(backlog(&*a).await, Backlog::default());
}

/// A store that lost everything makes stream and group anew, whichever call comes first.
pub async fn sig_16_a_lost_store_is_begun_anew(fixture: &dyn Fixture) {
    let signals = consumer(fixture, "a").await;
    add(fixture, 0..2).await;
    assert_eq!(read(&*signals, 10).await.len(), 2);
    fixture.forget().await;
    assert_eq!(backlog(&*signals).await, Backlog::default());
    fixture.forget().await;
    assert!(claim(&*signals, 10, Span::ZERO).await.is_empty());
    fixture.forget().await;
    let added = add(fixture, 2..4).await;
    assert_eq!(ids(&read(&*signals, 10).await), added, "what came before the group was made is not lost");
    let (read, later) = tokio::join!(signals.read(most(10), LONG), async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        fixture.forget().await;
        add(fixture, 4..5).await
    });
    let read = read.expect("a wait goes on where the stream begins anew");
    assert_eq!(ids(&read), later);
}

/// What a consumer was given and did not acknowledge comes again at once, in its order and in pieces, to it and to nobody
/// else; what was cut off the stream meanwhile is reported once.
pub async fn sig_18_what_a_consumer_was_given_comes_again_to_it_alone(fixture: &dyn Fixture) {
    let (a, b) = (consumer(fixture, "a").await, consumer(fixture, "b").await);
    let again = async |signals: &dyn SignalStream, number, after| {
        signals.again(most(number), after).await.expect("the store answers")
    };
    let start = EntryId::default();
    assert!(again(&*a, 10, start).await.is_empty(), "it was given nothing");
    let added = add(fixture, 0..6).await;
    assert_eq!((read(&*a, 4).await.len(), read(&*b, 1).await.len()), (4, 1));
    a.acknowledge(&added[1..2]).await.expect("it answers");
    fixture.delete(added[2]).await;
    let first = again(&*a, 2, start).await;
    assert_eq!((ids(&first.entries), first.gone.clone()), (vec![added[0]], vec![added[2]]));
    assert_eq!((first.entries[0].deliveries, first.newest()), (2, Some(added[2])));
    let second = again(&*a, 2, added[2]).await;
    assert_eq!((ids(&second.entries), second.gone.clone()), (vec![added[3]], vec![]));
    assert!(again(&*a, 2, added[3]).await.is_empty(), "what is new does not come again");
    assert_eq!(ids(&again(&*a, 10, start).await.entries), [added[0], added[3]], "until it is acknowledged");
    assert_eq!(ids(&again(&*b, 10, start).await.entries), [added[4]]);
    assert_eq!(backlog(&*a).await, Backlog { pending: 3, oldest: Some(added[0]) });
    assert_eq!(ids(&read(&*a, 10).await), added[5..]);
}
