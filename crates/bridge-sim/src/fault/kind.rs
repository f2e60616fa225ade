use std::{fmt, str::FromStr};

use warden_domain::Span;

/// What can go wrong.
///
/// Written as its name, with an argument in parentheses where it takes one: `broker_down`, `login_flaky(2)`,
/// `reject(10019)`, `gateway_slow(2s)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The trade server serves nobody: sessions end, logins fail with "Service is not available" (BRK-1).
    BrokerDown,
    /// The connection is gone without a word (NET-4); connecting fails with "no connection".
    NetworkDrop,
    /// The connection drops in the middle of a login (LOG-8).
    NetworkLostDuringLogin,
    /// Calls are answered with retcode 10024 (BRK-2).
    RateLimit,
    /// Calls are answered with retcode 10008 and no ticket, which means the same (BRK-3).
    RateLimit10008,
    /// Deals are answered with retcode 10008 and a ticket: harmless (BRK-3).
    Placed10008,
    /// The market is closed: orders and logins end with retcode 10018 (BRK-4).
    Maintenance,
    /// The terminal process dies (NET-2); while it lasts, restarts fail.
    TerminalCrash,
    /// The terminal process dies, and every restart fails until it ends.
    TerminalCrashLoop,
    /// The password was changed at the broker: sessions end, logins are refused as "Invalid account".
    WrongPassword,
    /// The session ends and so many logins are refused; then they work (LOG-6).
    LoginFlaky(
        /// Refused logins, at least 1.
        u32,
    ),
    /// The broker disables the account (ACC-1).
    AccountDisabled,
    /// The broker deletes the account (ACC-2).
    AccountClosed,
    /// The password became the read-only one (ACC-5).
    InvestorMode,
    /// The account no longer lets programs trade (ACC-5).
    PermissionsRevoked,
    /// Automated trading is switched off in the terminal (retcode 10027).
    AutotradingOff,
    /// The gateway process is gone; its terminals go on.
    GatewayDown,
    /// The gateway's session is lost, and the gateway lives: it carries out what it was told, and says how that ended when
    /// it is back. (Gateways that dial over the wire have no session of their own to lose: theirs restart.)
    SessionCut,
    /// Everything the gateway says comes late by this.
    GatewaySlow(
        /// How late.
        Span,
    ),
    /// Deals are filled in part (TRD-1); the rest is treated as the order's filling mode says, and where it stays, it
    /// fills after a while.
    PartialFill(
        /// The part, in percent, 0 to 100.
        u8,
    ),
    /// The same, but what stays never fills.
    PartialFillForever(
        /// The part, in percent, 0 to 100.
        u8,
    ),
    /// Deals are filled worse than asked for, whatever the deviation (TRD-2).
    Slippage(
        /// By so many points.
        u32,
    ),
    /// Orders are answered with a requote, retcode 10004.
    Requote,
    /// Orders are answered with retcode 10020.
    PriceChanged,
    /// There are no quotes: orders are answered with retcode 10021.
    NoQuotes,
    /// Orders are refused with this retcode.
    Reject(
        /// The retcode, in MT5's range 10001 to 10999, or any number at all.
        u32,
    ),
    /// Orders execute, and the gateway's answer is lost on its way; its inbox has it.
    LostReply,
    /// Orders execute, and the terminal does not tell the gateway: the call ends with error -10005.
    LostResult,
    /// Orders get lost between terminal and trade server: they do not execute, and the call ends with error -10005.
    LostRequest,
    /// Orders execute, and are answered with this retcode and no ticket.
    ExecutedAs(
        /// The retcode.
        u32,
    ),
    /// Orders wait at the trade server for so long before they execute; the call ends with retcode 10012 before.
    DelayedExecution(
        /// How long.
        Span,
    ),
    /// Orders execute, and the terminal dies before it says so.
    CrashAfterOrder,
    /// Orders execute, and the broker forgets their `magic`.
    TagLost,
    /// While a deal is made, a person makes the same by hand: same symbol, side and volume, `magic` 0.
    Lookalike,
    /// A person opens a position by hand (TRD-8).
    HandOpens,
    /// A person places a pending order by hand (TRD-8).
    HandPlaces,
    /// A person closes the oldest position that is not his own.
    HandCloses,
    /// Another program opens a position with a `magic` of its own (TRD-8).
    ProgramOpens,
    /// What happens appears in the terminal's history so much later.
    LateHistory(
        /// How much.
        Span,
    ),
    /// After a login the terminal shows for so long what it remembers from before.
    StaleMemory(
        /// How long.
        Span,
    ),
    /// The terminal cannot say what is open or past.
    QueryFails,
    /// The sessions of all symbols are closed: orders end with retcode 10018, the connection stays.
    SessionClosed,
    /// The account may only close positions: orders that open end with retcode 10044.
    CloseOnly,
    /// Orders execute twice (TRD-4).
    DuplicateExecution,
    /// Stop losses and take profits do nothing (TRD-5).
    SlTpMisfire,
    /// Stop losses and take profits of open positions vanish (TRD-5).
    SlTpVanish,
    /// A person lowers every stop loss and take profit (TRD-5).
    SlTpMoved(
        /// By so many points.
        u32,
    ),
    /// The terminal hangs: nothing is answered and nothing reported until it ends.
    Freeze,
}

