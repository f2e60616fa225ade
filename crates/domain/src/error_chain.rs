use std::{error::Error, iter::successors};

/// An error and its causes on one line, the outermost first: for a log, or for an answer over a socket.
#[must_use]
pub fn error_chain(error: &dyn Error) -> String {
    let causes = successors(error.source(), |cause| (**cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("login failed")]
    struct Outer(#[source] crate::IdError);

    #[test]
    fn every_cause_is_told_behind_what_it_caused() {
        let cause = crate::Login::new(0).unwrap_err();
        assert_eq!(error_chain(&cause), "login is zero; give the account number");
        assert_eq!(error_chain(&Outer(cause)), "login failed: login is zero; give the account number");
    }
}
