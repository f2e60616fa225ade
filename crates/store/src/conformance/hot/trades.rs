use warden_domain::{ClientTradeId, Lots, OrderKind, Price, Side, Ticket, TradeState};

use super::*;
use crate::{KEYS_KEPT, TRADES_KEPT, TradeProjection, TradeShown, TradeUpdate, TradeWrite};

fn tag(counter: u64) -> Magic {
    Magic::new(5, counter).expect("cases use tags of ours")
}

fn lots(text: &str) -> Lots {
    text.parse().expect("cases use well-formed volumes")
}

fn price(text: &str) -> Option<Price> {
    Some(text.parse().expect("cases use well-formed prices"))
}

/// An open trade with every field.
fn trade(instance: &str, counter: u64, epoch: u64, version: u64) -> TradeUpdate {
    TradeUpdate {
        instance: id(instance),
        epoch: Epoch(epoch),
        version: Version(version),
        trade: TradeProjection {
            tag: tag(counter),
            key: ClientTradeId::new(&format!("s-{counter}")).expect("cases use well-formed keys"),
            state: TradeState::PartiallyFilled,
            reason: String::new(),
            symbol: "EURUSD.r".into(),
            goal: "OPEN",
            side: Some(Side::Sell),
            kind: Some(OrderKind::StopLimit),
            volume: lots("0.30"),
            filled: lots("0.1"),
            closed: lots("0"),
            price: price("1.10003"),
            stop_loss: price("1.12"),
            take_profit: price("1.09"),
            ticket: Ticket::of(700),
            position: Ticket::of(701),
            attempt: 2,
            accepted_at: Timestamp::from_millis(1_700_000_000_123),
            expires_at: Timestamp::from_millis(1_700_000_060_123),
            updated_at: Timestamp::from_millis(1_700_000_000_500),
        },
        previous: None,
    }
}

/// A trade as the cases show it, at epoch 1 and version 1, in any state.
#[must_use]
pub fn shown_trade(instance: &str, counter: u64, state: TradeState) -> TradeUpdate {
    let update = trade(instance, counter, 1, 1);
    TradeUpdate { trade: TradeProjection { state, ..update.trade }, ..update }
}

/// The same trade, ended.
fn ended(update: TradeUpdate) -> TradeUpdate {
    let trade = TradeProjection { state: TradeState::Closed, reason: "CLOSED".to_owned(), ..update.trade };
    TradeUpdate { trade, ..update }
}

async fn show(fixture: &dyn Fixture, updates: &[TradeUpdate]) -> Vec<TradeWrite> {
    fixture.store().show_trades(updates).await.expect("the store answers")
}

async fn shown(fixture: &dyn Fixture, update: &TradeUpdate) {
    assert_eq!(show(fixture, std::slice::from_ref(update)).await, [TradeWrite::Written]);
}

async fn field(fixture: &dyn Fixture, counter: u64, name: &str) -> Option<String> {
    fixture.trade(&id("a"), tag(counter)).await.and_then(|mut fields| fields.remove(name))
}

async fn open(fixture: &dyn Fixture) -> Option<String> {
    fixture.keys(&id("a")).await.remove("order_state:a:open")
}

fn tags(counters: &[u64]) -> Option<String> {
    let numbers: Vec<_> = counters.iter().map(|counter| tag(*counter).number().to_string()).collect();
    Some(numbers.join(" "))
}

fn name_of(counter: u64) -> String {
    format!("order_state:a:{}", tag(counter).number())
}

