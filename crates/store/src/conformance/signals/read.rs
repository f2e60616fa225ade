use super::*;

/// Nothing is there: a read answers with nothing, at once or after its wait, and everything else too.
pub async fn sig_01_an_empty_stream_answers_with_nothing(fixture: &dyn Fixture) {
    let signals = consumer(fixture, "a").await;
    assert_eq!(read(&*signals, 10).await, []);
    let began = tokio::time::Instant::now();
    assert_eq!(signals.read(most(10), Span::from_millis(60)).await.expect("it answers"), []);
    assert!(began.elapsed() >= Duration::from_millis(50), "it waited for {:?}", began.elapsed());
    assert!(claim(&*signals, 10, Span::ZERO).await.is_empty());
    assert_eq!(backlog(&*signals).await, Backlog::default());
    assert!(fixture.dead().await.is_empty());
}

/// Each entry comes once, in the order in which it was added, as often and as many as asked for.
pub async fn sig_02_entries_are_read_once_in_their_order(fixture: &dyn Fixture) {
    let signals = consumer(fixture, "a").await;
    assert_eq!(read(&*signals, 10).await, []);
    let added = add(fixture, 0..7).await;
    assert!(added.is_sorted());
    let first = read(&*signals, 3).await;
    assert_eq!(ids(&first), added[..3]);
    assert_eq!(first[2].content, whole(&[(b"number", b"2")]));
    assert!(first.iter().all(|entry| entry.deliveries == 1));
    assert_eq!(ids(&read(&*signals, 100).await), added[3..]);
    assert_eq!(read(&*signals, 100).await, []);
    assert_eq!(backlog(&*signals).await, Backlog { pending: 7, oldest: Some(added[0]) });
}

/// A group begins with the oldest entry: what was sent before the first supervisor started is not lost.
pub async fn sig_03_what_was_added_before_the_group_is_read(fixture: &dyn Fixture) {
    let added = add(fixture, 0..3).await;
    let signals = consumer(fixture, "a").await;
    assert_eq!(ids(&read(&*signals, 10).await), added);
}

/// Each entry goes to one consumer of the group.
pub async fn sig_04_a_group_shares_the_entries(fixture: &dyn Fixture) {
    let (a, b) = (consumer(fixture, "a").await, consumer(fixture, "b").await);
    let added = add(fixture, 0..4).await;
    let mut seen = ids(&read(&*a, 1).await);
    seen.extend(ids(&read(&*b, 2).await));
    seen.extend(ids(&read(&*a, 10).await));
    assert_eq!(read(&*b, 10).await, []);
    assert_eq!(seen, added);
    assert_eq!(backlog(&*b).await.pending, 4, "of the whole group");
}

/// Groups do not know of each other.
pub async fn sig_05_each_group_reads_every_entry(fixture: &dyn Fixture) {
    let added = add(fixture, 0..2).await;
    let a = consumer(fixture, "a").await;
    let other = Subscription { group: "other".to_owned(), ..Subscription::new("a") };
    let other = fixture.signals(other).await;
    assert_eq!(ids(&read(&*a, 10).await), added);
    a.acknowledge(&added).await.expect("it answers");
    assert_eq!(ids(&read(&*other, 10).await), added);
    assert_eq!((backlog(&*a).await.pending, backlog(&*other).await.pending), (0, 2));
}

/// What is added while a read waits ends the wait; other calls of the same consumer go on meanwhile.
pub async fn sig_06_a_read_that_waits_gets_what_comes(fixture: &dyn Fixture) {
    let signals = consumer(fixture, "a").await;
    let before = add(fixture, 0..1).await;
    assert_eq!(ids(&read(&*signals, 10).await), before);
    let began = tokio::time::Instant::now();
    let (read, added) = tokio::join!(signals.read(most(10), LONG), async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert_eq!(backlog(&*signals).await.pending, 1);
        signals.acknowledge(&before).await.expect("it answers");
        add(fixture, 1..2).await
    });
    assert_eq!(ids(&read.expect("it answers")), added);
    assert!(began.elapsed() < LONG.into(), "it did not wait to the end");
    assert_eq!(backlog(&*signals).await.oldest, Some(added[0]));
}

/// Fields and values of any bytes come as they were sent, repeated and empty ones too.
pub async fn sig_07_any_bytes_are_an_entry(fixture: &dyn Fixture) {
    let every: Vec<u8> = (0..=255).collect();
    let fields: [(&[u8], &[u8]); 4] =
        [(b"key", &every), (&every, b""), (b"key", b"again"), (b"", b"\r\n$-1")];
    let id = fixture.add(&fields).await;
    let signals = consumer(fixture, "a").await;
    let expected = StreamEntry { id, deliveries: 1, content: whole(&fields) };
    assert_eq!(read(&*signals, 1).await, [expected]);
    let claimed = claim(&*signals, 1, Span::ZERO).await;
    assert_eq!(claimed.entries, [StreamEntry { id, deliveries: 2, content: whole(&fields) }]);
}

/// Of an entry beyond the bound only the beginning is given, by a read and by a claim.
pub async fn sig_08_an_entry_that_is_too_large_is_cut(fixture: &dyn Fixture) {
    let subscription = Subscription { entry_bytes: 10, ..Subscription::new("a") };
    let signals = fixture.signals(subscription).await;
    fixture.add(&[(b"key", b"1234567")]).await;
    fixture.add(&[(b"key", b"12345678")]).await;
    let cut = Content::TooLarge { bytes: 11, beginning: vec![(b"key".to_vec(), b"1234567".to_vec())] };
    let contents: Vec<_> = read(&*signals, 2).await.into_iter().map(|entry| entry.content).collect();
    assert_eq!(contents, [whole(&[(b"key", b"1234567")]), cut.clone()]);
    assert_eq!(claim(&*signals, 2, Span::ZERO).await.entries[1].content, cut);
}
