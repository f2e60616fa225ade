//! The hot state with every documented key, beside `redis-benchmark` with a pipelined compare-and-set of one hash.

use std::{process::Command, sync::Arc, time::Instant};

use warden_domain::{ConnectionState, Epoch, FailureReason, InstanceId, OpId, Span, Status, Version};
use warden_store::{Cas, HotState, HotUpdate, Projection};
use warden_store_redis::{RedisConfig, RedisHot};
use warden_testkit::Redis;

use crate::{Figures, figure::Figure};

const INSTANCES: usize = 10_240;
/// Updates a caller gives at once: what a shard's batch holds under load.
const BATCH: usize = 1_024;
const ROUNDS: u64 = 40;
/// Bytes of an encoded state.
const STATE: usize = 120;

/// Every figure of the hot state.
///
/// # Errors
/// When Redis or `redis-benchmark` fails.
pub fn figures() -> Figures {
    let redis = Redis::start()?;
    let floor = benchmark(&redis)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let ours = runtime.block_on(updates_per_second(&redis))?;
    Ok(vec![Figure::at_least_of_floor("hot.cas".to_owned(), ours, "updates/s", floor, 1.0)])
}

/// A compare-and-set of a single hash, one instance a call.
const SINGLE_HASH: &str = "#!lua name=bench\n\
    redis.register_function('bench_cas', function(keys, args)\n\
      local known = redis.call('HMGET', keys[1], 'epoch', 'version')\n\
      if known[1] and known[1] ~= args[1] then return 0 end\n\
      redis.call('HSET', keys[1], 'epoch', args[1], 'version', args[2], 'op', args[3], 'state', args[4])\n\
      return 1\n\
    end)";

fn benchmark(redis: &Redis) -> Result<f64, Box<dyn std::error::Error + Send + Sync>> {
    redis.cli(&["FUNCTION", "LOAD", "REPLACE", SINGLE_HASH])?;
    let (port, state) = (redis.port().to_string(), "s".repeat(STATE));
    let output = Command::new("redis-benchmark")
        .args(["-p", &port, "-n", "400000", "-c", "16", "-P", "64", "-r", "10240", "-q"])
        .args(["FCALL", "bench_cas", "1", "bench:__rand_int__", "7", "12", "99", &state])
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let rate = said.split("requests per second").next().and_then(|before| before.split_whitespace().last());
    rate.and_then(|rate| rate.parse().ok()).ok_or_else(|| format!("redis-benchmark said {said:?}").into())
}

async fn updates_per_second(redis: &Redis) -> Result<f64, Box<dyn std::error::Error + Send + Sync>> {
    let hot: Arc<dyn HotState> = Arc::new(RedisHot::connect(RedisConfig::new(redis.url())).await?);
    let ids: Vec<InstanceId> =
        (0..INSTANCES).map(|index| InstanceId::new(&format!("acct-{index:06}"))).collect::<Result<_, _>>()?;
    let leases: Vec<(InstanceId, Epoch)> = ids.iter().map(|id| (id.clone(), Epoch(7))).collect();
    hot.acquire(&leases, "bench", Span::from_secs(600)).await?;
    round(&hot, &ids, 0).await?;
    let began = Instant::now();
    for number in 1..=ROUNDS {
        round(&hot, &ids, number).await?;
    }
    Ok((INSTANCES as u64 * ROUNDS) as f64 / began.elapsed().as_secs_f64())
}

/// Writes every instance once; status and connection state change each time.
async fn round(
    hot: &Arc<dyn HotState>,
    ids: &[InstanceId],
    number: u64,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    for part in ids.chunks(BATCH) {
        let updates: Vec<HotUpdate> = part.iter().map(|id| update(id, number)).collect();
        let answers = hot.cas(&updates).await?;
        assert!(answers.iter().all(|answer| *answer == Cas::Applied), "every update is taken");
    }
    Ok(())
}

fn update(id: &InstanceId, number: u64) -> HotUpdate {
    HotUpdate {
        instance: id.clone(),
        epoch: Epoch(7),
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
