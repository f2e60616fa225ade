//! A store that is nothing but a ledger.

use warden_domain::Timestamp;
use warden_store::{
    Pending,
    schema::{Applied, Progress, Schema, SchemaError, Step},
};

pub(crate) static STEPS: [Step; 2] = [
    Step { version: 1, name: "first", sql: "CREATE TABLE a (b int);" },
    Step { version: 2, name: "second", sql: "CREATE TABLE c (d int);" },
];

#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) lines: Vec<Applied>,
    pub(crate) differences: Vec<String>,
    pub(crate) fails_at: Option<u32>,
    pub(crate) run: Vec<String>,
    pub(crate) locked: bool,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self { lines: Vec::new(), differences: Vec::new(), fails_at: None, run: Vec::new(), locked: false }
    }

    pub(crate) fn enter(&mut self, step: &Step, finished: bool) {
        let (version, name, checksum) = (step.version, step.name.to_owned(), step.checksum());
        self.lines.retain(|line| line.version != version);
        self.lines.push(Applied { version, name, checksum, at: Timestamp::from_millis(0), finished });
    }
}

impl Schema for Ledger {
    fn place(&self) -> String {
        "a place".to_owned()
    }

    fn steps(&self) -> &[Step] {
        &STEPS
    }

    fn lock(&mut self) -> Pending<'_, Result<(), SchemaError>> {
        assert!(!self.locked, "locked twice");
        self.locked = true;
        Box::pin(async { Ok(()) })
    }

    fn unlock(&mut self) -> Pending<'_, Result<(), SchemaError>> {
        assert!(self.locked, "unlocked twice");
        self.locked = false;
        Box::pin(async { Ok(()) })
    }

    fn applied(&mut self) -> Pending<'_, Result<Vec<Applied>, SchemaError>> {
        Box::pin(async { Ok(self.lines.clone()) })
    }

    fn apply<'a>(
        &'a mut self,
        step: &'a Step,
        _: Timestamp,
        progress: &'a mut (dyn FnMut(Progress) + Send),
    ) -> Pending<'a, Result<(), SchemaError>> {
        assert!(self.locked, "applied without the lock");
        self.run.push(step.to_string());
        let fails = self.fails_at == Some(step.version);
        self.enter(step, !fails);
        progress(Progress { version: step.version, done: 1, of: 1 });
        Box::pin(async move {
            let (place, step, what) = (self.place(), step.to_string(), "no space".to_owned());
            if fails { Err(SchemaError::Failed { place, step, statement: 1, what }) } else { Ok(()) }
        })
    }

    fn differences(&mut self) -> Pending<'_, Result<Vec<String>, SchemaError>> {
        Box::pin(async { Ok(self.differences.clone()) })
    }
}
