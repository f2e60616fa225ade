//! How the account and the watched symbols stand.

use warden_bridge::{Command, Inbound, Market as Told, OrderAction, Outcome};
use warden_bridge_sim::{Bars, Calendar, FleetPlan, Market, SymbolSpec};
use warden_domain::{AccountMode, Session, Side, Span, Timestamp, TradeMode};

use crate::hand::{Hand, deal, retcode};

fn watch(hand: &mut Hand, symbols: &[&str]) -> Vec<Told> {
    let symbols = symbols.iter().map(|name| (*name).to_owned()).collect();
    hand.send(1, Command::Watch(symbols));
    markets(hand, Span::ZERO)
}

fn markets(hand: &mut Hand, span: Span) -> Vec<Told> {
    let of = |inbound| if let Inbound::Market { market, .. } = inbound { Some(*market) } else { None };
    hand.wait(span).into_iter().filter_map(of).collect()
}

/// A market whose price stands still.
fn still() -> Market {
    let bars = "time,open,high,low,close\n2020-01-01 00:00:00,1.1,1.1,1.1,1.1\n2020-01-01 00:01:00,1.1,1.1,1.1,1.1\n";
    Market::new(vec![(SymbolSpec::pair("EURUSD", 5), Bars::parse(bars).unwrap())])
}

#[test]
fn the_market_is_said_right_after_the_watch() {
    let mut hand = Hand::logged_in(1);
    let told = watch(&mut hand, &["USDJPY", "EURUSD", "NOSUCH", "EURUSD"]);
    let [market] = &told[..] else { panic!("{told:?}") };
    assert_eq!((market.mode, market.balance, market.equity), (AccountMode::Hedging, 10_000.0, 10_000.0));
    let names: Vec<&str> = market.symbols.iter().map(|symbol| symbol.name.as_str()).collect();
    assert_eq!(names, ["EURUSD", "USDJPY"]);
    let eurusd = &market.symbols[0];
    let quote = eurusd.quote.unwrap();
    assert_eq!(quote.ask.points_from(quote.bid, eurusd.point).unwrap().0, 12);
    assert_eq!((eurusd.session, eurusd.trade_mode), (Session::Open, TradeMode::Full));
    assert_eq!(eurusd.tick_value, 1.0, "a point of a lot of 100,000");
    assert!((market.symbols[1].tick_value - 0.909).abs() < 0.001, "in dollars, at 110 yen each");
}

#[test]
fn a_moving_market_is_said_once_a_second_and_a_still_one_every_5_s() {
    let mut hand = Hand::logged_in(1);
    watch(&mut hand, &["USDJPY"]);
    let moving = markets(&mut hand, Span::from_secs(30)).len();
    assert!((10..=30).contains(&moving), "{moving}");
    let mut hand = Hand::of(FleetPlan::demo(1, 7), still());
    hand.log_all_in();
    watch(&mut hand, &["EURUSD"]);
    assert_eq!(markets(&mut hand, Span::from_secs(30)).len(), 6);
    assert_eq!(retcode(&hand.order(1, deal(OrderAction::Deal(Side::Buy)))), 10_009);
    let [after] = &markets(&mut hand, Span::from_secs(2))[..] else { panic!("one change") };
    assert!((after.equity - 9_998.8).abs() < 1e-6, "the spread of 0.1 lots: {}", after.equity);
}

#[test]
fn a_new_watch_replaces_the_old_one_and_an_empty_one_says_no_symbols() {
    let mut hand = Hand::logged_in(1);
    watch(&mut hand, &["EURUSD"]);
    assert_eq!(watch(&mut hand, &["USDJPY"])[0].symbols[0].name, "USDJPY");
    assert!(markets(&mut hand, Span::from_secs(10)).iter().all(|market| market.symbols[0].name == "USDJPY"));
    watch(&mut hand, &[]);
    assert_eq!(markets(&mut hand, Span::from_secs(10)).len(), 2);
}

#[test]
fn nobody_who_watches_costs_nothing() {
    let mut hand = Hand::logged_in(1);
    assert_eq!(markets(&mut hand, Span::from_secs(60)), []);
}