/// §8: the hash with its exact fields and texts, the index, and the idempotency key; what is open never expires.
pub async fn hot_29_a_trade_is_shown_with_every_field(fixture: &dyn Fixture) {
    shown(fixture, &trade("a", 7, 3, 4)).await;
    let number = tag(7).number().to_string();
    let expected = [
        ("version", "4"),
        ("epoch", "3"),
        ("tag", number.as_str()),
        ("key", "s-7"),
        ("state", "PARTIALLY_FILLED"),
        ("reason", ""),
        ("symbol", "EURUSD.r"),
        ("goal", "OPEN"),
        ("side", "SELL"),
        ("kind", "STOP_LIMIT"),
        ("volume", "0.3"),
        ("filled", "0.1"),
        ("closed", "0"),
        ("price", "1.10003"),
        ("stop_loss", "1.12"),
        ("take_profit", "1.09"),
        ("ticket", "700"),
        ("position", "701"),
        ("attempt", "2"),
        ("accepted_at", "2023-11-14T22:13:20.123Z"),
        ("expires_at", "2023-11-14T22:14:20.123Z"),
        ("updated_at", "2023-11-14T22:13:20.500Z"),
    ];
    let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
    assert_eq!(fixture.trade(&id("a"), tag(7)).await, Some(expected));
    let keys: Vec<_> = fixture.keys(&id("a")).await.into_keys().collect();
    assert_eq!(keys, ["order_key:a:s-7".to_owned(), name_of(7), "order_state:a:open".to_owned()]);
    assert_eq!(open(fixture).await, tags(&[7]));
    for key in [name_of(7), "order_state:a:open".to_owned()] {
        assert_eq!(fixture.expires_in(&id("a"), &key).await, None, "{key} stays");
    }
}

/// A later version replaces all of the earlier one: a field that is absent now is not left over from before.
pub async fn hot_30_a_field_that_is_no_more_is_gone(fixture: &dyn Fixture) {
    shown(fixture, &trade("a", 7, 1, 1)).await;
    let mut later = trade("a", 7, 1, 2);
    later.trade.state = TradeState::Unknown;
    (later.trade.side, later.trade.kind) = (None, None);
    (later.trade.price, later.trade.stop_loss, later.trade.take_profit) = (None, None, None);
    (later.trade.ticket, later.trade.position) = (None, None);
    shown(fixture, &later).await;
    let fields = fixture.trade(&id("a"), tag(7)).await.expect("the trade is there");
    for name in ["side", "kind", "price", "stop_loss", "take_profit", "ticket", "position"] {
        assert_eq!(fields.get(name), None, "{name}");
    }
    assert_eq!((fields["version"].as_str(), fields["state"].as_str(), fields.len()), ("2", "UNKNOWN", 15));
}

/// A retry is harmless, however often it comes, and one version may take the place of several that were not shown.
pub async fn hot_31_a_trade_given_again_stays_as_it_is(fixture: &dyn Fixture) {
    let first = trade("a", 7, 1, 1);
    for _ in 0..3 {
        shown(fixture, &first).await;
    }
    let mut other = first.clone();
    other.trade.attempt = 9;
    shown(fixture, &other).await;
    assert_eq!(field(fixture, 7, "attempt").await.as_deref(), Some("2"), "one version is shown once");
    shown(fixture, &trade("a", 7, 1, 6)).await;
    assert_eq!(field(fixture, 7, "version").await.as_deref(), Some("6"));
    let steps = [trade("a", 8, 1, 1), trade("a", 8, 1, 2), ended(trade("a", 8, 1, 3))];
    for _ in 0..3 {
        let answers = show(fixture, &steps).await;
        assert_eq!(answers, [TradeWrite::Written; 3], "those that were overtaken are known by the last");
        assert_eq!(field(fixture, 8, "state").await.as_deref(), Some("CLOSED"));
    }
    assert_eq!(open(fixture).await, tags(&[7]));
}

/// What is newer stays, and its version is told, unless the call holds that version itself.
pub async fn hot_32_an_older_version_of_a_trade_is_told_what_is_stored(fixture: &dyn Fixture) {
    let ahead = TradeWrite::Ahead { stored: Version(10) };
    shown(fixture, &trade("a", 7, 2, 10)).await;
    assert_eq!(show(fixture, &[trade("a", 7, 2, 9), trade("a", 7, 3, 2)]).await, [ahead, ahead]);
    let steps = [trade("a", 8, 1, 10), ended(trade("a", 8, 1, 9)), trade("a", 8, 1, 11), trade("a", 7, 2, 9)];
    let answers = show(fixture, &steps).await;
    assert_eq!(answers, [TradeWrite::Written, TradeWrite::Written, TradeWrite::Written, ahead]);
    let alone = [TradeWrite::Ahead { stored: Version(11) }; 2];
    assert_eq!(show(fixture, &steps[..2]).await, alone, "nothing in the call knows of the last");
    assert_eq!(field(fixture, 7, "version").await.as_deref(), Some("10"));
    assert_eq!(field(fixture, 8, "version").await.as_deref(), Some("11"));
    assert_eq!(open(fixture).await, tags(&[7, 8]));
}

