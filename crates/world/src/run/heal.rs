use warden_domain::Gate;
use warden_policy::{Phase, account::Closure};
use warden_supervisor::{Scope, Wish};

use super::Director;
use crate::{invariant::settled, judge::Member, weather::Weather};

/// How long healing may take: the longest waits of the rules, one after the other, in milliseconds. A process whose wall
/// clock was set back since the last one wrote its deadlines waits as much longer (REC-5).
const PATIENCE: u64 = 3_600_000;
/// How often a person looks, in milliseconds.
const LOOK: u64 = 5_000;

/// An account that is gone, or suspected to be, is nobody's to bring back, and nobody looks at it any more.
pub(super) fn is_destroyed(member: &Member) -> bool {
    member.state.as_ref().is_some_and(|known| known.closure() != Closure::None)
}

impl Director {
    /// Every fault ends; a person resets what stopped. Then everything gets well within bounded time.
    pub(super) async fn heal(&mut self) {
        self.calm();
        let patience = PATIENCE + self.sim.state().set_back;
        let until = self.millis() + patience;
        loop {
            let now = self.millis();
            self.live_until(now + LOOK, false).await;
            if !self.is_clean() {
                return;
            }
            let ill = self.ill();
            if ill.is_empty() && self.process.as_ref().is_some_and(|process| process.fleet.is_some()) {
                return;
            }
            if self.millis() >= until {
                let verdict = Err(format!("after {patience} ms without a fault: {}", ill.join("; ")));
                self.sim.state().judged("what nothing forbids trades again", verdict);
                return;
            }
            self.help();
            self.decide();
            self.set_halted(Scope::All, false);
        }
    }

    fn calm(&mut self) {
        let state = &mut *self.sim.state();
        state.step(format_args!("every fault ends"));
        state.weather = Weather::default();
        (state.armed, state.cuts) = (None, false);
        let at = state.now();
        state.world.clear_faults(at);
        let now = state.millis();
        self.dials.extend(self.specs.iter().map(|spec| (now, spec.id.clone())));
    }

    /// What keeps each instance from trading, in words.
    fn ill(&self) -> Vec<String> {
        let state = self.sim.state();
        let mut ill = Vec::new();
        for (instance, member) in &state.judge.members {
            let Some(known) = &member.state else {
                ill.push(format!("{instance} is unknown"));
                continue;
            };
            if is_destroyed(member) {
                continue;
            }
            if known.gate() != Gate::Open {
                ill.push(format!("{instance} {:?} {:?}", known.phase(), known.gate()));
            }
            ill.extend(settled::unproven(member).into_iter().map(|what| format!("{instance} {what}")));
        }
        for (login, (instance, mode)) in &state.judge.logins {
            let (Some(member), Some(account)) =
                (state.judge.members.get(instance), state.judge.books.account(*login))
            else {
                continue;
            };
            if is_destroyed(member) {
                continue;
            }
            for verdict in
                [settled::positions_agree(member, account, *mode), settled::protected(member, *mode)]
            {
                ill.extend(verdict.err().map(|what| format!("{instance} {what}")));
            }
        }
        ill
    }

    /// A person starts again what came to rest.
    fn help(&mut self) {
        let resting: Vec<_> = {
            let state = self.sim.state();
            let rests = |member: &Member| {
                member.state.as_ref().is_some_and(|known| matches!(known.phase(), Phase::Stopped { .. }))
            };
            state.judge.members.iter().filter(|(_, member)| rests(member)).map(|(id, _)| id.clone()).collect()
        };
        for instance in resting {
            self.wish(&instance, Wish::CredentialsChanged);
            self.wish(&instance, Wish::Reset);
            self.wish(&instance, Wish::Start);
        }
    }
}
