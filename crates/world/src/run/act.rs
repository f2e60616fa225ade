use std::sync::Arc;

use warden_bridge::Inbound;
use warden_bridge_sim::{Fault, FaultKind, Who};
use warden_domain::{InstanceId, Span, StopMode};
use warden_supervisor::Wish;

use super::Director;
use crate::{lines::Way, menu, scenario::Emphasis, sim::Life, weather::Port};

/// What people and faults do.
#[derive(Clone, Copy, Debug)]
enum Act {
    Signal,
    Again,
    Halt,
    Resume,
    Trade,
    Hand,
    Wish,
    Broker,
    Terminal,
    Gateway,
    Account,
    Cut,
    Outage,
    Hot,
    Jump,
    Kill,
    Restart,
    Arm,
}

const ACTS: [(u32, Act); 18] = [
    (80, Act::Signal),
    (10, Act::Again),
    (2, Act::Halt),
    (4, Act::Resume),
    (30, Act::Trade),
    (10, Act::Hand),
    (5, Act::Wish),
    (6, Act::Broker),
    (5, Act::Terminal),
    (5, Act::Gateway),
    (2, Act::Account),
    (8, Act::Cut),
    (6, Act::Outage),
    (2, Act::Hot),
    (3, Act::Jump),
    (3, Act::Kill),
    (2, Act::Restart),
    (6, Act::Arm),
];

impl Director {
    /// Does something, and draws when the next thing is done.
    pub(super) fn act(&mut self) {
        let act = self.rng.weighted(&ACTS);
        match act {
            Act::Signal => {
                self.slip();
                self.signal();
            }
            Act::Again => self.signal_again(),
            Act::Halt => self.halt(true),
            Act::Resume => self.halt(false),
            Act::Trade => self.trade_fault(),
            Act::Hand => self.by_hand(),
            Act::Wish => self.wish_something(),
            Act::Broker => self.broker_fault(),
            Act::Terminal => self.terminal_fault(),
            Act::Gateway => self.gateway_fault(),
            Act::Account => self.account_fault(),
            Act::Cut => self.cut(),
            Act::Outage => self.outage(),
            Act::Hot => self.spoil_hot(),
            Act::Jump => self.jump(),
            Act::Kill => self.kill(),
            Act::Restart => self.restart(),
            Act::Arm => self.arm(),
        }
        self.next_act = self.millis() + 1 + self.rng.below(2 * self.scenario.act_every);
    }

    pub(super) fn somebody(&mut self) -> InstanceId {
        let at = self.rng.place(self.specs.len());
        self.specs[at].id.clone()
    }

    fn wish_something(&mut self) {
        let instance = self.somebody();
        let wish = self.rng.weighted(&[
            (2, Wish::Stop(StopMode::Close)),
            (2, Wish::Stop(StopMode::Preserve)),
            (1, Wish::Stop(StopMode::CancelPending)),
            (5, Wish::Start),
            (6, Wish::Reset),
            (2, Wish::CredentialsChanged),
        ]);
        self.wish(&instance, wish);
    }

    /// A person asks for something; the answer comes when it is durable.
    pub(super) fn wish(&mut self, instance: &InstanceId, wish: Wish) {
        let Some(process) = &mut self.process else { return };
        let Some(fleet) = process.fleet.clone() else { return };
        self.sim.state().step(format_args!("wish {instance} {wish:?}"));
        let (sim, instance) = (Arc::clone(&self.sim), instance.clone());
        process.wishes.retain(|wish| !wish.is_finished());
        process.wishes.push(tokio::spawn(async move {
            let answer = fleet.wish(&instance, wish).await;
            drop(fleet);
            sim.state().note(format_args!("wish {instance} {wish:?}: {answer:?}"));
        }));
    }

    /// Where every order is to slip, the next one of everybody does (TRD-2).
    fn slip(&mut self) {
        if self.scenario.emphasis == Emphasis::Slips {
            self.world_fault(Who::All, FaultKind::Slippage(5_000), None);
        }
    }

    fn world_fault(&mut self, who: Who, what: FaultKind, lasts: Option<Span>) {
        let state = &mut *self.sim.state();
        let at = state.now();
        state.fault(menu::name(what), format_args!("{who:?} {what:?} for {lasts:?}"));
        if let (FaultKind::Freeze, Who::Instances(hang), Some(lasts)) = (what, &who, lasts) {
            for instance in hang {
                if let Some(member) = state.judge.members.get_mut(instance) {
                    member.hung.push((at, at.after(lasts)));
                }
            }
        }
        state.world.fault_now([Fault { at: Span::ZERO, lasts, who, what }], at);
    }

    fn broker_fault(&mut self) {
        let what = self.rng.weighted(menu::BROKER);
        let lasts = (!what.once()).then(|| self.rng.millis(500, 40_000));
        let instance = self.somebody();
        let server =
            self.specs.iter().find(|spec| spec.id == instance).map(|spec| spec.server.as_str().to_owned());
        let who = match (what, server) {
            (FaultKind::BrokerDown | FaultKind::Maintenance, Some(server)) if self.rng.per_mille(600) => {
                Who::Server(server)
            }
            _ => Who::Instances(vec![instance]),
        };
        self.world_fault(who, what, lasts);
    }

