//! One trade, its supervisor, a wire, a gateway and a broker: everything that can go wrong between them, move by move.
//!
//! The broker's own book is the judge: what was executed, and how often.

use std::collections::BTreeMap;

use warden_domain::{
    Facts, FailureReason, Gate, Lots, Magic, OrderKind, Points, Price, Side, Span, Ticket, Timestamp,
};
use warden_policy::{
    Params, Stepped,
    trade::{
        AccountMode, Attempt, Escalation, Filling, FillingModes, Findings, Goal, Inbox, Intent, Marks,
        Opening, OrderSeen, Owner, PositionSeen, Protection, Quote, Reply, Request, RequestKind, Session,
        SnapshotId, SymbolRules, Tally, Target, Trade, TradeContext, TradeEffect, TradeEffects, TradeEvent,
        TradeMode, step,
    },
};

pub(crate) const BEGIN: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const POSITION: u64 = 77;

/// How the trade server ends a request that was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ending {
    /// Executed in whole.
    Done,
    /// Executed beyond the slippage threshold.
    Slipped,
    /// A part of it is executed, the rest cancelled.
    Part,
    /// Refused with this code.
    Refused(u32),
    /// Executed, and the answer is this code, which says nothing of it.
    DoneUnsaid(u32),
    /// Not executed, and the same.
    UndoneUnsaid(u32),
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Move {
    /// The trade's next deadline comes.
    Deadline,
    /// The supervisor carries out the send of its last durable step (C4).
    Leave,
    /// A request arrives at the gateway.
    Arrive(usize),
    /// A request is lost.
    LoseRequest(usize),
    /// A request arrives, and comes again later.
    RepeatRequest(usize),
    /// The terminal ends a request (C5 to C8).
    End(Attempt, Ending),
    /// Something arrives at the supervisor.
    Hear(usize),
    /// It is lost on the way.
    LoseAnswer(usize),
    /// It arrives, and comes again later.
    RepeatAnswer(usize),
    /// The gateway and its terminal die: what was started may still reach the broker (C6, C7).
    GatewayDies,
    /// What was started before the gateway died reaches the broker after all.
    Linger(Attempt),
    /// The gateway is back.
    GatewayReturns,
    /// The supervisor dies and is started again (C3, C9, C10).
    SupervisorDies,
    /// The broker is looked at, and the answer is on its way.
    Look,
}

/// What is on its way to the supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Upward {
    Replied(Attempt, Reply),
    NotSent(Attempt),
    Found(Box<Findings>),
}

/// What the gateway keeps of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kept {
    InProgress(Ask),
    NotStarted,
    /// The gateway died at this moment; it may still reach the broker.
    Interrupted(Ask, Timestamp),
    /// The same, and it is settled whether it did.
    Settled,
    Answered(Reply),
}

/// A request, as far as the broker cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ask {
    pub(crate) attempt: Attempt,
    deadline: Timestamp,
    volume: Lots,
    enters: bool,
}

/// How many faults of each kind are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    pub(crate) losses: u8,
    pub(crate) repeats: u8,
    pub(crate) gateway: u8,
    pub(crate) supervisor: u8,
    pub(crate) odd_endings: u8,
}

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) trade: Trade,
    pub(crate) tally: Tally,
    pub(crate) gate: Gate,
    unsent: Vec<Ask>,
    wants_look: bool,
    down: Vec<Ask>,
    up: Vec<Upward>,
    connected: bool,
    kept: BTreeMap<Attempt, Kept>,
    pub(crate) orders: u8,
    pub(crate) filled: Lots,
    worth: i128,
    pub(crate) closed: Lots,
    pub(crate) budget: Budget,
    /// Every send that left a durable step, for the rule that there is proof between two.
    pub(crate) sends: u8,
    /// Whether what the trade asks for is judged; not where it was given events that nobody sent.
    pub(crate) judged: bool,
    /// How long after the death of a gateway what it had started may reach the broker.
    pub(crate) lingers: Span,
}

fn lots(text: &str) -> Lots {
    text.parse().expect("a volume")
}

fn price(text: &str) -> Price {
    text.parse().expect("a price")
}

pub(crate) fn opening() -> Goal {
    Goal::Open(Opening {
        side: Side::Buy,
        kind: OrderKind::Market,
        volume: lots("0.10"),
        price: Some(price("1.00000")),
        trigger: None,
        protection: Protection::default(),
    })
}

