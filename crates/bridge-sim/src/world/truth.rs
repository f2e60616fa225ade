use serde::Serialize;
use warden_bridge::Inbound;
use warden_domain::{Epoch, Facts, InstanceId, Timestamp};

use super::World;
use crate::{account::AccountState, engine::sign};

/// How a terminal and its account really stand, whatever was reported.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Truth {
    /// The terminal process runs.
    pub terminal_alive: bool,
    /// It has a connection to its trade server.
    pub connected: bool,
    /// The account it is bound to is logged in, over a connection that stands.
    pub logged_in: bool,
    /// Orders would be taken: terminal, account and connection permit trading.
    pub trade_permitted: bool,
    /// The gateway beside it is up.
    pub gateway_up: bool,
    /// The account may log in at its broker.
    pub account_enabled: bool,
    /// What is bought less what is sold over all open positions, in lots.
    pub volume: f64,
    /// Magic and ticket of every open position.
    pub positions: Vec<(u64, u64)>,
    /// Magic and ticket of every pending order.
    pub orders: Vec<(u64, u64)>,
}

impl World {
    /// How an instance really stands; `None` when there is no such instance.
    #[must_use]
    pub fn truth(&self, instance: &InstanceId) -> Option<Truth> {
        let at = *self.places.get(instance)?;
        let terminal = &self.terminals[at];
        let account = &self.accounts[terminal.account];
        let logged_in = terminal.connected && terminal.session == Some(terminal.account);
        Some(Truth {
            terminal_alive: terminal.alive,
            connected: terminal.connected,
            logged_in,
            trade_permitted: logged_in && self.observed(at).trading_permitted() == Some(true),
            gateway_up: self.gateways[terminal.gateway].down.is_empty(),
            account_enabled: self.account_state(at) == AccountState::Enabled,
            volume: account.positions.iter().map(|p| sign(p.side) as f64 * p.volume.lots()).sum(),
            positions: account.positions.iter().map(|position| (position.magic, position.ticket)).collect(),
            orders: account.orders.iter().map(|order| (order.origin.magic, order.ticket)).collect(),
        })
    }

    /// What the gateway says when a session of a supervisor begins to serve an instance; `None` while the gateway is
    /// away, or when there is no such instance.
    #[must_use]
    pub fn session(&mut self, instance: &InstanceId, now: Timestamp) -> Option<Inbound> {
        self.run_until(now);
        let at = *self.places.get(instance)?;
        if self.gateways[self.terminals[at].gateway].is_away() {
            return None;
        }
        let epoch = self.terminals[at].worker.epoch;
        let report = self.report(at, Facts::default());
        Some(Inbound::Up { instance: instance.clone(), epoch, report })
    }

    /// A supervisor accepts an instance under its epoch: the gateway starts nothing that comes under a lower one any more,
    /// and tells nobody how what came under a lower one ended.
    pub fn accepted(&mut self, instance: &InstanceId, epoch: Epoch) {
        if let Some(at) = self.places.get(instance) {
            let worker = &mut self.terminals[*at].worker;
            worker.epoch = worker.epoch.max(epoch);
        }
    }

    /// The last lines of an instance's terminal journal, oldest first; empty when there is no such instance.
    #[must_use]
    pub fn journal(&self, instance: &InstanceId) -> Vec<String> {
        let lines = self
            .places
            .get(instance)
            .map(|at| self.terminals[*at].journal.lines().map(str::to_owned).collect());
        lines.unwrap_or_default()
    }

    /// Every gateway's name and the instances it serves, in the order of the plan.
    #[must_use]
    pub fn gateways(&self) -> Vec<(String, Vec<InstanceId>)> {
        let served =
            |at| self.served_by(at).into_iter().map(|at| self.terminals[at].instance.clone()).collect();
        self.gateways.iter().enumerate().map(|(at, gateway)| (gateway.name.clone(), served(at))).collect()
    }

    /// Every instance, in the order of the plan.
    pub fn instances(&self) -> impl Iterator<Item = &InstanceId> {
        self.terminals.iter().map(|terminal| &terminal.instance)
    }
}
