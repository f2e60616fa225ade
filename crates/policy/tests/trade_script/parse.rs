//! How the lines of a trade's case read.

use warden_domain::{
    AccountFlags, Facts, FailureReason, Gate, Lots, Magic, OrderKind, Points, Price, Side, Span,
    TerminalFlags, Ticket, Timestamp,
};
use warden_policy::{
    params::Value,
    trade::{
        AccountMode, Attempt, Decision, Filling, FillingModes, Findings, Goal, Inbox, Intent, Lookalike,
        Marks, Opening, OrderSeen, Owner, PositionSeen, Protection, Quote, Reply, Session, SnapshotId,
        Target, Trade, TradeEvent, TradeMode,
    },
};

use super::{BEGIN, Bench};

/// One line.
pub(crate) enum Line {
    /// Words for people, or a change of the surroundings.
    Said,
    /// `## …`: everything begins anew.
    NewCase,
    /// `expect words`: some part of the trade reads so.
    Check(String),
    /// Something happens.
    Event(Box<TradeEvent>),
    /// `next`: the next deadline comes.
    Next,
    /// `supervisor restarts`: the trade is stored, read and resumed.
    Restart,
}

type Read<T> = Result<T, String>;

/// Reads a line, after the wait that stands before it.
pub(crate) fn line(text: &str, bench: &mut Bench) -> Read<Line> {
    if text.starts_with("## ") {
        return Ok(Line::NewCase);
    }
    if text.is_empty() || text.starts_with('#') {
        return Ok(Line::Said);
    }
    let words = match text.strip_prefix('+') {
        Some(rest) => {
            let (span, words) = rest.split_once(' ').ok_or("a wait comes before something")?;
            bench.now =
                bench.now.after(span.parse().map_err(|fault: warden_domain::SpanError| fault.to_string())?);
            words.trim()
        }
        None => text,
    };
    let (first, rest) = words.split_once(' ').unwrap_or((words, ""));
    let mut rest = Words(rest.split_whitespace().collect());
    match first {
        "given" => {
            bench.counter += 1;
            let magic = Magic::new(1, bench.counter).map_err(|fault| fault.to_string())?;
            let (goal, valid_for) = goal(&mut rest)?;
            bench.trade = Some(Trade::new(Intent::new(magic, goal, bench.now, valid_for, &bench.params)));
        }
        "set" => set(bench, &rest.0.join(" "))?,
        "expect" => return Ok(Line::Check(rest.0.join(" "))),
        "next" => return Ok(Line::Next),
        "supervisor" => return Ok(Line::Restart),
        "account" => bench.ctx.mode = account(rest.next()?)?,
        "gate" => bench.ctx.gate = gate(&rest.0.join(" "))?,
        "connection" => {
            let now = rest.next()?;
            bench.ctx.connected = now == "back";
            if now == "drops" {
                return Ok(Line::Event(Box::new(TradeEvent::Lost)));
            }
        }
        "session" => {
            bench.ctx.session = match (rest.next()?, rest.optional("opens in")) {
                ("open", _) => Session::Open,
                (_, Some(span)) => {
                    Session::Closed { opens_at: Some(bench.now.after(span.parse().map_err(|_| "a span")?)) }
                }
                (_, None) => Session::Closed { opens_at: None },
            }
        }
        // The wall clock is set back.
        "clock" => {
            let back: Span = rest.optional("back").ok_or("by how much?")?.parse().map_err(|_| "a span")?;
            let back = i64::try_from(back.as_millis()).map_err(|_| "a shorter span")?;
            bench.now = Timestamp::from_millis(bench.now.as_millis() - back);
        }
        "marks" => bench.ctx.marks = (rest.next()? == "known").then(Marks::default),
        "lane" => bench.ctx.lane_free = rest.next()? == "free",
        "quote" => {
            bench.ctx.quote = match rest.next()? {
                "none" => None,
                bid => Some(Quote { bid: price(bid)?, ask: price(rest.next()?)? }),
            }
        }
        "symbol" => symbol(bench, &mut rest)?,
        "target" => bench.ctx.target = target(&mut rest)?,
        _ => return event(first, &mut rest, bench).map(|event| Line::Event(Box::new(event))),
    }
    Ok(Line::Said)
}

/// The words of a line that are not read yet.
struct Words<'a>(Vec<&'a str>);

