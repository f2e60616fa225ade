use warden_domain::Timestamp;
use warden_store::{
    Pending,
    schema::{Applied, Progress, Schema, SchemaError, Step},
};

/// A database file that nobody has made yet, to be looked at: opening it would make it.
#[derive(Debug)]
pub(crate) struct Absent {
    place: String,
    steps: &'static [Step],
}

impl Absent {
    /// Names the file and the steps that it lacks.
    pub(crate) fn new(place: String, steps: &'static [Step]) -> Self {
        Self { place, steps }
    }

    fn not_there<T>(&self) -> Pending<'_, Result<T, SchemaError>> {
        let fault =
            SchemaError::Unreachable { place: self.place.clone(), what: "it is not there yet".to_owned() };
        Box::pin(async { Err(fault) })
    }
}

impl Schema for Absent {
    fn place(&self) -> String {
        self.place.clone()
    }

    fn steps(&self) -> &[Step] {
        self.steps
    }

    fn lock(&mut self) -> Pending<'_, Result<(), SchemaError>> {
        self.not_there()
    }

    fn unlock(&mut self) -> Pending<'_, Result<(), SchemaError>> {
        self.not_there()
    }

    fn applied(&mut self) -> Pending<'_, Result<Vec<Applied>, SchemaError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn apply<'a>(
        &'a mut self,
        _: &'a Step,
        _: Timestamp,
        _: &'a mut (dyn FnMut(Progress) + Send),
    ) -> Pending<'a, Result<(), SchemaError>> {
        self.not_there()
    }

    fn differences(&mut self) -> Pending<'_, Result<Vec<String>, SchemaError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}
