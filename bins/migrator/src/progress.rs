use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{task::JoinHandle, time::interval};
use warden_store::schema::Told;

use crate::cli::Store;

/// How often something that says nothing by itself is said to go on.
const EVERY: Duration = Duration::from_secs(5);

/// Tells on stderr how far one store is; must be made within a tokio runtime of several threads.
#[derive(Debug)]
pub(crate) struct Progress {
    moment: Arc<Mutex<Moment>>,
    ticker: JoinHandle<()>,
}

/// What is being done.
#[derive(Debug)]
struct Moment {
    store: Store,
    since: Instant,
    step: Option<String>,
    statements: Option<(u32, u32)>,
}

impl Progress {
    /// Begins to tell.
    pub(crate) fn of(store: Store) -> Self {
        let moment = Moment { store, since: Instant::now(), step: None, statements: None };
        let moment = Arc::new(Mutex::new(moment));
        let ticking = Arc::clone(&moment);
        let ticker = tokio::spawn(async move {
            let mut ticks = interval(EVERY);
            ticks.tick().await; // the first is at once
            loop {
                ticks.tick().await;
                eprintln!("{}", lock(&ticking).goes_on());
            }
        });
        Self { moment, ticker }
    }

    /// Tells what the store tells.
    pub(crate) fn tell(&mut self, told: &Told) {
        eprintln!("{}", lock(&self.moment).hear(told));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.ticker.abort();
    }
}

fn lock(moment: &Mutex<Moment>) -> MutexGuard<'_, Moment> {
    // a thread that panicked while it told something left nothing half done
    moment.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Moment {
    fn hear(&mut self, told: &Told) -> String {
        let store = self.store;
        match told {
            Told::Begins(step) => {
                (self.since, self.step, self.statements) = (Instant::now(), Some(step.clone()), None);
                format!("{store}: {step} begins")
            }
            Told::Goes(progress) => {
                self.statements = Some((progress.done, progress.of));
                format!("{store}: {}, {}", self.step(), self.elapsed())
            }
            Told::Done(step) => {
                let line = format!("{store}: {step} is done, {}", self.elapsed());
                (self.since, self.step, self.statements) = (Instant::now(), None, None);
                line
            }
        }
    }

    fn goes_on(&self) -> String {
        match self.step {
            Some(_) => format!("{}: {} goes on, {}", self.store, self.step(), self.elapsed()),
            None => format!("{}: waiting for the store, {}", self.store, self.elapsed()),
        }
    }

    /// The step and how far it is: `0001_accounts 3/12`.
    fn step(&self) -> String {
        let step = self.step.as_deref().unwrap_or_default();
        self.statements.map_or_else(|| step.to_owned(), |(done, of)| format!("{step} {done}/{of}"))
    }

    fn elapsed(&self) -> String {
        format!("{:.1}s", self.since.elapsed().as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use warden_store::schema;

    use super::*;

    #[test]
    fn a_step_is_told_with_its_statements_and_its_time() {
        let begun = Instant::now() - Duration::from_secs(7);
        let mut moment = Moment { store: Store::History, since: begun, step: None, statements: None };
        assert_eq!(moment.goes_on(), "history: waiting for the store, 7.0s");
        assert_eq!(moment.hear(&Told::Begins("0001_it".to_owned())), "history: 0001_it begins");
        moment.since = begun;
        assert_eq!(moment.goes_on(), "history: 0001_it goes on, 7.0s");
        let progress = schema::Progress { version: 1, done: 3, of: 12 };
        assert_eq!(moment.hear(&Told::Goes(progress)), "history: 0001_it 3/12, 7.0s");
        assert_eq!(moment.goes_on(), "history: 0001_it 3/12 goes on, 7.0s");
        assert_eq!(moment.hear(&Told::Done("0001_it".to_owned())), "history: 0001_it is done, 7.0s");
        assert!(moment.goes_on().starts_with("history: waiting"), "the time of a step ends with it");
    }
}
