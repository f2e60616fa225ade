use super::{Call, Class};

/// One row of [`RETCODES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetcodeEntry {
    /// MetaQuotes' number.
    pub number: u32,
    /// MetaQuotes' name.
    pub name: &'static str,
    /// MetaQuotes' short description.
    pub text: &'static str,
    /// What it asks of us, unless [`after`](Self::after) knows the call better; for 10008 with a ticket.
    pub class: Class,
    /// The kinds of call after which it asks something else.
    pub after: &'static [(Call, Class)],
    /// What is done about it, in a few words.
    pub action: &'static str,
}

/// Writes [`RETCODES`] with one row a code: number, name, class, the calls after which the class differs, text, action.
macro_rules! retcodes {
    ($($number:literal $name:ident: $class:ident $([$($call:ident: $after:ident),+])?, $text:literal, $action:literal;)+) => {
        /// Every trade-server retcode MetaQuotes documents, by rising number; 10005 and 10037 do not exist.
        pub const RETCODES: &[RetcodeEntry] = &[$(RetcodeEntry {
            number: $number,
            name: stringify!($name),
            text: $text,
            class: Class::$class,
            after: &[$($((Call::$call, Class::$after)),+)?],
            action: $action,
        }),+];
    };
}

retcodes! {
    10_004 TRADE_RETCODE_REQUOTE: RetryNow, "Requote", "take a fresh price, at most 3 times, within deviation and signal age";
    10_006 TRADE_RETCODE_REJECT: FatalRequest, "Request rejected", "one bounded retry for a close or a stop loss only";
    10_007 TRADE_RETCODE_CANCEL: FatalRequest, "Request canceled by trader", "an external actor cancelled: reconcile";
    10_008 TRADE_RETCODE_PLACED: Success [Market: UnknownVerify], "Order placed", "with a ticket an order was placed (after a market order: sent, not executed); without one a rate limit (BRK-3)";
    10_009 TRADE_RETCODE_DONE: Success, "Request completed", "confirm by deal";
    10_010 TRADE_RETCODE_DONE_PARTIAL: Success, "Only part of the request was completed", "partial fill: TRD-1";
    10_011 TRADE_RETCODE_ERROR: UnknownVerify, "Request processing error", "verify by tag";
    10_012 TRADE_RETCODE_TIMEOUT: UnknownVerify, "Request canceled by timeout", "verify by tag";
    10_013 TRADE_RETCODE_INVALID: FatalRequest, "Invalid request", "correct the request";
    10_014 TRADE_RETCODE_INVALID_VOLUME: FatalRequest, "Invalid volume in the request", "normalise to the volume step once";
    10_015 TRADE_RETCODE_INVALID_PRICE: FatalRequest [Market: RetryNow], "Invalid price in the request", "at the market one fresh price; a pending order is wrong";
    10_016 TRADE_RETCODE_INVALID_STOPS: FatalRequest, "Invalid stops in the request", "recompute from the stops level; never leave a position naked silently";
    10_017 TRADE_RETCODE_TRADE_DISABLED: Permission, "Trade is disabled", "find the scope: symbol, account or terminal";
    10_018 TRADE_RETCODE_MARKET_CLOSED: MarketClosed, "Market is closed", "wait for the session";
    10_019 TRADE_RETCODE_NO_MONEY: FatalRequest, "There is not enough money to complete the request", "no new positions until margin recovers";
    10_020 TRADE_RETCODE_PRICE_CHANGED: RetryNow, "Prices changed", "take a fresh price";
    10_021 TRADE_RETCODE_PRICE_OFF: RetryNow, "There are no quotes to process the request", "briefly; outside the session the market is closed, with every symbol stale the network is gone";
    10_022 TRADE_RETCODE_INVALID_EXPIRATION: FatalRequest, "Invalid order expiration date in the request", "correct the expiration";
    10_023 TRADE_RETCODE_ORDER_CHANGED: UnknownVerify, "Order state changed", "re-read and decide again";
    10_024 TRADE_RETCODE_TOO_MANY_REQUESTS: RateLimit, "Too frequent requests", "pause the account and spare its server (BRK-2)";
    10_025 TRADE_RETCODE_NO_CHANGES: AlreadyTrue, "No changes in request", "nothing is left to do";
    10_026 TRADE_RETCODE_SERVER_DISABLES_AT: Permission, "Autotrading disabled by server", "stop trading and notify";
    10_027 TRADE_RETCODE_CLIENT_DISABLES_AT: Permission, "Autotrading disabled by client terminal", "heal once, then a person";
    10_028 TRADE_RETCODE_LOCKED: UnknownVerify, "Request locked for processing", "wait and re-read";
    10_029 TRADE_RETCODE_FROZEN: FatalRequest, "Order or position frozen", "retry outside the freeze level";
    10_030 TRADE_RETCODE_INVALID_FILL: FatalRequest, "Invalid order filling type", "the next filling mode the symbol supports, once";
    10_031 TRADE_RETCODE_CONNECTION: Network [Market: UnknownVerify, Pending: UnknownVerify, Modify: UnknownVerify, Cancel: UnknownVerify, Close: UnknownVerify], "No connection with the trade server", "verify, unless it is proven that nothing was sent";
    10_032 TRADE_RETCODE_ONLY_REAL: Permission, "Operation is allowed only for live accounts", "stop trading and notify";
    10_033 TRADE_RETCODE_LIMIT_ORDERS: FatalRequest, "The number of pending orders has reached the limit", "no new pending orders";
    10_034 TRADE_RETCODE_LIMIT_VOLUME: FatalRequest, "The volume of orders and positions for the symbol has reached the limit", "the symbol is full";
    10_035 TRADE_RETCODE_INVALID_ORDER: FatalRequest, "Incorrect or prohibited order type", "correct the order type";
    10_036 TRADE_RETCODE_POSITION_CLOSED: FatalRequest [Close: AlreadyTrue], "Position with the specified POSITION_IDENTIFIER has already been closed", "a close is done once verified; anything else: resync";
    10_038 TRADE_RETCODE_INVALID_CLOSE_VOLUME: UnknownVerify, "A close volume exceeds the current position volume", "re-read and clamp once";
    10_039 TRADE_RETCODE_CLOSE_ORDER_EXIST: Duplicate, "A close order already exists for a specified position", "follow the order that exists";
    10_040 TRADE_RETCODE_LIMIT_POSITIONS: FatalRequest, "The number of open positions has reached the limit", "no new positions";
    10_041 TRADE_RETCODE_REJECT_CANCEL: FatalRequest, "The pending order activation request is rejected, the order is canceled", "reconcile";
    10_042 TRADE_RETCODE_LONG_ONLY: Permission, "Only long positions are allowed", "the symbol takes no sells";
    10_043 TRADE_RETCODE_SHORT_ONLY: Permission, "Only short positions are allowed", "the symbol takes no buys";
    10_044 TRADE_RETCODE_CLOSE_ONLY: Permission, "Only position closing is allowed", "reduce only";
    10_045 TRADE_RETCODE_FIFO_CLOSE: FatalRequest, "Position closing is allowed only by FIFO rule", "close the oldest position first";
    10_046 TRADE_RETCODE_HEDGE_PROHIBITED: FatalRequest, "Opposite positions on a single symbol are disabled", "net or close first";
}
