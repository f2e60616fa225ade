-- The history in a file of its own, schema 1: the tables of the ClickHouse history with the same columns.
--
-- Rows are only ever added, and forgotten by their age. No index: a range is entered into ranges in the transaction that
-- adds its rows, so no row can come twice. Moments are UTC.

-- What of which journal is here: ranges that follow each other are one line.
CREATE TABLE ranges (
    journal   UBIGINT NOT NULL,
    first_seq UBIGINT NOT NULL,
    last_seq  UBIGINT NOT NULL
);

-- One row for each step that was journalled.
CREATE TABLE instance_events (
    instance_id VARCHAR      NOT NULL,
    journal     UBIGINT      NOT NULL, -- the journal's id
    seq         UBIGINT      NOT NULL, -- the step's place in it
    "at"        TIMESTAMP_MS NOT NULL,
    server      VARCHAR      NOT NULL, -- empty: not known any more
    epoch       UBIGINT      NOT NULL,
    version     UBIGINT      NOT NULL,
    op          UBIGINT      NOT NULL,
    kind        VARCHAR      NOT NULL,
    rule        VARCHAR      NOT NULL, -- empty: the step only recorded a fact
    status      VARCHAR      NOT NULL,
    reason      VARCHAR      NOT NULL,
    login       VARCHAR      NOT NULL, -- SUCCEEDED, REFUSED, FAILED; empty: no login ended
    actions     VARCHAR      NOT NULL,
    detail      VARCHAR      NOT NULL,
    payload     BLOB         NOT NULL  -- the whole step
);

-- What became of orders.
CREATE TABLE trade_events (
    instance_id VARCHAR      NOT NULL,
    journal     UBIGINT      NOT NULL,
    seq         UBIGINT      NOT NULL,
    "at"        TIMESTAMP_MS NOT NULL,
    server      VARCHAR      NOT NULL,
    part        USMALLINT    NOT NULL, -- its place among the trade events of the step
    magic       UBIGINT      NOT NULL,
    symbol      VARCHAR      NOT NULL,
    side        VARCHAR      NOT NULL,
    kind        VARCHAR      NOT NULL,
    retcode     UINTEGER     NOT NULL, -- 0: none
    volume      DOUBLE       NOT NULL, -- lots
    requested   DOUBLE       NOT NULL,
    filled      DOUBLE       NOT NULL,
    slippage    BIGINT,                -- points, above 0 worse than requested; null: nothing was filled
    latency_ms  UINTEGER     NOT NULL
);

-- What incidents came to; of one (instance_id, kind, opened_at), the row of the highest version counts.
CREATE TABLE incidents (
    instance_id VARCHAR      NOT NULL,
    journal     UBIGINT      NOT NULL,
    seq         UBIGINT      NOT NULL,
    "at"        TIMESTAMP_MS NOT NULL,
    server      VARCHAR      NOT NULL,
    version     UBIGINT      NOT NULL,
    kind        VARCHAR      NOT NULL,
    opened_at   TIMESTAMP_MS NOT NULL,
    closed_at   TIMESTAMP_MS,          -- null: open
    recovered   BOOLEAN      NOT NULL,
    attempts    UTINYINT     NOT NULL,
    evidence    VARCHAR      NOT NULL
);

-- Alerts that began or ceased to stand.
CREATE TABLE alerts (
    instance_id VARCHAR      NOT NULL,
    journal     UBIGINT      NOT NULL,
    seq         UBIGINT      NOT NULL,
    "at"        TIMESTAMP_MS NOT NULL,
    server      VARCHAR      NOT NULL,
    alert       VARCHAR      NOT NULL,
    severity    VARCHAR      NOT NULL,
    firing      BOOLEAN      NOT NULL
);

-- What people were told.
CREATE TABLE notifications (
    instance_id VARCHAR      NOT NULL,
    journal     UBIGINT      NOT NULL,
    seq         UBIGINT      NOT NULL,
    "at"        TIMESTAMP_MS NOT NULL,
    server      VARCHAR      NOT NULL,
    part        USMALLINT    NOT NULL, -- its place among the notifications of the step
    notice      VARCHAR      NOT NULL,
    rule        VARCHAR      NOT NULL,
    text        VARCHAR      NOT NULL
);
