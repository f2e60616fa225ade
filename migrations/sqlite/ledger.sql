-- The steps that were applied, each entered in the transaction that applied it. Not a step itself: it is made with the
-- first one.
CREATE TABLE IF NOT EXISTS schema_step (
    version  INTEGER PRIMARY KEY, -- from 1, without a gap
    name     TEXT    NOT NULL,
    checksum TEXT    NOT NULL,    -- BLAKE3 of its text, in hexadecimal
    at_ms    INTEGER NOT NULL,    -- UTC milliseconds
    finished INTEGER NOT NULL CHECK (finished IN (0, 1))
) STRICT;
