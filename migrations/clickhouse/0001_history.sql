-- What happened: rows derived from journals.
--
-- {database}    the history's database
-- {on_cluster}  ON CLUSTER '<name>' where one is configured, else nothing
-- {replicated}  Replicated where a cluster is configured, else nothing
-- {window}      the setting that says how many insert tokens a table remembers; with replicas another one, and for how long
--
-- A row's key holds what it is known by, so that one that comes twice is one row under FINAL, and first what most
-- questions ask for: an instance and a time. What is known of a row by its key never changes with time, so that its
-- copies meet in one partition. An instance id is no LowCardinality: an insert of a large fleet has more of them than a
-- dictionary is good for. The retention is no part of the steps: the migrator sets it as it is configured.

CREATE TABLE IF NOT EXISTS {database}.instance_events {on_cluster} (
    instance_id String COMMENT 'the instance',
    journal     UInt64 COMMENT 'names the journal that holds the step' CODEC(Delta, ZSTD(1)),
    seq         UInt64 COMMENT 'the place of the step in it, from 1' CODEC(DoubleDelta, ZSTD(1)),
    at          DateTime64(3, 'UTC') COMMENT 'when the step was decided' CODEC(DoubleDelta, ZSTD(1)),
    server      LowCardinality(String) COMMENT 'the trade server; empty when it is not known any more',
    epoch       UInt64 COMMENT 'the epoch of the owner' CODEC(T64, ZSTD(1)),
    version     UInt64 COMMENT 'the state version that the step made' CODEC(Delta, ZSTD(1)),
    op          UInt64 COMMENT 'names the step' CODEC(ZSTD(1)),
    kind        LowCardinality(String) COMMENT 'what kind of event led to it',
    rule        LowCardinality(String) COMMENT 'the rule that decided; empty when the step only recorded a fact',
    status      LowCardinality(String) COMMENT 'the status afterwards',
    reason      LowCardinality(String) COMMENT 'the last failure reason afterwards',
    login       LowCardinality(String) COMMENT 'how a login ended: SUCCEEDED, REFUSED, FAILED; empty when none did',
    actions     String COMMENT 'what was done, in words' CODEC(ZSTD(1)),
    detail      String COMMENT 'the words behind the event' CODEC(ZSTD(1)),
    payload     String COMMENT 'the whole step as the policy encodes it' CODEC(ZSTD(1))
)
ENGINE = {replicated}ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (instance_id, at, journal, seq)
SETTINGS {window} = 10000, ttl_only_drop_parts = 1
COMMENT 'one row for each step of an instance';

CREATE TABLE IF NOT EXISTS {database}.trade_events {on_cluster} (
    instance_id String COMMENT 'the instance',
    journal     UInt64 COMMENT 'names the journal that holds the step' CODEC(Delta, ZSTD(1)),
    seq         UInt64 COMMENT 'the place of the step in it, from 1' CODEC(DoubleDelta, ZSTD(1)),
    at          DateTime64(3, 'UTC') COMMENT 'when the step was decided' CODEC(DoubleDelta, ZSTD(1)),
    server      LowCardinality(String) COMMENT 'the trade server; empty when it is not known any more',
    part        UInt16 COMMENT 'the place among the trade events of the step, from 0' CODEC(ZSTD(1)),
    magic       UInt64 COMMENT 'the magic number of the order; 0 for no single one' CODEC(ZSTD(1)),
    symbol      LowCardinality(String) COMMENT 'the symbol; empty for none',
    side        LowCardinality(String) COMMENT 'BUY or SELL; empty for no single order',
    kind        LowCardinality(String) COMMENT 'what happened',
    retcode     UInt32 COMMENT 'the retcode of the trade server; 0 for none' CODEC(T64, ZSTD(1)),
    volume      Float64 COMMENT 'lots that were executed' CODEC(ZSTD(1)),
    requested   Float64 COMMENT 'the price that was asked for; 0 for none' CODEC(ZSTD(1)),
    filled      Float64 COMMENT 'the price that was got; 0 for none' CODEC(ZSTD(1)),
    slippage    Nullable(Int64) COMMENT 'how much worse the fill was, in points; NULL without a fill' CODEC(ZSTD(1)),
    latency_ms  UInt32 COMMENT 'from the command to its result; 0 when nothing was sent' CODEC(T64, ZSTD(1))
)
ENGINE = {replicated}ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (instance_id, at, journal, seq, part)
SETTINGS {window} = 10000, ttl_only_drop_parts = 1
COMMENT 'what became of orders';

