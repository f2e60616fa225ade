use std::sync::{Arc, Mutex};

use tokio::sync::OwnedMutexGuard;

use super::*;
use crate::conformance;

const STEPS: [Step; 3] = [
    Step { version: 1, name: "begin", sql: "one; two" },
    Step { version: 2, name: "more", sql: "three" },
    Step { version: 3, name: "end", sql: "four; five; six" },
];
const NOW: Timestamp = Timestamp::from_millis(1);

/// A store that runs its statements by remembering them.
#[derive(Default)]
struct Store {
    lock: Arc<tokio::sync::Mutex<()>>,
    held: Mutex<(Vec<Applied>, Vec<String>)>,
    /// The statement that fails.
    fails: Mutex<Option<&'static str>>,
}

struct Connection {
    store: Arc<Store>,
    held: Option<OwnedMutexGuard<()>>,
}

impl Store {
    fn new() -> Arc<Self> {
        Arc::default()
    }

    fn open(self: &Arc<Self>) -> Connection {
        Connection { store: self.clone(), held: None }
    }

    fn ran(&self) -> Vec<String> {
        self.held.lock().unwrap().1.clone()
    }
}

impl Schema for Connection {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn steps(&self) -> &[Step] {
        &STEPS
    }

    fn lock(&mut self) -> Pending<'_, Result<(), SchemaError>> {
        Box::pin(async {
            self.held = Some(self.store.lock.clone().lock_owned().await);
            Ok(())
        })
    }

    fn unlock(&mut self) -> Pending<'_, Result<(), SchemaError>> {
        self.held = None;
        Box::pin(async { Ok(()) })
    }

    fn applied(&mut self) -> Pending<'_, Result<Vec<Applied>, SchemaError>> {
        Box::pin(async { Ok(self.store.held.lock().unwrap().0.clone()) })
    }

    fn apply<'a>(
        &'a mut self,
        step: &'a Step,
        now: Timestamp,
        progress: &'a mut (dyn FnMut(Progress) + Send),
    ) -> Pending<'a, Result<(), SchemaError>> {
        Box::pin(async move {
            assert!(self.held.is_some(), "a step is applied under the lock only");
            let statements: Vec<&str> = step.sql.split("; ").collect();
            {
                let ledger = &mut self.store.held.lock().unwrap().0;
                ledger.retain(|line| line.version != step.version);
                ledger.push(Applied { finished: false, ..line(step, now) });
            }
            for (text, done) in statements.iter().zip(1..) {
                tokio::task::yield_now().await;
                if *self.store.fails.lock().unwrap() == Some(*text) {
                    let (place, step) = (self.place(), step.to_string());
                    return Err(SchemaError::Failed {
                        place,
                        step,
                        statement: done,
                        what: "told to".to_owned(),
                    });
                }
                self.store.held.lock().unwrap().1.push((*text).to_owned());
                progress(Progress {
                    version: step.version,
                    done,
                    of: u32::try_from(statements.len()).unwrap(),
                });
            }
            self.store.held.lock().unwrap().0.last_mut().unwrap().finished = true;
            Ok(())
        })
    }

    fn differences(&mut self) -> Pending<'_, Result<Vec<String>, SchemaError>> {
        let ledger = self.store.held.lock().unwrap().0.clone();
        let applied = ledger.iter().filter_map(|line| STEPS.iter().find(|step| step.version == line.version));
        let expected: Vec<String> =
            applied.flat_map(|step| step.sql.split("; ").map(str::to_owned)).collect();
        let differs = self.store.ran() != expected;
        Box::pin(
            async move { Ok(differs.then(|| format!("{expected:?} did not run")).into_iter().collect()) },
        )
    }
}

fn line(step: &Step, at: Timestamp) -> Applied {
    Applied {
        version: step.version,
        name: step.name.to_owned(),
        checksum: step.checksum(),
        at,
        finished: true,
    }
}

fn ledger() -> [Applied; 3] {
    STEPS.each_ref().map(|step| line(step, NOW))
}

fn planned(applied: &[Applied]) -> Result<Vec<u32>, SchemaError> {
    plan("memory", &STEPS, applied).map(|steps| steps.iter().map(|step| step.version).collect())
}

