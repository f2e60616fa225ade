//! The stores of a run behind ports that fail, are slow, and are where the supervisor dies.
//!
//! A store keeps what it was told, whatever becomes of the supervisor. A call of a process that has died is never
//! answered; whether it was applied was drawn before, as with a store that is reached over a network.

mod accounts;
mod history;
mod hot;
mod journal;

use std::{future::Future, sync::Arc, time::Duration};

pub(crate) use accounts::FaultyAccounts;
pub(crate) use history::FaultyHistory;
pub(crate) use hot::FaultyHot;
pub(crate) use journal::FaultyJournal;

use warden_domain::Span;

use crate::{
    point::Point,
    sim::{Life, Sim, State},
    weather::{End, Fate, Port},
};

/// The way of one supervisor process to a store.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) sim: Arc<Sim>,
    pub(crate) port: Port,
    pub(crate) process: u32,
}

/// One call of a store, and where the supervisor may die with it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Call<'a> {
    pub(crate) name: &'static str,
    /// Before the store was told.
    pub(crate) before: &'a [Point],
    /// After it did what it was told, before the answer.
    pub(crate) after: &'a [Point],
}

impl Way {
    /// Makes a call and lets it meet its fate; `told` hears of what the store did, before anybody else does.
    pub(crate) async fn call<T, E>(
        &self,
        call: Call<'_>,
        made: impl Future<Output = Result<T, E>>,
        fault: impl FnOnce() -> E,
        told: impl FnOnce(&mut State, &T),
    ) -> Result<T, E> {
        let Some(fate) = self.begin(call) else { return never().await };
        wait(fate.before).await;
        if !self.lives() {
            return never().await;
        }
        if fate.end == End::Failed {
            self.ended(call, "failed");
            return Err(fault());
        }
        let answer = made.await;
        if let Ok(answer) = &answer {
            told(&mut self.sim.state(), answer);
        }
        if self.dies_after(call) {
            return never().await;
        }
        wait(fate.after).await;
        if !self.lives() {
            return never().await;
        }
        if fate.end == End::Unheard {
            self.ended(call, "unheard");
            return Err(fault());
        }
        self.ended(call, if answer.is_ok() { "done" } else { "refused" });
        answer
    }

    /// What the call meets; `None` when the process has died, or dies here.
    fn begin(&self, call: Call<'_>) -> Option<Fate> {
        let state = &mut *self.sim.state();
        if !state.lives(self.process) {
            return None;
        }
        let starts: &[Point] = if state.life == Life::Starting { &[Point::C13] } else { &[] };
        if self.sim.dies_at(state, call.before) || self.sim.dies_at(state, starts) {
            return None;
        }
        let now = state.millis();
        Some(state.weather.fate(self.port, now, &mut state.chance))
    }

    /// The store is asked whether it answers: an attempt to reach it (NET-3). Only one shard tells its attempts apart.
    fn tries(&self) {
        let state = &mut *self.sim.state();
        if state.lives(self.process) && state.life == Life::Running && state.one_shard {
            let now = state.millis();
            let verdict = state.hot.begins(now);
            state.judged("a lost store is tried again when it is time", verdict);
        }
    }

    fn dies_after(&self, call: Call<'_>) -> bool {
        let state = &mut *self.sim.state();
        !state.lives(self.process) || self.sim.dies_at(state, call.after)
    }

    fn lives(&self) -> bool {
        self.sim.state().lives(self.process)
    }

    fn ended(&self, call: Call<'_>, how: &str) {
        let state = &mut *self.sim.state();
        if how != "done" {
            state.tally.fault(self.port.failure());
        }
        if self.port == Port::Hot && how != "done" {
            let (now, wait) = (state.millis(), state.judge.params.state_store.reconnect_after);
            state.hot.failed(now, wait);
        }
        state.step(format_args!("{} {} {how}", self.port.name(), call.name));
    }
}

/// The caller is gone: nobody hears the answer.
async fn never<T>() -> T {
    std::future::pending().await
}

async fn wait(span: Span) {
    if span > Span::ZERO {
        tokio::time::sleep(Duration::from(span)).await;
    }
}
