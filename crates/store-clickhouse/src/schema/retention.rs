//! How long the tables keep their rows.

use clickhouse::Row;
use serde::Deserialize;

use super::template::Template;
use crate::{config::ClickHouseConfig, fault::Fault, link::Link};

/// The tables with rows that age, and the column that says how old one is: that of their partitions.
const AGEING: [(&str, &str); 9] = [
    ("instance_events", "at"),
    ("trade_events", "at"),
    ("incidents", "opened_at"),
    ("alerts", "at"),
    ("notifications", "at"),
    ("time_to_recover", "opened_at"),
    ("failures_per_hour", "opened_at"),
    ("login_success", "at"),
    ("slippage", "at"),
];

/// Makes the retention of the tables that are there what is configured; those that have it are left alone.
pub(super) async fn settle(
    link: &Link,
    template: &Template<'_>,
    config: &ClickHouseConfig,
) -> Result<(), Fault> {
    #[derive(Row, Deserialize)]
    struct Table {
        name: String,
        engine_full: String,
    }
    let days = config.days().unwrap_or_default();
    let query = link.query("SELECT ?fields FROM system.tables WHERE database = ?").bind(template.database);
    for Table { name, engine_full } in link.rows::<Table>(query).await? {
        let Some((table, column)) = AGEING.into_iter().find(|(table, _)| *table == name) else { continue };
        let wanted = days.map(|days| format!("TTL toDateTime({column}) + toIntervalDay({days})"));
        let change = match wanted {
            Some(ttl) if engine_full.contains(&format!(" {ttl} ")) => continue,
            Some(ttl) => format!("MODIFY {ttl}"),
            None if engine_full.contains(" TTL ") => "REMOVE TTL".to_owned(),
            None => continue,
        };
        let sql = format!("ALTER TABLE {{database}}.{table} {{on_cluster}} {change}");
        link.execute(&template.render(&sql)).await?;
    }
    Ok(())
}
