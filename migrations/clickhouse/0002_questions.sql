-- What people ask of the whole fleet, kept ready by time: tables that materialised views feed.
--
-- The placeholders are those of 0001_history.sql.
--
-- Each table keeps one row under the key of what it tells of, and remembers no insert tokens ({window} = 0). A range
-- that is inserted again is dropped by the table it goes to, but still handed to the views; they write it once more,
-- and FINAL shows it once. So a crash between a table and its views leaves nothing out, and a repetition counts nothing
-- twice.

CREATE TABLE IF NOT EXISTS {database}.time_to_recover {on_cluster} (
    opened_at   DateTime64(3, 'UTC') COMMENT 'when the incident was opened' CODEC(DoubleDelta, ZSTD(1)),
    kind        LowCardinality(String) COMMENT 'what kind of incident',
    instance_id String COMMENT 'the instance',
    server      LowCardinality(String) COMMENT 'the trade server; empty when it is not known any more',
    version     UInt64 COMMENT 'the state version; the highest row of an incident stands' CODEC(Delta, ZSTD(1)),
    recovered   Bool COMMENT 'whether it has ended with the instance running on',
    took_ms     Int64 COMMENT 'how long it was open; 0 while it is' CODEC(ZSTD(1))
)
ENGINE = {replicated}ReplacingMergeTree(version)
PARTITION BY toYYYYMM(opened_at)
ORDER BY (opened_at, kind, instance_id)
SETTINGS {window} = 0, ttl_only_drop_parts = 1
COMMENT 'how long incidents took to recover';

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.time_to_recover_feed {on_cluster} TO {database}.time_to_recover AS
SELECT
    opened_at, kind, instance_id, server, version,
    recovered AND closed_at IS NOT NULL AS recovered,
    greatest(0, ifNull(dateDiff('millisecond', opened_at, closed_at), 0)) AS took_ms
FROM {database}.incidents;

CREATE TABLE IF NOT EXISTS {database}.failures_per_hour {on_cluster} (
    hour        DateTime('UTC') COMMENT 'the hour in which the incident was opened' CODEC(DoubleDelta, ZSTD(1)),
    kind        LowCardinality(String) COMMENT 'what kind of incident',
    opened_at   DateTime64(3, 'UTC') COMMENT 'when it was opened' CODEC(DoubleDelta, ZSTD(1)),
    instance_id String COMMENT 'the instance',
    server      LowCardinality(String) COMMENT 'the trade server; empty when it is not known any more',
    version     UInt64 COMMENT 'the state version; the highest row of an incident stands' CODEC(Delta, ZSTD(1))
)
ENGINE = {replicated}ReplacingMergeTree(version)
PARTITION BY toYYYYMM(opened_at)
ORDER BY (hour, kind, opened_at, instance_id)
SETTINGS {window} = 0, ttl_only_drop_parts = 1
COMMENT 'incidents that were opened, by the hour';

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.failures_per_hour_feed {on_cluster} TO {database}.failures_per_hour AS
SELECT toDateTime(toStartOfHour(opened_at), 'UTC') AS hour, kind, opened_at, instance_id, server, version
FROM {database}.incidents;

CREATE TABLE IF NOT EXISTS {database}.login_success {on_cluster} (
    at          DateTime64(3, 'UTC') COMMENT 'when the login ended' CODEC(DoubleDelta, ZSTD(1)),
    instance_id String COMMENT 'the instance',
    journal     UInt64 COMMENT 'names the journal that holds the step' CODEC(Delta, ZSTD(1)),
    seq         UInt64 COMMENT 'the place of the step in it, from 1' CODEC(DoubleDelta, ZSTD(1)),
    server      LowCardinality(String) COMMENT 'the trade server; empty when it is not known any more',
    login       LowCardinality(String) COMMENT 'how it ended: SUCCEEDED, REFUSED, FAILED'
)
ENGINE = {replicated}ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (at, instance_id, journal, seq)
SETTINGS {window} = 0, ttl_only_drop_parts = 1
COMMENT 'logins that ended';

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.login_success_feed {on_cluster} TO {database}.login_success AS
SELECT at, instance_id, journal, seq, server, login
FROM {database}.instance_events
WHERE login != '';

CREATE TABLE IF NOT EXISTS {database}.slippage {on_cluster} (
    at          DateTime64(3, 'UTC') COMMENT 'when the fill was recorded' CODEC(DoubleDelta, ZSTD(1)),
    instance_id String COMMENT 'the instance',
    journal     UInt64 COMMENT 'names the journal that holds the step' CODEC(Delta, ZSTD(1)),
    seq         UInt64 COMMENT 'the place of the step in it, from 1' CODEC(DoubleDelta, ZSTD(1)),
    part        UInt16 COMMENT 'the place among the trade events of the step, from 0' CODEC(ZSTD(1)),
    server      LowCardinality(String) COMMENT 'the trade server; empty when it is not known any more',
    symbol      LowCardinality(String) COMMENT 'the symbol',
    points      Int64 COMMENT 'how much worse the fill was than requested, in points' CODEC(ZSTD(1))
)
ENGINE = {replicated}ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (at, instance_id, journal, seq, part)
SETTINGS {window} = 0, ttl_only_drop_parts = 1
COMMENT 'how far fills were from the requested price';

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.slippage_feed {on_cluster} TO {database}.slippage AS
SELECT at, instance_id, journal, seq, part, server, symbol, assumeNotNull(slippage) AS points
FROM {database}.trade_events
WHERE slippage IS NOT NULL;
