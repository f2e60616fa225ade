use serde_json::json;
use warden_store::schema::{self, Schema, SchemaError};
use warden_supervisor::{Clock as _, SystemClock, config::Loaded};

use crate::{
    cli::Store,
    exit_codes,
    progress::Progress,
    report::{Entry, Report},
    stores::each,
    targets::Purpose,
};

/// Brings every store up, one after the other; one that fails keeps no other back.
pub(crate) async fn up(stores: &[Store], loaded: &Loaded) -> Report {
    let done =
        each(stores, Purpose::BringUp, loaded, async |store, schema| bring_up(store, schema).await).await;
    Report::of(done, exit_codes::OK, |outcome, place, steps| Entry {
        text: text(outcome.store, place, *steps),
        value: json!({ "place": place, "state": "current", "steps": steps }),
        code: exit_codes::OK,
    })
}

async fn bring_up(store: Store, schema: &mut dyn Schema) -> Result<usize, SchemaError> {
    let mut progress = Progress::of(store);
    schema::up(schema, SystemClock::new(1).now(), &mut |told| progress.tell(told)).await
}

fn text(store: Store, place: &str, steps: usize) -> String {
    match steps {
        0 => format!("{store}: current, nothing to do ({place})\n"),
        1 => format!("{store}: current, one step applied ({place})\n"),
        many => format!("{store}: current, {many} steps applied ({place})\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Ledger, STEPS};

    #[tokio::test]
    async fn a_step_that_failed_is_run_again_and_the_ones_before_it_are_not() {
        let mut schema = Ledger::new();
        schema.fails_at = Some(2);
        let failed = bring_up(Store::Accounts, &mut schema).await.unwrap_err();
        assert!(matches!(failed, SchemaError::Failed { .. }), "{failed}");
        assert_eq!(schema.run, ["0001_first", "0002_second"]);
        assert!(!schema.locked, "the lock is given back");
        schema.fails_at = None;
        assert_eq!(bring_up(Store::Accounts, &mut schema).await.unwrap(), 1);
        assert_eq!(bring_up(Store::Accounts, &mut schema).await.unwrap(), 0);
        assert_eq!(schema.run, ["0001_first", "0002_second", "0002_second"]);
    }

    #[tokio::test]
    async fn a_ledger_that_does_not_fit_is_left_alone() {
        let mut edited = Ledger::new();
        edited.enter(&STEPS[0], true);
        edited.lines[0].checksum = "other".to_owned();
        let mut missing = Ledger::new();
        missing.enter(&STEPS[1], true);
        let mut newer = Ledger::new();
        newer.enter(&STEPS[0], true);
        newer.enter(&STEPS[1], true);
        newer.enter(&schema::Step { version: 3, name: "third", sql: "" }, true);
        for (mut schema, code) in
            [(edited, exit_codes::MISFIT), (missing, exit_codes::MISFIT), (newer, exit_codes::NEWER)]
        {
            let before = schema.lines.clone();
            let fault = bring_up(Store::Accounts, &mut schema).await.unwrap_err();
            assert_eq!(exit_codes::of(&fault.into()), code);
            assert_eq!((schema.lines, schema.run.len(), schema.locked), (before, 0, false));
        }
    }
}
