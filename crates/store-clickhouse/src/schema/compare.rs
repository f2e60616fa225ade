//! What is there, compared with what the steps make: they are run in a database of their own, which is dropped again.

use std::{
    collections::BTreeMap,
    process,
    time::{SystemTime, UNIX_EPOCH},
};

use clickhouse::Row;
use serde::Deserialize;
use warden_store::schema::Step;

use super::{lock, retention, template, template::Template};
use crate::{config::ClickHouseConfig, fault::Fault, link::Link};

/// One sentence for each difference between the database and the sum of the steps.
pub(super) async fn differences(
    link: &Link,
    config: &ClickHouseConfig,
    steps: &[Step],
) -> Result<Vec<String>, Fault> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let scratch = format!("{}_verify_{}_{}", config.database, process::id(), now.as_nanos());
    let should = built(link, config, &scratch, steps).await;
    let dropped = link.execute(&format!("DROP DATABASE IF EXISTS `{scratch}` SYNC")).await;
    let should = should?;
    dropped?;
    Ok(told(&objects(link, &config.database).await?, &should))
}

/// What the steps make in an empty database, without replicas: those are no difference.
async fn built(
    link: &Link,
    config: &ClickHouseConfig,
    scratch: &str,
    steps: &[Step],
) -> Result<Objects, Fault> {
    let template = Template { database: scratch, cluster: None };
    link.execute(&template.render("CREATE DATABASE {database}")).await?;
    for step in steps {
        for statement in template::statements(step.sql) {
            link.execute(&template.render(statement)).await?;
        }
    }
    retention::settle(link, &template, config).await?;
    objects(link, scratch).await
}

/// What a database holds: the name of each table and column, and everything that is to be equal.
type Objects = BTreeMap<String, String>;

async fn objects(link: &Link, database: &str) -> Result<Objects, Fault> {
    #[derive(Row, Deserialize)]
    struct Object {
        object: String,
        text: String,
    }
    let tables = "SELECT 'table ' || name AS object, concat(engine_full, ' ', as_select, ' ', comment) AS text \
                  FROM system.tables WHERE database = ? AND name != 'schema_step' AND NOT startsWith(name, ?)";
    let columns = "SELECT 'column ' || table || '.' || name AS object, \
                   concat(type, ' ', default_kind, ' ', default_expression, ' ', compression_codec, ' ', comment) \
                   AS text \
                   FROM system.columns WHERE database = ? AND table != 'schema_step' AND NOT startsWith(table, ?)";
    let mut all = Objects::new();
    for sql in [tables, columns] {
        let query = link.query(sql).bind(database).bind(lock::PREFIX);
        let found = link.rows::<Object>(query).await?.into_iter();
        all.extend(found.map(|Object { object, text }| (object, normal(&text, database))));
    }
    Ok(all)
}

/// The same text in every database, with and without replicas.
fn normal(text: &str, database: &str) -> String {
    let text = text.replace(&format!("`{database}`."), "").replace(&format!("{database}."), "");
    let text = text.replace(template::REPLICATED_WINDOW, template::WINDOW);
    let text = unreplicated(&text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `ReplicatedReplacingMergeTree('/path', 'replica', version) …` as `ReplacingMergeTree(version) …`.
fn unreplicated(text: &str) -> String {
    let Some(rest) = text.strip_prefix("Replicated") else { return text.to_owned() };
    let Some((engine, rest)) = rest.split_once('(') else { return rest.to_owned() };
    let Some((arguments, rest)) = rest.split_once(')') else { return format!("{engine}({rest}") };
    let own: Vec<&str> = arguments.split(", ").filter(|argument| !argument.starts_with('\'')).collect();
    if own.is_empty() { format!("{engine}{rest}") } else { format!("{engine}({}){rest}", own.join(", ")) }
}

fn told(is: &Objects, should: &Objects) -> Vec<String> {
    let missing =
        should.keys().filter(|name| !is.contains_key(*name)).map(|name| format!("{name} is missing"));
    let other = is.iter().filter_map(|(name, text)| match should.get(name) {
        None => Some(format!("{name} is of no step")),
        Some(right) if right != text => Some(format!("{name} is `{text}` and should be `{right}`")),
        Some(_) => None,
    });
    missing.chain(other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_are_no_difference() {
        let plain = "ReplacingMergeTree(version) ORDER BY a SETTINGS non_replicated_deduplication_window = 9";
        let replicated = "ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', version) \
                          ORDER BY a SETTINGS replicated_deduplication_window_seconds = 2592000, \
                          replicated_deduplication_window = 9";
        assert_eq!(normal(plain, "w"), normal(replicated, "w"));
        let plain = "ReplacingMergeTree PARTITION BY toYYYYMM(at)";
        let replicated = "ReplicatedReplacingMergeTree('/a/{uuid}', '{replica}') PARTITION BY toYYYYMM(at)";
        assert_eq!(normal(plain, "w"), normal(replicated, "w"));
        assert_ne!(normal(plain, "w"), normal("ReplacingMergeTree PARTITION BY toYYYYMM(opened_at)", "w"));
    }

    #[test]
    fn each_difference_is_a_sentence() {
        let objects = |pairs: &[(&str, &str)]| -> Objects {
            pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
        };
        let is = objects(&[("column a.x", "UInt8"), ("column a.y", "String"), ("table a", "MergeTree")]);
        let should = objects(&[("column a.x", "UInt16"), ("column a.z", "String"), ("table a", "MergeTree")]);
        assert_eq!(
            told(&is, &should),
            [
                "column a.z is missing",
                "column a.x is `UInt8` and should be `UInt16`",
                "column a.y is of no step"
            ]
        );
        assert!(told(&is, &is).is_empty());
    }
}
