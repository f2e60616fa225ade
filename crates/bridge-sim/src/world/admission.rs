//! Whether a trade server lets a terminal in.

use warden_domain::{Facts, retcode::Retcode};

use super::World;
use crate::{
    account::AccountState,
    fault::FaultKind,
    terminal::{Credentials, Terminal},
};

/// `last_error()` of a refused authorisation (`RES_E_AUTH_FAILED`).
const AUTH_FAILED: i32 = -6;
/// `last_error()` of a call that got no answer (`RES_E_INTERNAL_FAIL_TIMEOUT`).
pub(super) const TIMED_OUT: i32 = -10_005;

/// Why a terminal was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TurnedAway {
    /// There is no way to the trade server, and nothing says why.
    NoNetwork,
    /// No trade server of this name is known.
    NoSuchServer,
    /// The trade server serves nobody.
    ServiceDown,
    /// The trade server answers with a retcode.
    Retcode(Retcode),
    /// Wrong password, or no such account.
    InvalidAccount,
    /// The account is disabled.
    Disabled,
}

impl World {
    /// The terminal authorises with what it was told; the journal gets MT5's lines either way.
    pub(super) fn authorise(&mut self, at: usize, with: &Credentials) -> Result<(), TurnedAway> {
        let admitted = self.admission(at, with);
        let text = match admitted {
            Ok(account) => {
                self.let_in(at, account, with);
                return Ok(());
            }
            Err(TurnedAway::NoNetwork | TurnedAway::Retcode(_)) => None,
            Err(TurnedAway::NoSuchServer) => {
                Some(format!("'{}': no connection to {}", with.login, with.server))
            }
            Err(TurnedAway::ServiceDown) => Some(failed(with, "Service is not available")),
            Err(TurnedAway::InvalidAccount) => Some(failed(with, "Invalid account")),
            Err(TurnedAway::Disabled) => Some(failed(with, "Account disabled")),
        };
        let terminal = &mut self.terminals[at];
        terminal.connected = false;
        if let Some(text) = text {
            terminal.journal.write(self.now, "Network", &text);
        }
        admitted.map(|_| ())
    }

    /// In the order in which a terminal meets the obstacles.
    fn admission(&mut self, at: usize, with: &Credentials) -> Result<usize, TurnedAway> {
        if let Some(unreachable) = way(&self.terminals[at]) {
            return Err(unreachable);
        }
        if self.terminals[at]
            .spend(|kind| (kind == FaultKind::NetworkLostDuringLogin).then_some(()))
            .is_some()
        {
            return Err(TurnedAway::NoNetwork);
        }
        if let Some(retcode) = self.limited(at).or_else(|| self.closed(at)) {
            return Err(TurnedAway::Retcode(retcode));
        }
        if !self.servers.iter().any(|server| server.name == with.server.as_str()) {
            return Err(TurnedAway::NoSuchServer);
        }
        let known = self.logins.get(&(with.login, with.server.clone()));
        let account = *known.ok_or(TurnedAway::InvalidAccount)?;
        let flaky = |kind| matches!(kind, FaultKind::LoginFlaky(_)).then_some(());
        match self.account_state(account) {
            AccountState::Closed => Err(TurnedAway::InvalidAccount),
            AccountState::Disabled => Err(TurnedAway::Disabled),
            AccountState::Enabled => {
                let changed = self.terminals[account].suffers(FaultKind::WrongPassword);
                let refused = changed || self.accounts[account].password != with.password;
                let refused = refused || self.terminals[at].spend(flaky).is_some();
                if refused { Err(TurnedAway::InvalidAccount) } else { Ok(account) }
            }
        }
    }

    fn let_in(&mut self, at: usize, account: usize, with: &Credentials) {
        let ping = 5 + self.latency.below(60);
        let Credentials { login, server, .. } = with;
        let (positions, orders) =
            (self.accounts[account].positions.len(), self.accounts[account].orders.len());
        let symbols = self.market.len();
        let mode = match self.accounts[account].mode {
            warden_domain::AccountMode::Netting => "netting",
            warden_domain::AccountMode::Hedging => "hedging",
        };
        self.refresh(at, account);
        let terminal = &mut self.terminals[at];
        terminal.connected = true;
        terminal.session = Some(account);
        let mut write = |text: &str| terminal.journal.write(self.now, "Network", text);
        write(&format!(
            "'{login}': authorized on {server} through Access Server #1 (ping: {ping}.00 ms, build 4755)"
        ));
        write(&format!(
            "'{login}': terminal synchronized with {server}: {positions} positions, {orders} orders, {symbols} symbols"
        ));
        if terminal.suffers(FaultKind::InvestorMode) {
            terminal.journal.write(self.now, "Network", &investor(with));
        } else {
            terminal.journal.write(
                self.now,
                "Network",
                &format!("'{login}': trading has been enabled - {mode} mode"),
            );
        }
    }

    /// How an account stands, faults included; an account and its terminal have the same place.
    pub(super) fn account_state(&self, account: usize) -> AccountState {
        let terminal = &self.terminals[account];
        if terminal.suffers(FaultKind::AccountClosed) {
            AccountState::Closed
        } else if terminal.suffers(FaultKind::AccountDisabled) {
            AccountState::Disabled
        } else {
            self.accounts[account].state
        }
    }

    /// Uses a rate limit that stands; answers its retcode.
    pub(super) fn limited(&mut self, at: usize) -> Option<Retcode> {
        const LIMITS: [(FaultKind, Retcode); 2] = [
            (FaultKind::RateLimit, Retcode::TOO_MANY_REQUESTS),
            (FaultKind::RateLimit10008, Retcode::PLACED),
        ];
        let answer = |kind| LIMITS.iter().find(|(limit, _)| *limit == kind).map(|(_, retcode)| *retcode);
        self.terminals[at].spend(answer)
    }

    /// The retcode of a market that is closed for maintenance.
    pub(super) fn closed(&self, at: usize) -> Option<Retcode> {
        const MARKET_CLOSED: Retcode = Retcode::of(10_018);
        self.terminals[at].suffers(FaultKind::Maintenance).then_some(MARKET_CLOSED)
    }
}

impl TurnedAway {
    /// What the gateway sees beside the flags and the journal.
    pub(super) fn facts(self, observed: Facts) -> Facts {
        match self {
            Self::NoNetwork => Facts { last_error: Some(TIMED_OUT), ..observed },
            Self::Retcode(retcode) => {
                Facts { retcode: Some(retcode.number()), last_error: Some(AUTH_FAILED), ..observed }
            }
            Self::NoSuchServer | Self::ServiceDown | Self::InvalidAccount | Self::Disabled => {
                Facts { last_error: Some(AUTH_FAILED), ..observed }
            }
        }
    }
}

/// What stands between the terminal and its trade server.
fn way(terminal: &Terminal) -> Option<TurnedAway> {
    if terminal.suffers(FaultKind::NetworkDrop) {
        Some(TurnedAway::NoNetwork)
    } else if terminal.suffers(FaultKind::BrokerDown) {
        Some(TurnedAway::ServiceDown)
    } else {
        None
    }
}

fn failed(with: &Credentials, why: &str) -> String {
    format!("'{}': authorization on {} failed ({why})", with.login, with.server)
}

/// The line of a read-only password.
pub(super) fn investor(with: &Credentials) -> String {
    format!("'{}': trading has been disabled - investor mode", with.login)
}
