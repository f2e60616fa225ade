//! What goes wrong between us and the engine, in words without secrets.

use warden_store::AccountsError;

/// Why something was not done.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The engine's answer, or that it gave none.
    Engine(sqlx::Error),
    /// Anything else.
    Accounts(AccountsError),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Engine(error)
    }
}

impl From<AccountsError> for Fault {
    fn from(error: AccountsError) -> Self {
        Self::Accounts(error)
    }
}

impl From<Fault> for AccountsError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Engine(error) => Self::Unreachable(words(&error)),
            Fault::Accounts(error) => error,
        }
    }
}

/// PostgreSQL's code for what a role may not do.
const NOT_ALLOWED: &str = "42501";
const NOT_ALLOWED_REMEDY: &str =
    ", which the role of this login may not; people need a login of warden_admin";

/// What the engine said, in one line. Of its errors only message and code are used: the detail quotes rows.
pub(crate) fn words(error: &sqlx::Error) -> String {
    if let Some(said) = error.as_database_error() {
        let code = said.code().unwrap_or_default();
        let remedy = if code == NOT_ALLOWED { NOT_ALLOWED_REMEDY } else { "" };
        return short(&format!("{} (code {code}){remedy}", said.message()));
    }
    if matches!(error, sqlx::Error::PoolTimedOut) {
        return "no connection came about in time".to_owned();
    }
    short(&error.to_string())
}

/// Whether it answered that it does not let us in, knows no such database, or does not let us go that far.
pub(crate) fn is_refusal(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| code.starts_with("28") || code == "3D000" || code == NOT_ALLOWED)
}

/// The engine's code of an error that it reported.
pub(crate) fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(|said| said.code()).map(Into::into)
}

/// At most 200 characters on one line.
fn short(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_one_short_line() {
        let said = words(&sqlx::Error::Protocol("a\nb".repeat(500)));
        assert!(said.chars().count() == 200 && !said.contains('\n'), "{said}");
        let fault = Fault::from(sqlx::Error::PoolTimedOut);
        assert!(matches!(AccountsError::from(fault), AccountsError::Unreachable(_)));
    }
}
