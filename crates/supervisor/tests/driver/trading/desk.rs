//! A fleet that trades: signals in, and what journal, hot state and ledger say of them.

use std::time::Duration;

use warden_distribution::{Report, Signal, Symbol};
use warden_domain::{AccountMode, InstanceId, TradeState};
use warden_policy::trade::{End, Trade, TradeRow, decode_trade_row};
use warden_store::{Journal as _, Row};
use warden_supervisor::signals::TradeView;

use crate::rig::{Fate, Rig, id, settle};

/// A rig whose instances trade.
pub(crate) struct Desk {
    pub(crate) rig: Rig,
}

impl Desk {
    /// So many instances, connected, whose symbols are known.
    pub(crate) async fn open(instances: u32) -> Self {
        let mut desk = Self::closed(instances);
        desk.rig.come_up().await;
        settle().await;
        desk
    }

    /// One instance with a netting account, connected.
    pub(crate) async fn netting() -> Self {
        let mut desk = Self::closed(1);
        desk.rig.gateways.floor(&id(0), |floor| floor.mode = AccountMode::Netting);
        desk.rig.come_up().await;
        settle().await;
        desk
    }

    pub(crate) fn closed(instances: u32) -> Self {
        let mut rig = Rig::new(instances);
        let symbols = ["EURUSD", "GBPUSD"];
        rig.options.distribution.symbols = symbols.map(|name| Symbol::new(name).unwrap()).into();
        Self { rig }
    }

    /// Gives a signal: what is common to all is added.
    pub(crate) async fn signal(&self, key: &str, instances: &str, what: &str) -> Report {
        let signal = self.read(key, instances, what);
        self.rig.fleet().distributor().signal(signal).await.unwrap()
    }

    /// A signal of this moment: what is common to all is added.
    pub(crate) fn read(&self, key: &str, instances: &str, what: &str) -> Signal {
        let now = self.rig.now();
        let text = format!(
            r#"{{"key": "{key}", "source": "test", "created_at": "{now}", "instances": "{instances}", {what}}}"#
        );
        let params = &self.rig.options.distribution.params;
        Signal::from_json(text.as_bytes(), self.rig.params.signal.valid_for, params).unwrap()
    }

    /// Buys at the market.
    pub(crate) async fn buy(&self, key: &str, symbol: &str) -> Report {
        let what = format!(
            r#""action": "open", "symbol": "{symbol}", "side": "BUY", "sizing": "fixed", "lots": "0.10""#
        );
        self.signal(key, "i0", &what).await
    }

    /// What becomes of the next requests.
    pub(crate) fn fates(&self, fates: &[Fate]) {
        self.rig.gateways.floor(&id(0), |floor| floor.fates.extend(fates.iter().copied()));
    }

    /// How often each send of the first instance was executed.
    pub(crate) fn executions(&self) -> Vec<u32> {
        self.rig.gateways.floor(&id(0), |floor| floor.executed.values().copied().collect())
    }

    /// What the positions of the first instance hold, in order.
    pub(crate) fn positions(&self) -> Vec<String> {
        let open =
            |open: &warden_bridge::OpenPosition| format!("{} {} {}", open.side, open.volume, open.symbol);
        self.rig.gateways.floor(&id(0), |floor| floor.positions.iter().map(open).collect())
    }

    /// The open trade of this key.
    pub(crate) async fn open_trade(&self, key: &str) -> Option<TradeView> {
        let trades = self.rig.fleet().distributor().trades(None).await;
        trades.into_iter().find(|trade| trade.key.as_str() == key)
    }

    /// The rows of this key's trades, oldest first.
    pub(crate) async fn rows(&self, key: &str) -> Vec<(Row, TradeRow)> {
        let rows = self.rig.journal.read(0, 100_000).await.unwrap().into_iter();
        let of_trades = rows.filter(|row| row.trade.is_some());
        let read = of_trades.map(|row| {
            let told = decode_trade_row(&row.payload).unwrap();
            (row, told)
        });
        read.filter(|(_, told)| told.key.as_str() == key).collect()
    }

    /// The kinds of these rows.
    pub(crate) async fn kinds(&self, key: &str) -> Vec<String> {
        self.rows(key).await.into_iter().map(|(row, _)| row.kind).collect()
    }

    /// The newest durable state of this key's trade.
    pub(crate) async fn newest(&self, key: &str) -> Trade {
        self.rows(key).await.pop().unwrap().1.step.trade
    }

    /// Waits until the newest durable state is this, at most so many seconds; answers the trade.
    pub(crate) async fn reaches(&self, key: &str, state: TradeState, secs: u64) -> Trade {
        let began = self.rig.now();
        loop {
            let trade = self.newest(key).await;
            if trade.state() == state {
                return trade;
            }
            let waited = self.rig.now().since(began);
            assert!(
                waited <= warden_domain::Span::from_secs(secs),
                "{key} is not {state} after {waited}: {trade:#?}\n{:#?}",
                self.kinds(key).await
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until it has ended; answers why.
    pub(crate) async fn ends(&self, key: &str, state: TradeState, secs: u64) -> End {
        self.reaches(key, state, secs).await.end().unwrap()
    }

    /// The hot state of the trades of an instance: state of each, by tag.
    pub(crate) fn shown(&self, instance: &InstanceId) -> Vec<String> {
        let prefix = format!("order_state:{instance}:");
        let keys = self.rig.hot.keys(instance);
        let hashes = keys
            .iter()
            .filter(|(key, _)| key.strip_prefix(&prefix).is_some_and(|rest| rest.parse::<u64>().is_ok()));
        hashes.map(|(_, text)| text.clone()).collect()
    }

    /// How many orders left.
    pub(crate) fn orders_sent(&self) -> usize {
        self.rig.gateways.moments(&id(0), "order").len()
    }
}