CREATE TABLE IF NOT EXISTS {database}.incidents {on_cluster} (
    instance_id String COMMENT 'the instance',
    journal     UInt64 COMMENT 'names the journal that holds the step' CODEC(Delta, ZSTD(1)),
    seq         UInt64 COMMENT 'the place of the step in it, from 1' CODEC(DoubleDelta, ZSTD(1)),
    at          DateTime64(3, 'UTC') COMMENT 'when the step was decided' CODEC(DoubleDelta, ZSTD(1)),
    server      LowCardinality(String) COMMENT 'the trade server; empty when it is not known any more',
    version     UInt64 COMMENT 'the state version that the step made; the highest row of an incident stands'
                CODEC(Delta, ZSTD(1)),
    kind        LowCardinality(String) COMMENT 'what kind of incident',
    opened_at   DateTime64(3, 'UTC') COMMENT 'when it was opened; with instance and kind, what it is known by'
                CODEC(DoubleDelta, ZSTD(1)),
    closed_at   Nullable(DateTime64(3, 'UTC')) COMMENT 'when it ended; NULL while it is open' CODEC(ZSTD(1)),
    recovered   Bool COMMENT 'whether it ended with the instance running on',
    attempts    UInt8 COMMENT 'attempts to recover that were started',
    evidence    String COMMENT 'what it was opened on, in words' CODEC(ZSTD(1))
)
ENGINE = {replicated}ReplacingMergeTree(version)
PARTITION BY toYYYYMM(opened_at)
ORDER BY (instance_id, opened_at, kind)
SETTINGS {window} = 10000, ttl_only_drop_parts = 1
COMMENT 'incidents, each as it last stood';

CREATE TABLE IF NOT EXISTS {database}.alerts {on_cluster} (
    instance_id String COMMENT 'the instance',
    journal     UInt64 COMMENT 'names the journal that holds the step' CODEC(Delta, ZSTD(1)),
    seq         UInt64 COMMENT 'the place of the step in it, from 1' CODEC(DoubleDelta, ZSTD(1)),
    at          DateTime64(3, 'UTC') COMMENT 'when the step was decided' CODEC(DoubleDelta, ZSTD(1)),
    server      LowCardinality(String) COMMENT 'the trade server; empty when it is not known any more',
    alert       LowCardinality(String) COMMENT 'which alert',
    severity    LowCardinality(String) COMMENT 'how urgent: critical, warning, info',
    firing      Bool COMMENT 'whether it stands from now on'
)
ENGINE = {replicated}ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (instance_id, at, journal, seq, alert)
SETTINGS {window} = 10000, ttl_only_drop_parts = 1
COMMENT 'alerts that began or ceased to stand';

CREATE TABLE IF NOT EXISTS {database}.notifications {on_cluster} (
    instance_id String COMMENT 'the instance',
    journal     UInt64 COMMENT 'names the journal that holds the step' CODEC(Delta, ZSTD(1)),
    seq         UInt64 COMMENT 'the place of the step in it, from 1' CODEC(DoubleDelta, ZSTD(1)),
    at          DateTime64(3, 'UTC') COMMENT 'when the step was decided' CODEC(DoubleDelta, ZSTD(1)),
    server      LowCardinality(String) COMMENT 'the trade server; empty when it is not known any more',
    part        UInt16 COMMENT 'the place among the notifications of the step, from 0' CODEC(ZSTD(1)),
    notice      LowCardinality(String) COMMENT 'its name',
    rule        LowCardinality(String) COMMENT 'the rule behind it',
    text        String COMMENT 'the sentence that people read' CODEC(ZSTD(1))
)
ENGINE = {replicated}ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (instance_id, at, journal, seq, part)
SETTINGS {window} = 10000, ttl_only_drop_parts = 1
COMMENT 'what people were told';
