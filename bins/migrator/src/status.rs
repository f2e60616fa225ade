use serde_json::{Value, json};
use warden_store::schema::{Applied, Schema, SchemaError, plan};
use warden_supervisor::config::Loaded;

use crate::{
    cli::Store,
    exit_codes,
    report::{Entry, Report},
    stores::{IN_USE, each},
    targets::Purpose,
};

/// How far a store is that fits our steps.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The ledger.
    pub(crate) applied: Vec<Applied>,
    /// How many steps we know.
    pub(crate) known: usize,
    /// The steps it lacks.
    pub(crate) lacks: Vec<String>,
}

impl Standing {
    /// Looks at a store's ledger.
    ///
    /// # Errors
    /// When the ledger does not fit our steps, or the store did not answer.
    pub(crate) async fn of(schema: &mut dyn Schema) -> Result<Self, SchemaError> {
        let applied = schema.applied().await?;
        let lacks = plan(&schema.place(), schema.steps(), &applied)?;
        let lacks = lacks.into_iter().map(ToString::to_string).collect();
        Ok(Self { known: schema.steps().len(), lacks, applied })
    }

    pub(crate) fn code(&self) -> u8 {
        if self.lacks.is_empty() { exit_codes::OK } else { exit_codes::BEHIND }
    }

    fn value(&self, place: &str) -> Value {
        let step = |it: &Applied| {
            json!({
                "step": format!("{:04}_{}", it.version, it.name),
                "at": it.at.to_string(),
                "finished": it.finished,
            })
        };
        json!({
            "place": place,
            "state": if self.lacks.is_empty() { "current" } else { "behind" },
            "applied": self.applied.iter().filter(|it| it.finished).count(),
            "known": self.known,
            "steps": self.applied.iter().map(step).collect::<Vec<_>>(),
            "lacks": self.lacks,
        })
    }
}

/// Looks at every store and changes none.
pub(crate) async fn status(stores: &[Store], loaded: &Loaded) -> Report {
    let standings = each(stores, Purpose::Look, loaded, async |_, schema| Standing::of(schema).await).await;
    let mut report = Report::of(standings, exit_codes::OK, |_, place, standing| Entry {
        text: String::new(),
        value: standing.value(place),
        code: standing.code(),
    });
    report.text = table(&report.stores);
    report
}

fn table(stores: &[Value]) -> String {
    let mut text = row("STORE", "APPLIED", "STATE", "PLACE");
    for store in stores {
        let word = |key: &str| store[key].as_str().unwrap_or_default();
        let applied = match (store["applied"].as_u64(), store["known"].as_u64()) {
            (Some(applied), Some(known)) => format!("{applied}/{known}"),
            (Some(_) | None, _) => "-".to_owned(),
        };
        let state = match word("state") {
            "behind" => behind(store),
            "in_use" => IN_USE.to_owned(),
            "none" => word("why").to_owned(),
            other => other.to_owned(),
        };
        text.push_str(&row(word("store"), &applied, &state, word("place")));
    }
    text
}

/// How many steps are lacking, and whether the first of them was begun.
fn behind(store: &Value) -> String {
    let lacks = store["lacks"].as_array().map_or(0, Vec::len);
    let last = store["steps"].as_array().and_then(|steps| steps.last());
    match last.filter(|step| step["finished"] == false) {
        Some(step) => format!("behind by {lacks}; {} did not end", step["step"].as_str().unwrap_or_default()),
        None => format!("behind by {lacks}"),
    }
}

fn row(store: &str, applied: &str, state: &str, place: &str) -> String {
    format!("{store:<10} {applied:>7}  {state:<28} {place}").trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Ledger, STEPS};

    async fn standing(schema: &mut Ledger) -> Standing {
        Standing::of(schema).await.unwrap()
    }

    #[tokio::test]
    async fn a_store_is_behind_until_every_step_is_applied_to_its_end() {
        let mut schema = Ledger::new();
        assert_eq!(standing(&mut schema).await.lacks, ["0001_first", "0002_second"]);
        schema.enter(&STEPS[0], true);
        schema.enter(&STEPS[1], false);
        let begun = standing(&mut schema).await;
        assert_eq!(
            (begun.code(), begun.lacks.as_slice()),
            (exit_codes::BEHIND, &["0002_second".to_owned()][..])
        );
        let told = table(&[begun.value("a place")]);
        assert!(told.contains("1/2  behind by 1; 0002_second did not end"), "{told}");
        schema.lines[1].finished = true;
        let current = standing(&mut schema).await;
        assert_eq!(
            (current.code(), current.value("a place")["state"].as_str()),
            (exit_codes::OK, Some("current"))
        );
    }

    #[test]
    fn stores_that_did_not_answer_have_their_line() {
        let told = table(&[
            json!({ "store": "accounts", "state": "unreachable" }),
            json!({ "store": "journal", "state": "in_use", "place": "DuckDB /data" }),
        ]);
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 3, "{told}");
        assert_eq!(lines[1], "accounts         -  unreachable");
        assert!(lines[2].contains(IN_USE) && lines[2].ends_with("DuckDB /data"), "{told}");
    }
}
