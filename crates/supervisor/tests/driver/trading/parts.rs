//! TRD-1 on a hedging account: the rest of a partial fill has a position of its own.

use warden_domain::{Lots, TradeState};

use super::Desk;
use crate::rig::{Fate, id, pass};

const STOPPED: &str = r#""action": "open", "symbol": "EURUSD", "side": "BUY", "sizing": "fixed", "lots": "0.1", "stop_loss": "1.09""#;

#[tokio::test(start_paused = true)]
async fn trd_5_both_positions_of_a_trade_that_filled_in_parts_are_guarded() {
    let desk = Desk::open(1).await;
    desk.fates(&[Fate::Part(0.04), Fate::Executed]);
    let _ = desk.signal("s-1", "i0", STOPPED).await;
    desk.reaches("s-1", TradeState::Filled, 20).await;
    pass(5).await;
    assert_eq!(desk.positions(), ["BUY 0.04 EURUSD", "BUY 0.06 EURUSD"]);
    desk.rig.gateways.floor(&id(0), |floor| floor.positions[1].stop_loss = None);
    pass(60).await;
    let stop = desk.rig.gateways.floor(&id(0), |floor| floor.positions[1].stop_loss);
    assert_eq!(stop, Some("1.09".parse().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn trd_1_a_trade_that_filled_in_parts_is_closed_as_a_whole_and_by_halves() {
    for (percent, left) in [("", Lots::ZERO), (r#", "percent": "50""#, "0.05".parse().unwrap())] {
        let desk = Desk::open(1).await;
        desk.fates(&[Fate::Part(0.04), Fate::Executed]);
        let _ = desk.signal("s-1", "i0", STOPPED).await;
        desk.reaches("s-1", TradeState::Filled, 20).await;
        pass(5).await;
        let close = format!(r#""action": "close", "of": "s-1"{percent}"#);
        let report = desk.signal("c-1", "i0", &close).await;
        pass(60).await;
        let open = desk.rig.gateways.floor(&id(0), |floor| {
            floor.positions.iter().fold(Lots::ZERO, |sum, open| sum.plus(open.volume).unwrap())
        });
        assert_eq!(open, left, "{report:?} {:?}", desk.kinds("c-1").await);
        let refused = desk.rig.gateways.floor(&id(0), |floor| floor.refused_closes);
        assert_eq!(refused, 0, "no more was asked for than there was");
    }
}
