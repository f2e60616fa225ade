-- The journal, schema 1.
--
-- Rows are appended to one of two sides while the other is being checkpointed: DuckDB holds a table's lock as long as
-- it writes that table out, and a commit must not wait for that. A row's place is its seq, whichever side it is on.
-- No index on either side: commits into an indexed table would wait for the whole checkpoint.

CREATE TABLE meta (
    name   VARCHAR NOT NULL, -- schema: the version in number; anchor: the newest forgotten row's seq and hash
    number UBIGINT NOT NULL,
    hash   BLOB
);
INSERT INTO meta VALUES ('schema', 1, NULL), ('anchor', 0, unhex(repeat('00', 32)));

CREATE TABLE journal_a (
    seq       UBIGINT, -- from 1, without a gap across both sides
    instance  VARCHAR,
    epoch     UBIGINT,
    version   UBIGINT,
    op_id     UBIGINT,
    at_ms     BIGINT,  -- UTC milliseconds
    kind      VARCHAR,
    rule      VARCHAR,
    payload   BLOB,
    prev_hash BLOB,    -- the predecessor's hash, so that a row can be proven by itself
    hash      BLOB     -- see the chain module of warden-store
);
CREATE TABLE journal_b AS FROM journal_a;

CREATE VIEW journal AS FROM journal_a UNION ALL FROM journal_b;

-- The newest row of each instance at the time its row was forgotten; a row in the journal is newer.
CREATE TABLE snapshot (
    seq       UBIGINT,
    instance  VARCHAR PRIMARY KEY,
    epoch     UBIGINT,
    version   UBIGINT,
    op_id     UBIGINT,
    at_ms     BIGINT,
    kind      VARCHAR,
    rule      VARCHAR,
    payload   BLOB,
    prev_hash BLOB,
    hash      BLOB
);
