//! Seeded random walks of one instance: mostly plausible, sometimes not.

use warden_domain::{Facts, Span};
use warden_policy::{CommandId, Event, Outcome, Params, Phase, Stepped};

use super::{
    Bench,
    events::{absorbed, ends, good_ends, happenings, wishes},
    invariants, ready,
};

/// SplitMix64: the same seed makes the same walk.
#[derive(Clone, Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    pub(crate) fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.roll() % most as u64).expect("below a usize")
    }

    pub(crate) fn percent(&mut self, share: u64) -> bool {
        self.roll() % 100 < share
    }

    pub(crate) fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// A walk of one instance.
#[derive(Debug)]
pub(crate) struct Walk {
    pub(crate) bench: Bench,
    pub(crate) dice: Dice,
    ends: Vec<(Outcome, Facts)>,
    good_ends: Vec<(Outcome, Facts)>,
    happenings: Vec<Event>,
    absorbed: Vec<Event>,
    wishes: Vec<Event>,
}

impl Walk {
    pub(crate) fn new(params: Params, seed: u64) -> Self {
        Self {
            bench: Bench::new(params),
            dice: Dice(seed),
            ends: ends(),
            good_ends: good_ends(),
            happenings: happenings(super::BEGIN),
            absorbed: absorbed(super::BEGIN),
            wishes: wishes(),
        }
    }

    /// Lets some time pass and chooses what happens next.
    pub(crate) fn event(&mut self) -> Event {
        let roll = self.dice.below(100);
        self.pass(roll);
        match self.bench.state.phase() {
            // A person sees to it, so that walks do not end in the first stop.
            Phase::Stopped { .. } if self.dice.percent(25) => {
                return self.dice.pick(&[Event::Start, Event::Reset]);
            }
            Phase::Up if self.dice.percent(5) => return self.dice.pick(&self.wishes),
            Phase::Stopped { .. }
            | Phase::LoginDue
            | Phase::LoggingIn
            | Phase::Confirming
            | Phase::Up
            | Phase::Waiting(_)
            | Phase::Recovering(_)
            | Phase::Closing(_) => {}
        }
        match (self.bench.state.awaited(), roll) {
            (_, 0) if self.dice.percent(20) => self.dice.pick(&self.absorbed),
            (_, 0) => Event::Resume,
            (_, 1) => self.dice.pick(&self.wishes),
            (_, 2) => Event::Reset,
            (_, 3) => Event::Start,
            (_, 4..12) => Event::GatewayUp(ready()),
            (_, 12..25) => self.dice.pick(&self.happenings),
            (Some(id), 25..50) => finished(id, self.dice.pick(&self.good_ends)),
            (Some(id), 50..80) => finished(id, self.dice.pick(&self.ends)),
            (_, 80) => finished(CommandId(u64::MAX), self.dice.pick(&self.ends)),
            (_, 81) => Event::Tick { admitted: false },
            (None, 25..80) | (_, 82..100) => Event::Tick { admitted: true },
            (_, 100..) => unreachable!("below a hundred"),
        }
    }

    fn pass(&mut self, roll: usize) {
        let state = &self.bench.state;
        let soon = state.next_deadline().filter(|_| roll >= 25 && self.dice.percent(70));
        let random = Span::from_millis(self.dice.roll() % 20_000);
        let long = matches!(state.phase(), Phase::Up) && self.dice.percent(5);
        self.bench.now = match soon {
            Some(at) => at.max(self.bench.now),
            None if long => self.bench.now.after(Span::from_secs(700)),
            None => self.bench.now.after(random),
        };
    }

    /// Gives an event and checks the step.
    pub(crate) fn give(&mut self, event: Event) -> Stepped {
        let before = self.bench.state.clone();
        let stepped = self.bench.give(event);
        invariants::check(&before, &event, stepped, &self.bench);
        stepped
    }

    pub(crate) fn go(&mut self) -> Event {
        let event = self.event();
        let _ = self.give(event);
        event
    }
}

fn finished(id: CommandId, (outcome, facts): (Outcome, Facts)) -> Event {
    Event::Finished { id, outcome, facts }
}