impl<'a> Words<'a> {
    fn next(&mut self) -> Read<&'a str> {
        if self.0.is_empty() { Err("a word is missing".to_owned()) } else { Ok(self.0.remove(0)) }
    }

    /// The word after this mark, where the mark stands anywhere; both are taken out.
    fn optional(&mut self, mark: &str) -> Option<&'a str> {
        let mark: Vec<&str> = mark.split(' ').collect();
        let at = self.0.windows(mark.len() + 1).position(|words| words.starts_with(&mark))?;
        self.0.drain(at..=at + mark.len()).next_back()
    }

    /// Whether the mark stands anywhere; it is taken out.
    fn has(&mut self, mark: &str) -> bool {
        let mark: Vec<&str> = mark.split(' ').collect();
        match self.0.windows(mark.len()).position(|words| words == mark) {
            Some(at) => {
                self.0.drain(at..at + mark.len());
                true
            }
            None => false,
        }
    }

    fn end(&self) -> Read<()> {
        if self.0.is_empty() { Ok(()) } else { Err(format!("{:?} is not understood", self.0)) }
    }
}

fn set(bench: &mut Bench, text: &str) -> Read<()> {
    let (key, value) = text.split_once('=').ok_or("set takes key = value")?;
    let (key, value) = (key.trim(), value.trim());
    let items: Vec<Value<'_>> = value.split_whitespace().map(Value::Text).collect();
    let value = match value.parse() {
        Ok(number) => Value::Number(number),
        Err(_) if key.ends_with("waits") || key.ends_with("pauses") => Value::List(&items),
        Err(_) => Value::Text(value),
    };
    bench.params.set(key, &value).map_err(|fault| format!("{key} {fault}"))
}

/// `buy 0.10 at the market`, `sell limit 0.10 at 1.2 sl 1.3 tp 1.1 valid 10m`, `close position 7 [0.05]`, `protect
/// position 7 sl 1.1`, `move order 7 to 1.2`, `cancel order 7`.
fn goal(words: &mut Words<'_>) -> Read<(Goal, Option<Span>)> {
    let valid_for = words.optional("valid").map(|span| span.parse().map_err(|_| "a span")).transpose()?;
    let protection = protection(words)?;
    let goal = match words.next()? {
        "close" => {
            let position = ticket(words.optional("position").ok_or("which position")?)?;
            let volume = words.0.pop().map(lots).transpose()?;
            Goal::Close { position, volume, of: None }
        }
        "protect" => Goal::Protect {
            position: ticket(words.optional("position").ok_or("which position")?)?,
            protection,
        },
        "move" => Goal::Move {
            order: ticket(words.optional("order").ok_or("which order")?)?,
            price: price(words.optional("to").ok_or("to which price")?)?,
            protection,
        },
        "cancel" => Goal::Cancel { order: ticket(words.optional("order").ok_or("which order")?)? },
        side => {
            let side = if side == "buy" { Side::Buy } else { Side::Sell };
            let kinds = [
                ("stop limit", OrderKind::StopLimit),
                ("limit", OrderKind::Limit),
                ("stop", OrderKind::Stop),
            ];
            let kind = kinds
                .into_iter()
                .find(|(name, _)| words.has(name))
                .map_or(OrderKind::Market, |(_, kind)| kind);
            words.has("at the market");
            let price = words.optional("at").map(price).transpose()?;
            let trigger = words.optional("then").map(self::price).transpose()?;
            Goal::Open(Opening { side, kind, volume: lots(words.next()?)?, price, trigger, protection })
        }
    };
    words.end()?;
    Ok((goal, valid_for))
}

fn event(first: &str, words: &mut Words<'_>, bench: &Bench) -> Read<TradeEvent> {
    let trade = bench.trade.as_ref().ok_or("there is no trade")?;
    let event = match first {
        "tick" => TradeEvent::Tick,
        "withdraw" => TradeEvent::Withdraw,
        "revoke" => TradeEvent::Revoke,
        "reduced" => TradeEvent::Reduced { volume: lots(words.next()?)? },
        "repeated" => TradeEvent::Repeated,
        "wanted" => TradeEvent::Wanted(protection(words)?),
        "decided" if words.has("not ours") => TradeEvent::Decide(Decision::NotOurs),
        "decided" if words.has("ours") => TradeEvent::Decide(Decision::Ours),
        "not" => {
            words.next()?;
            TradeEvent::NotSent { attempt: trade.attempt() }
        }
        "answer" => {
            let old = u32::from(words.has("of the last but one"));
            let attempt = Attempt(trade.attempt().0 - old);
            TradeEvent::Replied { attempt, reply: reply(words)? }
        }
        "found" => TradeEvent::Found(findings(words, bench)?),
        _ => return Err(format!("{first:?} is not known")),
    };
    words.end()?;
    Ok(event)
}