pub(crate) fn closing() -> Goal {
    Goal::Close { position: Ticket::of(POSITION).expect("not zero"), volume: Some(lots("0.05")), of: None }
}

impl World {
    pub(crate) fn new(goal: Goal, budget: Budget, params: &Params) -> Self {
        let magic = Magic::new(1, 1).expect("a tag");
        Self {
            now: BEGIN,
            trade: Trade::new(Intent::new(magic, goal, BEGIN, None, params)),
            tally: Tally::default(),
            gate: Gate::Open,
            unsent: Vec::new(),
            wants_look: false,
            down: Vec::new(),
            up: Vec::new(),
            connected: true,
            kept: BTreeMap::new(),
            orders: 0,
            filled: Lots::ZERO,
            worth: 0,
            closed: Lots::ZERO,
            budget,
            sends: 0,
            judged: true,
            lingers: params.unknown.window,
        }
    }

    /// The same with a signal that is valid for so long.
    pub(crate) fn set_valid_for(&mut self, valid_for: Span) {
        let intent = *self.trade.intent();
        self.trade = Trade::new(Intent { expires_at: intent.accepted_at.after(valid_for), ..intent });
    }

    fn opens(&self) -> bool {
        matches!(self.trade.intent().goal, Goal::Open(_))
    }

    /// What a close intent closes: there is more of it, so that closing twice would show.
    fn standing(&self) -> Lots {
        let began = if self.opens() { self.filled } else { lots("0.50") };
        began.minus(self.closed).expect("in range")
    }

    pub(crate) fn context(&self) -> TradeContext {
        let position = PositionSeen {
            ticket: Ticket::of(POSITION).expect("not zero"),
            side: Side::Buy,
            volume: self.standing(),
            protection: Protection::default(),
        };
        let owner = Owner::Ours(self.trade.intent().magic);
        TradeContext {
            gate: self.gate,
            connected: self.connected,
            session: Session::Open,
            lane_free: true,
            symbol: Some(symbol()),
            quote: Some(Quote { bid: price("1.00000"), ask: price("1.00000") }),
            mode: AccountMode::Netting,
            marks: Some(Marks::default()),
            synchronised: None,
            target: (!self.opens()).then_some(Target::Position { position, owner }),
            tally: self.tally,
        }
    }

    /// Gives the trade an event, and makes its step durable.
    pub(crate) fn give(&mut self, event: &TradeEvent, params: &Params) -> Stepped {
        let mut fx = TradeEffects::default();
        let before = self.trade;
        let context = self.context();
        let stepped = step(&mut self.trade, event, self.now, &context, params, &mut fx);
        assert!(before.end().is_none() || before.state() == self.trade.state(), "came back: {before:?}");
        for (_, effect) in fx.list() {
            match effect {
                TradeEffect::Send(request) => self.send(&before, request),
                TradeEffect::Verify(_) => self.wants_look = true,
                TradeEffect::Tally(tally) => self.tally = *tally,
                TradeEffect::Trouble(trouble) => {
                    if trouble.escalation == Escalation::Stop {
                        self.gate = Gate::Shut(FailureReason::Slippage);
                    }
                }
                TradeEffect::Tell(_) | TradeEffect::StoreDuplicate(_) | TradeEffect::Notify(_) => {}
            }
        }
        stepped
    }

    fn send(&mut self, before: &Trade, request: &Request) {
        assert!(
            !self.judged || !before.is_unresolved() || self.answered(before),
            "sent while unknown: {before:#?}"
        );
        assert!(
            !self.judged || request.attempt.0 == before.attempt().0 + 1,
            "each send has a number of its own"
        );
        let (volume, enters) = match request.kind {
            RequestKind::Enter { volume, .. } => (volume, true),
            RequestKind::Close { volume, .. } => (volume, false),
            RequestKind::Cancel { .. } | RequestKind::Protect { .. } | RequestKind::Move { .. } => {
                assert!(!self.judged, "nothing rests, and nothing is protected: {request:?}");
                return;
            }
        };
        self.unsent.push(Ask { attempt: request.attempt, deadline: request.deadline, volume, enters });
        self.sends = self.sends.saturating_add(1);
    }

