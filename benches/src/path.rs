//! The whole path: event in → journal on disk → Redis → command out, over 10,000 instances.
//!
//! Every instance goes round: its session is confirmed, its connection drops, it comes back, and the next confirmation
//! is asked for. Each of the three events is one step, one journal row and one state in Redis with all documented keys
//! that changed; the third makes a command, whose way out is timed.

mod with_export;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::mpsc;
use warden_bridge::{Command, Envelope, Inbound};
use warden_domain::InstanceId;
use warden_store::HotState;
use warden_store_redis::{RedisConfig, RedisHot};
use warden_testkit::Redis;

use crate::{
    Figures,
    figure::Figure,
    fleet::{OnCommand, Rig, done, gateway_up, standing},
};

const INSTANCES: usize = 10_000;
const FULL_FOR: Duration = Duration::from_secs(8);
const PACED_FOR: Duration = Duration::from_secs(8);

/// Every figure of the path.
///
/// # Errors
/// When a store fails.
pub fn figures() -> Figures {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let redis = Redis::start()?;
        let folder = tempfile::tempdir()?;
        let hot: Arc<dyn HotState> = Arc::new(RedisHot::connect(RedisConfig::new(redis.url())).await?);
        let meter = Arc::new(Meter::default());
        let (parked, ready) = mpsc::unbounded_channel();
        let of_bench = Arc::clone(&meter);
        let gateways = move |inbound| of_bench.gateways(inbound, parked);
        let rig = Rig::start(INSTANCES, folder.path(), hot, Vec::new(), gateways).await?;
        bring_up(&rig, INSTANCES).await?;

        // Each instance is left with one confirmation under way.
        meter.park.store(1, Ordering::Relaxed);
        for id in &rig.ids {
            for connected in [false, true] {
                rig.inbound.send(report(id, connected)).await?;
            }
        }
        let mut figures = Vec::new();
        let mut bench = Bench { rig, meter, ready, waiting: Vec::with_capacity(INSTANCES) };
        bench.park().await?;
        for (rate, name, share, limit) in
            [(1_000, "path.at_1k.p50", 50, 3.0), (50_000, "path.at_50k.p99", 99, 10.0)]
        {
            let late = bench.paced(rate).await?;
            figures.push(Figure::at_most(name.to_owned(), millis(&late, share), "ms", limit));
        }
        figures.push(bench.full_speed().await?);
        figures.extend(with_export::figures(&mut bench, folder.path()).await?);
        let Bench { rig, .. } = bench;
        rig.fleet.drain().await?;
        rig.journal.close().await?;
        Ok(figures)
    })
}

