use warden_domain::Span;

/// How fast a world answers; each pair is the shortest and the longest time, drawn evenly by the seed.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How often a gateway reports without a change. Default 5 s.
    pub heartbeat: Span,
    /// How often prices are looked at while orders or stops wait for them. Default 1 s.
    pub tick: Span,
    /// How long a login takes. Default 200 ms to 1.5 s.
    pub login: (Span, Span),
    /// How long a reconnect takes. Default 300 ms to 2 s.
    pub reconnect: (Span, Span),
    /// How long a start of the terminal takes. Default 1 s to 4 s.
    pub restart: (Span, Span),
    /// How long a question takes. Default 20 ms to 80 ms.
    pub confirm: (Span, Span),
    /// How long it takes to close trades. Default 100 ms to 500 ms.
    pub close_trades: (Span, Span),
    /// How long it takes to end a session. Default 100 ms to 400 ms.
    pub end_session: (Span, Span),
    /// How long an order takes. Default 30 ms to 200 ms.
    pub order: (Span, Span),
    /// How long a reading of orders, positions and history takes. Default 20 ms to 80 ms.
    pub snapshot: (Span, Span),
    /// When the rest of a partly filled order fills, where it stays. Default after 1 s to 8 s.
    pub rest: (Span, Span),
    /// When an order executes whose terminal, gateway or connection was lost while it was sent, if it does at all: the
    /// seed decides. Default after 0 s to 5 s.
    pub afterwards: (Span, Span),
    /// What every account may carry for one unit of its balance. Default 100.
    pub leverage: f64,
}

impl Default for Settings {
    fn default() -> Self {
        let millis = |least, most| (Span::from_millis(least), Span::from_millis(most));
        Self {
            heartbeat: Span::from_secs(5),
            tick: Span::from_secs(1),
            login: millis(200, 1_500),
            reconnect: millis(300, 2_000),
            restart: millis(1_000, 4_000),
            confirm: millis(20, 80),
            close_trades: millis(100, 500),
            end_session: millis(100, 400),
            order: millis(30, 200),
            snapshot: millis(20, 80),
            rest: millis(1_000, 8_000),
            afterwards: millis(0, 5_000),
            leverage: 100.0,
        }
    }
}

impl Settings {
    /// Everything takes exactly so long: for tests that count milliseconds.
    #[must_use]
    pub fn exact(latency: Span) -> Self {
        let exact = (latency, latency);
        Self {
            login: exact,
            reconnect: exact,
            restart: exact,
            confirm: exact,
            close_trades: exact,
            end_session: exact,
            order: exact,
            snapshot: exact,
            ..Self::default()
        }
    }
}
