-- The steps that were applied, each entered in the transaction that applied it. Not a step itself: it is made with the
-- first one.
CREATE TABLE IF NOT EXISTS schema_step (
    version  bigint  PRIMARY KEY, -- from 1, without a gap
    name     text    NOT NULL,
    checksum text    NOT NULL,    -- BLAKE3 of its text, in hexadecimal
    at_ms    bigint  NOT NULL,    -- UTC milliseconds
    finished boolean NOT NULL
);