/// What a kind takes in parentheses, with the value it has without them.
#[derive(Clone, Copy)]
enum Shape {
    Plain(FaultKind),
    /// A number of at least 1.
    Number(fn(u32) -> FaultKind, u32),
    /// A part in percent.
    Percent(fn(u8) -> FaultKind, u8),
    /// A span of time.
    Time(fn(Span) -> FaultKind, Span),
}

impl FaultKind {
    const NAMES: [(&'static str, Shape); 48] = [
        ("broker_down", Shape::Plain(Self::BrokerDown)),
        ("network_drop", Shape::Plain(Self::NetworkDrop)),
        ("network_lost_during_login", Shape::Plain(Self::NetworkLostDuringLogin)),
        ("rate_limit", Shape::Plain(Self::RateLimit)),
        ("rate_limit_10008", Shape::Plain(Self::RateLimit10008)),
        ("placed_10008", Shape::Plain(Self::Placed10008)),
        ("maintenance", Shape::Plain(Self::Maintenance)),
        ("terminal_crash", Shape::Plain(Self::TerminalCrash)),
        ("terminal_crash_loop", Shape::Plain(Self::TerminalCrashLoop)),
        ("wrong_password", Shape::Plain(Self::WrongPassword)),
        ("login_flaky", Shape::Number(Self::LoginFlaky, 2)),
        ("account_disabled", Shape::Plain(Self::AccountDisabled)),
        ("account_closed", Shape::Plain(Self::AccountClosed)),
        ("investor_mode", Shape::Plain(Self::InvestorMode)),
        ("permissions_revoked", Shape::Plain(Self::PermissionsRevoked)),
        ("autotrading_off", Shape::Plain(Self::AutotradingOff)),
        ("gateway_down", Shape::Plain(Self::GatewayDown)),
        ("session_cut", Shape::Plain(Self::SessionCut)),
        ("gateway_slow", Shape::Time(Self::GatewaySlow, Span::from_secs(2))),
        ("partial_fill", Shape::Percent(Self::PartialFill, 50)),
        ("partial_fill_forever", Shape::Percent(Self::PartialFillForever, 50)),
        ("slippage", Shape::Number(Self::Slippage, 5_000)),
        ("requote", Shape::Plain(Self::Requote)),
        ("price_changed", Shape::Plain(Self::PriceChanged)),
        ("no_quotes", Shape::Plain(Self::NoQuotes)),
        ("reject", Shape::Number(Self::Reject, 10_006)),
        ("lost_reply", Shape::Plain(Self::LostReply)),
        ("lost_result", Shape::Plain(Self::LostResult)),
        ("lost_request", Shape::Plain(Self::LostRequest)),
        ("executed_as", Shape::Number(Self::ExecutedAs, 10_012)),
        ("delayed_execution", Shape::Time(Self::DelayedExecution, Span::from_secs(5))),
        ("crash_after_order", Shape::Plain(Self::CrashAfterOrder)),
        ("tag_lost", Shape::Plain(Self::TagLost)),
        ("lookalike", Shape::Plain(Self::Lookalike)),
        ("hand_opens", Shape::Plain(Self::HandOpens)),
        ("hand_places", Shape::Plain(Self::HandPlaces)),
        ("hand_closes", Shape::Plain(Self::HandCloses)),
        ("program_opens", Shape::Plain(Self::ProgramOpens)),
        ("late_history", Shape::Time(Self::LateHistory, Span::from_secs(5))),
        ("stale_memory", Shape::Time(Self::StaleMemory, Span::from_secs(10))),
        ("query_fails", Shape::Plain(Self::QueryFails)),
        ("session_closed", Shape::Plain(Self::SessionClosed)),
        ("close_only", Shape::Plain(Self::CloseOnly)),
        ("duplicate_execution", Shape::Plain(Self::DuplicateExecution)),
        ("sl_tp_misfire", Shape::Plain(Self::SlTpMisfire)),
        ("sl_tp_vanish", Shape::Plain(Self::SlTpVanish)),
        ("sl_tp_moved", Shape::Number(Self::SlTpMoved, 200)),
        ("freeze", Shape::Plain(Self::Freeze)),
    ];

    /// Every kind's name, as scripts write it.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().map(|(name, _)| *name)
    }

