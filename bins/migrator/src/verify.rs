use serde_json::json;
use warden_store::schema::{Schema, SchemaError};
use warden_supervisor::config::Loaded;

use crate::{
    cli::Store,
    exit_codes,
    report::{Entry, Report},
    status::Standing,
    stores::each,
    targets::Purpose,
};

/// A store as it was found.
#[derive(Debug)]
struct Proof {
    standing: Standing,
    differences: Vec<String>,
}

impl Proof {
    fn code(&self) -> u8 {
        if self.differences.is_empty() { self.standing.code() } else { exit_codes::DIFFERS }
    }

    fn state(&self) -> &'static str {
        match (self.differences.is_empty(), self.standing.lacks.is_empty()) {
            (false, _) => "differs",
            (true, false) => "behind",
            (true, true) => "clean",
        }
    }
}

/// Compares every store with the sum of its steps.
pub(crate) async fn verify(stores: &[Store], loaded: &Loaded) -> Report {
    let proofs = each(stores, Purpose::Look, loaded, async |_, schema| prove(schema).await).await;
    Report::of(proofs, exit_codes::IN_USE, |outcome, place, proof| Entry {
        text: text(outcome.store, place, proof),
        value: json!({
            "place": place,
            "state": proof.state(),
            "lacks": proof.standing.lacks,
            "differences": proof.differences,
        }),
        code: proof.code(),
    })
}

async fn prove(schema: &mut dyn Schema) -> Result<Proof, SchemaError> {
    let standing = Standing::of(schema).await?;
    Ok(Proof { standing, differences: schema.differences().await? })
}

/// A line for each difference and each step that is lacking, or one that says that there is none.
fn text(store: Store, place: &str, proof: &Proof) -> String {
    let differences = proof.differences.iter().map(|it| format!("{store}: {it}\n"));
    let lacks = proof.standing.lacks.iter().map(|it| format!("{store}: lacks step {it}; run `up`\n"));
    let found: String = differences.chain(lacks).collect();
    match proof.standing.known {
        _ if !found.is_empty() => found,
        1 => format!("{store}: clean, one step ({place})\n"),
        many => format!("{store}: clean, {many} steps ({place})\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Ledger, STEPS};

    #[tokio::test]
    async fn each_difference_is_a_line_and_differences_weigh_more_than_steps_that_lack() {
        let mut schema = Ledger::new();
        schema.enter(&STEPS[0], true);
        let behind = prove(&mut schema).await.unwrap();
        assert_eq!((behind.code(), behind.state()), (exit_codes::BEHIND, "behind"));
        schema.differences = vec!["table a lacks column b".to_owned(), "index c is missing".to_owned()];
        let differs = prove(&mut schema).await.unwrap();
        assert_eq!((differs.code(), differs.state()), (exit_codes::DIFFERS, "differs"));
        assert_eq!(
            text(Store::History, "a place", &differs),
            "history: table a lacks column b\nhistory: index c is missing\nhistory: lacks step 0002_second; run `up`\n"
        );
        schema.differences.clear();
        schema.enter(&STEPS[1], true);
        let clean = prove(&mut schema).await.unwrap();
        assert_eq!((clean.code(), clean.state()), (exit_codes::OK, "clean"));
        assert_eq!(text(Store::History, "a place", &clean), "history: clean, 2 steps (a place)\n");
    }
}
