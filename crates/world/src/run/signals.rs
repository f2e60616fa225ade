use std::sync::Arc;

use warden_distribution::{
    Action, Amount, Change, Entry, Group, Modification, Opening, Percent, Report, Signal, Sizing, Source,
    Symbol, Target, Which,
};
use warden_domain::{AccountMode, ClientTradeId, Lots, Price, Side, Span, Timestamp};
use warden_supervisor::Scope;

use super::Director;
use crate::{
    scenario::GROUP,
    sim::{Life, Sim, State},
};

/// What a source said, and whether everybody who is to know has it durably.
#[derive(Debug)]
pub(super) struct Said {
    signal: Signal,
    /// When it is given again, as long as it was not answered.
    again: u64,
}

const SYMBOLS: [&str; 2] = ["EURUSD", "USDJPY"];

impl Director {
    /// A source says something.
    pub(super) fn signal(&mut self) {
        let signal = self.draw_signal();
        let again = self.millis() + 4_000 + self.rng.below(6_000);
        self.give(&signal);
        self.said.push(Said { signal, again });
    }

    /// The same comes again: as a stream does that was not answered, or a source that does not know.
    pub(super) fn signal_again(&mut self) {
        if self.said.is_empty() {
            return;
        }
        let at = self.rng.place(self.said.len());
        let mut signal = self.said[at].signal.clone();
        if self.rng.per_mille(150)
            && let Action::Open(opening) = &mut signal.action
        {
            // The same name for another signal (TRD-4).
            opening.sizing = Sizing::Fixed { lots: Lots::from_units(3_000_000) };
            self.sim.state().tally.fault("signal_changed");
        }
        self.sim.state().tally.fault("signal_repeated");
        self.give(&signal);
    }

    /// Gives what was not answered again.
    pub(super) fn redeliver(&mut self) {
        let now = self.millis();
        for at in 0..self.said.len() {
            if self.said[at].again > now
                || self.sim.state().answered.contains(self.said[at].signal.key.as_str())
            {
                continue;
            }
            self.said[at].again = now + 5_000;
            let signal = self.said[at].signal.clone();
            self.give(&signal);
        }
    }

    /// When something is given again.
    pub(super) fn next_delivery(&self) -> Option<u64> {
        let state = self.sim.state();
        let open = self.said.iter().filter(|said| !state.answered.contains(said.signal.key.as_str()));
        open.map(|said| said.again).min()
    }

    fn give(&mut self, signal: &Signal) {
        let Some(process) = &mut self.process else { return };
        let Some(fleet) = &process.fleet else { return };
        self.sim.state().step(format_args!(
            "signal {} {:?} {:?}",
            signal.key.as_str(),
            signal.target,
            signal.action
        ));
        let (sim, distributor, number) = (Arc::clone(&self.sim), fleet.distributor().clone(), process.number);
        let signal = signal.clone();
        process.wishes.retain(|wish| !wish.is_finished());
        process.wishes.push(tokio::spawn(async move {
            let answer = distributor.signal(signal.clone()).await;
            drop(distributor);
            let state = &mut *sim.state();
            if !state.lives(number) {
                return;
            }
            match answer {
                Ok(report) => state.answered(&signal, &report),
                Err(fault) => state.note(format_args!("signal {}: {fault}", signal.key.as_str())),
            }
            Sim::woken(&sim);
        }));
    }

