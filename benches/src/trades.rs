//! Signals: from their acceptance to the order command, journal on disk and trades shown in Redis.
//!
//! The gateways refuse every order at once (10006), so that a trade goes its shortest whole way: accepted and `SENDING` in
//! one durable row, its command, the answer in another row, and gone.

use std::{
    io::Write as _,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    sync::{Notify, Semaphore, mpsc},
    task::JoinSet,
};
use warden_bridge::{Command, Envelope, Finished, Inbound, Market, Outcome, Snapshot, SymbolNow, TradeReply};
use warden_distribution::{Signal, Symbol};
use warden_domain::{
    AccountMode, Epoch, Facts, Filling, FillingModes, InstanceId, OpId, Points, Quote, Session, Span,
    Timestamp, TradeMode, Version,
};
use warden_store::{HotState, Record};
use warden_store_redis::{RedisConfig, RedisHot};
use warden_testkit::Redis;

use crate::{
    Figures,
    figure::Figure,
    fleet::{OnCommand, Rig, SYMBOL, done, number},
    journal::bare,
    path::{bring_up, locked},
    policy::facts,
};

const INSTANCES: usize = 2_000;
/// Accounts of one fan-out.
const FAN: usize = 1_000;
/// Signals one after the other on an idle fleet.
const SINGLE: usize = 500;
const FANS: usize = 20;
const FULL_FOR: Duration = Duration::from_secs(8);
/// Signals under way at once at full speed, each for its own share of the instances.
const CALLERS: usize = 4;
const SHARE: usize = INSTANCES / CALLERS;
const REJECTED: u32 = 10_006;
const VALID_FOR: Span = Span::from_secs(60);
/// Bytes of a trade's row.
const ROW: usize = 500;
/// How often the gateways say how the market stands.
const QUOTED: Duration = Duration::from_secs(2);

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Every figure of signals.
///
/// # Errors
/// When a store or the fleet fails.
pub fn figures() -> Figures {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let redis = Redis::start()?;
        let folder = tempfile::tempdir()?;
        let floor = sync_floor(folder.path())?;
        let hot: Arc<dyn HotState> = Arc::new(RedisHot::connect(RedisConfig::new(redis.url())).await?);
        let meter = Arc::new(Meter::new());
        let of_bench = Arc::clone(&meter);
        let on_command = move |inbound| of_bench.gateways(inbound);
        let symbols = vec![Symbol::new(SYMBOL)?];
        let rig = Rig::start(INSTANCES, &folder.path().join("fleet"), hot, symbols, on_command).await?;
        bring_up(&rig, INSTANCES).await?;
        meter.wait_watched().await;
        let quotes = tokio::spawn(quote(rig.inbound.clone(), rig.ids.clone()));

        let mut figures = single(&rig, &meter, floor).await?;
        figures.push(fan_out(&rig, &meter, floor).await?);
        figures.push(full_speed(&rig, &meter, rows_floor()?).await?);
        quotes.abort();
        rig.fleet.drain().await?;
        rig.journal.close().await?;
        Ok(figures)
    })
}

/// One signal for one account after the other, on a fleet that does nothing else.
async fn single(rig: &Rig, meter: &Meter, floor: Duration) -> Figures {
    let mut late = Vec::with_capacity(SINGLE);
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    for round in 0..SINGLE {
        pace.tick().await;
        let signal = signal("one", round, &rig.ids[round % rig.ids.len()..][..1])?;
        let began = meter.expect(1);
        let _report = rig.fleet.signal(signal).await?;
        late.push(meter.all_sent().await.duration_since(began));
    }
    late.sort();
    let share = |percent: usize| millis(late[(late.len() - 1) * percent / 100]);
    Ok(vec![
        Figure::at_most("trades.signal.p50".to_owned(), share(50), "ms", 3.0).beside(millis(floor)),
        Figure::at_most("trades.signal.p99".to_owned(), share(99), "ms", 15.0).beside(millis(floor)),
    ])
}