/// `done 0.10 at 1.1 order 5`, `placed order 5`, `partly 0.04 at 1.1 order 5`, `code 10004`, `error -10005`, `nothing`.
fn reply(words: &mut Words<'_>) -> Read<Reply> {
    let order = words.optional("order").map(ticket).transpose()?;
    let price = words.optional("at").map(price).transpose()?.unwrap_or_default();
    let mut facts = Facts { ticket: order.is_some(), ..Facts::default() };
    if words.has("permitted") {
        facts.terminal =
            Some(TerminalFlags { connected: true, trade_allowed: true, tradeapi_disabled: false });
        facts.account = Some(AccountFlags { expected: true, trade_allowed: true, trade_expert: true });
    }
    let (retcode, last_error) = match words.next()? {
        "done" => (Some(10_009), None),
        "partly" => (Some(10_010), None),
        "placed" => (Some(10_008), None),
        "code" => (Some(number(words.next()?)?), None),
        "error" => (None, Some(number(words.next()?)?)),
        "nothing" => (None, None),
        other => return Err(format!("{other:?} is no answer")),
    };
    facts.retcode = retcode;
    facts.last_error = last_error;
    let volume = if words.0.is_empty() { Lots::ZERO } else { lots(words.next()?)? };
    let deal = if volume > Lots::ZERO { Ticket::of(9_000) } else { None };
    Ok(Reply { facts, order, deal, volume, price })
}

/// `nothing`, `order 5`, `orders 2`, `filled 0.10 at 1.1`, `closed 0.05`, `position 5 0.10 sl 1.0 tp 1.2`, `extra order 6`,
/// `extra position 6 0.10`, `lookalike 7 0.10 at 1.1`; `bare`: the extra one without stops; `unsynchronised`, `old`,
/// `queue busy`, `inbox …`.
fn findings(words: &mut Words<'_>, bench: &Bench) -> Read<Findings> {
    let trade = bench.trade.as_ref().ok_or("there is no trade")?;
    let mut found = Findings {
        snapshot: Some(SnapshotId(bench.now)),
        attempt: trade.attempt(),
        inbox: Inbox::Unseen,
        queue_empty: !words.has("queue busy"),
        orders: 0,
        order: None,
        extra_order: None,
        filled: Lots::ZERO,
        price: Price::ZERO,
        closed: Lots::ZERO,
        position: None,
        extra_position: None,
        untagged: false,
        lookalike: None,
    };
    if words.has("unsynchronised") {
        found.snapshot = None;
    } else if words.has("old") {
        found.snapshot = Some(SnapshotId(BEGIN));
    }
    let states = [
        ("in progress", Inbox::InProgress),
        ("not started", Inbox::NotStarted),
        ("interrupted", Inbox::Interrupted),
    ];
    for (name, inbox) in states {
        if words.has(&format!("inbox {name}")) {
            found.inbox = inbox;
        }
    }
    if words.has("inbox answered") {
        found.inbox = Inbox::Answered(reply(words)?);
        return Ok(found);
    }
    if let Some(at) = words.0.iter().position(|word| *word == "lookalike") {
        let mut last = Words(words.0.split_off(at + 1));
        words.0.pop();
        let (price, ticket) = (last.optional("at").map(price).transpose()?, ticket(last.next()?)?);
        let filled = if last.0.is_empty() { Lots::ZERO } else { lots(last.next()?)? };
        found.lookalike = Some(Lookalike { ticket, filled, price: price.unwrap_or_default() });
    }
    found.untagged = words.has("untagged");
    found.extra_order = words.optional("extra order").map(ticket).transpose()?;
    let side = if words.has("turned") { Side::Sell } else { Side::Buy };
    let protection = protection(words)?;
    let bare = words.has("bare");
    let mut position = |mark: &str| -> Read<Option<PositionSeen>> {
        let Some(at) = words.0.windows(mark.split(' ').count()).position(|seen| seen.join(" ") == mark)
        else {
            return Ok(None);
        };
        let taken: Vec<&str> = words.0.drain(at..at + mark.split(' ').count() + 2).collect();
        let (number, volume) = (taken[taken.len() - 2], taken[taken.len() - 1]);
        Ok(Some(PositionSeen { ticket: ticket(number)?, side, volume: lots(volume)?, protection }))
    };
    found.extra_position = position("extra position")?;
    if bare {
        let bared = |seen| PositionSeen { protection: Protection::default(), ..seen };
        found.extra_position = found.extra_position.map(bared);
    }
    found.position = position("position")?;
    if let Some(number) = words.optional("order") {
        let ticket = ticket(number)?;
        found.order = Some(OrderSeen { ticket, protection, price: Price::ZERO });
    }
    found.filled = words.optional("filled").map(lots).transpose()?.unwrap_or_default();
    found.price = words.optional("at").map(price).transpose()?.unwrap_or_default();
    found.closed = words.optional("closed").map(lots).transpose()?.unwrap_or_default();
    let orders = u8::from(found.order.is_some() || found.filled > Lots::ZERO);
    found.orders = words.optional("orders").map(number).transpose()?.unwrap_or(orders);
    words.has("nothing");
    words.has("and");
    words.end()?;
    Ok(found)
}

