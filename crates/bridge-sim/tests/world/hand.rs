use warden_bridge::{
    Command, CommandId, Envelope, Finished, Inbound, Order, OrderAction, Outcome, Report, SendId, Snapshot,
    SnapshotQuery, TradeReply, message::Secret,
};
use warden_bridge_sim::{AccountPlan, Bars, FaultScript, FleetPlan, Market, Settings, Truth, World};
use warden_domain::{Epoch, Filling, InstanceId, Magic, Span, Timestamp};

pub(crate) const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);
/// How long every command takes.
pub(crate) const LATENCY: Span = Span::from_millis(100);

/// A world that is stepped by hand.
pub(crate) struct Hand {
    pub(crate) world: World,
    pub(crate) now: Timestamp,
    pub(crate) plan: FleetPlan,
    commands: u64,
    sends: u32,
    pub(crate) epoch: Epoch,
}

impl Hand {
    /// `acct-1` to `acct-<count>`, announced, not logged in.
    pub(crate) fn new(count: usize) -> Self {
        Self::of(FleetPlan::demo(count, 7), Market::usual(Bars::eurusd(), 7))
    }

    pub(crate) fn of(plan: FleetPlan, market: Market) -> Self {
        Self::made(plan, market, 7)
    }

    /// `acct-1` to `acct-<count>` of another seed.
    pub(crate) fn seeded(count: usize, seed: u64) -> Self {
        Self::made(FleetPlan::demo(count, 7), Market::usual(Bars::eurusd(), 7), seed)
    }

    fn made(plan: FleetPlan, market: Market, seed: u64) -> Self {
        let world = World::new(&plan, market, Settings::exact(LATENCY), seed, START);
        let mut hand = Self { world, now: START, plan, commands: 0, sends: 0, epoch: Epoch(1) };
        let announced = hand.wait(Span::ZERO);
        assert_eq!(announced.len(), hand.plan.accounts.len());
        hand
    }

    /// The same, logged in.
    pub(crate) fn logged_in(count: usize) -> Self {
        let mut hand = Self::new(count);
        hand.log_all_in();
        hand
    }

    pub(crate) fn log_all_in(&mut self) {
        for at in 1..=self.plan.accounts.len() {
            assert_eq!(self.login(at).outcome, Outcome::Done);
        }
    }

    /// Begins a fault now, written as in a script.
    pub(crate) fn fault(&mut self, line: &str) {
        let script = FaultScript::parse_line(line, self.world.roster()).unwrap();
        self.world.fault_now(script.faults, self.now);
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, span: Span) -> Vec<Inbound> {
        self.now = self.now.after(span);
        self.world.advance_to(self.now)
    }

    /// Lets time pass; the reports of one instance.
    pub(crate) fn reports(&mut self, at: usize, span: Span) -> Vec<Report> {
        let wanted = id(at);
        let of = |inbound| match inbound {
            Inbound::Report { instance, report } if instance == wanted => Some(report),
            _ => None,
        };
        self.wait(span).into_iter().filter_map(of).collect()
    }

    pub(crate) fn send(&mut self, at: usize, command: Command) -> CommandId {
        self.try_send(at, command).unwrap()
    }

    /// Sends a command, unless its gateway takes none.
    pub(crate) fn try_send(&mut self, at: usize, command: Command) -> Option<CommandId> {
        self.commands += 1;
        let id = CommandId(self.commands);
        let envelope = self.envelope(at, id, command);
        self.world.command(envelope, self.now).ok().map(|()| id)
    }

    pub(crate) fn envelope(&self, at: usize, id: CommandId, command: Command) -> Envelope {
        let deadline = self.now.after(Span::from_secs(30));
        Envelope { instance: self::id(at), epoch: self.epoch, id, deadline, command }
    }

    /// Sends a command and waits for its end.
    pub(crate) fn ask(&mut self, at: usize, command: Command) -> Finished {
        let sent = self.send(at, command);
        for _ in 0..100 {
            for inbound in self.wait(Span::from_millis(100)) {
                match inbound {
                    Inbound::Finished(finished) if finished.id == sent => return finished,
                    _ => {}
                }
            }
        }
        panic!("command {sent:?} was not answered within 10 s");
    }

    pub(crate) fn login(&mut self, at: usize) -> Finished {
        let AccountPlan { login, server, password, .. } = &self.plan.accounts[at - 1];
        let password = Secret::new(password.reveal().to_owned());
        let command = Command::Login { login: *login, server: server.clone(), password };
        self.ask(at, command)
    }

    /// Sends an order as a send of its own, and waits for its end.
    pub(crate) fn order(&mut self, at: usize, order: Order) -> Finished {
        let order = self.fresh(order);
        self.ask(at, Command::Order(order))
    }

    /// The order as a send that was not sent yet.
    pub(crate) fn fresh(&mut self, order: Order) -> Order {
        self.sends += 1;
        Order { send: SendId { attempt: self.sends, ..order.send }, ..order }
    }

    /// What the terminal shows, with the history of magic 42 and what the inbox says of these sends.
    pub(crate) fn snapshot(&mut self, at: usize, sends: &[SendId]) -> Snapshot {
        let query = SnapshotQuery { sends: sends.to_vec(), ..query() };
        match self.ask(at, Command::Snapshot(query)).outcome {
            Outcome::Snapshot(snapshot) => *snapshot,
            other => panic!("a snapshot, not {other:?}"),
        }
    }

    pub(crate) fn truth(&self, at: usize) -> Truth {
        self.world.truth(&id(at)).unwrap()
    }
}

pub(crate) fn id(at: usize) -> InstanceId {
    InstanceId::new(&format!("acct-{at}")).unwrap()
}

/// A deal at the market, 0.1 lots of EURUSD with magic 42.
pub(crate) fn deal(action: OrderAction) -> Order {
    Order {
        action,
        send: SendId { magic: 42, attempt: 1 },
        symbol: "EURUSD".into(),
        volume: 0.1,
        price: 0.0,
        stop_loss: 0.0,
        take_profit: 0.0,
        deviation: 20,
        filling: Some(Filling::ImmediateOrCancel),
        comment: "test".into(),
    }
}

/// The installation that the tests trade for, where it counts.
pub(crate) const INSTALLATION: u16 = 3;

/// The tag of an installation's order.
pub(crate) fn tag(installation: u16, counter: u64) -> u64 {
    Magic::new(installation, counter).unwrap().number()
}

/// The order with this tag.
pub(crate) fn tagged(magic: u64, order: Order) -> Order {
    Order { send: SendId { magic, ..order.send }, ..order }
}

/// The retcode that came with an answer.
pub(crate) fn retcode(finished: &Finished) -> u32 {
    finished.facts.retcode.unwrap_or(0)
}

/// The answer to a trade request.
pub(crate) fn reply(finished: &Finished) -> TradeReply {
    match &finished.outcome {
        Outcome::Trade(reply) => *reply,
        other => panic!("a trade reply, not {other:?}"),
    }
}

/// The history of magic 42 over the last day.
pub(crate) fn query() -> SnapshotQuery {
    let (tags, back) = (vec![42], Span::from_secs(86_400));
    SnapshotQuery { tags, newer_than: u64::MAX, back, sends: Vec::new() }
}
