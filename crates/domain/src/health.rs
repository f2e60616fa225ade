use serde::{Deserialize, Serialize};

use crate::named::named_enum;

named_enum! {
    /// One layer of an instance's health, from the ground up.
    Layer {
        /// The gateway beside the terminal answers.
        GatewayAlive = "gateway_alive",
        /// The terminal process runs.
        TerminalAlive = "terminal_alive",
        /// The terminal is connected to the trade server (MQL5 `TERMINAL_CONNECTED`).
        BrokerConnected = "broker_connected",
        /// The expected account is logged in.
        LoggedIn = "logged_in",
        /// Trading is permitted by terminal, account and symbol.
        TradingPermitted = "trading_permitted",
        /// The session was confirmed (SES-1).
        SessionConfirmed = "session_confirmed",
    }
}

/// Which layers of an instance are up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Health(u8);

impl Health {
    /// Whether the layer is up.
    #[must_use]
    pub const fn is_up(self, layer: Layer) -> bool {
        self.0 & (1 << layer as u8) != 0
    }

    /// The same with one layer up or down.
    #[must_use]
    pub const fn with(self, layer: Layer, up: bool) -> Self {
        let bit = 1 << layer as u8;
        Self(if up { self.0 | bit } else { self.0 & !bit })
    }
}

impl FromIterator<Layer> for Health {
    fn from_iter<I: IntoIterator<Item = Layer>>(layers: I) -> Self {
        layers.into_iter().fold(Self::default(), |health, layer| health.with(layer, true))
    }
}