/// Starts every instance and waits until all are on a confirmed session.
///
/// # Errors
/// When the fleet ends before they are.
pub async fn bring_up(rig: &Rig, count: usize) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    for id in &rig.ids {
        rig.inbound.send(gateway_up(id)).await?;
    }
    loop {
        let views = rig.fleet.views().await;
        let up = views.iter().filter(|view| view.status == warden_domain::Status::Connected).count();
        if up == count {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What the gateways measure.
#[derive(Default)]
struct Meter {
    /// 0: answer everything; 1: hand confirmations over; 2: answer each confirmation at once, as fast as it goes.
    park: AtomicU64,
    sent_at: Mutex<Vec<Option<Instant>>>,
    late: Mutex<Vec<Duration>>,
}

impl Meter {
    fn gateways(
        self: Arc<Self>,
        inbound: mpsc::Sender<Inbound>,
        parked: mpsc::UnboundedSender<Envelope>,
    ) -> OnCommand {
        *locked(&self.sent_at) = vec![None; INSTANCES];
        Box::new(move |envelope| {
            let confirm = matches!(envelope.command, Command::Confirm);
            match self.park.load(Ordering::Relaxed) {
                1 if confirm => {
                    if let Some(sent_at) = locked(&self.sent_at)[index(&envelope)].take() {
                        locked(&self.late).push(sent_at.elapsed());
                    }
                    parked.send(envelope).expect("the bench holds the other end");
                }
                2 if confirm => {
                    for event in round(&envelope) {
                        inbound.try_send(event).expect("the queue holds a round of every instance");
                    }
                }
                _ => inbound.try_send(done(&envelope)).expect("the queue holds an answer of every instance"),
            }
        })
    }
}

/// Events of one round.
const ROUND: usize = 3;

/// The session is confirmed, the connection drops, it comes back.
fn round(envelope: &Envelope) -> [Inbound; ROUND] {
    [done(envelope), report(&envelope.instance, false), report(&envelope.instance, true)]
}

fn report(instance: &InstanceId, connected: bool) -> Inbound {
    Inbound::Report { instance: instance.clone(), report: standing(connected) }
}

fn index(envelope: &Envelope) -> usize {
    envelope.instance.as_str()[5..].parse().unwrap_or(0)
}

/// A fleet whose instances all wait for their confirmation, and what measures it.
struct Bench {
    rig: Rig,
    meter: Arc<Meter>,
    ready: mpsc::UnboundedReceiver<Envelope>,
    waiting: Vec<Envelope>,
}

impl Bench {
    /// Sends `rate` events a second and measures each round's last one, from when it was due until its command left.
    async fn paced(&mut self, rate: u64) -> Result<Vec<Duration>, Box<dyn std::error::Error + Send + Sync>> {
        locked(&self.meter.late).clear();
        // So many instances take part that each comes round every few seconds.
        let rest = self.waiting.split_off(INSTANCES.min(usize::try_from(rate)?));
        let mut turn: VecDeque<(Envelope, usize)> =
            self.waiting.drain(..).map(|envelope| (envelope, 0)).collect();
        let (began, mut sent) = (Instant::now(), 0_u64);
        let mut pace = tokio::time::interval(Duration::from_millis(1));
        while began.elapsed() < PACED_FOR {
            pace.tick().await;
            let due = began.elapsed().as_micros() as u64 * rate / 1_000_000;
            while sent < due {
                turn.extend(std::iter::from_fn(|| self.ready.try_recv().ok()).map(|envelope| (envelope, 0)));
                let Some((envelope, place)) = turn.pop_front() else { break };
                let event = round(&envelope).into_iter().nth(place).ok_or("a round has three events")?;
                if place + 1 == ROUND {
                    let at = began + Duration::from_micros(sent * 1_000_000 / rate);
                    locked(&self.meter.sent_at)[index(&envelope)] = Some(at);
                } else {
                    turn.push_back((envelope, place + 1));
                }
                self.rig.inbound.send(event).await?;
                sent += 1;
            }
        }
        let wanted = PACED_FOR.as_secs() * rate * 95 / 100;
        if sent < wanted {
            return Err(format!("the path took {sent} events in {PACED_FOR:?}, not {wanted}").into());
        }
        for (envelope, place) in turn {
            for event in round(&envelope).into_iter().skip(place) {
                self.rig.inbound.send(event).await?;
            }
        }
        self.waiting.extend(rest);
        self.park().await?;
        Ok(std::mem::take(&mut *locked(&self.meter.late)))
    }

    /// Waits until all instances wait again.
    async fn park(&mut self) -> Result<(), &'static str> {
        while self.waiting.len() < INSTANCES {
            self.waiting.push(self.ready.recv().await.ok_or("the gateways ended")?);
        }
        Ok(())
    }

    /// Every instance's next round follows at once on its last one.
    async fn full_speed(&mut self) -> Result<Figure, Box<dyn std::error::Error + Send + Sync>> {
        self.meter.park.store(2, Ordering::Relaxed);
        for event in self.waiting.drain(..).flat_map(|envelope| round(&envelope)) {
            self.rig.inbound.send(event).await?;
        }
        let transitions = &self.rig.fleet.stats().transitions;
        let (began, before) = (Instant::now(), transitions.load(Ordering::Relaxed));
        tokio::time::sleep(FULL_FOR).await;
        let rate = (transitions.load(Ordering::Relaxed) - before) as f64 / began.elapsed().as_secs_f64();
        self.meter.park.store(1, Ordering::Relaxed);
        self.park().await?;
        Ok(Figure::at_least("path.full".to_owned(), rate, "events/s", 100_000.0))
    }
}

fn millis(late: &[Duration], share: usize) -> f64 {
    let mut late = late.to_vec();
    late.sort_unstable();
    late.get(late.len() * share / 100).map_or(f64::NAN, |late| late.as_secs_f64() * 1_000.0)
}

pub(crate) fn locked<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
