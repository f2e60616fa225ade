//! What an intent makes the driver do, and what a trade says of its intent.

mod common;

use common::{Account, BEGIN, facts, of, signal};
use warden_distribution::{Fill, Outcome, Params, Refusal, Standing, Step, Work, plan};
use warden_domain::{Facts, FailureReason, Gate, Magic, Price, Side, Ticket, Timestamp};
use warden_policy::{
    Params as Rules,
    trade::{
        AccountMode, Attempt, Filling, FillingModes, Findings, Goal, Inbox, Intent, OrderSeen, PositionSeen,
        Protection, Quote, Reply, Session, SnapshotId, SymbolRules, Trade, TradeContext, TradeEffects,
        TradeEvent, TradeMode, step,
    },
};

/// A trade in surroundings where nothing is wrong.
struct Scene {
    trade: Trade,
    now: Timestamp,
    ctx: TradeContext,
}

const MARKET: &str = "action=open symbol=EURUSD side=BUY sizing=fixed lots=1 stop_loss=1.05";
const LIMIT: &str = "action=open symbol=EURUSD side=BUY sizing=fixed lots=1 kind=LIMIT price=1.05";

impl Scene {
    fn of(fields: &str) -> Self {
        let magic = Magic::new(1, 7).expect("a small number");
        let intent = Intent::new(magic, goal(fields), BEGIN, None, &Rules::default());
        let ctx = TradeContext {
            gate: Gate::Open,
            connected: true,
            session: Session::Open,
            lane_free: true,
            symbol: Some(SymbolRules {
                point: of("0.00001"),
                tick: of("0.00001"),
                volume_step: of("0.01"),
                volume_min: of("0.01"),
                volume_max: of("100"),
                stops_level: warden_domain::Points(0),
                freeze_level: warden_domain::Points(0),
                filling: FillingModes::of(&[Filling::FillOrKill]),
                trade_mode: TradeMode::Full,
                slippage: None,
            }),
            quote: Some(Quote { bid: of("1.0999"), ask: of("1.1") }),
            mode: AccountMode::Hedging,
            marks: Some(Default::default()),
            synchronised: Some(SnapshotId(BEGIN)),
            ..TradeContext::default()
        };
        Self { trade: Trade::new(intent), now: BEGIN, ctx }
    }

    fn give(&mut self, event: &TradeEvent) {
        self.now = self.now.after(warden_domain::Span::from_millis(10));
        let mut effects = TradeEffects::default();
        let _ = step(&mut self.trade, event, self.now, &self.ctx, &Rules::default(), &mut effects);
    }

    fn replied(mut self, retcode: u32, reply: Reply) -> Self {
        self.give(&TradeEvent::Tick);
        let facts = Facts { retcode: Some(retcode), ticket: reply.order.is_some(), ..Facts::default() };
        self.give(&TradeEvent::Replied { attempt: Attempt(1), reply: Reply { facts, ..reply } });
        self
    }

    /// Filled, and seen with its positions.
    fn filled(self, positions: &[(u64, &str)]) -> Self {
        let reply = Reply {
            order: ticket(1),
            deal: ticket(2),
            volume: of("1"),
            price: of("1.1"),
            ..Reply::default()
        };
        let mut scene = self.replied(10_009, reply);
        let mut seen = positions.iter().map(|(number, volume)| PositionSeen {
            ticket: Ticket::of(*number).expect("above zero"),
            side: Side::Buy,
            volume: of(volume),
            protection: Protection { stop_loss: Some(of("1.05")), take_profit: None },
        });
        let findings = Findings {
            filled: of("1"),
            price: of("1.1"),
            position: seen.next(),
            extra_position: seen.next(),
            ..scene.nothing()
        };
        scene.give(&TradeEvent::Found(findings));
        scene
    }

    /// Placed, and seen to rest.
    fn resting() -> Self {
        let mut scene = Self::of(LIMIT).replied(10_009, Reply { order: ticket(1), ..Reply::default() });
        let order = OrderSeen {
            ticket: Ticket::of(1).expect("above zero"),
            protection: Protection::default(),
            price: of("1.05"),
        };
        let findings = Findings { orders: 1, order: Some(order), ..scene.nothing() };
        scene.give(&TradeEvent::Found(findings));
        scene
    }

    fn nothing(&self) -> Findings {
        Findings {
            snapshot: Some(SnapshotId(self.now.after(warden_domain::Span::from_millis(5)))),
            attempt: Attempt(1),
            inbox: Inbox::Unseen,
            queue_empty: true,
            orders: 1,
            order: None,
            extra_order: None,
            filled: warden_domain::Lots::ZERO,
            price: Price::ZERO,
            closed: warden_domain::Lots::ZERO,
            position: None,
            extra_position: None,
            untagged: false,
            lookalike: None,
        }
    }

    fn outcome(&self) -> Outcome {
        Outcome::of(&self.trade, self.ctx.gate)
    }
}

fn ticket(number: u64) -> Option<Ticket> {
    Ticket::of(number)
}

/// What a signal for one account wants.
fn goal(fields: &str) -> Goal {
    let accounts = [Account::new("a")];
    let fanout = plan(&signal(fields), &facts(&accounts), BEGIN, &Params::default());
    let steps = fanout.intents[0].work.steps(None);
    let [Step::Accept(goal)] = steps.as_slice() else { panic!("{steps:?}") };
    *goal
}

fn end(lots: Option<&str>) -> Work {
    Work::End { trade: Magic::new(1, 7).expect("a small number"), lots: lots.map(of) }
}

fn change(price: Option<&str>, stop: &str) -> Work {
    let trade = Magic::new(1, 7).expect("a small number");
    Work::Change { trade, price: price.map(of), stop_loss: Some(of(stop)), take_profit: None }
}