/// Neither the lease, nor the state, nor a trade of a higher epoch is passed over.
pub async fn hot_33_a_higher_epoch_fences_trades(fixture: &dyn Fixture) {
    let fenced = TradeWrite::Fenced { by: Epoch(5) };
    shown(fixture, &trade("a", 7, 5, 1)).await;
    assert_eq!(
        show(fixture, &[trade("a", 7, 4, 2), trade("a", 8, 4, 1)]).await,
        [fenced, TradeWrite::Written]
    );
    let lease = [(id("a"), Epoch(5))];
    assert_eq!(fixture.store().acquire(&lease, "node", LONG).await.expect("it answers"), [true]);
    assert_eq!(show(fixture, &[trade("a", 8, 4, 2), trade("a", 9, 4, 1)]).await, [fenced, fenced]);
    fixture.store().release(&lease, "node").await.expect("it answers");
    written(fixture, "a", 5, 1).await;
    let all = [trade("a", 9, 4, 1), trade("a", 9, 5, 1), trade("a", 8, 6, 2)];
    assert_eq!(show(fixture, &all).await, [fenced, TradeWrite::Written, TradeWrite::Written]);
    assert_eq!(field(fixture, 8, "epoch").await.as_deref(), Some("6"));
    let takeover = [(id("a"), Epoch(7))];
    assert_eq!(fixture.store().acquire(&takeover, "node", LONG).await.expect("it answers"), [true]);
    fixture.store().release(&takeover, "node").await.expect("it answers");
    let by = TradeWrite::Fenced { by: Epoch(7) };
    assert_eq!(show(fixture, &[trade("a", 9, 6, 9)]).await, [by], "also once it was given back");
    shown(fixture, &trade("a", 9, 7, 1)).await;
    assert_eq!(field(fixture, 9, "epoch").await.as_deref(), Some("7"), "shown anew at the same version");
}

/// A trade that has ended is to be seen for a day, and is not among the open ones.
pub async fn hot_34_a_trade_that_ended_leaves_the_index_and_expires(fixture: &dyn Fixture) {
    let a = id("a");
    shown(fixture, &trade("a", 7, 1, 1)).await;
    shown(fixture, &trade("a", 8, 1, 1)).await;
    for state in TradeState::ALL.iter().filter(|state| state.is_terminal()) {
        let mut end = trade("a", 7, 1, 2 + *state as u64);
        end.trade.state = *state;
        shown(fixture, &end).await;
        assert_eq!(open(fixture).await, tags(&[8]), "{state}");
        assert_lasts(fixture, &name_of(7), TRADES_KEPT).await;
    }
    let never_open = ended(trade("a", 9, 1, 1));
    shown(fixture, &never_open).await;
    assert_lasts(fixture, &name_of(9), TRADES_KEPT).await;
    shown(fixture, &ended(trade("a", 8, 1, 2))).await;
    assert_eq!(open(fixture).await, None, "an empty index is no key");
    // It goes on where nobody expected it to.
    shown(fixture, &trade("a", 8, 1, 3)).await;
    assert_eq!(open(fixture).await, tags(&[8]));
    assert_eq!(fixture.expires_in(&a, &name_of(8)).await, None);
}

async fn assert_lasts(fixture: &dyn Fixture, key: &str, kept: Span) {
    let left = fixture.expires_in(&id("a"), key).await.expect("the key expires");
    let least = Span::from_millis(kept.as_millis() - LONG.as_millis());
    assert!((least..=kept).contains(&left), "{key} stays for {left}");
}