    /// Something befalls orders.
    fn trade_fault(&mut self) {
        let menu = match self.scenario.emphasis {
            Emphasis::Repeats => menu::REPEATS,
            Emphasis::None | Emphasis::Cuts | Emphasis::Slips => menu::TRADE,
        };
        let what = self.rng.weighted(menu);
        let lasts = (!what.once()).then(|| self.rng.millis(1_000, 30_000));
        let instance = self.somebody();
        self.world_fault(Who::Instances(vec![instance]), what, lasts);
    }

    /// People and other programs trade on the same accounts (TRD-8).
    fn by_hand(&mut self) {
        let what = self.rng.weighted(menu::HANDS);
        let instance = self.somebody();
        self.world_fault(Who::Instances(vec![instance]), what, None);
    }

    fn terminal_fault(&mut self) {
        let what = self.rng.weighted(menu::TERMINAL);
        let lasts = (!what.once()).then(|| self.rng.millis(500, 30_000));
        let instance = self.somebody();
        self.world_fault(Who::Instances(vec![instance]), what, lasts);
    }

    fn account_fault(&mut self) {
        let what = self.rng.weighted(menu::ACCOUNT);
        let lasts = Some(self.rng.millis(2_000, 40_000));
        let instance = self.somebody();
        self.world_fault(Who::Instances(vec![instance]), what, lasts);
    }

    fn gateway_fault(&mut self) {
        let instance = self.somebody();
        let gateway = self.scenario.plan.accounts.iter().find(|account| account.instance == instance);
        let Some(gateway) = gateway.map(|account| account.gateway.clone()) else { return };
        let what = if self.rng.per_mille(600) {
            FaultKind::GatewayDown
        } else {
            FaultKind::GatewaySlow(self.rng.millis(200, 6_000))
        };
        let lasts = Some(self.rng.millis(100, 15_000));
        self.world_fault(Who::Gateway(gateway), what, lasts);
    }

    /// A connection is cut; the gateway dials again.
    fn cut(&mut self) {
        let instance = self.somebody();
        let again = 20 + self.rng.below(8_000);
        self.cut_off(&instance, again);
    }

    /// Connections that are to be cut while an order is on its way; the gateways dial again at once.
    pub(super) fn cut_on_the_way(&mut self) {
        let instances = std::mem::take(&mut self.sim.state().to_cut);
        for instance in instances {
            let again = 5 + self.rng.below(300);
            self.cut_off(&instance, again);
        }
    }

    /// A connection is cut for so many milliseconds.
    fn cut_off(&mut self, instance: &InstanceId, lasts: u64) {
        let now = self.millis();
        let again = now + lasts;
        let state = &mut *self.sim.state();
        if state.life != Life::Running || !state.lines.stands(instance) {
            return;
        }
        state.fault("connection_cut", format_args!("{instance} until {again}"));
        state.lines.set(instance, false);
        let down = Inbound::Down { instance: instance.clone() };
        let process = state.process;
        state.lines.tell(process, &down, Way::Comes, now, &mut state.chance);
        self.dials.insert((again, instance.clone()));
    }

    fn outage(&mut self) {
        let port = self.rng.pick(&Port::ALL);
        let longest = if self.rng.per_mille(100) { 90_000 } else { 25_000 };
        let until = self.millis() + 500 + self.rng.below(longest);
        let mut state = self.sim.state();
        state.weather.down_until[port as usize] = until;
        state.fault(port.outage(), format_args!("until {until}"));
    }

    /// The hot-state store is restarted empty, or keys of it are spoilt (ACC-6).
    fn spoil_hot(&mut self) {
        let instance = self.somebody();
        if self.rng.per_mille(600) {
            for spec in &self.specs {
                self.stores.hot.forget(&spec.id);
            }
            self.sim.state().fault("hot_forgets", format_args!("all"));
        } else {
            self.stores.hot.corrupt(&instance);
            self.sim.state().fault("hot_corrupt", format_args!("{instance}"));
        }
    }

    /// The wall clock jumps (REC-5): a running process does not care, the next one starts from it.
    fn jump(&mut self) {
        let by = i64::try_from(self.rng.below(7_200_000)).unwrap_or(0) - 1_800_000;
        let mut state = self.sim.state();
        let before = state.jumped;
        state.jumped = (before + by).max(-1_800_000);
        state.set_back += u64::try_from(before - state.jumped).unwrap_or(0);
        let kind = if by < 0 { "clock_jump_back" } else { "clock_jump_forward" };
        state.fault(kind, format_args!("by {by} ms"));
    }

    fn kill(&mut self) {
        if self.process.is_none() {
            return;
        }
        self.sim.state().fault("supervisor_killed", format_args!(""));
        self.bury("was killed");
    }

    /// A person lets the supervisor end, and the service manager starts it again.
    fn restart(&mut self) {
        self.draining = true;
    }

    fn arm(&mut self) {
        let mut state = self.sim.state();
        if state.armed.is_none()
            && let Some(death) = self.deaths.pop()
        {
            state.armed = Some(death);
            state.note(format_args!("the supervisor is to die at {} after {} chances", death.0, death.1));
        }
    }
}
