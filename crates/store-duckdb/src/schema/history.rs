use warden_store::schema::Step;

/// The steps of the history.
pub(crate) static HISTORY: [Step; 1] = [Step {
    version: 1,
    name: "history",
    sql: include_str!("../../../../migrations/duckdb/history/0001_history.sql"),
}];
