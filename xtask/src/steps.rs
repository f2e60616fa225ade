//! A task as a list of named steps: each says what it does and how long it took, the end says what failed.

use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};

/// The steps of one task so far. Everything is told on stderr: stdout belongs to what is run.
#[derive(Debug)]
pub(crate) struct Steps {
    task: &'static str,
    started: Instant,
    done: Vec<Done>,
}

#[derive(Debug)]
struct Done {
    name: &'static str,
    took: Duration,
    failure: Option<Failure>,
}

impl Steps {
    pub(crate) fn of(task: &'static str) -> Self {
        Self { task, started: Instant::now(), done: Vec::new() }
    }

    /// Runs one step; says whether it succeeded, so that a caller can leave out what depends on it.
    pub(crate) fn step(&mut self, name: &'static str, work: impl FnOnce() -> Result) -> bool {
        eprintln!("==> {}: {name}", self.task);
        let started = Instant::now();
        let failure = work().err();
        let took = started.elapsed();
        match &failure {
            None => eprintln!("    {name}: ok in {}", seconds(took)),
            Some(failure) => eprintln!("    {name}: FAILED after {}: {failure}", seconds(took)),
        }
        let succeeded = failure.is_none();
        self.done.push(Done { name, took, failure });
        succeeded
    }

    /// The closing table, and a failure when any step failed.
    pub(crate) fn finish(self) -> Result {
        eprintln!("==> {}: {} steps in {}", self.task, self.done.len(), seconds(self.started.elapsed()));
        for done in &self.done {
            let verdict = if done.failure.is_some() { "FAILED" } else { "ok" };
            eprintln!("    {:<28} {verdict:<6} {:>9}", done.name, seconds(done.took));
        }
        let failed: Vec<_> =
            self.done.iter().filter(|done| done.failure.is_some()).map(|done| done.name).collect();
        if failed.is_empty() {
            eprintln!("{}: all green", self.task);
            return Ok(());
        }
        Err(Failure::new(format!("{} failed: {}", self.task, failed.join(", "))))
    }
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_step_fails_the_task_and_is_named() {
        let mut steps = Steps::of("lint");
        assert!(steps.step("first", || Ok(())));
        assert!(!steps.step("second", || Err(Failure::new("broken"))));
        assert!(steps.step("third", || Ok(())));
        assert_eq!(steps.finish().unwrap_err().to_string(), "lint failed: second");
    }

    #[test]
    fn a_task_without_failures_succeeds() {
        let mut steps = Steps::of("lint");
        assert!(steps.step("only", || Ok(())));
        assert!(steps.finish().is_ok());
    }
}