#[test]
fn what_is_placed_is_an_intent_to_open() {
    let Goal::Open(opening) = goal(MARKET) else { panic!("it opens") };
    assert_eq!((opening.side, opening.volume, opening.price), (Side::Buy, of("1"), Some(of("1.1"))));
    assert_eq!(opening.protection.stop_loss, Some(of("1.05")));
    let Goal::Open(opening) = goal(LIMIT) else { panic!("it opens") };
    assert_eq!((opening.price, opening.trigger), (Some(of("1.05")), None));
}

#[test]
fn the_end_of_a_position_closes_what_it_opened_and_a_share_of_it_that_much() {
    let scene = Scene::of(MARKET).filled(&[(5, "1")]);
    let close = |number: u64, lots: &str| {
        Step::Accept(Goal::Close {
            position: Ticket::of(number).expect("above zero"),
            volume: Some(of(lots)),
            of: Some(scene.trade.intent().magic),
        })
    };
    assert_eq!(end(None).steps(Some(&scene.trade)).as_slice(), [close(5, "1")]);
    assert_eq!(end(Some("0.4")).steps(Some(&scene.trade)).as_slice(), [close(5, "0.4")]);
    assert_eq!(end(None).steps(None).as_slice(), []);
    assert_eq!(Standing::of(&scene.trade, None), Standing::Open);
}

#[test]
fn trd_1_of_a_trade_with_two_positions_a_share_is_closed_of_the_first_and_what_it_lacks_of_the_other() {
    let scene = Scene::of(MARKET).filled(&[(5, "0.6"), (6, "0.4")]);
    let close = |number: u64, lots: &str| {
        let position = Ticket::of(number).expect("above zero");
        let of = Some(scene.trade.intent().magic);
        Step::Accept(Goal::Close { position, volume: Some(lots.parse().expect("lots")), of })
    };
    for (lots, closes) in [
        (Some("0.5"), vec![close(5, "0.5")]),
        (Some("0.7"), vec![close(5, "0.6"), close(6, "0.1")]),
        (None, vec![close(5, "0.6"), close(6, "0.4")]),
    ] {
        assert_eq!(end(lots).steps(Some(&scene.trade)).as_slice(), closes, "{lots:?}");
    }
}

#[test]
fn the_end_of_an_order_and_of_one_on_its_way_revokes_it() {
    let scene = Scene::resting();
    assert_eq!(end(None).steps(Some(&scene.trade)).as_slice(), [Step::Give(TradeEvent::Revoke)]);
    for price in [None, Some(of("1.06"))] {
        assert_eq!(Standing::of(&scene.trade, price), Standing::Resting { price });
    }
    let on_its_way = Scene::of(MARKET);
    let steps = end(None).steps(Some(&on_its_way.trade));
    assert_eq!(steps.as_slice(), [Step::Give(TradeEvent::Revoke)]);
    assert_eq!(Standing::of(&on_its_way.trade, None), Standing::OnItsWay);
}

#[test]
fn a_change_is_wanted_by_the_trade_and_carried_out_where_it_stands() {
    let protection = Protection { stop_loss: Some(of("1.04")), take_profit: None };
    let wanted = Step::Give(TradeEvent::Wanted(protection));
    let on_its_way = Scene::of(MARKET);
    assert_eq!(change(None, "1.04").steps(Some(&on_its_way.trade)).as_slice(), [wanted]);
    let open = Scene::of(MARKET).filled(&[(5, "1")]);
    let position = Ticket::of(5).expect("above zero");
    let protect = Step::Accept(Goal::Protect { position, protection });
    assert_eq!(change(None, "1.04").steps(Some(&open.trade)).as_slice(), [wanted, protect]);
    let resting = Scene::resting();
    let order = Ticket::of(1).expect("above zero");
    let steps = change(Some("1.06"), "1.04").steps(Some(&resting.trade));
    assert_eq!(steps.as_slice(), [wanted, Step::Accept(Goal::Move { order, price: of("1.06"), protection })]);
}

#[test]
fn an_outcome_follows_the_trade() {
    let mut scene = Scene::of(MARKET);
    assert_eq!(scene.outcome(), Outcome::Waiting);
    scene.give(&TradeEvent::Tick);
    scene.give(&TradeEvent::Lost);
    assert_eq!(scene.outcome(), Outcome::Unknown);
    assert_eq!(Scene::resting().outcome(), Outcome::Resting);
    let filled = Outcome::Filled(Fill { lots: of("1"), price: of("1.1") });
    assert_eq!(Scene::of(MARKET).filled(&[(5, "1")]).outcome(), filled);
    let refused = Scene::of(MARKET).replied(10_019, Reply::default());
    assert_eq!(refused.outcome(), Outcome::Failed { retcode: Some(10_019) });
    let mut withdrawn = Scene::of(MARKET);
    withdrawn.give(&TradeEvent::Withdraw);
    assert_eq!(withdrawn.outcome(), Outcome::Failed { retcode: None });
}

#[test]
fn trd_7_what_is_late_is_dropped_and_what_is_blocked_says_why() {
    let mut late = Scene::of(MARKET);
    late.ctx.lane_free = false;
    late.give(&TradeEvent::Tick);
    late.now = BEGIN.after(warden_domain::Span::from_secs(61));
    late.give(&TradeEvent::Tick);
    assert_eq!(late.outcome(), Outcome::LateDropped);
    let mut shut = Scene::of(MARKET);
    shut.ctx.gate = Gate::Shut(FailureReason::UserStopped);
    shut.give(&TradeEvent::Tick);
    assert_eq!(shut.outcome(), Outcome::Blocked(Refusal::GateShut(FailureReason::UserStopped)));
}