#[test]
fn a_gateway_that_restarts_forgets_what_it_watched() {
    let mut hand = Hand::logged_in(1);
    watch(&mut hand, &["EURUSD"]);
    hand.fault(r#"{ who = "gateway:gw1", what = "gateway_down", for = "5s" }"#);
    assert_eq!(markets(&mut hand, Span::from_secs(30)), []);
    assert_eq!(watch(&mut hand, &["EURUSD"]).len(), 1);
}

#[test]
fn without_a_connection_there_is_no_quote_and_a_dead_terminal_says_nothing() {
    let mut hand = Hand::logged_in(1);
    watch(&mut hand, &["EURUSD"]);
    hand.fault(r#"{ who = "acct-1", what = "network_drop", for = "5s" }"#);
    assert_eq!(markets(&mut hand, Span::from_secs(1))[0].symbols[0].quote, None);
    hand.fault(r#"{ who = "acct-1", what = "terminal_crash" }"#);
    assert_eq!(markets(&mut hand, Span::from_secs(10)), []);
    assert_eq!(hand.ask(1, Command::Restart { force: false }).outcome, Outcome::Done);
    assert!(markets(&mut hand, Span::from_secs(1))[0].symbols[0].quote.is_some(), "the gateway remembers");
}

#[test]
fn trd_9_a_weekend_closes_the_session_and_says_when_it_opens() {
    let opens = Timestamp::parse("2023-11-19T22:00:00Z").unwrap();
    let spec = SymbolSpec { sessions: Calendar::currencies(), ..SymbolSpec::pair("EURUSD", 5) };
    let mut hand = Hand::of(FleetPlan::demo(1, 7), Market::new(vec![(spec, Bars::eurusd())]));
    hand.log_all_in();
    let first = watch(&mut hand, &["EURUSD"]);
    assert_eq!(first[0].symbols[0].session, Session::Open, "a Tuesday");
    let _ = hand.wait(Span::from_secs(4 * 86_400));
    let market = markets(&mut hand, Span::from_secs(10)).pop().unwrap();
    assert_eq!(market.symbols[0].session, Session::Closed { opens_at: Some(opens) });
    assert_eq!(retcode(&hand.order(1, deal(OrderAction::Deal(Side::Buy)))), 10_018);
    let _ = hand.wait(opens.since(hand.now));
    assert_eq!(retcode(&hand.order(1, deal(OrderAction::Deal(Side::Buy)))), 10_009);
}

#[test]
fn a_session_that_a_fault_closes_opens_when_it_ends() {
    let mut hand = Hand::logged_in(1);
    watch(&mut hand, &["EURUSD"]);
    hand.fault(r#"{ who = "acct-1", what = "session_closed", for = "60s" }"#);
    let opens_at = Some(hand.now.after(Span::from_secs(60)));
    let market = markets(&mut hand, Span::from_secs(1)).pop().unwrap();
    assert_eq!(market.symbols[0].session, Session::Closed { opens_at });
    assert_eq!(retcode(&hand.order(1, deal(OrderAction::Deal(Side::Buy)))), 10_018);
    let _ = hand.wait(Span::from_secs(60));
    assert_eq!(retcode(&hand.order(1, deal(OrderAction::Deal(Side::Buy)))), 10_009);
}

#[test]
fn trd_9_an_account_that_may_only_close_says_so_and_closes() {
    let mut hand = Hand::logged_in(1);
    watch(&mut hand, &["EURUSD"]);
    assert_eq!(retcode(&hand.order(1, deal(OrderAction::Deal(Side::Buy)))), 10_009);
    hand.fault(r#"{ who = "acct-1", what = "close_only", for = "60s" }"#);
    let market = markets(&mut hand, Span::from_secs(1)).pop().unwrap();
    assert_eq!(market.symbols[0].trade_mode, TradeMode::CloseOnly);
    assert_eq!(retcode(&hand.order(1, deal(OrderAction::Deal(Side::Buy)))), 10_044);
    let (_, position) = hand.truth(1).positions[0];
    assert_eq!(retcode(&hand.order(1, deal(OrderAction::Close { position }))), 10_009);
}