#[tokio::test]
async fn a_schema_in_memory_passes_every_case() {
    conformance::schema::run(|| {
        Box::pin(async {
            let store = Store::new();
            let open = move || -> Pending<'static, Box<dyn Schema>> {
                let connection = store.open();
                Box::pin(async { Box::new(connection) as Box<dyn Schema> })
            };
            Box::new(open) as Box<dyn conformance::schema::Fixture>
        })
    })
    .await;
}

#[test]
fn what_is_not_applied_yet_is_planned() {
    let [first, second, third] = ledger();
    assert_eq!(planned(&[]).unwrap(), [1, 2, 3]);
    assert_eq!(planned(std::slice::from_ref(&first)).unwrap(), [2, 3]);
    assert_eq!(planned(&[first.clone(), second.clone()]).unwrap(), [3]);
    assert_eq!(planned(&[first, second, third]).unwrap(), [0; 0]);
}

#[test]
fn an_unfinished_step_is_run_again_also_with_another_text() {
    let [first, second, third] = ledger();
    let unfinished = |line: Applied| Applied { finished: false, ..line };
    let mended = |line: Applied| Applied { checksum: "that of before".to_owned(), ..line };
    assert_eq!(planned(&[unfinished(first.clone())]).unwrap(), [1, 2, 3]);
    assert_eq!(planned(&[first.clone(), unfinished(second.clone())]).unwrap(), [2, 3]);
    assert_eq!(planned(&[first.clone(), unfinished(mended(second.clone()))]).unwrap(), [2, 3]);
    assert_eq!(planned(&[first, second, unfinished(third)]).unwrap(), [3]);
}

#[test]
fn an_edited_step_is_refused() {
    let [first, second, third] = ledger();
    let edited = Applied { checksum: STEPS[0].checksum(), ..second };
    for applied in [vec![first.clone(), edited.clone()], vec![first, edited, third]] {
        let fault = planned(&applied).unwrap_err();
        assert!(matches!(&fault, SchemaError::Edited { step, .. } if step == "0002_more"), "{fault}");
        assert!(fault.to_string().contains("restore the file"), "{fault}");
    }
}

#[test]
fn a_ledger_with_a_hole_is_refused() {
    let [first, second, third] = ledger();
    let unfinished = Applied { finished: false, ..second.clone() };
    for (applied, hole) in [
        (vec![first.clone(), third.clone()], 2),
        (vec![second.clone()], 1),
        (vec![second, third.clone()], 1),
        (vec![first.clone(), unfinished, third], 2),
        (vec![first.clone(), first], 2),
    ] {
        let fault = planned(&applied).unwrap_err();
        assert!(matches!(fault, SchemaError::Missing { version, .. } if version == hole), "{fault}");
    }
}

#[test]
fn a_newer_schema_is_refused() {
    let newer = Applied { version: 4, ..ledger()[2].clone() };
    let [first, second, third] = ledger();
    for applied in [
        vec![first, second, third, newer.clone()],
        vec![Applied { finished: false, ..newer.clone() }],
        vec![newer],
    ] {
        let fault = planned(&applied).unwrap_err();
        assert!(matches!(fault, SchemaError::Newer { found: 4, known: 3, .. }), "{fault}");
    }
}

#[tokio::test]
async fn a_failed_step_lets_others_in_and_is_run_again() {
    let store = Store::new();
    *store.fails.lock().unwrap() = Some("five");
    let mut schema = store.open();
    let fault = up(&mut schema, NOW, &mut |_| ()).await.unwrap_err();
    assert!(matches!(&fault, SchemaError::Failed { statement: 2, .. }), "{fault}");
    assert!(fault.to_string().contains("0003_end") && fault.to_string().contains("`up` again"), "{fault}");
    let behind = current(&mut store.open()).await.unwrap_err();
    assert!(matches!(&behind, SchemaError::Behind { step, .. } if step == "0003_end"), "{behind}");
    *store.fails.lock().unwrap() = None;
    // `schema` is still open: it gave the lock back when it failed.
    assert_eq!(up(&mut store.open(), NOW, &mut |_| ()).await.unwrap(), 1);
    assert_eq!(store.ran(), ["one", "two", "three", "four", "four", "five", "six"]);
    current(&mut schema).await.unwrap();
}
