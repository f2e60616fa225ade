//! The trade machine against an adversarial gateway and broker, model-checked: every order of losses, repetitions, deaths
//! and odd answers that small budgets allow.
//!
//! At most one execution of each intent, and after the faults every intent ends in a state that the broker's book proves.

mod trade_world;

use stateright::{Checker, Model, Property};
use trade_world::{Budget, Move, World, closing, opening, small};
use warden_domain::{Span, TradeState};
use warden_policy::{
    Params,
    trade::{End, Goal},
};

struct Machine {
    params: Params,
    goal: Goal,
    valid_for: Span,
    budget: Budget,
    sends: u8,
}

impl Model for Machine {
    type State = World;
    type Action = Move;

    fn init_states(&self) -> Vec<World> {
        let mut world = World::new(self.goal, self.budget, &self.params);
        world.set_valid_for(self.valid_for);
        let _ = world.give(&warden_policy::trade::TradeEvent::Tick, &self.params);
        vec![world]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Move>) {
        actions.extend(world.moves());
    }

    fn next_state(&self, before: &World, what: Move) -> Option<World> {
        let mut after = before.clone();
        after.make(what, &self.params);
        (after != *before).then_some(after)
    }

    fn within_boundary(&self, world: &World) -> bool {
        world.sends <= self.sends && world.now <= trade_world::BEGIN.after(Span::from_secs(24))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("nothing is executed beyond the intent", |_, world: &World| {
                world.is_executed_once()
            }),
            Property::always("after the faults every intent is proven", |machine: &Self, world: &World| {
                world.clone().heals(&machine.params).is_ok_and(|healed| healed.is_executed_once())
            }),
            Property::sometimes("it is unknown", |_, world: &World| {
                world.trade.state() == TradeState::Unknown
            }),
            Property::sometimes("it is sent twice", |_, world: &World| world.sends == 2),
            Property::sometimes("it ends", |_, world: &World| {
                world.trade.state() == TradeState::Filled || world.trade.end() == Some(End::Done)
            }),
        ]
    }
}

/// How many moves: more than a send, its loss, the proof, the next send and its answer take.
const DEPTH: usize = 16;

fn states_of(machine: Machine) -> usize {
    let checker = machine.checker().target_max_depth(DEPTH).spawn_bfs().join();
    for (name, path) in checker.discoveries() {
        println!("{name}: {:#?}", path.into_actions());
    }
    checker.assert_properties();
    let states = checker.unique_state_count();
    println!("{states} states");
    states
}

const NONE: Budget = Budget { losses: 0, repeats: 0, gateway: 0, supervisor: 0, odd_endings: 0 };

fn opened(budget: Budget, sends: u8) -> usize {
    let (params, goal, valid_for) = (small(), opening(), Span::from_secs(600));
    states_of(Machine { params, goal, valid_for, budget, sends })
}

#[test]
fn trd_7_an_intent_is_executed_once_whatever_is_lost_or_repeated() {
    let states = opened(Budget { losses: 1, repeats: 1, ..NONE }, 2);
    assert!(states > 1_000, "{states}");
}

#[test]
fn trd_7_an_intent_is_executed_once_when_supervisor_and_gateway_die() {
    let states = opened(Budget { gateway: 1, supervisor: 1, ..NONE }, 2);
    assert!(states > 1_000, "{states}");
}

#[test]
fn trd_9_an_intent_is_executed_once_whatever_the_broker_answers() {
    let states = opened(Budget { losses: 1, odd_endings: 1, ..NONE }, 2);
    assert!(states > 1_000, "{states}");
}

#[test]
fn trd_7_a_position_is_closed_once() {
    let budget = Budget { losses: 1, gateway: 1, ..NONE };
    let (params, goal, valid_for) = (small(), closing(), Span::from_secs(600));
    let states = states_of(Machine { params, goal, valid_for, budget, sends: 2 });
    assert!(states > 1_000, "{states}");
}
