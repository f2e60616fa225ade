//! 100,000 instances in one process: their memory, and the moment when all of them disconnect at once.

use std::{
    sync::Arc,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use warden_bridge::{Command, Inbound};
use warden_domain::{IncidentKind, Status};
use warden_store::HotState;
use warden_store_redis::{RedisConfig, RedisHot};
use warden_supervisor::View;
use warden_testkit::Redis;

use crate::{
    Figures,
    figure::Figure,
    fleet::{OnCommand, Rig, done, gateway_up, standing},
    resident::resident,
};

const INSTANCES: usize = 100_000;

/// Every figure of the storm.
///
/// # Errors
/// When a store fails.
pub fn figures() -> Figures {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let redis = Redis::start()?;
        let folder = tempfile::tempdir()?;
        let hot: Arc<dyn HotState> = Arc::new(RedisHot::connect(RedisConfig::new(redis.url())).await?);
        let before = resident("VmRSS")?;
        let confirmed = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&confirmed);
        let rig = Rig::start(INSTANCES, folder.path(), hot, Vec::new(), |inbound| -> OnCommand {
            Box::new(move |envelope| {
                count.fetch_add(usize::from(matches!(envelope.command, Command::Confirm)), Ordering::Relaxed);
                let (inbound, answer) = (inbound.clone(), done(&envelope));
                tokio::spawn(async move { inbound.send(answer).await });
            })
        })
        .await?;
        bring_up(&rig, &confirmed).await?;
        let resident = resident("VmRSS")?;
        let mib = |bytes: u64| bytes as f64 / (1 << 20) as f64;
        let each = resident.saturating_sub(before) as f64 / INSTANCES as f64;

        let took = storm(&rig).await?;
        let stats = Arc::clone(rig.fleet.stats());
        let journal = Arc::clone(&rig.journal);
        rig.fleet.drain().await?;
        let lost = stats.transitions.load(Ordering::Relaxed) as f64 - journal.head().seq as f64;
        journal.close().await?;
        Ok(vec![
            Figure::at_most("storm.resident".to_owned(), mib(resident), "MiB", 512.0),
            Figure::at_most("storm.per_instance".to_owned(), each, "bytes", 4_096.0),
            Figure::at_most("storm.took".to_owned(), took.as_secs_f64(), "s", 5.0),
            Figure::at_most("storm.lost".to_owned(), lost.abs(), "rows", 0.0),
        ])
    })
}

/// Starts every instance and waits until the confirmation of each was answered and stepped.
///
/// No views are taken: a hundred thousand of them at once would be the larger part of the memory that is measured.
async fn bring_up(
    rig: &Rig,
    confirmed: &AtomicUsize,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    for id in &rig.ids {
        rig.inbound.send(gateway_up(id)).await?;
    }
    let transitions = || rig.fleet.stats().transitions.load(Ordering::Relaxed);
    let mut before = 0;
    while confirmed.load(Ordering::Relaxed) < INSTANCES || transitions() != before {
        before = transitions();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok(())
}

/// All instances disconnect at once; over when every one of them is journalled as such with its next attempt planned.
///
/// On a slow machine the first of them connect again before the last one had its turn: those were in the storm as well.
async fn storm(rig: &Rig) -> Result<Duration, Box<dyn std::error::Error + Send + Sync>> {
    const LOST: IncidentKind = IncidentKind::NetworkLost;
    let stats = rig.fleet.stats();
    let transitions = || stats.transitions.load(Ordering::Relaxed);
    let lost = || stats.incidents_opened().get(&LOST).map_or(0, |count| *count as usize);
    let before = transitions();
    let began = Instant::now();
    for id in &rig.ids {
        rig.inbound.send(Inbound::Report { instance: id.clone(), report: standing(false) }).await?;
    }
    while transitions() < before + INSTANCES as u64 || lost() < INSTANCES {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = began.elapsed();
    let views = rig.fleet.views().await;
    let is_back = |view: &&View| view.status == Status::Connected || view.incidents.is_empty();
    let back = views.iter().filter(is_back).count();
    let recovered = stats.incidents_recovered().get(&LOST).map_or(0, |count| *count as usize);
    if views.len() != INSTANCES || back > recovered {
        return Err("an instance was left out of the storm".into());
    }
    Ok(took)
}