    /// Without a length it befalls the next call alone, or happens in one moment; every other kind lasts for ever.
    #[must_use]
    pub fn once(self) -> bool {
        match self {
            Self::NetworkLostDuringLogin
            | Self::RateLimit
            | Self::RateLimit10008
            | Self::Placed10008
            | Self::TerminalCrash
            | Self::PartialFill(_)
            | Self::PartialFillForever(_)
            | Self::Slippage(_)
            | Self::Requote
            | Self::PriceChanged
            | Self::NoQuotes
            | Self::Reject(_)
            | Self::LostReply
            | Self::LostResult
            | Self::LostRequest
            | Self::ExecutedAs(_)
            | Self::DelayedExecution(_)
            | Self::CrashAfterOrder
            | Self::TagLost
            | Self::Lookalike
            | Self::HandOpens
            | Self::HandPlaces
            | Self::HandCloses
            | Self::ProgramOpens
            | Self::LateHistory(_)
            | Self::StaleMemory(_)
            | Self::QueryFails
            | Self::DuplicateExecution
            | Self::SlTpVanish
            | Self::SlTpMoved(_) => true,
            Self::BrokerDown
            | Self::NetworkDrop
            | Self::Maintenance
            | Self::TerminalCrashLoop
            | Self::WrongPassword
            | Self::LoginFlaky(_)
            | Self::AccountDisabled
            | Self::AccountClosed
            | Self::InvestorMode
            | Self::PermissionsRevoked
            | Self::AutotradingOff
            | Self::GatewayDown
            | Self::SessionCut
            | Self::GatewaySlow(_)
            | Self::SlTpMisfire
            | Self::SessionClosed
            | Self::CloseOnly
            | Self::Freeze => false,
        }
    }
}

impl FromStr for FaultKind {
    type Err = String;

    /// Reads a kind; the error says what is wrong with it and what to write.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, argument) = match text.split_once('(') {
            None => (text, None),
            Some((name, rest)) => {
                let inner =
                    rest.strip_suffix(')').ok_or(format!("{text:?} has no closing parenthesis; add it"))?;
                (name, Some(inner.trim()))
            }
        };
        let found = Self::NAMES.iter().find(|(known, _)| *known == name.trim());
        let Some((_, shape)) = found else {
            let names: Vec<&str> = Self::names().collect();
            return Err(format!("{text:?} is no kind of fault; write one of {}", names.join(", ")));
        };
        shape.read(name, argument)
    }
}

impl Shape {
    fn read(self, name: &str, argument: Option<&str>) -> Result<FaultKind, String> {
        let Some(argument) = argument else {
            return Ok(match self {
                Self::Plain(kind) => kind,
                Self::Number(kind, usual) => kind(usual),
                Self::Percent(kind, usual) => kind(usual),
                Self::Time(kind, usual) => kind(usual),
            });
        };
        match self {
            Self::Plain(_) => Err(format!("{name} takes nothing in parentheses; remove them")),
            Self::Number(kind, _) => match argument.parse() {
                Ok(number) if number > 0 => Ok(kind(number)),
                Ok(_) | Err(_) => Err(format!("{argument:?} is no number above 0; write it like {name}(2)")),
            },
            Self::Percent(kind, _) => match argument.trim_end_matches('%').parse() {
                Ok(percent @ 0..=100) => Ok(kind(percent)),
                Ok(_) | Err(_) => {
                    Err(format!("{argument:?} is no part from 0% to 100%; write it like {name}(50%)"))
                }
            },
            Self::Time(kind, _) => argument.parse().map(kind).map_err(|fault| format!("{fault}")),
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let same = |shape: &Shape| match shape {
            Shape::Plain(kind) => kind == self,
            Shape::Number(kind, usual) => {
                std::mem::discriminant(&kind(*usual)) == std::mem::discriminant(self)
            }
            Shape::Percent(kind, usual) => {
                std::mem::discriminant(&kind(*usual)) == std::mem::discriminant(self)
            }
            Shape::Time(kind, usual) => std::mem::discriminant(&kind(*usual)) == std::mem::discriminant(self),
        };
        let name = Self::NAMES.iter().find(|(_, shape)| same(shape)).map_or("?", |(name, _)| *name);
        f.write_str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_and_shown() {
        for name in FaultKind::names() {
            let kind: FaultKind = name.parse().unwrap_or_else(|fault| panic!("{name}: {fault}"));
            assert_eq!(kind.to_string(), name);
        }
    }

    #[test]
    fn arguments_stand_in_parentheses() {
        assert_eq!("login_flaky(3)".parse(), Ok(FaultKind::LoginFlaky(3)));
        assert_eq!("reject(10019)".parse(), Ok(FaultKind::Reject(10_019)));
        assert_eq!("gateway_slow(500ms)".parse(), Ok(FaultKind::GatewaySlow(Span::from_millis(500))));
        assert_eq!("partial_fill(30%)".parse(), Ok(FaultKind::PartialFill(30)));
        for bad in
            ["login_flaky(0)", "partial_fill(101)", "gateway_slow(2)", "freeze(1)", "reject(10019", "broke"]
        {
            assert!(bad.parse::<FaultKind>().is_err(), "{bad} is refused");
        }
    }
}
