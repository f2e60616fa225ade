use std::error::Error;

/// What was to be had, or a failed test that says what was done and every cause.
///
/// # Panics
/// When there was an error.
#[track_caller]
pub fn must<T, E: Into<Box<dyn Error>>>(outcome: Result<T, E>, doing: &str) -> T {
    outcome.unwrap_or_else(|fault| {
        let fault = fault.into();
        let mut told = format!("could not {doing}: {fault}");
        let mut cause = fault.source();
        while let Some(fault) = cause {
            told.push_str(&format!(": {fault}"));
            cause = fault.source();
        }
        panic!("{told}")
    })
}
