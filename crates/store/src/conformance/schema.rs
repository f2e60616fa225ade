//! The cases of [`Schema`].
//!
//! Panics are how a case fails; none happens on a schema that keeps the port's promises.

use warden_domain::Timestamp;

use crate::{
    Pending,
    schema::{Applied, Schema, SchemaError, Step, Told, current, plan, up},
};

/// A new store, which can be opened again and again, also while it is open.
pub trait Fixture: Send + Sync {
    /// Opens it.
    fn open(&self) -> Pending<'_, Box<dyn Schema>>;
}

impl<F: Fn() -> Pending<'static, Box<dyn Schema>> + Send + Sync> Fixture for F {
    fn open(&self) -> Pending<'_, Box<dyn Schema>> {
        self()
    }
}

/// Runs every case, each on a new store.
///
/// # Panics
/// When a case finds that the schema does not keep what the port promises.
pub async fn run(make_store: impl Fn() -> Pending<'static, Box<dyn Fixture>>) {
    macro_rules! each {
        ($($case:ident),+ $(,)?) => {$( $case(&*make_store().await).await; )+};
    }
    each!(
        schema_01_a_new_store_lacks_every_step,
        schema_02_up_applies_every_step_once,
        schema_03_what_was_brought_up_is_the_sum_of_its_steps,
        schema_04_a_store_is_current_when_nothing_is_left,
        schema_05_two_at_once_apply_each_step_once,
        schema_06_up_goes_on_where_another_stopped,
        schema_07_a_lock_ends_with_its_connection,
        schema_08_every_step_tells_how_far_it_is,
    );
}

/// Asking changes nothing: the ledger of a new store is empty, and stays so.
///
/// # Panics
/// When it does, or the steps are not numbered from 1 without a gap.
pub async fn schema_01_a_new_store_lacks_every_step(store: &dyn Fixture) {
    for _ in 0..2 {
        let mut schema = store.open().await;
        assert_eq!(applied(&mut *schema).await, []);
        let place = schema.place();
        let steps = schema.steps();
        assert_eq!(plan(&place, steps, &[]).expect("it fits"), steps.iter().collect::<Vec<_>>());
        assert!(steps.iter().map(|step| step.version).eq(1..=number(steps)), "numbered from 1");
        assert!(!steps.is_empty() && !place.is_empty());
    }
}

/// The ledger then holds each step with its checksum and the moment it was begun at; a further run finds nothing to do.
///
/// # Panics
/// When it does not.
pub async fn schema_02_up_applies_every_step_once(store: &dyn Fixture) {
    let mut schema = store.open().await;
    let steps = schema.steps().to_vec();
    assert_eq!(up(&mut *schema, NOW, &mut |_| ()).await.expect("it comes up"), steps.len());
    assert_eq!(applied(&mut *schema).await, ledger_of(&steps, NOW));
    assert_eq!(up(&mut *schema, LATER, &mut |_| ()).await.expect("it is up"), 0, "the same connection again");
    drop(schema);
    let mut schema = store.open().await;
    assert_eq!(up(&mut *schema, LATER, &mut |_| ()).await.expect("it is up"), 0, "another connection");
    assert_eq!(applied(&mut *schema).await, ledger_of(&steps, NOW));
}

/// Nothing is found that the steps did not make, and nothing is missing.
///
/// # Panics
/// When something is.
pub async fn schema_03_what_was_brought_up_is_the_sum_of_its_steps(store: &dyn Fixture) {
    let mut schema = store.open().await;
    up(&mut *schema, NOW, &mut |_| ()).await.expect("it comes up");
    assert_eq!(schema.differences().await.expect("the store answers"), [""; 0]);
    drop(schema);
    let mut schema = store.open().await;
    assert_eq!(schema.differences().await.expect("the store answers"), [""; 0]);
}

/// Before, the first step that is lacking is named.
///
/// # Panics
/// When it is not, or a store that is up is refused.
pub async fn schema_04_a_store_is_current_when_nothing_is_left(store: &dyn Fixture) {
    let mut schema = store.open().await;
    let first = schema.steps().first().expect("there are steps").to_string();
    let place = schema.place();
    match current(&mut *schema).await {
        Err(SchemaError::Behind { place: at, step }) => assert_eq!((at, step), (place, first)),
        other => panic!("a new store is behind, not {other:?}"),
    }
    up(&mut *schema, NOW, &mut |_| ()).await.expect("it comes up");
    current(&mut *schema).await.expect("it is up");
}

