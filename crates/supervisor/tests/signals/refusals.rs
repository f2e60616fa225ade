//! Accounts that do not take part, and signals that nobody takes.

use warden_distribution::{Code, OutcomeKind, settings::Value};
use warden_domain::Span;
use warden_store::Journal as _;
use warden_supervisor::{SignalError, signals::life_of};

use super::{
    Crowd,
    crowd::{BUY, GOLD, kinds, outcome},
};
use crate::rig::{Fate, pass};

fn code(report: &warden_distribution::Report, number: u32) -> Option<Code> {
    outcome(report, number).refusal().map(|refusal| refusal.code())
}

#[tokio::test(start_paused = true)]
async fn every_account_follows_its_own_rules() {
    let mut crowd = Crowd::closed(5);
    crowd.rule(0, "sides", &Value::Text("sell"));
    crowd.rule(1, "max_lots", &Value::Text("0.05"));
    crowd.rule(2, "multiplier", &Value::Text("2"));
    crowd.rule(3, "direction", &Value::Text("reversed"));
    crowd.rule(4, "symbols", &Value::List(&[Value::Text("EURUSD=GBPUSD")]));
    crowd.come_up().await;
    let report = crowd.signal("s-1", GOLD, BUY).await;
    assert_eq!((code(&report, 0), code(&report, 1)), (Some(Code::SideNotAllowed), Some(Code::AboveMaximum)));
    crowd.settled("s-1", 2).await;
    assert_eq!(crowd.positions(2), ["BUY 0.2"]);
    assert_eq!(crowd.positions(3), ["SELL 0.1"]);
    let symbols = crowd.rig.gateways.floor(&crate::rig::id(4), |floor| floor.positions[0].symbol.clone());
    assert_eq!(symbols, "GBPUSD");
    assert_eq!((crowd.sent(0), crowd.sent(1)), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_instance_is_told_and_the_others_take_part() {
    let crowd = Crowd::open(1).await;
    let report = crowd.signal("s-1", r#""instances": "i0,nobody""#, BUY).await;
    assert_eq!(report.lines.len(), 2, "{report}");
    assert_eq!(report.lines[1].outcome.refusal().map(|it| it.code()), Some(Code::NoSuchInstance));
    let report = crowd.settled("s-1", 2).await;
    assert_eq!(kinds(&report), [OutcomeKind::Filled, OutcomeKind::Blocked], "also later: {report}");
}

#[tokio::test(start_paused = true)]
async fn a_signal_for_nobody_or_without_sense_is_an_error() {
    let crowd = Crowd::open(1).await;
    let mut signal = crowd.read(&crowd.written("s-1", r#""group": "silver""#, BUY));
    let nobody = crowd.rig.fleet().signal(signal.clone()).await.unwrap_err();
    assert!(matches!(nobody, SignalError::Nobody(_)), "{nobody}");
    signal.valid_for = Span::from_secs(25 * 3_600);
    let faulty = crowd.rig.fleet().signal(signal).await.unwrap_err();
    assert_eq!(
        faulty.to_string(),
        "the signal is refused: valid_for is longer than keys are known, 24h; shorten it"
    );
    assert_eq!(crowd.report("s-1").await, None);
}

#[tokio::test(start_paused = true)]
async fn trd_7_a_late_signal_is_dropped_by_every_account() {
    let crowd = Crowd::open(2).await;
    let late = crowd.read(&crowd.written("s-1", GOLD, BUY));
    pass(61).await;
    let report = crowd.rig.fleet().signal(late).await.unwrap();
    assert_eq!(kinds(&report), [OutcomeKind::LateDropped; 2], "{report}");
    assert_eq!((crowd.sent(0), crowd.sent(1)), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_first_signal_of_a_symbol_that_nobody_watches_makes_it_known() {
    let crowd = Crowd::open(1).await;
    let gbp = BUY.replace("EURUSD", "GBPUSD");
    let report = crowd.signal("s-1", GOLD, &gbp).await;
    assert_eq!(code(&report, 0), Some(Code::FactMissing), "{report}");
    pass(1).await;
    let _ = crowd.signal("s-2", GOLD, &gbp).await;
    assert_eq!(kinds(&crowd.settled("s-2", 2).await), [OutcomeKind::Filled]);
}

#[tokio::test(start_paused = true)]
async fn rec_4_a_restart_fills_no_order_rate_budget() {
    let mut crowd = Crowd::closed(1);
    crowd.rule(0, "order_burst", &Value::Number(2));
    crowd.rule(0, "orders_per_minute", &Value::Number(1));
    crowd.come_up().await;
    for key in ["s-1", "s-2"] {
        let _ = crowd.signal(key, GOLD, BUY).await;
        crowd.settled(key, 2).await;
    }
    assert_eq!(code(&crowd.signal("s-3", GOLD, BUY).await, 0), Some(Code::RateBudget));
    crowd.restart().await;
    assert_eq!(code(&crowd.signal("s-4", GOLD, BUY).await, 0), Some(Code::RateBudget));
    assert_eq!(crowd.sent(0), 2);
}

#[tokio::test(start_paused = true)]
async fn trd_1_what_a_partial_fill_still_lacks_counts_against_the_worth_of_all_trades() {
    let mut crowd = Crowd::closed(1);
    crowd.rule(0, "max_notional", &Value::Text("15000"));
    crowd.come_up().await;
    crowd.fates(0, &[Fate::Part(0.02)]);
    let _ = crowd.signal("s-1", GOLD, BUY).await;
    crowd.reaches("s-1", 2, |report| kinds(report) == [OutcomeKind::Partly]).await;
    let report = crowd.signal("s-2", GOLD, BUY).await;
    assert_eq!(code(&report, 0), Some(Code::OverNotional), "{report}");
}

#[tokio::test(start_paused = true)]
async fn two_signals_of_one_batch_do_not_both_pass_a_limit_and_a_restart_forgets_none() {
    let mut crowd = Crowd::closed(1);
    crowd.rule(0, "max_open", &Value::Number(1));
    crowd.come_up().await;
    let (first, second) = tokio::join!(crowd.signal("s-1", GOLD, BUY), crowd.signal("s-2", GOLD, BUY));
    assert_eq!((code(&first, 0), code(&second, 0)), (None, Some(Code::TooManyOpen)), "{second}");
    crowd.settled("s-1", 2).await;
    crowd.restart().await;
    assert_eq!(code(&crowd.signal("s-3", GOLD, BUY).await, 0), Some(Code::TooManyOpen));
    assert_eq!(crowd.sent(0), 1);
}

#[tokio::test(start_paused = true)]
async fn the_life_of_a_trade_says_why_it_ended_in_the_words_of_the_documentation() {
    let crowd = Crowd::open(1).await;
    crowd.fates(0, &[Fate::Refused(10_019)]);
    let _ = crowd.signal("s-1", GOLD, BUY).await;
    crowd.settled("s-1", 2).await;
    let since = warden_domain::Timestamp::from_millis(0);
    let key = crowd.rig.journal.keys(since).await.unwrap().remove(0);
    let rows = crowd.rig.journal.trade_history(&key.instance, key.trade, 20).await.unwrap();
    let life = life_of(key.trade, &rows).unwrap().unwrap();
    assert_eq!(life.reason, "refused 10019");
}
