use serde_json::json;
use warden_store::schema::{self, Schema, SchemaError};
use warden_supervisor::config::Loaded;

use crate::{
    cli::Store,
    exit_codes,
    report::{Entry, Report},
    stores::each,
    targets::Purpose,
};

/// A step as it would be run.
#[derive(Debug, PartialEq, Eq)]
struct Planned {
    step: String,
    sql: String,
}

/// Prints what `up` would run.
pub(crate) async fn plan(stores: &[Store], loaded: &Loaded) -> Report {
    let plans = each(stores, Purpose::Look, loaded, async |_, schema| planned(schema).await).await;
    Report::of(plans, exit_codes::OK, |outcome, place, steps| Entry {
        text: text(outcome.store, place, steps),
        value: json!({
            "place": place,
            "state": if steps.is_empty() { "current" } else { "behind" },
            "steps": steps.iter().map(|it| json!({ "step": it.step, "sql": it.sql })).collect::<Vec<_>>(),
        }),
        code: exit_codes::OK,
    })
}

async fn planned(schema: &mut dyn Schema) -> Result<Vec<Planned>, SchemaError> {
    let applied = schema.applied().await?;
    let steps = schema::plan(&schema.place(), schema.steps(), &applied)?;
    Ok(steps.into_iter().map(|step| Planned { step: step.to_string(), sql: schema.text(step) }).collect())
}

/// SQL with comments, so that the plan of one store can be read by its own client.
fn text(store: Store, place: &str, steps: &[Planned]) -> String {
    let mut text = match steps.len() {
        0 => format!("-- {store}: nothing to do ({place})\n"),
        1 => format!("-- {store}: one step ({place})\n"),
        many => format!("-- {store}: {many} steps ({place})\n"),
    };
    for step in steps {
        text.push_str(&format!("\n-- {}\n{}\n", step.step, step.sql.trim_end()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Ledger, STEPS};

    #[tokio::test]
    async fn a_plan_holds_what_is_still_to_be_run_and_runs_nothing() {
        let mut schema = Ledger::new();
        schema.enter(&STEPS[0], true);
        let steps = planned(&mut schema).await.unwrap();
        assert_eq!(steps, [Planned { step: "0002_second".to_owned(), sql: STEPS[1].sql.to_owned() }]);
        assert_eq!(schema.lines.len(), 1);
        assert_eq!(
            text(Store::Accounts, "a place", &steps),
            format!("-- accounts: one step (a place)\n\n-- 0002_second\n{}\n", STEPS[1].sql)
        );
        assert_eq!(text(Store::Accounts, "a place", &[]), "-- accounts: nothing to do (a place)\n");
    }
}