/// Two migrators that begin together both end well, and together applied each step once.
///
/// # Panics
/// When one fails, or a step is applied twice or not at all.
pub async fn schema_05_two_at_once_apply_each_step_once(store: &dyn Fixture) {
    let (mut one, mut other) = (store.open().await, store.open().await);
    let steps = one.steps().to_vec();
    let (mut to_one, mut to_other) = (|_: &Told| (), |_: &Told| ());
    let (done, too) = tokio::join!(up(&mut *one, NOW, &mut to_one), up(&mut *other, NOW, &mut to_other));
    assert_eq!(done.expect("it comes up") + too.expect("it comes up"), steps.len());
    drop((one, other));
    let mut schema = store.open().await;
    assert_eq!(applied(&mut *schema).await, ledger_of(&steps, NOW));
    assert_eq!(schema.differences().await.expect("the store answers"), [""; 0]);
}

/// A migrator that ended after a step leaves the others to the next one.
///
/// # Panics
/// When the next one repeats the step, or leaves one out.
pub async fn schema_06_up_goes_on_where_another_stopped(store: &dyn Fixture) {
    let mut schema = store.open().await;
    let steps = schema.steps().to_vec();
    let first = steps.first().expect("there are steps");
    schema.lock().await.expect("nobody else holds it");
    schema.apply(first, NOW, &mut |_| ()).await.expect("it is applied");
    schema.unlock().await.expect("it is let go");
    assert_eq!(applied(&mut *schema).await, ledger_of(&steps[..1], NOW));
    drop(schema);
    let mut schema = store.open().await;
    assert_eq!(up(&mut *schema, NOW, &mut |_| ()).await.expect("it comes up"), steps.len() - 1);
    assert_eq!(applied(&mut *schema).await, ledger_of(&steps, NOW));
    assert_eq!(schema.differences().await.expect("the store answers"), [""; 0]);
}

/// A migrator that was killed while it held the lock keeps nobody out.
///
/// # Panics
/// When it does.
pub async fn schema_07_a_lock_ends_with_its_connection(store: &dyn Fixture) {
    let mut killed = store.open().await;
    killed.lock().await.expect("nobody else holds it");
    drop(killed);
    let mut schema = store.open().await;
    let steps = schema.steps().len();
    assert_eq!(up(&mut *schema, NOW, &mut |_| ()).await.expect("it comes up"), steps);
}

/// Each step begins, goes on without going back, and is done, one after the other.
///
/// # Panics
/// When something else is told.
pub async fn schema_08_every_step_tells_how_far_it_is(store: &dyn Fixture) {
    let mut schema = store.open().await;
    let mut told = Vec::new();
    up(&mut *schema, NOW, &mut |news| told.push(news.clone())).await.expect("it comes up");
    let mut told = told.into_iter().peekable();
    for step in schema.steps() {
        assert_eq!(told.next(), Some(Told::Begins(step.to_string())));
        let mut before = None;
        while let Some(Told::Goes(progress)) = told.next_if(|news| matches!(news, Told::Goes(_))) {
            assert_eq!(progress.version, step.version);
            assert!(before < Some(progress.done) && progress.done <= progress.of, "{progress:?}");
            before = Some(progress.done);
        }
        assert_eq!(told.next(), Some(Told::Done(step.to_string())));
    }
    assert_eq!(told.next(), None);
}

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_123);
const LATER: Timestamp = Timestamp::from_millis(1_700_000_999_456);

async fn applied(schema: &mut dyn Schema) -> Vec<Applied> {
    schema.applied().await.expect("the store answers")
}

/// The ledger of a store to which these steps were applied.
fn ledger_of(steps: &[Step], at: Timestamp) -> Vec<Applied> {
    let line = |step: &Step| Applied {
        version: step.version,
        name: step.name.to_owned(),
        checksum: step.checksum(),
        at,
        finished: true,
    };
    steps.iter().map(line).collect()
}

fn number(steps: &[Step]) -> u32 {
    u32::try_from(steps.len()).expect("there are not that many")
}
