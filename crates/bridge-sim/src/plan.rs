use std::fmt::Write as _;

use warden_bridge::message::Secret;
use warden_domain::{AccountMode, InstanceId, Login, TradeServer};

use crate::{
    account::{AccountLimits, AccountState},
    accounts_file,
    fault::{Roster, ScriptFault},
    rng::Rng,
};

/// Who is in the world: the accounts, each with its trade server, its terminal and the gateway beside it.
#[derive(Clone, Debug, Default)]
pub struct FleetPlan {
    /// One for each instance.
    pub accounts: Vec<AccountPlan>,
}

/// One account and its terminal.
#[derive(Clone, Debug)]
pub struct AccountPlan {
    /// Names the instance.
    pub instance: InstanceId,
    /// The account's number.
    pub login: Login,
    /// Its trade server.
    pub server: TradeServer,
    /// Its password.
    pub password: Secret,
    /// How it keeps positions.
    pub mode: AccountMode,
    /// How it stands at the broker.
    pub state: AccountState,
    /// What the broker limits it to.
    pub limits: AccountLimits,
    /// Its balance in the quote currency.
    pub balance: f64,
    /// The name of the gateway that serves its terminal.
    pub gateway: String,
    /// How many positions a person opened by hand before the world began (`magic` 0).
    pub by_hand: u32,
}

impl AccountPlan {
    /// An enabled hedging account with a balance of 10,000 behind the gateway `gw1`.
    #[must_use]
    pub fn new(instance: InstanceId, login: Login, server: TradeServer, password: Secret) -> Self {
        Self {
            instance,
            login,
            server,
            password,
            mode: AccountMode::Hedging,
            state: AccountState::Enabled,
            limits: AccountLimits::default(),
            balance: 10_000.0,
            gateway: "gw1".to_owned(),
            by_hand: 0,
        }
    }
}

impl FleetPlan {
    /// A fleet of `count` instances `acct-1`, `acct-2`, … on the trade servers `Broker-Live`, `Broker-Demo` and
    /// `Prime-Live`, with passwords drawn by the seed; netting and hedging take turns, every third has a position.
    #[must_use]
    pub fn demo(count: usize, seed: u64) -> Self {
        const SERVERS: [&str; 3] = ["Broker-Live", "Broker-Demo", "Prime-Live"];
        let mut rng = Rng::new(seed, "passwords");
        let account = |at: usize| {
            let number = 5_001 + u64::try_from(at).unwrap_or(0);
            let instance = InstanceId::new(&format!("acct-{}", at + 1)).expect("letters, digits and a dash");
            let login = Login::new(number).expect("5001 or more");
            let server = TradeServer::new(SERVERS[at % SERVERS.len()]).expect("a printable name");
            let password = Secret::new(format!("Sim-{:016x}", rng.bits()));
            let mode = if at.is_multiple_of(2) { AccountMode::Hedging } else { AccountMode::Netting };
            AccountPlan {
                mode,
                by_hand: u32::from(at % 3 == 1),
                ..AccountPlan::new(instance, login, server, password)
            }
        };
        Self { accounts: (0..count).map(account).collect() }
    }

    /// Reads an accounts file: `[accounts.<instance-id>]` with `login`, `server` and `password` each.
    ///
    /// # Errors
    /// Everything that is wrong with it, with line and key.
    pub fn parse(text: &str) -> Result<Self, Vec<ScriptFault>> {
        accounts_file::read(text).map(|accounts| Self { accounts })
    }

    /// The accounts file of this fleet, passwords included: write it where only its owner reads it.
    #[must_use]
    pub fn accounts_file(&self) -> String {
        let mut text = String::new();
        for account in &self.accounts {
            let AccountPlan { instance, login, server, password, .. } = account;
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "[accounts.{instance}]\nlogin = {login}\nserver = {}\npassword = {}\n\n",
                quoted(server.as_str()),
                quoted(password.reveal()),
            );
        }
        text
    }

    /// Shares the terminals out among `count` gateways `gw1`, `gw2`, …, in turn.
    pub fn share_among(&mut self, count: usize) {
        for (at, account) in self.accounts.iter_mut().enumerate() {
            account.gateway = format!("gw{}", at % count.max(1) + 1);
        }
    }

    /// Who there is, for reading fault scripts.
    #[must_use]
    pub fn roster(&self) -> Roster {
        let mut roster = Roster::default();
        for account in &self.accounts {
            roster.add(account.instance.clone(), account.server.as_str(), &account.gateway);
        }
        roster
    }
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleet_reads_the_accounts_file_it_writes() {
        let mut plan = FleetPlan::demo(5, 7);
        plan.accounts[1].password = Secret::new("a \"quoted\\ \u{7} one".into());
        let read = FleetPlan::parse(&plan.accounts_file()).unwrap();
        assert_eq!(read.accounts.len(), 5);
        for account in &plan.accounts {
            let same = read.accounts.iter().find(|other| other.instance == account.instance).unwrap();
            assert_eq!(same.login, account.login);
            assert_eq!(same.server, account.server);
            assert_eq!(same.password.reveal(), account.password.reveal());
        }
    }

    #[test]
    fn a_fleet_is_told_by_its_seed_and_shared_among_gateways() {
        assert_eq!(FleetPlan::demo(9, 1).accounts_file(), FleetPlan::demo(9, 1).accounts_file());
        assert_ne!(FleetPlan::demo(9, 1).accounts_file(), FleetPlan::demo(9, 2).accounts_file());
        let mut plan = FleetPlan::demo(4, 1);
        plan.share_among(2);
        let gateways: Vec<&str> = plan.accounts.iter().map(|account| account.gateway.as_str()).collect();
        assert_eq!(gateways, ["gw1", "gw2", "gw1", "gw2"]);
    }
}
