//! Asking every store the same question, whatever becomes of the others.

use anyhow::Error;
use warden_store::schema::{Schema, SchemaError};
use warden_supervisor::config::Loaded;

use crate::{
    cli::Store,
    targets::{self, Purpose, Target},
};

/// What a running supervisor's files are said to be.
pub(crate) const IN_USE: &str = "in use by a running supervisor; it keeps its own schema current";

/// What came of asking one store.
#[derive(Debug)]
pub(crate) struct Outcome<T> {
    pub(crate) store: Store,
    pub(crate) answer: Result<Answer<T>, Error>,
}

/// What a store says.
#[derive(Debug)]
pub(crate) enum Answer<T> {
    /// Its answer, and where it is.
    Is(String, T),
    /// A running supervisor has it open, and no other process may.
    InUse(String),
    /// It has no schema: why.
    Schemaless(String),
}

/// Asks each store in turn.
pub(crate) async fn each<T>(
    stores: &[Store],
    purpose: Purpose,
    loaded: &Loaded,
    question: impl AsyncFn(Store, &mut dyn Schema) -> Result<T, SchemaError>,
) -> Vec<Outcome<T>> {
    let mut outcomes = Vec::new();
    for store in stores.iter().copied() {
        let answer = match targets::open(store, purpose, loaded).await {
            Ok(Target::Schema(mut schema)) => ask(store, loaded, schema.as_mut(), &question).await,
            Ok(Target::Schemaless(why)) => Ok(Answer::Schemaless(why)),
            Err(fault) => Err(fault),
        };
        outcomes.push(Outcome { store, answer });
    }
    outcomes
}

async fn ask<T>(
    store: Store,
    loaded: &Loaded,
    schema: &mut dyn Schema,
    question: impl AsyncFn(Store, &mut dyn Schema) -> Result<T, SchemaError>,
) -> Result<Answer<T>, Error> {
    match question(store, schema).await {
        Ok(answer) => Ok(Answer::Is(schema.place(), answer)),
        Err(SchemaError::InUse { place }) => Ok(Answer::InUse(place)),
        Err(fault) => Err(targets::blamed(store, loaded, fault)),
    }
}
