//! `SnapshotCommand` and `Snapshot` of the contract.

use warden_domain::Span;

use super::{
    FrameFault, LONGEST_SERVER, LONGEST_SYMBOL, bounded, cut, facts, few, known,
    money::{level, level_value, lots, price, read_side, side},
    order, positive, short, tag,
};
use crate::{
    Deal, DealEntry, OpenOrder, OpenPosition, PastOrder, SendId, SendState, Snapshot, SnapshotQuery, Tickets,
    wire,
};

/// So many tags and sends that the receiver still refuses too many of them, yet the frame never is oversized.
const KEPT: usize = SnapshotQuery::MOST + 1;

pub(crate) fn encode_query(query: &SnapshotQuery) -> wire::SnapshotCommand {
    let send = |it: &SendId| wire::SendId { magic: it.magic, attempt: it.attempt };
    wire::SnapshotCommand {
        tags: query.tags.iter().take(KEPT).copied().collect(),
        newer_than: query.newer_than,
        back_ms: query.back.as_millis(),
        sends: query.sends.iter().take(KEPT).map(send).collect(),
    }
}

pub(crate) fn decode_query(query: wire::SnapshotCommand) -> Result<SnapshotQuery, FrameFault> {
    let tags = few("tags", query.tags, SnapshotQuery::MOST)?;
    let sends = few("sends", query.sends, SnapshotQuery::MOST)?;
    Ok(SnapshotQuery {
        tags: tags.into_iter().map(|it| tag("tags", it)).collect::<Result<_, _>>()?,
        newer_than: query.newer_than,
        back: Span::from_millis(query.back_ms),
        sends: sends.iter().map(|it| order::read_send(it.magic, it.attempt)).collect::<Result<_, _>>()?,
    })
}

pub(crate) fn encode(snapshot: &Snapshot) -> wire::Snapshot {
    wire::Snapshot {
        login: snapshot.login,
        server: cut(&snapshot.server, LONGEST_SERVER).to_owned(),
        connected: snapshot.connected,
        orders: snapshot.orders.iter().map(open_order).collect(),
        positions: snapshot.positions.iter().map(open_position).collect(),
        past_orders: snapshot.past_orders.iter().map(past_order).collect(),
        deals: snapshot.deals.iter().map(deal).collect(),
        newest: Some(tickets(snapshot.newest)),
        sends: snapshot.sends.iter().map(send_state).collect(),
        waiting: snapshot.waiting,
    }
}

pub(crate) fn decode(snapshot: wire::Snapshot) -> Result<Snapshot, FrameFault> {
    let sends = few("sends", snapshot.sends, SnapshotQuery::MOST)?;
    Ok(Snapshot {
        login: snapshot.login,
        server: cut(&snapshot.server, LONGEST_SERVER).to_owned(),
        connected: snapshot.connected,
        orders: snapshot.orders.into_iter().map(read_open_order).collect::<Result<_, _>>()?,
        positions: snapshot.positions.into_iter().map(read_open_position).collect::<Result<_, _>>()?,
        past_orders: snapshot.past_orders.into_iter().map(read_past_order).collect::<Result<_, _>>()?,
        deals: snapshot.deals.into_iter().map(read_deal).collect::<Result<_, _>>()?,
        newest: read_tickets(snapshot.newest.ok_or(FrameFault::Missing("newest"))?),
        sends: sends.iter().map(read_send_state).collect::<Result<_, _>>()?,
        waiting: snapshot.waiting,
    })
}

fn open_order(it: &OpenOrder) -> wire::OpenOrder {
    wire::OpenOrder {
        ticket: it.ticket,
        magic: it.magic,
        symbol: bounded(&it.symbol, LONGEST_SYMBOL),
        side: side(it.side).into(),
        volume: it.volume.to_f64(),
        price: it.price.to_f64(),
        stop_loss: level_value(it.stop_loss),
        take_profit: level_value(it.take_profit),
    }
}

