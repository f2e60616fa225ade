//! The stream of signals against real servers: every case of the port, and what happens when somebody dies.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use tokio::sync::Mutex;
use warden_domain::Span;
use warden_store::{
    Backlog, Claimed, Content, EntryId, Fields, HotState as _, Pending, SignalStream, StreamEntry,
    StreamError, Subscription,
    conformance::signals::{self, Fixture},
};
use warden_store_redis::{ConfigError, KeyStyle, RedisConfig, RedisHot, RedisSignals};
use warden_testkit::{Fault, FaultProxy, Persistence, Redis, poll_until_async};

use crate::common::{SOON, config, step};

const STREAM: &str = "trade_signals";
const DEAD: &str = "trade_signals:dead";

/// Adds an entry whose fields and values come as hexadecimal digits: arguments of the test's client are text.
const ADD: &str = "local f = {} \
    for i, text in ipairs(ARGV) do f[i] = string.gsub(text, '%x%x', function(d) return string.char(tonumber(d, 16)) end) end \
    return redis.call('XADD', KEYS[1], '*', unpack(f))";

/// A real Redis as the cases see it.
struct Streams(Mutex<Redis>);

impl Streams {
    async fn cli(&self, words: &[&str]) -> String {
        self.0.lock().await.cli(words).unwrap()
    }
}

impl Fixture for Streams {
    fn signals(&self, subscription: Subscription) -> Pending<'_, Arc<dyn SignalStream>> {
        Box::pin(async move {
            let config = config(&*self.0.lock().await, KeyStyle::Single);
            Arc::new(RedisSignals::connect(&config, subscription).await.unwrap()) as Arc<dyn SignalStream>
        })
    }

    fn add<'a>(&'a self, fields: &'a [(&'a [u8], &'a [u8])]) -> Pending<'a, EntryId> {
        Box::pin(async move {
            let digits = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            let parts: Vec<_> = fields.iter().flat_map(|(f, v)| [digits(f), digits(v)]).collect();
            let words = ["EVAL", ADD, "1", STREAM].into_iter().chain(parts.iter().map(String::as_str));
            self.cli(&words.collect::<Vec<_>>()).await.parse().unwrap()
        })
    }

    fn delete(&self, id: EntryId) -> Pending<'_, ()> {
        Box::pin(async move {
            assert_eq!(self.cli(&["XDEL", STREAM, &id.to_string()]).await, "1");
        })
    }

    fn forget(&self) -> Pending<'_, ()> {
        Box::pin(async move {
            self.cli(&["FLUSHALL"]).await;
        })
    }

    fn dead(&self) -> Pending<'_, Vec<Fields>> {
        Box::pin(async move { dead(&*self.0.lock().await) })
    }
}

/// The fields of every dead letter.
fn dead(redis: &Redis) -> Vec<Fields> {
    use warden_testkit::Reply;
    let items = |reply: Reply| match reply {
        Reply::Array(items) => items.unwrap_or_default(),
        Reply::Simple(_) | Reply::Error(_) | Reply::Integer(_) | Reply::Bulk(_) => {
            panic!("{reply:?} is no list")
        }
    };
    let letters = items(redis.command(&["XRANGE", DEAD, "-", "+"]).unwrap());
    let fields = |letter: Reply| -> Fields {
        let parts: Vec<_> =
            items(items(letter).remove(1)).iter().map(|part| part.text().into_bytes()).collect();
        parts.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
    };
    letters.into_iter().map(fields).collect()
}

