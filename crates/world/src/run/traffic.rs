use tokio::sync::mpsc::error::TrySendError;
use warden_bridge::{Command, Envelope, Finished, Inbound, Outcome, SendError};
use warden_domain::{Facts, Timestamp};

use super::Director;
use crate::{
    lines::Way,
    point::Point,
    sim::{Life, State},
};

impl Director {
    /// Lets the world's time pass, and brings what is on its way to where it goes.
    pub(super) fn traffic(&mut self) {
        self.cut_on_the_way();
        self.dial();
        self.hand_over();
        self.listen();
        self.deliver();
    }

    /// Gateways dial the supervisor, where one runs.
    fn dial(&mut self) {
        let now = self.millis();
        while self.dials.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, instance)) = self.dials.pop_first() else { return };
            let Some(process) = &self.process else { continue };
            let state = &mut *self.sim.state();
            let at = state.now();
            if state.life != Life::Running || state.lines.stands(&instance) {
                continue;
            }
            let Some(Inbound::Up { instance, epoch, report }) = state.world.session(&instance, at) else {
                continue;
            };
            let Some(ours) = process.ownership.epoch(&instance).filter(|ours| *ours >= epoch) else {
                state.step(format_args!("{instance} is not taken at epoch {epoch}"));
                continue;
            };
            state.world.accepted(&instance, ours);
            state.lines.set(&instance, true);
            let up = Inbound::Up { instance, epoch, report };
            state.lines.tell(process.number, &up, Way::Comes, now, &mut state.chance);
        }
    }

    /// Commands reach the gateways.
    fn hand_over(&mut self) {
        let now = self.millis();
        let state = &mut *self.sim.state();
        while let Some((process, envelope, overtaken)) = state.lines.command_due(now) {
            if overtaken {
                state.tally.fault("overtaken");
            }
            let another = process != state.process;
            if another && (state.lines.stands(&envelope.instance) || !state.chance.per_mille(500)) {
                // The connection went with the process, sometimes before what it carried was read; the next one's stands
                // only when the gateway knows that it is gone.
                continue;
            }
            let at = state.now();
            state.step(format_args!("command {} {} arrives", envelope.instance, envelope.id.0));
            let (instance, id) = (envelope.instance.clone(), envelope.id);
            state.asked.insert((instance.clone(), id), process);
            let clock = Clocks { theirs: at, ours: state.clock_of(process) };
            let order = matches!(envelope.command, Command::Order(_));
            match state.world.command(clock.translated(envelope), at) {
                Ok(()) => {
                    if order && self.sim.dies_at(state, &[Point::C5]) {
                        return;
                    }
                    state.under_way += u32::from(order);
                }
                // It went with the gateway's session, and nobody is there to say so: least of all that an order whose
                // first copy came through was not started.
                Err(SendError::NotConnected(_)) => {}
                Err(refused @ SendError::Full(_)) => {
                    let (outcome, facts) = (Outcome::NotStarted, Facts::default());
                    let finished = Finished { instance, id, outcome, facts, detail: refused.to_string() };
                    state.tell(process, &Inbound::Finished(finished), Way::Comes, now);
                }
            }
        }
    }

    /// The world's gateways say something.
    fn listen(&mut self) {
        let now = self.millis();
        let state = &mut *self.sim.state();
        let at = state.now();
        if state.under_way > 0 && self.sim.dies_at(state, &[Point::C6]) {
            return;
        }
        let said = state.world.advance_to(at);
        if !said.is_empty() {
            state.under_way = 0;
        }
        state.audit();
        for inbound in said {
            if let Inbound::Market { market, .. } = &inbound {
                for symbol in &market.symbols {
                    if let Some(quote) = symbol.quote {
                        state.quotes.insert(symbol.name.clone(), (quote.bid, quote.ask, symbol.point));
                    }
                }
            }
            if let Inbound::Finished(finished) = &inbound
                && state.is_of_another(finished)
            {
                continue;
            }
            let answer = matches!(&inbound, Inbound::Finished(finished) if matches!(finished.outcome, Outcome::Trade(_)));
            if answer && self.sim.dies_at(state, &[Point::C7, Point::C8]) {
                return;
            }
            match &inbound {
                Inbound::Up { instance, .. } => {
                    self.dials.insert((now, instance.clone()));
                    continue;
                }
                Inbound::Down { instance } => {
                    if !state.lines.stands(instance) {
                        continue;
                    }
                    state.lines.set(instance, false);
                }
                Inbound::Report { instance, .. }
                | Inbound::Market { instance, .. }
                | Inbound::Finished(Finished { instance, .. }) => {
                    if !state.lines.stands(instance) {
                        continue;
                    }
                }
            }
            let way = match &inbound {
                Inbound::Up { .. } | Inbound::Down { .. } => Way::Comes,
                Inbound::Report { .. } | Inbound::Market { .. } | Inbound::Finished(_) => {
                    Way::drawn(&state.weather, &mut state.chance)
                }
            };
            if let Some(fault) = way.fault() {
                state.fault(fault, format_args!("message"));
            }
            let process = state.process;
            state.tell(process, &inbound, way, now);
        }
    }

    /// Messages reach the supervisor.
    fn deliver(&mut self) {
        let now = self.millis();
        let state = &mut *self.sim.state();
        while let Some((to, inbound, overtaken)) = state.lines.message_due(now) {
            if overtaken {
                state.tally.fault("overtaken");
            }
            let Some(process) = self.process.as_ref().filter(|process| process.number == to) else {
                continue;
            };
            if state.life != Life::Running {
                continue;
            }
            state.step(format_args!("deliver {inbound:?}"));
            match process.inbound.try_send(inbound) {
                Ok(()) => {}
                Err(TrySendError::Full(inbound)) => {
                    state.lines.again(to, inbound, now + 1);
                    return;
                }
                Err(TrySendError::Closed(_)) => {
                    state.judged(
                        "the supervisor does not end by itself",
                        Err("its inbox is closed".to_owned()),
                    );
                    return;
                }
            }
        }
    }
}

impl State {
    fn tell(&mut self, process: u32, inbound: &Inbound, way: Way, now: u64) {
        self.lines.tell(process, inbound, way, now, &mut self.chance);
    }

    /// Whether a process that is gone asked for it: the protocol takes no result of a lower epoch.
    fn is_of_another(&self, finished: &Finished) -> bool {
        let asked = self.asked.get(&(finished.instance.clone(), finished.id));
        asked.is_some_and(|process| *process != self.process)
    }

    /// What the clock of a process shows now.
    pub(crate) fn clock_of(&self, process: u32) -> Timestamp {
        self.clocks
            .get(&process)
            .map_or(self.now(), |ahead| Timestamp::from_millis(self.now().as_millis().saturating_add(*ahead)))
    }
}

/// What the clocks at both ends of a line show: gateways and supervisor are assumed to agree, and a jump of the wall
/// clock is one of the whole site.
struct Clocks {
    theirs: Timestamp,
    ours: Timestamp,
}

impl Clocks {
    fn translated(&self, envelope: Envelope) -> Envelope {
        let left = envelope.deadline.as_millis().saturating_sub(self.ours.as_millis());
        Envelope {
            deadline: Timestamp::from_millis(self.theirs.as_millis().saturating_add(left)),
            ..envelope
        }
    }
}