fn read_open_order(it: wire::OpenOrder) -> Result<OpenOrder, FrameFault> {
    Ok(OpenOrder {
        ticket: positive("orders.ticket", it.ticket)?,
        magic: it.magic,
        symbol: short("orders.symbol", it.symbol, LONGEST_SYMBOL)?,
        side: read_side(it.side)?,
        volume: lots("orders.volume", it.volume)?,
        price: price("orders.price", it.price)?,
        stop_loss: level("orders.stop_loss", it.stop_loss)?,
        take_profit: level("orders.take_profit", it.take_profit)?,
    })
}

fn open_position(it: &OpenPosition) -> wire::OpenPosition {
    wire::OpenPosition {
        ticket: it.ticket,
        magic: it.magic,
        symbol: bounded(&it.symbol, LONGEST_SYMBOL),
        side: side(it.side).into(),
        volume: it.volume.to_f64(),
        price: it.price.to_f64(),
        stop_loss: level_value(it.stop_loss),
        take_profit: level_value(it.take_profit),
    }
}

fn read_open_position(it: wire::OpenPosition) -> Result<OpenPosition, FrameFault> {
    Ok(OpenPosition {
        ticket: positive("positions.ticket", it.ticket)?,
        magic: it.magic,
        symbol: short("positions.symbol", it.symbol, LONGEST_SYMBOL)?,
        side: read_side(it.side)?,
        volume: lots("positions.volume", it.volume)?,
        price: price("positions.price", it.price)?,
        stop_loss: level("positions.stop_loss", it.stop_loss)?,
        take_profit: level("positions.take_profit", it.take_profit)?,
    })
}

fn past_order(it: &PastOrder) -> wire::PastOrder {
    wire::PastOrder {
        ticket: it.ticket,
        magic: it.magic,
        symbol: bounded(&it.symbol, LONGEST_SYMBOL),
        side: side(it.side).into(),
        volume: it.volume.to_f64(),
        position: it.position,
    }
}

fn read_past_order(it: wire::PastOrder) -> Result<PastOrder, FrameFault> {
    Ok(PastOrder {
        ticket: positive("past_orders.ticket", it.ticket)?,
        magic: it.magic,
        symbol: short("past_orders.symbol", it.symbol, LONGEST_SYMBOL)?,
        side: read_side(it.side)?,
        volume: lots("past_orders.volume", it.volume)?,
        position: it.position,
    })
}

fn deal(it: &Deal) -> wire::Deal {
    wire::Deal {
        ticket: it.ticket,
        order: it.order,
        position: it.position,
        magic: it.magic,
        symbol: bounded(&it.symbol, LONGEST_SYMBOL),
        side: side(it.side).into(),
        entry: entry(it.entry).into(),
        volume: it.volume.to_f64(),
        price: it.price.to_f64(),
    }
}

fn read_deal(it: wire::Deal) -> Result<Deal, FrameFault> {
    Ok(Deal {
        ticket: positive("deals.ticket", it.ticket)?,
        order: it.order,
        position: it.position,
        magic: it.magic,
        symbol: short("deals.symbol", it.symbol, LONGEST_SYMBOL)?,
        side: read_side(it.side)?,
        entry: read_entry(it.entry)?,
        volume: lots("deals.volume", it.volume)?,
        price: price("deals.price", it.price)?,
    })
}

fn entry(entry: DealEntry) -> wire::DealEntry {
    match entry {
        DealEntry::In => wire::DealEntry::In,
        DealEntry::Out => wire::DealEntry::Out,
        DealEntry::InOut => wire::DealEntry::Inout,
    }
}

fn read_entry(number: i32) -> Result<DealEntry, FrameFault> {
    match known("entry", number)? {
        wire::DealEntry::Unspecified => Err(FrameFault::Missing("entry")),
        wire::DealEntry::In => Ok(DealEntry::In),
        wire::DealEntry::Out => Ok(DealEntry::Out),
        wire::DealEntry::Inout => Ok(DealEntry::InOut),
    }
}

fn tickets(it: Tickets) -> wire::Tickets {
    wire::Tickets { order: it.order, deal: it.deal, position: it.position }
}

fn read_tickets(it: wire::Tickets) -> Tickets {
    Tickets { order: it.order, deal: it.deal, position: it.position }
}

