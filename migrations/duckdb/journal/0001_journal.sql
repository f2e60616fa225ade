-- The journal, schema 1.
--
-- Rows live in segments: pairs of tables journal_<number>_a and journal_<number>_b like journal_row, which the program
-- adds and drops. The view journal shows them all. Commits go to one side while a checkpoint writes the other one out,
-- because DuckDB locks a table for as long as it writes it. A segment whose rows were all forgotten is dropped, because
-- only that gives its room back beside the load. A row's place is its seq, wherever it stands.
-- No index on the rows: commits into an indexed table would wait for the whole checkpoint.

CREATE TABLE meta (
    name   VARCHAR NOT NULL, -- schema: the version in number; anchor: the newest forgotten row's seq and hash
    number UBIGINT NOT NULL,
    hash   BLOB
);
INSERT INTO meta VALUES ('schema', 1, NULL), ('anchor', 0, unhex(repeat('00', 32)));

-- What a row is; holds none.
CREATE TABLE journal_row (
    seq       UBIGINT, -- from 1, without a gap
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

-- The checkpoints of the newest segment, by the newest row at that time. Each one commits here after it fixed what it
-- sees: with a commit behind it, DuckDB takes it beside other commits and not instead of them.
CREATE TABLE checkpoint (seq UBIGINT);
