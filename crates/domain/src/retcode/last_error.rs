use super::Class;

/// One row of [`LAST_ERRORS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastErrorEntry {
    /// MetaQuotes' number.
    pub number: i32,
    /// MetaQuotes' name.
    pub name: &'static str,
    /// MetaQuotes' short description.
    pub text: &'static str,
    /// What it asks of us after a call that leaves nothing behind.
    pub class: Class,
    /// What it asks of us after a call that may have changed something at the broker.
    pub mutating: Class,
    /// What is done about it, in a few words.
    pub action: &'static str,
}

/// Writes [`LAST_ERRORS`] with one row a code: number, name, class / class after a mutating call, text, action.
macro_rules! last_errors {
    ($($number:literal $name:ident: $class:ident / $mutating:ident, $text:literal, $action:literal;)+) => {
        /// Every code of the Python API's `last_error()`.
        pub const LAST_ERRORS: &[LastErrorEntry] = &[$(LastErrorEntry {
            number: $number,
            name: stringify!($name),
            text: $text,
            class: Class::$class,
            mutating: Class::$mutating,
            action: $action,
        }),+];
    };
}

last_errors! {
    1 RES_S_OK: Success / Success, "generic success", "capture it together with its call: the next call overwrites it";
    -1 RES_E_FAIL: UnknownVerify / UnknownVerify, "generic fail", "read the terminal journal";
    -2 RES_E_INVALID_PARAMS: FatalRequest / FatalRequest, "invalid arguments/parameters", "correct the call";
    -3 RES_E_NO_MEMORY: Network / UnknownVerify, "no memory condition", "restart the terminal";
    -4 RES_E_NOT_FOUND: RetryNow / RetryNow, "no history", "no data: resync";
    -5 RES_E_INVALID_VERSION: FatalRequest / FatalRequest, "invalid version", "quarantine this terminal build";
    -6 RES_E_AUTH_FAILED: FatalAccount / FatalAccount, "authorization failed", "the journal line splits refused credentials from a network fault";
    -7 RES_E_UNSUPPORTED: FatalRequest / FatalRequest, "unsupported method", "do not call it";
    -8 RES_E_AUTO_TRADING_DISABLED: Permission / Permission, "auto-trading disabled", "switch automated trading on";
    -10_000 RES_E_INTERNAL_FAIL: Network / UnknownVerify, "internal IPC general error", "the way to the terminal is broken";
    -10_001 RES_E_INTERNAL_FAIL_SEND: Network / UnknownVerify, "internal IPC send failed", "the way to the terminal is broken";
    -10_002 RES_E_INTERNAL_FAIL_RECEIVE: UnknownVerify / UnknownVerify, "internal IPC recv failed", "sent, the answer is lost";
    -10_003 RES_E_INTERNAL_FAIL_INIT: Network / Network, "internal IPC initialization fail", "not sent: terminal not found or not started";
    -10_004 RES_E_INTERNAL_FAIL_CONNECT: Network / Network, "internal IPC no ipc", "not sent: attach or restart";
    -10_005 RES_E_INTERNAL_FAIL_TIMEOUT: Network / UnknownVerify, "internal timeout", "the terminal may live although its IPC does not";
}
