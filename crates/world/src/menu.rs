//! What can go wrong in the world: what the director draws from, and what a long run has to have met.

use std::collections::BTreeMap;

use warden_bridge_sim::FaultKind;
use warden_domain::Span;

use crate::{point::Point, weather::Port};

/// What befalls a broker, or the way to it.
pub(crate) const BROKER: &[(u32, FaultKind)] = &[
    (3, FaultKind::BrokerDown),
    (4, FaultKind::NetworkDrop),
    (2, FaultKind::RateLimit),
    (1, FaultKind::RateLimit10008),
    (2, FaultKind::Placed10008),
    (1, FaultKind::Maintenance),
    (1, FaultKind::NetworkLostDuringLogin),
];

/// What befalls orders.
pub(crate) const TRADE: &[(u32, FaultKind)] = &[
    (4, FaultKind::LostReply),
    (4, FaultKind::LostResult),
    (4, FaultKind::LostRequest),
    (2, FaultKind::ExecutedAs(10_012)),
    (2, FaultKind::ExecutedAs(10_031)),
    (2, FaultKind::Reject(10_012)),
    (3, FaultKind::DelayedExecution(Span::from_secs(8))),
    (3, FaultKind::CrashAfterOrder),
    (2, FaultKind::DuplicateExecution),
    (4, FaultKind::PartialFill(50)),
    (2, FaultKind::PartialFillForever(30)),
    (3, FaultKind::Requote),
    (2, FaultKind::PriceChanged),
    (1, FaultKind::NoQuotes),
    (2, FaultKind::Slippage(5_000)),
    (1, FaultKind::Placed10008),
    (2, FaultKind::Reject(10_006)),
    (1, FaultKind::Reject(10_030)),
    (1, FaultKind::SlTpMisfire),
    (1, FaultKind::SlTpVanish),
    (1, FaultKind::SlTpMoved(200)),
    (2, FaultKind::LateHistory(Span::from_secs(5))),
    (2, FaultKind::StaleMemory(Span::from_secs(10))),
    (2, FaultKind::QueryFails),
    (1, FaultKind::TagLost),
    (2, FaultKind::Lookalike),
    (1, FaultKind::SessionClosed),
    (1, FaultKind::CloseOnly),
];

/// What befalls orders where prices are asked for anew more often than not.
pub(crate) const REPEATS: &[(u32, FaultKind)] = &[
    (6, FaultKind::Requote),
    (3, FaultKind::PriceChanged),
    (1, FaultKind::LostReply),
    (1, FaultKind::DuplicateExecution),
];

/// What people and other programs do on the same accounts (TRD-8).
pub(crate) const HANDS: &[(u32, FaultKind)] = &[
    (3, FaultKind::HandOpens),
    (2, FaultKind::HandPlaces),
    (2, FaultKind::HandCloses),
    (2, FaultKind::ProgramOpens),
];

/// What befalls a terminal.
pub(crate) const TERMINAL: &[(u32, FaultKind)] = &[
    (4, FaultKind::TerminalCrash),
    (1, FaultKind::TerminalCrashLoop),
    (3, FaultKind::Freeze),
    (1, FaultKind::AutotradingOff),
];

/// What befalls an account.
pub(crate) const ACCOUNT: &[(u32, FaultKind)] = &[
    (3, FaultKind::LoginFlaky(2)),
    (1, FaultKind::LoginFlaky(4)),
    (2, FaultKind::InvestorMode),
    (2, FaultKind::PermissionsRevoked),
];

/// What befalls a gateway.
const GATEWAY: &[(u32, FaultKind)] =
    &[(3, FaultKind::GatewayDown), (2, FaultKind::GatewaySlow(Span::from_secs(1)))];

/// Faults of the world itself: on the lines, of the clock, of the supervisor, and of what the hot-state store holds.
const OWN: &[&str] = &[
    "lost",
    "late",
    "twice",
    "overtaken",
    "connection_cut",
    "clock_jump_back",
    "clock_jump_forward",
    "supervisor_killed",
    "supervisor_restarted",
    "hot_forgets",
    "hot_corrupt",
    "signal_repeated",
    "signal_changed",
];

/// A fault's kind as it is counted.
pub(crate) fn name(kind: FaultKind) -> &'static str {
    let name = kind.to_string();
    FaultKind::names().find(|known| *known == name).unwrap_or("other")
}

/// Everything that can go wrong, by the names under which it is counted: a run of many seeds has met each.
fn all() -> impl Iterator<Item = String> {
    let kinds = [BROKER, TRADE, HANDS, TERMINAL, ACCOUNT, GATEWAY].into_iter().flatten();
    let kinds = kinds.map(|(_, kind)| name(*kind).to_owned());
    let stores = Port::ALL.into_iter().flat_map(|port| [port.outage(), port.failure()]);
    let own = OWN.iter().copied().chain(stores).map(str::to_owned);
    kinds.chain(own).chain(Point::ALL.iter().map(Point::to_string))
}

/// What never happened in a run that counted these.
pub(crate) fn missed(counted: &BTreeMap<String, u64>) -> Vec<String> {
    all().filter(|name| counted.get(name).is_none_or(|count| *count == 0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_happened_is_missed() {
        let mut counted: BTreeMap<String, u64> = all().map(|name| (name, 1)).collect();
        assert_eq!(missed(&counted), Vec::<String>::new());
        counted.remove("C7");
        counted.insert("history_outage".to_owned(), 0);
        assert_eq!(missed(&counted), ["history_outage", "C7"]);
        assert!(!counted.contains_key("other"), "every kind has a name");
    }
}
