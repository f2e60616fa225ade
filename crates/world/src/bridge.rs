use std::sync::Arc;

use warden_bridge::{Command, Envelope, Mt5Bridge, SendError};

use crate::{lines::Way, point::Point, sim::Sim};

/// The way of one supervisor process to the gateways: what it sends is lost, late, doubled, or cuts its life short.
#[derive(Debug)]
pub(crate) struct FaultyBridge {
    pub(crate) sim: Arc<Sim>,
    pub(crate) process: u32,
}

impl Mt5Bridge for FaultyBridge {
    fn send(&self, envelope: Envelope) -> Result<(), SendError> {
        let state = &mut *self.sim.state();
        if !state.lives(self.process) || self.sim.dies_at(state, &[Point::C3]) {
            // Whoever asks is gone.
            return Ok(());
        }
        if !state.lines.stands(&envelope.instance) {
            state.refused(&envelope);
            return Err(SendError::NotConnected(envelope.instance));
        }
        state.sent(&envelope);
        if self.sim.dies_at(state, &[Point::C4]) {
            return Ok(());
        }
        let cut = state.cuts && matches!(envelope.command, Command::Order(_)) && state.chance.per_mille(300);
        let way = if cut { Way::Late } else { Way::drawn(&state.weather, &mut state.chance) };
        if cut {
            state.to_cut.push(envelope.instance.clone());
        }
        if let Some(fault) = way.fault() {
            state.fault(fault, format_args!("command {} of {}", envelope.id.0, envelope.instance));
        }
        let now = state.millis();
        state.lines.send(self.process, &envelope, way, now, &mut state.chance);
        self.sim.wake.notify_one();
        Ok(())
    }
}