    fn draw_signal(&mut self) -> Signal {
        let key =
            ClientTradeId::new(&format!("s-{}", self.said.len() + 1)).expect("letters, digits and a dash");
        let wall = self.sim.state().process_time();
        let late = self.rng.weighted(&[(8, 0_u64), (3, 2_000), (1, 55_000), (1, 70_000)]);
        let created_at = Timestamp::from_millis(wall.as_millis() - i64::try_from(late).unwrap_or(0));
        let valid_for = Span::from_secs(self.rng.weighted(&[(4, 60), (2, 15), (3, 300)]));
        let source = Source::new("world").expect("letters");
        let target = self.draw_target();
        let action = match self.rng.below(20) {
            0..=11 => Action::Open(self.draw_opening()),
            12..=13 => Action::Modify(self.draw_modification()),
            14..=17 => Action::Close { which: self.draw_which(), amount: self.draw_amount() },
            18 => Action::CloseAll,
            _ => Action::Open(self.draw_opening()),
        };
        Signal { key, source, created_at, valid_for, target, action }
    }

    fn draw_target(&mut self) -> Target {
        match self.rng.below(10) {
            0..=3 => Target::Instance(self.somebody()),
            4..=5 => {
                let mut list = vec![self.somebody(), self.somebody()];
                list.sort();
                list.dedup();
                Target::List(list)
            }
            _ => Target::Group(Group::new(GROUP).expect("letters")),
        }
    }

    fn draw_opening(&mut self) -> Opening {
        let name = self.rng.pick(&SYMBOLS);
        let side = self.rng.pick(&[Side::Buy, Side::Sell]);
        let quote = self.sim.state().quotes.get(name).copied();
        let lots = Lots::from_units(i64::try_from(1 + self.rng.below(30)).unwrap_or(1) * 1_000_000);
        let symbol = Symbol::new(name).expect("letters");
        let sizing = Sizing::Fixed { lots };
        let Some((bid, ask, point)) = quote else {
            let entry = Entry::Market { reference: None };
            return Opening { symbol, side, entry, stop_loss: None, take_profit: None, sizing };
        };
        let present = if side == Side::Buy { ask } else { bid };
        let away = |points: i64| Price::from_units(present.units() + points * point.units());
        let sign = if side == Side::Buy { 1 } else { -1 };
        let distance = 30 + i64::try_from(self.rng.below(300)).unwrap_or(0);
        let (entry, base) = match self.rng.below(10) {
            0..=4 => (Entry::Market { reference: Some(present) }, present),
            5..=6 => (Entry::Market { reference: None }, present),
            7..=8 => {
                let price = away(-sign * distance);
                (Entry::Limit { price }, price)
            }
            _ => {
                let price = away(sign * distance);
                (Entry::Stop { price }, price)
            }
        };
        let stop = 60 + i64::try_from(self.rng.below(2_000)).unwrap_or(0);
        let from_base = |points: i64| Price::from_units(base.units() + points * point.units());
        let stop_loss = self.rng.per_mille(500).then(|| from_base(-sign * stop));
        let take_profit = self.rng.per_mille(300).then(|| from_base(sign * stop));
        Opening { symbol, side, entry, stop_loss, take_profit, sizing }
    }

    fn draw_which(&mut self) -> Which {
        let of = (!self.said.is_empty() && self.rng.per_mille(700)).then(|| {
            let at = self.rng.place(self.said.len());
            self.said[at].signal.key.clone()
        });
        let symbol = of.is_none().then(|| Symbol::new(self.rng.pick(&SYMBOLS)).expect("letters"));
        Which { of, symbol, side: None }
    }

    fn draw_amount(&mut self) -> Amount {
        if self.rng.per_mille(700) {
            return Amount::All;
        }
        Amount::Share("50".parse::<Percent>().expect("a half"))
    }

    fn draw_modification(&mut self) -> Modification {
        let which = self.draw_which();
        let quote = self.sim.state().quotes.values().next().copied();
        let change = match (quote, self.rng.per_mille(600)) {
            (Some((bid, _, point)), true) => {
                let points = i64::try_from(100 + self.rng.below(2_000)).unwrap_or(100);
                Change::Set(Price::from_units(bid.units() - points * point.units()))
            }
            (Some(_) | None, _) => Change::Remove,
        };
        Modification { which, price: None, stop_loss: change, take_profit: Change::Keep }
    }

