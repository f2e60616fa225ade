-- The journal, schema 3: rows of trades stand beside those of their instances.
--
-- What a trade is found by stands beside the payload. Rows of before are an instance's own, and their hashes stay as they
-- are. The segments get the same columns from the program, which knows which there are.

-- The trade's tag; 0: a step of the instance itself.
ALTER TABLE journal_row ADD COLUMN trade UBIGINT DEFAULT 0;
-- In a trade's first row the client's id of the signal, and the digest of the signal's content.
ALTER TABLE journal_row ADD COLUMN client_key VARCHAR DEFAULT '';
ALTER TABLE journal_row ADD COLUMN key_digest UBIGINT DEFAULT 0;
-- The trade has ended, with this step or before. Last, because DuckDB 1.5 cannot add a column after a truth value to a
-- table with rows in one transaction.
ALTER TABLE journal_row ADD COLUMN trade_ended BOOLEAN DEFAULT false;

-- What the journal goes on from, of what was forgotten: the newest row of each instance's own steps, of each trade that
-- has not ended, and the newest row of any trade of each instance. A row in the journal is newer.
ALTER TABLE snapshot RENAME TO snapshot_of_schema_2;
CREATE TABLE snapshot (
    seq         UBIGINT,
    instance    VARCHAR,
    epoch       UBIGINT,
    version     UBIGINT,
    op_id       UBIGINT,
    at_ms       BIGINT,
    kind        VARCHAR,
    rule        VARCHAR,
    payload     BLOB,
    prev_hash   BLOB,
    hash        BLOB,
    trade       UBIGINT,
    client_key  VARCHAR,
    key_digest  UBIGINT,
    trade_ended BOOLEAN,
    PRIMARY KEY (instance, trade)
);
INSERT INTO snapshot SELECT *, 0, '', 0, false FROM snapshot_of_schema_2;
DROP TABLE snapshot_of_schema_2;

UPDATE meta SET number = 3 WHERE name = 'schema';