/// One signal for many accounts: until the last command is out, the worst of all rounds.
async fn fan_out(rig: &Rig, meter: &Meter, floor: Duration) -> Result<Figure, Fault> {
    let mut worst = Duration::ZERO;
    for round in 0..FANS {
        let signal = signal("fan", round, &rig.ids[..FAN])?;
        let began = meter.expect(FAN as u64);
        let _report = rig.fleet.signal(signal).await?;
        worst = worst.max(meter.all_sent().await.duration_since(began));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(Figure::at_most("trades.fan_out".to_owned(), millis(worst), "ms", 150.0).beside(millis(floor)))
}

/// Orders a second while every instance is given the next signal as soon as the order of the one before has left. What is
/// accepted and not sent yet does not grow: the rate is one that lasts.
async fn full_speed(rig: &Rig, meter: &Arc<Meter>, floor: f64) -> Result<Figure, Fault> {
    let (before, began) = (meter.sent.load(Ordering::Acquire), Instant::now());
    let mut callers = JoinSet::new();
    for (caller, ids) in rig.ids.chunks(SHARE).enumerate() {
        let (distributor, meter) = (rig.fleet.distributor().clone(), Arc::clone(meter));
        let (ids, given) = (ids.to_vec(), u32::try_from(ids.len())?);
        // The permits of the orders that left before.
        meter.left_of[caller].forget_permits(usize::MAX);
        callers.spawn(async move {
            let mut round = 0;
            while began.elapsed() < FULL_FOR {
                let signal = signal(&format!("all{caller}"), round, &ids)?;
                let _report = distributor.signal(signal).await?;
                meter.left_of[caller].acquire_many(given).await?.forget();
                round += 1;
            }
            Ok::<_, Fault>(())
        });
    }
    while let Some(done) = callers.join_next().await {
        done??;
    }
    let rate = (meter.sent.load(Ordering::Acquire) - before) as f64 / began.elapsed().as_secs_f64();
    Ok(Figure::at_least("trades.rate".to_owned(), rate, "orders/s", 10_000.0).beside(floor))
}

fn signal(name: &str, round: usize, ids: &[InstanceId]) -> Result<Signal, Fault> {
    let instances: Vec<&str> = ids.iter().map(InstanceId::as_str).collect();
    let millis = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis();
    let now = Timestamp::from_millis(i64::try_from(millis)?);
    let json = format!(
        r#"{{"key":"{name}-{round}","source":"bench","created_at":"{now}","instances":"{}","action":"open",
            "symbol":"{SYMBOL}","side":"BUY","sizing":"fixed","lots":"0.1"}}"#,
        instances.join(",")
    );
    Ok(Signal::from_json(json.as_bytes(), VALID_FOR, &warden_distribution::Params::default())?)
}

/// What the gateways count.
struct Meter {
    sent: AtomicU64,
    /// A permit for each order that left, by the caller whose instance it is.
    left_of: [Semaphore; CALLERS],
    /// The order commands that are waited for, and when the last of them left.
    awaited: AtomicU64,
    last: Mutex<Option<Instant>>,
    left: Notify,
    watched: AtomicU64,
}

impl Meter {
    fn new() -> Self {
        Self {
            sent: AtomicU64::new(0),
            left_of: std::array::from_fn(|_| Semaphore::new(0)),
            awaited: AtomicU64::new(0),
            last: Mutex::default(),
            left: Notify::new(),
            watched: AtomicU64::new(0),
        }
    }

    fn gateways(self: Arc<Self>, inbound: mpsc::Sender<Inbound>) -> OnCommand {
        Box::new(move |envelope| {
            for answer in self.answer(&envelope) {
                inbound.try_send(answer).expect("the queue holds an answer of every instance");
            }
        })
    }

    fn answer(&self, envelope: &Envelope) -> Vec<Inbound> {
        let outcome = match &envelope.command {
            Command::Order(_) => {
                self.sent.fetch_add(1, Ordering::AcqRel);
                self.left_of[number(&envelope.instance) / SHARE].add_permits(1);
                if self.awaited.fetch_sub(1, Ordering::AcqRel) == 1 {
                    *locked(&self.last) = Some(Instant::now());
                    self.left.notify_one();
                }
                let facts = Facts { retcode: Some(REJECTED), ..facts(true) };
                return vec![finished(envelope, Outcome::Trade(TradeReply::default()), facts)];
            }
            Command::Watch(_) => {
                self.watched.fetch_add(1, Ordering::AcqRel);
                let instance = envelope.instance.clone();
                return vec![done(envelope), Inbound::Market { instance, market: Box::new(market()) }];
            }
            Command::Snapshot(_) => Outcome::Snapshot(Box::new(snapshot(envelope))),
            Command::Login { .. }
            | Command::Reconnect
            | Command::Restart { .. }
            | Command::Confirm
            | Command::CloseTrades { .. }
            | Command::EndSession => return vec![done(envelope)],
        };
        vec![finished(envelope, outcome, facts(true))]
    }

