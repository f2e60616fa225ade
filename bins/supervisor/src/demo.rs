//! A demonstration: a simulated fleet, the supervisor and its stores in one process.

mod audit;
mod clock;
mod frame;
mod judge;
mod ledger;
mod picture;
mod screen;
mod stage;
mod stores;
mod summary;
mod trader;
mod watch;

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Error};
use tokio::time::{MissedTickBehavior, interval};

use self::{audit::Audit, frame::Frame, screen::Screen, stage::Stage, summary::Summary, watch::Watch};
use crate::{
    cli::{Demo, LogFormat},
    log,
    say::{say, say_text},
    signals::Signals,
};

/// How often the screen is drawn.
const REDRAW: Duration = Duration::from_millis(250);

/// Runs a demonstration.
///
/// # Errors
/// When a part of it cannot be set up, or when rows were lost or states disagree at its end.
pub(crate) async fn run(demo: Demo) -> Result<(), Error> {
    log::start("off", LogFormat::Text);
    let seed = demo.seed.unwrap_or_else(|| RandomState::new().build_hasher().finish() >> 33);
    let began = Instant::now();
    let stage = Stage::set(&demo, seed).await?;
    let mut watch = Watch::new(&demo, seed, &stage);
    let mut screen = Screen::open(demo.json)?;
    let (cut_short, busiest) = show(&demo, &stage, &mut watch, &mut screen).await?;
    if let Some(path) = &demo.picture {
        let picture = picture::svg(&busiest);
        std::fs::write(path, picture)
            .with_context(|| format!("the picture {} cannot be written", path.display()))?;
    }
    drop(screen);
    let audit = Audit::of(stage).await?;
    let summary = Summary::new(&demo, seed, began.elapsed(), cut_short, audit);
    if demo.json {
        say!("{}", serde_json::to_string(&summary)?);
    } else {
        say_text!("{summary}");
    }
    summary.verdict()
}

/// Shows the fleet until the time is over or a signal comes; whether it was a signal, and the frame with most incidents.
async fn show(
    demo: &Demo,
    stage: &Stage,
    watch: &mut Watch,
    screen: &mut Screen,
) -> Result<(bool, Frame), Error> {
    let mut signals = Signals::take().context("signals cannot be handled")?;
    let mut redraw = interval(REDRAW);
    redraw.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let over = tokio::time::sleep(demo.lasts.into());
    tokio::pin!(over);
    let mut busiest = Frame::default();
    loop {
        let end = tokio::select! {
            decision = stage.decision() => {
                watch.take(decision);
                continue;
            }
            () = &mut over => Some(false),
            _ = signals.next() => Some(true),
            _ = redraw.tick() => None,
        };
        let frame = watch.frame(stage).await;
        screen.draw(&frame)?;
        if frame.trouble >= busiest.trouble {
            busiest = frame;
        }
        if let Some(cut_short) = end {
            return Ok((cut_short, busiest));
        }
    }
}
