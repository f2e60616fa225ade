use std::{
    collections::{HashMap, VecDeque},
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use warden_domain::{Gate, InstanceId, Layer, Rule, Status, Timestamp};
use warden_supervisor::{Clock as _, Decision, View};

use super::{
    frame::{Colour, Frame, Line},
    judge::{is_stopped, short},
    stage::Stage,
};
use crate::cli::Demo;

/// What is worth showing of the decisions so far.
pub(crate) struct Watch {
    title: String,
    lasts: Duration,
    began: Instant,
    last_rule: HashMap<InstanceId, Rule>,
    decisions: VecDeque<Decision>,
}

/// Decisions that are shown.
const DECISIONS: usize = 8;
/// Instances that are shown: more would not fit a screen.
const ROWS: usize = 40;
const BAR: usize = 40;

impl Watch {
    pub(crate) fn new(demo: &Demo, seed: u64, stage: &Stage) -> Self {
        let title = format!(
            "{} simulated terminals at {} times the speed, seed {seed}",
            stage.instances.len(),
            demo.speed
        );
        let (last_rule, decisions) = (HashMap::new(), VecDeque::with_capacity(DECISIONS));
        Self { title, lasts: demo.lasts.into(), began: Instant::now(), last_rule, decisions }
    }

    /// Takes a decision in; those that only record a fact are not worth a line.
    pub(crate) fn take(&mut self, decision: Decision) {
        let Some(rule) = decision.rule else { return };
        self.last_rule.insert(decision.instance.clone(), rule);
        if self.decisions.len() == DECISIONS {
            self.decisions.pop_front();
        }
        self.decisions.push_back(decision);
    }

    /// How everything stands now.
    pub(crate) async fn frame(&self, stage: &Stage) -> Frame {
        let mut views = stage.fleet.views().await;
        views.sort_by_key(|view| stage.instances.iter().position(|id| *id == view.instance));
        let now = stage.clock.now();
        let counts = self.counts(&views, stage);
        let mut lines = vec![
            Line::default()
                .text("mt5-warden", Colour::Strong)
                .text(format!("  {}", self.title), Colour::Faint),
            counts.clone(),
            Line::default(),
            heading(),
        ];
        lines.extend(views.iter().take(ROWS).map(|view| self.row(view, now)));
        if views.len() > ROWS {
            lines.push(Line::default().text(format!("… and {} more", views.len() - ROWS), Colour::Faint));
        }
        lines.push(Line::default());
        lines.push(Line::default().text("LAST DECISIONS", Colour::Faint));
        lines.extend((0..DECISIONS).map(|at| self.decisions.get(at).map_or_else(Line::default, decided)));
        lines.push(Line::default());
        lines.push(self.progress(now, stage.started));
        let text: String = counts.0.iter().map(|piece| piece.text.as_str()).collect();
        let passed = self.began.elapsed().as_secs_f64();
        let trouble = views.iter().map(|view| view.incidents.len()).sum();
        Frame { lines, sentence: format!("{passed:>5.1}s  {}", text.trim_start()), trouble }
    }

    fn counts(&self, views: &[View], stage: &Stage) -> Line {
        let stats = stage.fleet.stats();
        let count = |fits: &dyn Fn(&View) -> bool| views.iter().filter(|view| fits(view)).count();
        let connected = count(&|view| view.status == Status::Connected);
        let stopped = count(&is_stopped);
        let opened: u64 = stats.incidents_opened().values().sum();
        let recovered: u64 = stats.incidents_recovered().values().sum();
        Line::default()
            .text(format!("{connected} connected"), Colour::Good)
            .text(format!("  {} on their way", views.len() - connected - stopped), Colour::Trouble)
            .text(format!("  {stopped} stopped"), Colour::Bad)
            .text(
                format!(
                    "   incidents: {opened} opened, {recovered} recovered   decisions: {}   commands: {}",
                    stats.transitions.load(Ordering::Relaxed),
                    stats.commands.load(Ordering::Relaxed)
                ),
                Colour::Plain,
            )
    }

    fn row(&self, view: &View, now: Timestamp) -> Line {
        let (incident, colour) = incident(view, now);
        let rule = self.last_rule.get(&view.instance).map_or("", |rule| rule.as_str());
        let mut line = Line::default()
            .cell(view.instance.as_str(), 11, Colour::Plain)
            .cell(view.status.as_str(), 19, status_colour(view))
            .cell(&gate(view, now), 13, gate_colour(view));
        for layer in Layer::ALL {
            let up = view.health.contains(layer);
            line = line.text(if up { "●" } else { "○" }, if up { Colour::Good } else { Colour::Faint });
        }
        line.text("  ", Colour::Plain).cell(&incident, 46, colour).cell(rule, 7, Colour::Busy)
    }

    fn progress(&self, now: Timestamp, started: Timestamp) -> Line {
        let passed = self.began.elapsed().min(self.lasts);
        let share = passed.as_secs_f64() / self.lasts.as_secs_f64();
        // A share of at most 1 of a small width.
        let full = (share * BAR as f64).round() as usize;
        let fleet = now.since(started).as_millis() / 1_000;
        Line::default()
            .text("█".repeat(full), Colour::Busy)
            .text("░".repeat(BAR - full.min(BAR)), Colour::Faint)
            .text(
                format!(
                    "  {:.0}s of {:.0}s, {}m{:02}s of the fleet's time",
                    passed.as_secs_f64(),
                    self.lasts.as_secs_f64(),
                    fleet / 60,
                    fleet % 60
                ),
                Colour::Plain,
            )
    }
}

fn heading() -> Line {
    Line::default()
        .cell("INSTANCE", 11, Colour::Faint)
        .cell("STATUS", 19, Colour::Faint)
        .cell("TRADING", 13, Colour::Faint)
        .cell("HEALTH", 8, Colour::Faint)
        .cell("INCIDENT", 46, Colour::Faint)
        .cell("RULE", 7, Colour::Faint)
}

/// The incident whose next attempt is nearest, and why a stopped instance stopped.
fn incident(view: &View, now: Timestamp) -> (String, Colour) {
    if is_stopped(view) {
        let reason = view.last_failure_reason.as_str().to_lowercase().replace('_', " ");
        return (format!("{reason}: waits for a person"), Colour::Bad);
    }
    let nearest = view.incidents.iter().min_by_key(|it| it.next_attempt_at.unwrap_or(Timestamp::MAX));
    let Some(nearest) = nearest else { return (String::new(), Colour::Plain) };
    let attempt = if nearest.attempt == 0 { String::new() } else { format!(", attempt {}", nearest.attempt) };
    let next = match nearest.next_attempt_at {
        Some(at) if at > now => format!(", next in {}", seconds(at, now)),
        Some(_) if view.held => ", held while another one probes".to_owned(),
        Some(_) => ", due".to_owned(),
        None => String::new(),
    };
    let more =
        if view.incidents.len() > 1 { format!(" (+{})", view.incidents.len() - 1) } else { String::new() };
    (format!("{}{attempt}{next}{more}", short(nearest.kind)), Colour::Trouble)
}

fn decided(decision: &Decision) -> Line {
    let clock = decision.at.to_string();
    let clock = clock.get(11..19).unwrap_or_default();
    let rule = decision.rule.map_or("", Rule::as_str);
    let because = decision.rule.map_or("", Rule::summary);
    let mut words = if decision.before == decision.after {
        because.to_owned()
    } else {
        format!("{} → {}: {because}", decision.before, decision.after)
    };
    if !decision.actions.is_empty() {
        words.push_str(&format!(" → {}", decision.actions.join(", ")));
    }
    Line::default()
        .cell(clock, 10, Colour::Faint)
        .cell(decision.instance.as_str(), 11, Colour::Plain)
        .cell(rule, 8, Colour::Busy)
        .cell(&words, 79, Colour::Plain)
}

fn status_colour(view: &View) -> Colour {
    match view.status {
        Status::Connected => Colour::Good,
        Status::Connecting => Colour::Busy,
        Status::Failed if is_stopped(view) => Colour::Bad,
        Status::Disconnected | Status::Failed => Colour::Trouble,
        Status::PermanentlyFailed => Colour::Bad,
        Status::Inactive => Colour::Faint,
    }
}

fn gate(view: &View, now: Timestamp) -> String {
    match view.gate {
        Gate::Open => "open".to_owned(),
        Gate::Paused { until: Timestamp::MAX, .. } => "paused".to_owned(),
        Gate::Paused { until, .. } => format!("paused {}", seconds(until, now)),
        Gate::ReduceOnly(_) => "reduce only".to_owned(),
        Gate::Shut(_) => "shut".to_owned(),
    }
}

fn gate_colour(view: &View) -> Colour {
    match view.gate {
        Gate::Open => Colour::Good,
        Gate::Paused { .. } | Gate::ReduceOnly(_) => Colour::Trouble,
        Gate::Shut(_) => Colour::Bad,
    }
}

fn seconds(at: Timestamp, now: Timestamp) -> String {
    let seconds = at.since(now).as_millis().div_ceil(1_000);
    if seconds < 60 { format!("{seconds}s") } else { format!("{}m{:02}s", seconds / 60, seconds % 60) }
}