    /// So many orders are waited for from now on.
    fn expect(&self, orders: u64) -> Instant {
        self.awaited.store(orders, Ordering::Release);
        Instant::now()
    }

    /// When the last of them left.
    async fn all_sent(&self) -> Instant {
        loop {
            if let Some(at) = locked(&self.last).take() {
                return at;
            }
            self.left.notified().await;
        }
    }

    async fn wait_watched(&self) {
        while self.watched.load(Ordering::Acquire) < INSTANCES as u64 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Keeps the prices fresh.
async fn quote(inbound: mpsc::Sender<Inbound>, ids: Vec<InstanceId>) {
    let mut pace = tokio::time::interval(QUOTED);
    loop {
        pace.tick().await;
        for instance in &ids {
            let said = Inbound::Market { instance: instance.clone(), market: Box::new(market()) };
            if inbound.send(said).await.is_err() {
                return;
            }
        }
    }
}

fn finished(envelope: &Envelope, outcome: Outcome, facts: Facts) -> Inbound {
    let (instance, id) = (envelope.instance.clone(), envelope.id);
    Inbound::Finished(Finished { instance, id, outcome, facts, detail: String::new() })
}

/// Nothing is open.
fn snapshot(envelope: &Envelope) -> Snapshot {
    let Inbound::Finished(Finished { outcome: Outcome::Session(session), .. }) =
        done(&Envelope { command: Command::Confirm, ..envelope.clone() })
    else {
        return Snapshot::default();
    };
    Snapshot { login: session.login, server: session.server, connected: true, ..Snapshot::default() }
}

fn market() -> Market {
    let parsed = |text: &str| text.parse().expect("it is a price");
    let lots = |text: &str| text.parse().expect("it is a volume");
    Market {
        mode: AccountMode::Hedging,
        balance: 100_000.0,
        equity: 100_000.0,
        symbols: vec![SymbolNow {
            name: SYMBOL.to_owned(),
            point: parsed("0.00001"),
            tick: parsed("0.00001"),
            tick_value: 1.0,
            volume_step: lots("0.01"),
            volume_min: lots("0.01"),
            volume_max: lots("100"),
            stops_level: Points(0),
            freeze_level: Points(0),
            filling: FillingModes::of(&[Filling::FillOrKill]),
            trade_mode: TradeMode::Full,
            session: Session::Open,
            quote: Some(Quote { bid: parsed("1.09990"), ask: parsed("1.10000") }),
        }],
    }
}

/// The median time in which a plain file on the same disk takes a row and is synced.
fn sync_floor(folder: &Path) -> std::io::Result<Duration> {
    let mut file = std::fs::File::create(folder.join("floor"))?;
    let mut took = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        file.write_all(&[7; ROW])?;
        file.sync_data()?;
        took.push(began.elapsed());
    }
    took.sort();
    Ok(took[took.len() / 2])
}

/// Rows a second that a bare appender takes, as many a commit as a turn of the shard has.
fn rows_floor() -> Result<f64, Fault> {
    const COMMITS: usize = 200;
    let rows: Vec<Record> = (1..=1_024).map(record).collect();
    Ok((rows.len() * COMMITS) as f64 / bare(&rows, COMMITS)?.as_secs_f64())
}

fn record(version: u64) -> Record {
    Record {
        instance: crate::fleet::id(0),
        trade: None,
        epoch: Epoch(1),
        version: Version(version),
        op: OpId(version),
        at: Timestamp::from_millis(1_700_000_000_000),
        kind: "TICK",
        rule: "TRD-7",
        payload: vec![7; ROW],
    }
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1_000.0
}
