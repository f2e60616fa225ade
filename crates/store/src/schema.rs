//! Schemas: numbered steps, what of them is applied, and bringing a store up.
//!
//! Every store keeps a ledger of its applied steps with a checksum of each. Steps go forward only, one file per step in
//! `migrations/<engine>/`, compiled into the program that applies them.

use std::fmt;

use thiserror::Error;
use warden_domain::Timestamp;

use crate::Pending;

/// One step of a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its number, from 1 without a gap.
    pub version: u32,
    /// Its name: the file's name between number and ending.
    pub name: &'static str,
    /// Its statements. Each may be repeated harmlessly where the engine has no transactions for them.
    pub sql: &'static str,
}

impl Step {
    /// BLAKE3 of its text, in hexadecimal.
    #[must_use]
    pub fn checksum(&self) -> String {
        blake3::hash(self.sql.as_bytes()).to_hex().to_string()
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}_{}", self.version, self.name)
    }
}

/// One line of a store's ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The step's number.
    pub version: u32,
    /// The step's name.
    pub name: String,
    /// The step's [checksum](Step::checksum) when it was applied.
    pub checksum: String,
    /// When it was begun.
    pub at: Timestamp,
    /// Whether it ran to its end; a step that did not is run again.
    pub finished: bool,
}

/// A store whose schema can be brought up: what a migrator needs of it, and nothing else.
///
/// # Guarantees
/// - [`apply`](Schema::apply) leaves a step unfinished in the ledger, or not there at all, unless all of it is done.
/// - While one holds the [`lock`](Schema::lock), no other migrator of the same store does; it ends with the connection.
pub trait Schema: Send {
    /// Names the store for people: engine and place, without any secret.
    fn place(&self) -> String;

    /// The steps this program knows, in their order.
    fn steps(&self) -> &[Step];

    /// The text of a step as it will be run: with whatever this store puts into it, such as the name of a cluster.
    fn text(&self, step: &Step) -> String {
        step.sql.to_owned()
    }

    /// Waits until no other migrator works on the store.
    ///
    /// # Errors
    /// When the store did not answer or refused us, or the other one takes too long.
    fn lock(&mut self) -> Pending<'_, Result<(), SchemaError>>;

    /// Lets others in again.
    ///
    /// # Errors
    /// When the store did not answer or refused us; the lock then ends with the connection.
    fn unlock(&mut self) -> Pending<'_, Result<(), SchemaError>>;

    /// The ledger, in the order of versions; empty when the store is new. Changes nothing.
    ///
    /// # Errors
    /// When the store did not answer or refused us.
    fn applied(&mut self) -> Pending<'_, Result<Vec<Applied>, SchemaError>>;

    /// Runs one step and enters it into the ledger; `now` is entered with it, `progress` hears of long ones.
    ///
    /// # Errors
    /// When a statement failed.
    fn apply<'a>(
        &'a mut self,
        step: &'a Step,
        now: Timestamp,
        progress: &'a mut (dyn FnMut(Progress) + Send),
    ) -> Pending<'a, Result<(), SchemaError>>;

    /// Compares what is there with the sum of the applied steps; one sentence for each difference.
    ///
    /// # Errors
    /// When the store did not answer or refused us.
    fn differences(&mut self) -> Pending<'_, Result<Vec<String>, SchemaError>>;
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The step's number.
    pub version: u32,
    /// Statements that are done.
    pub done: u32,
    /// Statements it has.
    pub of: u32,
}

