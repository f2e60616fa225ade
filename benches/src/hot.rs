//! The hot state with every documented key, beside `redis-benchmark` with a pipelined compare-and-set of one hash.

use std::{ops::Range, process::Command, sync::Arc, time::Instant};

use tokio::task::JoinSet;
use warden_domain::{ConnectionState, Epoch, FailureReason, InstanceId, OpId, Span, Status, Version};
use warden_store::{Cas, HotState, HotUpdate, Projection};
use warden_store_redis::{RedisConfig, RedisHot};
use warden_testkit::Redis;

use crate::{Figures, figure::Figure};

const INSTANCES: usize = 10_240;
/// Updates a caller gives at once: what a shard's batch holds under load.
const BATCH: usize = 1_024;
/// Callers at once: shards.
const CALLERS: usize = 2;
const ROUNDS: u64 = 30;
const RUNS: u64 = 3;
/// Bytes of an encoded state.
const STATE: usize = 120;

/// Every figure of the hot state.
///
/// # Errors
/// When Redis or `redis-benchmark` fails.
pub fn figures() -> Figures {
    let redis = Redis::start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    // In turn, and the best of each: the machine's other work only ever slows.
    let (mut floor, mut ours) = (0_f64, 0_f64);
    for epoch in 1..=RUNS {
        floor = floor.max(benchmark(&redis)?);
        ours = ours.max(runtime.block_on(updates_per_second(&redis, Epoch(epoch)))?);
    }
    Ok(vec![Figure::at_least_of_floor("hot.cas".to_owned(), ours, "updates/s", floor, 1.0)])
}

/// A compare-and-set of a single hash with the fields of a snapshot, one instance a call.
const SINGLE_HASH: &str = "#!lua name=bench\n\
    redis.register_function('bench_cas', function(keys, args)\n\
      local known = redis.call('HMGET', keys[1], 'schema', 'epoch', 'version')\n\
      if known[2] and known[2] ~= args[2] then return 0 end\n\
      redis.call('HSET', keys[1], 'schema', args[1], 'epoch', args[2], 'version', args[3], 'op', args[4],\n\
        'checksum', args[5], 'state', args[6])\n\
      return 1\n\
    end)";

fn benchmark(redis: &Redis) -> Result<f64, Box<dyn std::error::Error + Send + Sync>> {
    redis.cli(&["FUNCTION", "LOAD", "REPLACE", SINGLE_HASH])?;
    let (port, state) = (redis.port().to_string(), "s".repeat(STATE));
    let output = Command::new("redis-benchmark")
        .args(["-p", &port, "-n", "400000", "-c", "16", "-P", "64", "-r", "10240", "-q"])
        .args(["FCALL", "bench_cas", "1", "bench:__rand_int__:snapshot"])
        .args(["1", "7", "12", "1234567890123456789", "0123456789abcdef", &state])
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let rate = said.split("requests per second").next().and_then(|before| before.split_whitespace().last());
    rate.and_then(|rate| rate.parse().ok()).ok_or_else(|| format!("redis-benchmark said {said:?}").into())
}

async fn updates_per_second(
    redis: &Redis,
    epoch: Epoch,
) -> Result<f64, Box<dyn std::error::Error + Send + Sync>> {
    let hot: Arc<dyn HotState> = Arc::new(RedisHot::connect(RedisConfig::new(redis.url())).await?);
    let ids: Vec<InstanceId> = (0..INSTANCES)
        .map(|index| InstanceId::new(&format!("acct-{epoch}-{index:06}")))
        .collect::<Result<_, _>>()?;
    let leases: Vec<(InstanceId, Epoch)> = ids.iter().map(|id| (id.clone(), epoch)).collect();
    hot.acquire(&leases, "bench", Span::from_secs(600)).await?;
    rounds(Arc::clone(&hot), ids.clone(), epoch, 0..1).await?;
    let mut callers = JoinSet::new();
    let began = Instant::now();
    for ids in ids.chunks(INSTANCES / CALLERS) {
        callers.spawn(rounds(Arc::clone(&hot), ids.to_vec(), epoch, 1..ROUNDS + 1));
    }
    while let Some(done) = callers.join_next().await {
        done??;
    }
    Ok((INSTANCES as u64 * ROUNDS) as f64 / began.elapsed().as_secs_f64())
}

/// Writes every instance once a round; status and connection state change each time.
async fn rounds(
    hot: Arc<dyn HotState>,
    ids: Vec<InstanceId>,
    epoch: Epoch,
    numbers: Range<u64>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    for number in numbers {
        for part in ids.chunks(BATCH) {
            let updates: Vec<HotUpdate> = part.iter().map(|id| update(id, epoch, number)).collect();
            let answers = hot.cas(&updates).await?;
            assert!(answers.iter().all(|answer| *answer == Cas::Applied), "every update is taken");
        }
    }
    Ok(())
}

fn update(id: &InstanceId, epoch: Epoch, number: u64) -> HotUpdate {
    HotUpdate {
        instance: id.clone(),
        epoch,
        expected: Version(number),
        version: Version(number + 1),
        op: OpId(number + 1),
        projection: projection(number),
        previous: (number > 0).then(|| projection(number - 1)),
        state: vec![b's'; STATE],
    }
}

fn projection(number: u64) -> Projection {
    let up = number.is_multiple_of(2);
    Projection {
        status: if up { Status::Connected } else { Status::Disconnected },
        connection_state: if up { ConnectionState::Connected } else { ConnectionState::Disconnected },
        login_attempt_count: 0,
        last_login_attempt: None,
        login_failure_reason: FailureReason::None,
        last_failure_reason: FailureReason::NetworkLost,
    }
}