fn account(text: &str) -> Read<AccountMode> {
    match text {
        "netting" => Ok(AccountMode::Netting),
        "hedging" => Ok(AccountMode::Hedging),
        _ => Err(format!("{text:?} is no account mode")),
    }
}

fn gate(text: &str) -> Read<Gate> {
    let paused = |reason| Gate::Paused { until: warden_domain::Timestamp::MAX, reason };
    match text {
        "open" => Ok(Gate::Open),
        "shut" => Ok(Gate::Shut(FailureReason::UserStopped)),
        "reduce only" => Ok(Gate::ReduceOnly(FailureReason::UserStopped)),
        "paused by a trade rule" => Ok(paused(FailureReason::Slippage)),
        "paused by a rate limit" => Ok(paused(FailureReason::RateLimited)),
        _ => Err(format!("{text:?} is no gate")),
    }
}

fn symbol(bench: &mut Bench, words: &mut Words<'_>) -> Read<()> {
    let (what, how) = (words.next()?, words.next()?);
    if what == "is" {
        bench.ctx.symbol = if how == "unread" { None } else { super::surroundings().symbol };
        return Ok(());
    }
    let rules = bench.ctx.symbol.as_mut().ok_or("there is no symbol")?;
    match (what, how) {
        ("stops", points) => rules.stops_level = Points(number(points)?),
        ("slippage", points) => rules.slippage = Some(Points(number(points)?)),
        ("step", step) => rules.volume_step = lots(step)?,
        ("smallest", least) => rules.volume_min = lots(least)?,
        ("largest", most) => rules.volume_max = lots(most)?,
        ("mode", "disabled") => rules.trade_mode = TradeMode::Disabled,
        ("mode", "close") => rules.trade_mode = TradeMode::CloseOnly,
        ("mode", "long") => rules.trade_mode = TradeMode::LongOnly,
        ("filling", "only") => rules.filling = FillingModes::of(&[Filling::FillOrKill]),
        (what, how) => return Err(format!("{what} {how} is nothing of a symbol")),
    }
    Ok(())
}

/// `gone`, `unread`, `ours position 7 0.10`, `external position 7 0.10`, `unclaimed …`, `ours order 7`.
fn target(words: &mut Words<'_>) -> Read<Option<Target>> {
    let magic = Magic::new(1, 1).map_err(|fault| fault.to_string())?;
    let owner = match words.next()? {
        "gone" => return Ok(Some(Target::Gone)),
        "unread" => return Ok(None),
        "ours" => Owner::Ours(magic),
        "unclaimed" => Owner::Unclaimed(magic),
        "external" => Owner::External,
        other => return Err(format!("{other:?} is no owner")),
    };
    if let Some(order) = words.optional("order") {
        return Ok(Some(Target::Order { ticket: ticket(order)?, owner }));
    }
    let protection = protection(words)?;
    let ticket = ticket(words.optional("position").ok_or("which position")?)?;
    let position = PositionSeen { ticket, side: Side::Buy, volume: lots(words.next()?)?, protection };
    Ok(Some(Target::Position { position, owner }))
}

fn protection(words: &mut Words<'_>) -> Read<Protection> {
    let stop_loss = words.optional("sl").map(price).transpose()?;
    let take_profit = words.optional("tp").map(price).transpose()?;
    Ok(Protection { stop_loss, take_profit })
}

fn price(text: &str) -> Read<Price> {
    text.parse().map_err(|fault| format!("{text:?} {fault}"))
}

fn lots(text: &str) -> Read<Lots> {
    text.parse().map_err(|fault| format!("{text:?} {fault}"))
}

fn ticket(text: &str) -> Read<Ticket> {
    Ticket::of(number(text)?).ok_or_else(|| "a ticket is never zero".to_owned())
}

fn number<T: std::str::FromStr>(text: &str) -> Read<T> {
    text.parse().map_err(|_| format!("{text:?} is no number"))
}