/// Why a schema is not brought up.
#[derive(Debug, Error)]
pub enum SchemaError {
    /// The store cannot be reached.
    #[error("{place} did not answer: {what}; check that it runs and that the configuration names it right")]
    Unreachable {
        /// Which store.
        place: String,
        /// Its or the system's own words.
        what: String,
    },
    /// The store answers and does not let us in, or not that far: waiting does not help.
    #[error("{place} refuses us: {what}; check user, password and database of the configuration")]
    Refused {
        /// Which store.
        place: String,
        /// Its own words.
        what: String,
    },
    /// A statement of a step failed.
    #[error(
        "step {step} of {place} failed at statement {statement}: {what}; mend the cause and run `up` again"
    )]
    Failed {
        /// Which store.
        place: String,
        /// Which step.
        step: String,
        /// Which of its statements, from 1.
        statement: u32,
        /// The engine's own words.
        what: String,
    },
    /// Another migrator holds the lock.
    #[error("another migrator works on {place}; wait for it, then run this again")]
    Locked {
        /// Which store.
        place: String,
    },
    /// Another program has the file open.
    #[error(
        "{place} is open in another process; stop that supervisor or wait for that migrator, then run this again"
    )]
    InUse {
        /// Which store.
        place: String,
    },
    /// A step was applied with another text.
    #[error(
        "step {step} of {place} was applied with another text; restore the file in migrations/, and write a new step \
         instead of changing an old one"
    )]
    Edited {
        /// Which store.
        place: String,
        /// Which step.
        step: String,
    },
    /// The ledger has a hole.
    #[error(
        "step {version} of {place} was never applied and later ones were; restore the store from its backup"
    )]
    Missing {
        /// Which store.
        place: String,
        /// Which step.
        version: u32,
    },
    /// A step is still to be applied.
    #[error("{place} lacks step {step}; run `warden-migrator up`")]
    Behind {
        /// Which store.
        place: String,
        /// The first step it lacks.
        step: String,
    },
    /// A newer program was here.
    #[error("{place} has schema {found} and this program knows {known}; run the newer program")]
    Newer {
        /// Which store.
        place: String,
        /// The store's newest step.
        found: u32,
        /// The newest step of this program.
        known: u32,
    },
}

/// The steps that are still to be applied, in their order; changes nothing.
///
/// # Errors
/// When the ledger does not fit the steps: edited, missing or newer ones.
pub fn plan<'s>(place: &str, steps: &'s [Step], applied: &[Applied]) -> Result<Vec<&'s Step>, SchemaError> {
    let place = || place.to_owned();
    let known = steps.last().map_or(0, |step| step.version);
    if let Some(newest) = applied.last().filter(|newest| newest.version > known) {
        return Err(SchemaError::Newer { place: place(), found: newest.version, known });
    }
    let finished = applied.iter().rposition(|line| line.finished).map_or(0, |last| last + 1);
    for (step, at) in steps.iter().zip(0..) {
        match applied.get(at) {
            Some(line) if line.version != step.version => {
                return Err(SchemaError::Missing { place: place(), version: step.version });
            }
            Some(line) if line.finished && line.checksum != step.checksum() => {
                return Err(SchemaError::Edited { place: place(), step: step.to_string() });
            }
            Some(line) if !line.finished && at < finished => {
                return Err(SchemaError::Missing { place: place(), version: step.version });
            }
            Some(_) | None => {}
        }
    }
    Ok(steps.get(finished..).unwrap_or_default().iter().collect())
}

/// What bringing a schema up tells on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A step begins.
    Begins(String),
    /// A step goes on.
    Goes(Progress),
    /// A step is done.
    Done(String),
}

/// Brings a store up: applies, one at a time, every step that is not yet; answers how many.
///
/// Two at once are safe: the second one waits and finds nothing to do. What fails leaves the steps before it applied,
/// and a further run goes on with the one that failed.
///
/// # Errors
/// What [`plan`] and the store say.
pub async fn up(
    schema: &mut dyn Schema,
    now: Timestamp,
    tell: &mut (dyn FnMut(&Told) + Send),
) -> Result<usize, SchemaError> {
    schema.lock().await?;
    let done = apply_all(schema, now, tell).await;
    // What was done counts; a lock that is not given back ends with the connection.
    let unlocked = schema.unlock().await;
    let count = done?;
    unlocked?;
    Ok(count)
}

async fn apply_all(
    schema: &mut dyn Schema,
    now: Timestamp,
    tell: &mut (dyn FnMut(&Told) + Send),
) -> Result<usize, SchemaError> {
    let applied = schema.applied().await?;
    let steps: Vec<Step> = plan(&schema.place(), schema.steps(), &applied)?.into_iter().copied().collect();
    for step in &steps {
        tell(&Told::Begins(step.to_string()));
        schema.apply(step, now, &mut |progress| tell(&Told::Goes(progress))).await?;
        tell(&Told::Done(step.to_string()));
    }
    Ok(steps.len())
}

/// Refuses a store whose schema is not the one this program writes: what a supervisor asks before it uses a store that
/// only the migrator brings up.
///
/// # Errors
/// What [`plan`] and the store say; [`SchemaError::Behind`] when a step is still to be applied.
pub async fn current(schema: &mut dyn Schema) -> Result<(), SchemaError> {
    let (place, applied) = (schema.place(), schema.applied().await?);
    match plan(&place, schema.steps(), &applied)?.first() {
        None => Ok(()),
        Some(step) => Err(SchemaError::Behind { place, step: step.to_string() }),
    }
}

#[cfg(test)]
mod tests;