    /// Whether the gateway answered the send that was under way.
    fn answered(&self, before: &Trade) -> bool {
        matches!(self.kept.get(&before.attempt()), Some(Kept::Answered(_)))
    }

    /// Whether the terminal carries out a request.
    pub(crate) fn is_in_progress(&self) -> bool {
        self.kept.values().any(|kept| matches!(kept, Kept::InProgress(_)))
    }

    /// Everything that may happen next.
    pub(crate) fn moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        if self.trade.next_deadline().is_some() || self.may_go_on() {
            moves.push(Move::Deadline);
        }
        if !self.unsent.is_empty() {
            moves.push(Move::Leave);
        }
        for at in 0..self.down.len() {
            moves.push(Move::Arrive(at));
            if self.budget.losses > 0 {
                moves.push(Move::LoseRequest(at));
            }
            if self.budget.repeats > 0 {
                moves.push(Move::RepeatRequest(at));
            }
        }
        for (attempt, kept) in &self.kept {
            match kept {
                Kept::InProgress(_) => {
                    moves.push(Move::End(*attempt, Ending::Done));
                    if self.budget.odd_endings > 0 {
                        let odd = [
                            Ending::Slipped,
                            Ending::Part,
                            Ending::Refused(10_013),
                            Ending::Refused(10_004),
                            Ending::DoneUnsaid(10_012),
                            Ending::DoneUnsaid(10_008),
                            Ending::UndoneUnsaid(10_008),
                        ];
                        moves.extend(odd.map(|ending| Move::End(*attempt, ending)));
                    }
                }
                Kept::Interrupted(_, died) if self.now.since(*died) < self.lingers => {
                    moves.push(Move::Linger(*attempt));
                }
                Kept::Interrupted(..) | Kept::NotStarted | Kept::Settled | Kept::Answered(_) => {}
            }
        }
        for at in 0..self.up.len() {
            moves.push(Move::Hear(at));
            if self.budget.losses > 0 {
                moves.push(Move::LoseAnswer(at));
            }
            if self.budget.repeats > 0 {
                moves.push(Move::RepeatAnswer(at));
            }
        }
        if self.connected && self.budget.gateway > 0 {
            moves.push(Move::GatewayDies);
        }
        if !self.connected {
            moves.push(Move::GatewayReturns);
        }
        if self.budget.supervisor > 0 {
            moves.push(Move::SupervisorDies);
        }
        let looks = self.up.iter().any(|up| matches!(up, Upward::Found(_)));
        if self.wants_look && self.connected && !looks {
            moves.push(Move::Look);
        }
        moves
    }

    /// Whether a tick without a deadline does something: the connection is back.
    fn may_go_on(&self) -> bool {
        self.connected && self.trade.end().is_none() && self.trade.next_deadline().is_none()
    }

    /// Makes a move.
    pub(crate) fn make(&mut self, what: Move, params: &Params) {
        match what {
            Move::Deadline => {
                let at = self.trade.next_deadline().unwrap_or(self.now);
                self.now = self.now.max(at);
                let _ = self.give(&TradeEvent::Tick, params);
            }
            Move::Leave => {
                let ask = self.unsent.remove(0);
                if self.connected {
                    self.down.push(ask);
                } else {
                    let _ = self.give(&TradeEvent::NotSent { attempt: ask.attempt }, params);
                }
            }
            Move::Arrive(at) => {
                let ask = self.down.remove(at);
                self.arrive(ask);
            }
            Move::LoseRequest(at) => {
                self.budget.losses -= 1;
                self.down.remove(at);
            }
            Move::RepeatRequest(at) => {
                self.budget.repeats -= 1;
                self.arrive(self.down[at]);
            }
            Move::End(attempt, ending) => self.end(attempt, ending),
            Move::Hear(at) => {
                let heard = self.up.remove(at);
                self.hear(heard, params);
            }
            Move::LoseAnswer(at) => {
                self.budget.losses -= 1;
                if matches!(self.up.remove(at), Upward::Found(_)) {
                    self.wants_look = true;
                }
            }
            Move::RepeatAnswer(at) => {
                self.budget.repeats -= 1;
                self.hear(self.up[at].clone(), params);
            }
            Move::GatewayDies => self.gateway_dies(params),
            Move::Linger(attempt) => {
                if let Some(Kept::Interrupted(ask, _)) = self.kept.insert(attempt, Kept::Settled) {
                    self.execute(ask, ask.volume, price("1.00000"));
                }
            }
            Move::GatewayReturns => {
                self.connected = true;
                let _ = self.give(&TradeEvent::Tick, params);
            }
            Move::SupervisorDies => {
                self.budget.supervisor -= 1;
                self.unsent.clear();
                self.up.retain(|up| !matches!(up, Upward::Found(_)));
                self.wants_look = false;
                let _ = self.give(&TradeEvent::Resume, params);
            }
            Move::Look => {
                self.wants_look = false;
                self.now = self.now.after(Span::from_secs(1));
                let findings = self.findings();
                self.up.push(Upward::Found(Box::new(findings)));
            }
        }
    }

    fn hear(&mut self, heard: Upward, params: &Params) {
        let event = match heard {
            Upward::Replied(attempt, reply) => TradeEvent::Replied { attempt, reply },
            Upward::NotSent(attempt) => TradeEvent::NotSent { attempt },
            Upward::Found(findings) => TradeEvent::Found(*findings),
        };
        let _ = self.give(&event, params);
    }

    /// The gateway never carries out a request twice, nor one that comes after its deadline.
    fn arrive(&mut self, ask: Ask) {
        match self.kept.get(&ask.attempt) {
            Some(Kept::Answered(reply)) => self.up.push(Upward::Replied(ask.attempt, *reply)),
            Some(Kept::NotStarted) => self.up.push(Upward::NotSent(ask.attempt)),
            Some(Kept::InProgress(_) | Kept::Interrupted(..) | Kept::Settled) => {}
            None if self.now >= ask.deadline => {
                self.kept.insert(ask.attempt, Kept::NotStarted);
                self.up.push(Upward::NotSent(ask.attempt));
            }
            None => {
                self.kept.insert(ask.attempt, Kept::InProgress(ask));
            }
        }
    }

    fn end(&mut self, attempt: Attempt, ending: Ending) {
        let Some(Kept::InProgress(ask)) = self.kept.get(&attempt).copied() else { return };
        if ending != Ending::Done {
            self.budget.odd_endings -= 1;
        }
        let part = ask.volume.to_step(lots("0.04"), warden_domain::Rounding::Down).expect("a step");
        let (retcode, volume, at) = match ending {
            Ending::Done => (10_009, ask.volume, "1.00000"),
            Ending::Slipped => (10_009, ask.volume, "1.05000"),
            Ending::Part if part > Lots::ZERO => (10_010, part, "1.00000"),
            Ending::Part => (10_009, ask.volume, "1.00000"),
            Ending::Refused(code) => (code, Lots::ZERO, "1.00000"),
            Ending::DoneUnsaid(code) => (code, ask.volume, "1.00000"),
            Ending::UndoneUnsaid(code) => (code, Lots::ZERO, "1.00000"),
        };
        if volume > Lots::ZERO {
            self.execute(ask, volume, price(at));
        }
        let said = if matches!(ending, Ending::DoneUnsaid(_)) { Lots::ZERO } else { volume };
        let order = if said > Lots::ZERO { Ticket::of(100 + u64::from(attempt.0)) } else { None };
        let reply = Reply {
            facts: Facts { retcode: Some(retcode), ticket: order.is_some(), ..Facts::default() },
            order,
            deal: order,
            volume: said,
            price: price(at),
        };
        self.kept.insert(attempt, Kept::Answered(reply));
        self.up.push(Upward::Replied(attempt, reply));
    }

    fn execute(&mut self, ask: Ask, volume: Lots, at: Price) {
        if ask.enters {
            self.orders = self.orders.saturating_add(1);
            self.filled = self.filled.plus(volume).expect("in range");
            self.worth += i128::from(volume.units()) * i128::from(at.units());
        } else {
            let volume = volume.min(self.standing());
            self.closed = self.closed.plus(volume).expect("in range");
        }
    }

    fn gateway_dies(&mut self, params: &Params) {
        self.budget.gateway -= 1;
        self.connected = false;
        self.down.clear();
        self.up.clear();
        let now = self.now;
        for kept in self.kept.values_mut() {
            if let Kept::InProgress(ask) = *kept {
                *kept = Kept::Interrupted(ask, now);
            }
        }
        let _ = self.give(&TradeEvent::Lost, params);
    }

    pub(crate) fn findings(&self) -> Findings {
        let attempt = self.trade.attempt();
        let inbox = match self.kept.get(&attempt) {
            None => Inbox::Unseen,
            Some(Kept::InProgress(_)) => Inbox::InProgress,
            Some(Kept::NotStarted) => Inbox::NotStarted,
            Some(Kept::Interrupted(..) | Kept::Settled) => Inbox::Interrupted,
            Some(Kept::Answered(reply)) => Inbox::Answered(*reply),
        };
        let price = self.worth.checked_div(i128::from(self.filled.units())).unwrap_or(0);
        let standing = self.standing();
        let position = PositionSeen {
            ticket: Ticket::of(POSITION).expect("not zero"),
            side: Side::Buy,
            volume: standing,
            protection: Protection::default(),
        };
        Findings {
            snapshot: Some(SnapshotId(self.now)),
            attempt,
            inbox,
            queue_empty: !self.is_in_progress(),
            orders: self.orders,
            order: None::<OrderSeen>,
            extra_order: None,
            filled: self.filled,
            price: Price::from_units(i64::try_from(price).expect("a price")),
            closed: self.closed,
            position: (standing > Lots::ZERO).then_some(position),
            extra_position: None,
            untagged: false,
            lookalike: None,
        }
    }

    /// What must hold always: nothing is executed beyond the intent.
    pub(crate) fn is_executed_once(&self) -> bool {
        match self.trade.intent().goal {
            Goal::Open(opening) => self.filled <= opening.volume && self.closed <= self.filled,
            Goal::Close { volume: Some(volume), .. } => self.closed <= volume,
            Goal::Close { volume: None, .. }
            | Goal::Protect { .. }
            | Goal::Move { .. }
            | Goal::Cancel { .. } => true,
        }
    }

    /// From now on everything goes well: whether the trade comes to a proven state, and what it is.
    pub(crate) fn heals(mut self, params: &Params) -> Result<Self, Box<Self>> {
        self.budget = Budget { losses: 0, repeats: 0, gateway: 0, supervisor: 0, odd_endings: 0 };
        self.gate = Gate::Open;
        self.tally = Tally::default();
        for kept in self.kept.values_mut() {
            if let Kept::Interrupted(..) = kept {
                *kept = Kept::Settled;
            }
        }
        for _ in 0..300 {
            let moves = self.moves();
            let well = |what: &Move| !matches!(what, Move::Deadline);
            match moves.iter().copied().find(well) {
                Some(what) => self.make(what, params),
                None if self.is_proven() => return Ok(self),
                None => self.make(Move::Deadline, params),
            }
        }
        Err(Box::new(self))
    }

    /// Whether what the trade says is what the broker's book says, and nothing is open any more about it.
    pub(crate) fn is_proven(&self) -> bool {
        let held = self.trade.holdings();
        let open = self.filled.minus(self.closed).expect("in range");
        let quiet = self.down.is_empty() && self.unsent.is_empty();
        if self.trade.end().is_some() {
            let left = if self.opens() { open } else { Lots::ZERO };
            let said = self.opens() || self.closed == held.closed;
            return quiet && left == Lots::ZERO && said;
        }
        quiet
            && self.opens()
            && self.trade.state() == warden_domain::TradeState::Filled
            && held.open() == open
            && held.filled == self.filled
            && self.trade.next_deadline().is_none()
    }
}

fn symbol() -> SymbolRules {
    SymbolRules {
        point: price("0.00001"),
        tick: price("0.00001"),
        volume_step: lots("0.01"),
        volume_min: lots("0.01"),
        volume_max: lots("50"),
        stops_level: Points(0),
        freeze_level: Points(0),
        filling: FillingModes::of(&[Filling::FillOrKill]),
        trade_mode: TradeMode::Full,
        slippage: None,
    }
}

/// Short times and small budgets, so that the reachable states are few.
pub(crate) fn small() -> Params {
    let mut params = Params::default();
    params.unknown.probes = 2;
    params.unknown.window = Span::from_secs(5);
    params.unknown.waits = warden_policy::params::Waits::secs(&[3]);
    params.timeout.recover_after = Span::from_secs(1);
    params.pending.waits = warden_policy::params::Waits::secs(&[1]);
    params.pending.attempts = 2;
    params.retry.requotes = 1;
    params
}