pub(crate) fn send_state(state: &SendState) -> wire::SendState {
    let plain = |standing: wire::SendStanding| wire::SendState {
        standing: standing.into(),
        ..wire::SendState::default()
    };
    match state {
        SendState::Unseen => plain(wire::SendStanding::Unseen),
        SendState::InProgress => plain(wire::SendStanding::InProgress),
        SendState::NotStarted => plain(wire::SendStanding::NotStarted),
        SendState::Interrupted => plain(wire::SendStanding::Interrupted),
        SendState::Answered { facts, reply } => wire::SendState {
            standing: wire::SendStanding::Answered.into(),
            facts: Some(facts::encode(facts)),
            reply: reply.as_ref().map(order::reply),
        },
    }
}

pub(crate) fn read_send_state(state: &wire::SendState) -> Result<SendState, FrameFault> {
    Ok(match known("standing", state.standing)? {
        wire::SendStanding::Unspecified => return Err(FrameFault::Missing("standing")),
        wire::SendStanding::Unseen => SendState::Unseen,
        wire::SendStanding::InProgress => SendState::InProgress,
        wire::SendStanding::NotStarted => SendState::NotStarted,
        wire::SendStanding::Interrupted => SendState::Interrupted,
        wire::SendStanding::Answered => SendState::Answered {
            facts: facts::decode(state.facts.as_ref())?,
            reply: state.reply.as_ref().map(order::read_reply).transpose()?,
        },
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use warden_domain::{Facts, Lots, Price, Side};

    use super::{super::MAGIC_LIMIT, *};
    use crate::TradeReply;

    pub(crate) fn query() -> SnapshotQuery {
        let send = |n| SendId { magic: MAGIC_LIMIT - 1 - n, attempt: u32::MAX };
        SnapshotQuery {
            tags: (0..SnapshotQuery::MOST as u64).collect(),
            newer_than: u64::MAX,
            back: Span::from_secs(172_800),
            sends: (0..SnapshotQuery::MOST as u64).map(send).collect(),
        }
    }

    /// One of everything.
    pub(crate) fn snapshot() -> Snapshot {
        let (volume, price) = (Lots::from_units(3_000_000), Price::from_units(110_523_000));
        let (magic, symbol, side) = (u64::MAX, "EURUSD".to_owned(), Side::Sell);
        let (stop_loss, take_profit) = (Some(price), None);
        let reply = TradeReply { deal: 1, order: 2, volume: 0.03, price: 1.10523 };
        let facts = Facts { retcode: Some(99_999), last_error: Some(-10_005), ..Facts::default() };
        Snapshot {
            login: 5_001,
            server: "Broker-Live".into(),
            connected: true,
            orders: vec![OpenOrder {
                ticket: 1,
                magic,
                symbol: symbol.clone(),
                side: Side::Buy,
                volume,
                price,
                stop_loss,
                take_profit,
            }],
            positions: vec![OpenPosition {
                ticket: u64::MAX,
                magic,
                symbol: symbol.clone(),
                side,
                volume,
                price,
                stop_loss,
                take_profit,
            }],
            past_orders: vec![PastOrder {
                ticket: 3,
                magic,
                symbol: symbol.clone(),
                side,
                volume,
                position: 0,
            }],
            deals: [DealEntry::In, DealEntry::Out, DealEntry::InOut]
                .map(|entry| Deal {
                    ticket: 4,
                    order: 3,
                    position: 2,
                    magic,
                    symbol: symbol.clone(),
                    side,
                    entry,
                    volume,
                    price,
                })
                .to_vec(),
            newest: Tickets { order: 1, deal: 4, position: u64::MAX },
            sends: vec![
                SendState::Unseen,
                SendState::InProgress,
                SendState::NotStarted,
                SendState::Interrupted,
                SendState::Answered { facts, reply: Some(reply) },
                SendState::Answered { facts, reply: None },
            ],
            waiting: 2,
        }
    }

    #[test]
    fn a_snapshot_and_its_question_come_back() {
        assert_eq!(decode(encode(&snapshot())), Ok(snapshot()));
        assert_eq!(decode_query(encode_query(&query())), Ok(query()));
        let nothing = SnapshotQuery::default();
        assert_eq!(decode_query(encode_query(&nothing)), Ok(nothing));
    }

    #[test]
    fn trd_9_a_kept_answer_keeps_its_unlisted_retcode() {
        let facts = Facts { retcode: Some(99_999), ..Facts::default() };
        let state = SendState::Answered { facts, reply: None };
        assert_eq!(read_send_state(&send_state(&state)), Ok(state));
    }

    #[test]
    fn bad_fields_of_a_question_are_named() {
        let good = || encode_query(&query());
        let too_many = |field| FrameFault::TooMany { field, most: 128 };
        let sends = |magic, attempt| vec![wire::SendId { magic, attempt }];
        let cases = [
            (wire::SnapshotCommand { tags: vec![1; 129], ..good() }, too_many("tags")),
            (wire::SnapshotCommand { tags: vec![MAGIC_LIMIT], ..good() }, FrameFault::OutOfRange("tags")),
            (
                wire::SnapshotCommand { sends: vec![wire::SendId::default(); 129], ..good() },
                too_many("sends"),
            ),
            (wire::SnapshotCommand { sends: sends(1, 0), ..good() }, FrameFault::Zero("attempt")),
            (
                wire::SnapshotCommand { sends: sends(MAGIC_LIMIT, 1), ..good() },
                FrameFault::OutOfRange("magic"),
            ),
        ];
        for (wire, fault) in cases {
            assert_eq!(decode_query(wire), Err(fault));
        }
        let huge = SnapshotQuery { tags: vec![1; 1_000_000], ..query() };
        assert_eq!(decode_query(encode_query(&huge)), Err(too_many("tags")), "refused, yet never oversized");
    }

    #[test]
    fn bad_fields_of_a_snapshot_are_named() {
        let with = |change: fn(&mut wire::Snapshot)| {
            let mut wire = encode(&snapshot());
            change(&mut wire);
            decode(wire)
        };
        let range = |field| Err(FrameFault::OutOfRange(field));
        let zero = |field| Err(FrameFault::Zero(field));
        assert_eq!(with(|it| it.newest = None), Err(FrameFault::Missing("newest")));
        assert_eq!(with(|it| it.orders[0].ticket = 0), zero("orders.ticket"));
        assert_eq!(with(|it| it.orders[0].volume = f64::NAN), range("orders.volume"));
        assert_eq!(with(|it| it.orders[0].volume = -1.0), range("orders.volume"));
        assert_eq!(with(|it| it.orders[0].price = f64::INFINITY), range("orders.price"));
        assert_eq!(with(|it| it.orders[0].take_profit = f64::NAN), range("orders.take_profit"));
        assert_eq!(with(|it| it.positions[0].ticket = 0), zero("positions.ticket"));
        assert_eq!(with(|it| it.positions[0].stop_loss = f64::NAN), range("positions.stop_loss"));
        assert_eq!(with(|it| it.positions[0].volume = 1e300), range("positions.volume"));
        assert_eq!(with(|it| it.positions[0].side = 0), Err(FrameFault::Missing("side")));
        assert_eq!(with(|it| it.past_orders[0].volume = f64::NAN), range("past_orders.volume"));
        assert_eq!(with(|it| it.past_orders[0].ticket = 0), zero("past_orders.ticket"));
        assert_eq!(with(|it| it.deals[0].entry = 0), Err(FrameFault::Missing("entry")));
        assert_eq!(with(|it| it.deals[0].price = f64::NAN), range("deals.price"));
        assert_eq!(with(|it| it.deals[0].ticket = 0), zero("deals.ticket"));
        assert_eq!(with(|it| it.sends[0].standing = 0), Err(FrameFault::Missing("standing")));
        assert_eq!(
            with(|it| it.sends[0].standing = 6),
            Err(FrameFault::UnknownNumber { field: "standing", number: 6 })
        );
        assert_eq!(
            with(|it| it.deals[0].symbol = "X".repeat(65)),
            Err(FrameFault::TooLong { field: "deals.symbol", longest: 64 })
        );
    }
}
