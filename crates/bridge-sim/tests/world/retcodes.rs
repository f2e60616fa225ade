use warden_bridge::{Order, OrderAction, Pending};
use warden_bridge_sim::{AccountLimits, Bars, FleetPlan, Market, SymbolSpec};
use warden_domain::{Filling, FillingModes, Side, TradeMode, retcode::RETCODES};

use crate::hand::{Hand, deal, retcode};

/// One account; what is special about it is said by the case.
fn hand(special: impl FnOnce(&mut FleetPlan, &mut SymbolSpec)) -> Hand {
    let mut plan = FleetPlan::demo(1, 7);
    let mut spec = SymbolSpec::pair("EURUSD", 5);
    special(&mut plan, &mut spec);
    let mut hand = Hand::of(plan, Market::new(vec![(spec, Bars::eurusd())]));
    hand.log_all_in();
    hand
}

fn usual() -> Hand {
    hand(|_, _| {})
}

fn trading(mode: TradeMode) -> Hand {
    hand(|_, spec| spec.trade_mode = mode)
}

fn limited(limits: AccountLimits) -> Hand {
    let mut hand = hand(|plan, _| plan.accounts[0].limits = limits);
    assert_eq!(retcode(&hand.order(1, deal(OrderAction::Deal(Side::Buy)))), 10_009, "the first one is taken");
    hand
}

fn buy() -> Order {
    deal(OrderAction::Deal(Side::Buy))
}

fn sell() -> Order {
    deal(OrderAction::Deal(Side::Sell))
}

#[test]
fn trd_9_bad_requests_are_refused_with_mt5s_codes() {
    let pending = deal(OrderAction::Place(Side::Buy, Pending::Limit));
    let cases = [
        (10_004, Order { price: 1.0, ..buy() }),
        (10_013, Order { symbol: "NOSUCH".into(), ..buy() }),
        (10_014, Order { volume: 0.015, ..buy() }),
        (10_014, Order { volume: f64::NAN, ..buy() }),
        (10_014, Order { volume: -1.0, ..buy() }),
        (10_014, Order { volume: 1_000.0, ..buy() }),
        (10_015, Order { price: -1.0, ..buy() }),
        (10_015, Order { price: 0.0, ..pending.clone() }),
        (10_015, Order { price: 1.0717, ..pending.clone() }),
        (10_016, Order { stop_loss: 2.0, ..buy() }),
        (10_016, Order { take_profit: 0.5, ..buy() }),
        (10_016, Order { stop_loss: f64::NEG_INFINITY, ..buy() }),
        (10_019, Order { volume: 50.0, ..buy() }),
        (10_035, deal(OrderAction::Cancel { order: 77 })),
        (10_036, deal(OrderAction::Close { position: 77 })),
        (10_036, deal(OrderAction::Protect { position: 77 })),
    ];
    for (code, order) in cases {
        let mut hand = usual();
        assert_eq!(retcode(&hand.order(1, order.clone())), code, "{order:?}");
        assert!(hand.world.ledger().entries().is_empty(), "nothing executed: {order:?}");
    }
}

#[test]
fn trd_9_a_symbols_trade_mode_decides() {
    let cases = [
        (TradeMode::Disabled, buy(), 10_017),
        (TradeMode::LongOnly, sell(), 10_042),
        (TradeMode::ShortOnly, buy(), 10_043),
        (TradeMode::CloseOnly, buy(), 10_044),
        (TradeMode::LongOnly, buy(), 10_009),
        (TradeMode::Full, sell(), 10_009),
    ];
    for (mode, order, code) in cases {
        assert_eq!(retcode(&trading(mode).order(1, order)), code, "{mode:?}");
    }
}

#[test]
fn trd_9_the_accounts_limits_decide() {
    let none = AccountLimits::default();
    assert_eq!(retcode(&limited(AccountLimits { positions: 1, ..none }).order(1, buy())), 10_040);
    assert_eq!(retcode(&limited(AccountLimits { no_hedge: true, ..none }).order(1, sell())), 10_046);
    let mut fifo = limited(AccountLimits { fifo_close: true, ..none });
    assert_eq!(retcode(&fifo.order(1, buy())), 10_009);
    let (_, newest) = fifo.truth(1).positions[1];
    assert_eq!(retcode(&fifo.order(1, deal(OrderAction::Close { position: newest }))), 10_045);
    let mut orders = hand(|plan, _| plan.accounts[0].limits.orders = 1);
    let pending = Order { price: 1.0, ..deal(OrderAction::Place(Side::Buy, Pending::Limit)) };
    assert_eq!(retcode(&orders.order(1, pending.clone())), 10_008);
    assert_eq!(retcode(&orders.order(1, pending)), 10_033);
    let mut volume = hand(|_, spec| spec.volume_limit = 0.15);
    assert_eq!(retcode(&volume.order(1, buy())), 10_009);
    assert_eq!(retcode(&volume.order(1, buy())), 10_034);
}

#[test]
fn trd_9_an_order_close_to_the_market_is_frozen() {
    let mut hand = hand(|_, spec| {
        spec.freeze_level = 100_000;
        spec.stops_level = 1;
    });
    let placed = hand.order(1, Order { price: 1.06, ..deal(OrderAction::Place(Side::Buy, Pending::Limit)) });
    assert_eq!(retcode(&placed), 10_008);
    let (_, order) = hand.truth(1).orders[0];
    assert_eq!(retcode(&hand.order(1, deal(OrderAction::Cancel { order }))), 10_029);
}

#[test]
fn fill_or_kill_refuses_what_it_cannot_fill_as_a_whole() {
    let mut hand = hand(|_, spec| spec.filling = FillingModes::of(&[Filling::FillOrKill]));
    hand.fault(r#"{ who = "acct-1", what = "partial_fill(50%)" }"#);
    let whole = Order { filling: Some(Filling::FillOrKill), ..buy() };
    assert_eq!(retcode(&hand.order(1, whole.clone())), 10_006);
    assert!(hand.world.ledger().entries().is_empty());
    assert_eq!(retcode(&hand.order(1, whole)), 10_009);
}

#[test]
fn trd_9_every_retcode_can_be_produced_and_an_unlisted_one_too() {
    let numbers = RETCODES.iter().map(|entry| entry.number).chain([99_999]);
    let mut hand = usual();
    for number in numbers {
        hand.fault(&format!(r#"{{ who = "acct-1", what = "reject({number})" }}"#));
        let finished = hand.order(1, buy());
        assert_eq!((retcode(&finished), finished.facts.ticket), (number, false));
    }
    assert!(hand.world.ledger().entries().is_empty());
    assert_eq!(retcode(&hand.order(1, buy())), 10_009, "each befell one order");
}