fn most(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

async fn connect(redis: &Redis, consumer: &str) -> RedisSignals {
    RedisSignals::connect(&config(redis, KeyStyle::Single), Subscription::new(consumer)).await.unwrap()
}

fn add(redis: &Redis, number: usize) -> EntryId {
    redis.cli(&["XADD", STREAM, "*", "number", &number.to_string()]).unwrap().parse().unwrap()
}

fn entry(id: EntryId, deliveries: u64, number: &str) -> StreamEntry {
    StreamEntry { id, deliveries, content: Content::Whole(vec![(b"number".to_vec(), number.into())]) }
}

/// Waits until the store answers again.
async fn back(signals: &RedisSignals) -> Backlog {
    poll_until_async(SOON, "Redis to answer again", async || signals.backlog().await.ok()).await.unwrap()
}

#[tokio::test]
async fn redis_passes_every_case() {
    let server = Arc::new(Streams(Mutex::new(Redis::start().unwrap())));
    signals::run(|| {
        let server = Arc::clone(&server);
        Box::pin(async move {
            server.forget().await;
            server as Arc<dyn Fixture>
        })
    })
    .await;
}

#[tokio::test]
async fn a_killed_redis_gives_what_was_read_to_the_next_claimer_and_keeps_the_dead_letters() {
    let mut redis = Redis::start_with(Persistence::AppendOnly).unwrap();
    // Nothing acknowledged may be lost to the kill: the file is synced before each answer.
    redis.cli(&["CONFIG", "SET", "appendfsync", "always"]).unwrap();
    let (a, b) = (connect(&redis, "a").await, connect(&redis, "b").await);
    let added: Vec<_> = (0..4).map(|number| add(&redis, number)).collect();
    assert_eq!(a.read(most(3), Span::ZERO).await.unwrap().len(), 3);
    a.acknowledge(&added[..1]).await.unwrap();
    a.bury(added[1], &[("reason", "no such action".to_owned())]).await.unwrap();
    drop(a); // it dies with the third entry read and not acknowledged
    redis.kill().unwrap();
    assert!(matches!(b.read(most(1), Span::ZERO).await, Err(StreamError::Unreachable(_))));
    redis.restart().unwrap();
    assert_eq!(back(&b).await, Backlog { pending: 1, oldest: Some(added[2]) });
    let claimed = b.claim(most(10), Span::ZERO).await.unwrap();
    assert_eq!(claimed, Claimed { entries: vec![entry(added[2], 2, "2")], gone: vec![] });
    assert_eq!(b.read(most(10), Span::ZERO).await.unwrap(), [entry(added[3], 1, "3")]);
    b.acknowledge(&added).await.unwrap();
    assert!(b.claim(most(10), Span::ZERO).await.unwrap().is_empty());
    let letter: Fields = vec![
        (b"entry".to_vec(), added[1].to_string().into_bytes()),
        (b"reason".to_vec(), b"no such action".to_vec()),
    ];
    assert_eq!(dead(&redis), [letter]);
}

#[tokio::test]
async fn a_consumer_that_dies_while_many_claim_leaves_each_entry_to_one_of_them() {
    let redis = Redis::start().unwrap();
    let dying = connect(&redis, "dying").await;
    let added: Vec<_> = (0..200).map(|number| add(&redis, number)).collect();
    assert_eq!(dying.read(most(200), Span::ZERO).await.unwrap().len(), 200);
    drop(dying);
    let idle = Span::from_secs(1);
    let mut claimers = tokio::task::JoinSet::new();
    for name in ["a", "b", "c", "d"] {
        let signals = connect(&redis, name).await;
        claimers.spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claimed = signals.claim(most(7), idle).await.unwrap();
                let ids: Vec<_> = claimed.entries.iter().map(|entry| entry.id).collect();
                // On a slow machine an entry may be left once more before it is acknowledged: then it says so.
                mine.extend(
                    claimed.entries.iter().filter(|entry| entry.deliveries == 2).map(|entry| entry.id),
                );
                signals.acknowledge(&ids).await.unwrap();
                if signals.backlog().await.unwrap().pending == 0 {
                    return mine;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
    }
    let mut claimed: Vec<_> = claimers.join_all().await.into_iter().flatten().collect();
    claimed.sort_unstable();
    assert_eq!(claimed, added);
}

#[tokio::test]
async fn a_read_whose_answer_is_lost_leaves_the_entries_to_a_claim() {
    let redis = Redis::start().unwrap();
    let proxy = FaultProxy::start(redis.address()).unwrap();
    let config =
        RedisConfig { url: format!("redis://{}", proxy.address()), ..config(&redis, KeyStyle::Single) };
    let signals = RedisSignals::connect(&config, Subscription::new("a")).await.unwrap();
    back(&signals).await;
    let id = add(&redis, 0);
    proxy.set(Fault::Truncate { side: warden_testkit::Side::ToClient, after: 0 });
    let lost = signals.read(most(1), Span::ZERO).await;
    assert!(matches!(lost, Err(StreamError::Unreachable(_))), "{lost:?}");
    proxy.heal();
    assert_eq!(back(&signals).await, Backlog { pending: 1, oldest: Some(id) });
    assert_eq!(signals.claim(most(1), Span::ZERO).await.unwrap().entries, [entry(id, 2, "0")]);
}

#[tokio::test]
async fn a_read_that_waits_holds_up_neither_acknowledgements_nor_the_hot_state() {
    let redis = Redis::start().unwrap();
    let config = RedisConfig { command_timeout: Span::from_secs(2), ..config(&redis, KeyStyle::Single) };
    let signals = RedisSignals::connect(&config, Subscription::new("a")).await.unwrap();
    let hot = RedisHot::connect(config).await.unwrap();
    let before = add(&redis, 0);
    assert_eq!(signals.read(most(1), Span::ZERO).await.unwrap(), [entry(before, 1, "0")]);
    // Longer than the command timeout: waiting for an entry is no silence.
    let waiting = signals.read(most(1), Span::from_secs(20));
    let meanwhile = async {
        let waits = async || {
            let clients = redis.cli(&["CLIENT", "LIST"]).unwrap();
            let reader = clients.lines().find(|line| line.contains("cmd=xreadgroup"))?;
            let idle = reader.split(' ').find_map(|word| word.strip_prefix("idle="))?;
            (idle.parse::<u64>().unwrap() > 2).then_some(())
        };
        poll_until_async(SOON, "the read to wait longer than a command may take", waits).await.unwrap();
        hot.cas(&[step("a", 1)]).await.unwrap();
        signals.acknowledge(&[before]).await.unwrap();
        assert_eq!(signals.backlog().await.unwrap(), Backlog::default());
        add(&redis, 1)
    };
    let (read, added) = tokio::join!(waiting, meanwhile);
    assert_eq!(read.unwrap(), [entry(added, 1, "1")]);
}

#[tokio::test]
async fn a_redis_that_was_restarted_empty_begins_the_stream_anew() {
    let mut redis = Redis::start().unwrap();
    let signals = connect(&redis, "a").await;
    add(&redis, 0);
    assert_eq!(signals.read(most(1), Span::ZERO).await.unwrap().len(), 1);
    let waiting = signals.read(most(1), Span::from_secs(20));
    let (cut, ()) = tokio::join!(waiting, async {
        let blocked =
            async || redis.cli(&["INFO", "clients"]).unwrap().contains("blocked_clients:1").then_some(());
        poll_until_async(SOON, "the read to wait", blocked).await.unwrap();
        redis.restart_empty().unwrap();
    });
    assert!(matches!(cut, Err(StreamError::Unreachable(_))), "{cut:?}");
    let id = add(&redis, 1);
    let again = async || signals.read(most(1), Span::ZERO).await.ok();
    assert_eq!(poll_until_async(SOON, "Redis to answer", again).await.unwrap(), [entry(id, 1, "1")]);
}

#[tokio::test]
async fn what_is_no_stream_is_unfit() {
    let redis = Redis::start().unwrap();
    redis.cli(&["SET", STREAM, "x"]).unwrap();
    let signals = connect(&redis, "a").await;
    for why in [
        signals.read(most(1), Span::ZERO).await.map(drop),
        signals.claim(most(1), Span::ZERO).await.map(drop),
        signals.backlog().await.map(drop),
        signals.acknowledge(&[EntryId::default()]).await,
    ] {
        assert!(matches!(&why, Err(StreamError::Unfit(why)) if why.contains("WRONGTYPE")), "{why:?}");
    }
    let unnamed = RedisSignals::connect(&config(&redis, KeyStyle::Single), Subscription::new("")).await;
    assert!(matches!(unnamed, Err(ConfigError::Subscription(_))));
}