/// TRD-4: the key holds the tag of the trade that was shown first, for a day, whatever becomes of its trades.
pub async fn hot_35_a_clients_key_holds_its_first_tag_for_a_day(fixture: &dyn Fixture) {
    let key = "order_key:a:s-7";
    let mut part = trade("a", 8, 1, 1);
    part.trade.key = trade("a", 7, 1, 1).trade.key;
    shown(fixture, &trade("a", 7, 1, 1)).await;
    shown(fixture, &part).await;
    shown(fixture, &ended(trade("a", 7, 1, 2))).await;
    assert_eq!(fixture.keys(&id("a")).await.get(key), tags(&[7]).as_ref());
    assert_lasts(fixture, key, KEYS_KEPT).await;
    fixture.forget(&id("a")).await;
    part.version = Version(2);
    shown(fixture, &part).await;
    assert_eq!(fixture.keys(&id("a")).await.get(key), tags(&[8]).as_ref(), "shown anew after a loss");
    shown(fixture, &ended(trade("b", 7, 1, 1))).await;
    let keys = fixture.keys(&id("b")).await;
    assert_eq!(keys.get("order_key:b:s-7"), tags(&[7]).as_ref(), "also of one that was never seen open");
}

/// A call larger than any batch of an adapter answers for every element, in order.
pub async fn hot_36_trades_of_many_instances_in_one_call(fixture: &dyn Fixture) {
    written(fixture, "i3", 9, 1).await;
    let updates: Vec<_> = (0..700).map(|n| trade(&format!("i{}", n % 7), n, 1, 1)).collect();
    let expected: Vec<_> = (0..700)
        .map(|n| if n % 7 == 3 { TradeWrite::Fenced { by: Epoch(9) } } else { TradeWrite::Written })
        .collect();
    for _ in 0..2 {
        assert_eq!(show(fixture, &updates).await, expected);
    }
    let open = fixture.keys(&id("i6")).await.remove("order_state:i6:open").expect("they are open");
    assert_eq!(open.split(' ').count(), 100);
    assert!(fixture.keys(&id("i3")).await.into_keys().all(|key| key.starts_with("instance_state:")));
    assert!(show(fixture, &[]).await.is_empty());
}

/// ACC-1, ACC-3: whatever a trade left goes with its instance: open and ended ones, and every client's key.
pub async fn hot_37_acc_3_a_removed_instance_leaves_no_key_of_its_trades(fixture: &dyn Fixture) {
    let store = fixture.store();
    let (a, b) = (id("a"), id("b"));
    written(fixture, "a", 3, 1).await;
    let mut updates: Vec<_> = (0..40).map(|counter| trade("a", counter, 3, 1)).collect();
    updates.extend((0..25).map(|counter| ended(trade("a", counter, 3, 2))));
    updates.push(trade("b", 1, 3, 1));
    assert_eq!(show(fixture, &updates).await, vec![TradeWrite::Written; updates.len()]);
    assert_eq!(fixture.keys(&a).await.len(), 7 + 2 * 40 + 1);
    assert!(!store.remove(&a, Epoch(2)).await.expect("it answers"));
    assert_eq!(fixture.keys(&a).await.len(), 7 + 2 * 40 + 1);
    assert!(store.remove(&a, Epoch(3)).await.expect("it answers"));
    assert_eq!(fixture.keys(&a).await, BTreeMap::new());
    assert_eq!(fixture.keys(&b).await.len(), 3, "its neighbour is untouched");
    assert_eq!(show(fixture, &updates[..1]).await, [TradeWrite::Written], "nothing of it is known any more");
    assert!(store.remove(&a, Epoch(3)).await.expect("it answers"));
    assert!(store.remove(&b, Epoch(3)).await.expect("it answers"), "without any state");
    assert_eq!(fixture.keys(&b).await, BTreeMap::new());
}

/// Trades are shown beside the state: neither changes the other.
pub async fn hot_38_trades_do_not_touch_the_state(fixture: &dyn Fixture) {
    shown(fixture, &trade("a", 7, 1, 1)).await;
    assert_eq!(load_one(fixture, &id("a")).await, Stored::Nothing);
    let last = written(fixture, "a", 1, 2).await;
    shown(fixture, &trade("a", 7, 1, 2)).await;
    assert_eq!(load_one(fixture, &id("a")).await, stored(&last));
    assert_eq!(cas_one(fixture, &step("a", 1, 3)).await, Cas::Applied);
    fixture.damage(&id("a"), Damage::WrongType).await;
    shown(fixture, &trade("a", 7, 1, 3)).await;
    assert_eq!(restore_one(fixture, &step("a", 1, 4)).await, Cas::Applied);
    assert_eq!(field(fixture, 7, "version").await.as_deref(), Some("3"));
}