    /// A person halts trading, or lets it go on.
    pub(super) fn halt(&mut self, halts: bool) {
        let scope = match self.rng.below(4) {
            0 => Scope::All,
            1 => Scope::Group(Group::new(GROUP).expect("letters")),
            _ => Scope::Instance(self.somebody()),
        };
        self.set_halted(scope, halts);
    }

    pub(super) fn set_halted(&mut self, scope: Scope, halts: bool) {
        let Some(process) = &mut self.process else { return };
        let Some(fleet) = &process.fleet else { return };
        self.sim.state().step(format_args!("halt {halts} {scope}"));
        let (sim, distributor) = (Arc::clone(&self.sim), fleet.distributor().clone());
        process.wishes.push(tokio::spawn(async move {
            let answer = if halts { distributor.halt(scope).await } else { distributor.resume(scope).await };
            sim.state().note(format_args!("halt {halts}: {answer:?}"));
            Sim::woken(&sim);
        }));
    }

    /// A person says what each lookalike is: it is known here what it is.
    pub(super) fn decide(&mut self) {
        use warden_policy::trade::{Decision, TradePhase};
        let mut open = Vec::new();
        {
            let state = self.sim.state();
            let judge = &state.judge;
            for (login, (instance, mode)) in &judge.logins {
                let (Some(member), Some(account)) =
                    (judge.members.get(instance), judge.books.account(*login))
                else {
                    continue;
                };
                for (magic, life) in member.open() {
                    let TradePhase::Suspect(_, lookalike) = life.trade.phase() else { continue };
                    let made = account.made.get(&magic);
                    let ticket = lookalike.ticket.number();
                    let ours = made.is_some_and(|made| {
                        let this = made.orders.values().any(|orders| orders.contains(&ticket));
                        // One position holds everything of its symbol there: what looks like the order is it when it is as much.
                        let as_much = made.opened == lookalike.filled.units();
                        this || (*mode == AccountMode::Netting && as_much && made.positions.contains(&ticket))
                    });
                    if !ours && made.is_some_and(|made| made.tagged) {
                        // The terminal does not show yet what carries the tag.
                        continue;
                    }
                    let decision = if ours { Decision::Ours } else { Decision::NotOurs };
                    open.push((instance.clone(), life.trade.intent().magic, decision));
                }
            }
        }
        let Some(process) = &mut self.process else { return };
        let Some(fleet) = &process.fleet else { return };
        for (instance, magic, decision) in open {
            self.sim.state().step(format_args!("decide {instance} {} {decision:?}", magic.number()));
            let distributor = fleet.distributor().clone();
            process.wishes.push(tokio::spawn(async move {
                // Asked again as long as it is undecided.
                let _ = distributor.decide(&instance, magic, decision).await;
            }));
        }
    }
}

impl State {
    /// What the clock of the living process shows.
    pub(crate) fn process_time(&self) -> Timestamp {
        match self.life {
            Life::Running | Life::Starting => self.clock_of(self.process),
            Life::Gone | Life::Dying => self.wall(),
        }
    }

    /// A signal was answered: whoever accepted it has it durably.
    fn answered(&mut self, signal: &Signal, report: &Report) {
        self.step(format_args!("signal {} answered: {} lines", signal.key.as_str(), report.lines.len()));
        self.answered.insert(signal.key.as_str().to_owned());
        // What changes or ends others makes no trade of its own where it only withdraws them.
        let opens = matches!(signal.action, Action::Open(_));
        for line in report.lines.iter().filter(|line| opens && line.part > 0) {
            let member = self.judge.members.get(&line.instance);
            let known = member.is_some_and(|member| {
                member.lives.values().any(|life| life.key == signal.key.as_str() && life.part == line.part)
            });
            if !known {
                let what = format!("{} part {} of {}", line.instance, line.part, signal.key.as_str());
                self.judged("what was answered is durable", Err(what));
                return;
            }
        }
    }
}
