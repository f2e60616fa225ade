-- The steps that were applied to a file, each entered in the transaction that applied it. Not a step itself: it is made
-- with the first one.
CREATE TABLE IF NOT EXISTS schema_step (
    version  UINTEGER NOT NULL, -- from 1, without a gap
    name     VARCHAR  NOT NULL,
    checksum VARCHAR  NOT NULL, -- BLAKE3 of its text, in hexadecimal
    at_ms    BIGINT   NOT NULL, -- UTC milliseconds
    finished BOOLEAN  NOT NULL
);