/// Neighbours that a double cannot tell apart are told apart.
pub async fn hot_39_numbers_of_trades_beyond_two_to_the_53_stay_exact(fixture: &dyn Fixture) {
    let base = 1 << 53;
    let mut update = trade("a", Magic::MAX_COUNTER, base + 1, base + 1);
    update.trade.ticket = Ticket::of(u64::MAX);
    shown(fixture, &update).await;
    let older = TradeUpdate { version: Version(base), ..update.clone() };
    let lower = TradeUpdate { epoch: Epoch(base), version: Version(base + 2), ..update.clone() };
    let answers = show(fixture, &[older, lower]).await;
    let expected =
        [TradeWrite::Ahead { stored: Version(base + 1) }, TradeWrite::Fenced { by: Epoch(base + 1) }];
    assert_eq!(answers, expected);
    assert_eq!(open(fixture).await, tags(&[Magic::MAX_COUNTER]));
    let number = u64::MAX.to_string();
    assert_eq!(field(fixture, Magic::MAX_COUNTER, "ticket").await, Some(number));
    shown(fixture, &TradeUpdate { version: Version(u64::MAX), ..update }).await;
}

/// What the caller believes to be stored spares writes and changes no outcome, right or wrong.
pub async fn hot_40_a_wrong_belief_of_what_is_shown_does_no_harm(fixture: &dyn Fixture) {
    let first = trade("a", 7, 2, 1);
    let mut next = trade("a", 7, 2, 2);
    next.trade.filled = lots("0.2");
    next.trade.symbol = "GBPUSD".into();
    let believing = |update: &TradeUpdate, stored: &TradeUpdate| {
        let shown = TradeShown { version: stored.version, trade: stored.trade.clone() };
        TradeUpdate { previous: Some(Box::new(shown)), ..update.clone() }
    };
    let of = async |counter| fixture.trade(&id("a"), tag(counter)).await;
    let mut beliefs = vec![believing(&next, &first)];
    beliefs.push(believing(&next, &TradeUpdate { version: Version(9), ..first.clone() }));
    beliefs.push(believing(&next, &ended(first.clone())));
    let mut bare = first.clone();
    (bare.trade.ticket, bare.trade.price) = (None, None);
    beliefs.push(believing(&next, &bare));
    for stored in [None, Some(&first)] {
        for believed in &beliefs {
            fixture.forget(&id("a")).await;
            if let Some(stored) = stored {
                shown(fixture, stored).await;
            }
            shown(fixture, believed).await;
            let fields = of(7).await.expect("it is shown");
            assert_eq!((fields["version"].as_str(), fields["filled"].as_str()), ("2", "0.2"));
            assert_eq!((fields["ticket"].as_str(), fields.len()), ("700", 22), "{stored:?} {believed:?}");
            assert_eq!(open(fixture).await, tags(&[7]));
            shown(fixture, believed).await;
        }
    }
    let mut end = ended(trade("a", 7, 2, 3));
    (end.trade.ticket, end.trade.position) = (None, None);
    let steps = [believing(&end, &next), believing(&ended(trade("a", 8, 2, 2)), &trade("a", 8, 2, 1))];
    for _ in 0..2 {
        assert_eq!(show(fixture, &steps).await, [TradeWrite::Written; 2]);
        let fields = of(7).await.expect("it is shown");
        assert_eq!((fields["state"].as_str(), fields.len()), ("CLOSED", 20), "what is no more is gone");
        assert_eq!(of(8).await.expect("it is shown").len(), 22, "nothing stood there");
        assert_eq!(open(fixture).await, None);
        assert_lasts(fixture, &name_of(8), TRADES_KEPT).await;
    }
    let lower = TradeUpdate { epoch: Epoch(1), ..believing(&trade("a", 7, 1, 4), &next) };
    assert_eq!(show(fixture, &[lower]).await, [TradeWrite::Fenced { by: Epoch(2) }]);
    let older = believing(&trade("a", 7, 2, 2), &first);
    assert_eq!(show(fixture, &[older]).await, [TradeWrite::Ahead { stored: Version(3) }]);
}
