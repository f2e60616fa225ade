-- Accounts, their encrypted credentials, owner epochs and the audit log. migrations/postgres/0001_accounts.sql makes the
-- same tables. Moments are UTC milliseconds. An empty line ends a statement or a group of statements.

-- One account of one instance. The row goes when the account is destroyed; then its tombstone in absorbed is left.
CREATE TABLE instances (
    instance   TEXT    NOT NULL PRIMARY KEY
        CHECK (length(instance) BETWEEN 1 AND 64 AND instance NOT GLOB '*[^A-Za-z0-9_-]*'),
    login      INTEGER NOT NULL CHECK (login > 0),
    server     TEXT    NOT NULL CHECK (length(server) BETWEEN 1 AND 128),
    desired    TEXT    NOT NULL CHECK (desired IN ('RUNNING', 'STOPPED')),
    gateway    TEXT    NOT NULL, -- a label for people; empty when none was given
    profile    TEXT    NOT NULL, -- policy profile; empty for the common one
    group_name TEXT    NOT NULL, -- empty when it belongs to none
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (login, server)
) STRICT;

-- The password of an account, encrypted by the program under a key of its own, which is wrapped by the key key_id.
-- Revoked credentials are overwritten with nothing.
CREATE TABLE credentials (
    instance   TEXT    NOT NULL PRIMARY KEY REFERENCES instances (instance),
    version    INTEGER NOT NULL CHECK (version > 0), -- rises by one with each new password; part of what is authenticated
    key_id     TEXT    NOT NULL,
    wrapped    BLOB    NOT NULL,
    nonce      BLOB    NOT NULL,
    ciphertext BLOB    NOT NULL,
    revoked_at INTEGER,
    CHECK ((revoked_at IS NULL) = (length(wrapped) > 0)),
    CHECK ((revoked_at IS NULL) = (length(ciphertext) > 0))
) STRICT;

-- How many owners an instance has had; also of ids without an account. Outlives the account.
CREATE TABLE owners (
    instance TEXT    NOT NULL PRIMARY KEY,
    epoch    INTEGER NOT NULL CHECK (epoch > 0)
) STRICT;

-- Instances that only a person starts again, and CLOSED ones, which nobody does. A CLOSED row without a row in
-- instances is the tombstone of a destroyed account.
CREATE TABLE absorbed (
    instance    TEXT    NOT NULL PRIMARY KEY,
    kind        TEXT    NOT NULL CHECK (kind IN ('STOPPED', 'CLOSED')),
    reason      TEXT    NOT NULL CHECK (reason <> ''),
    permanently INTEGER NOT NULL CHECK (permanently IN (0, 1)), -- a recovery budget is used up
    server      TEXT    NOT NULL CHECK (length(server) BETWEEN 1 AND 128),
    since_ms    INTEGER NOT NULL,
    epoch       INTEGER NOT NULL  -- of the owner who said so
) STRICT;

-- LOG-9: credentials that the broker refused, as keyed hashes; the newest ones of each instance.
CREATE TABLE refusals (
    instance TEXT    NOT NULL REFERENCES instances (instance),
    number   INTEGER NOT NULL, -- rises within the instance
    hash     BLOB    NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (instance, number),
    UNIQUE (instance, hash)
) STRICT;

-- Keys of the program that only it can open.
CREATE TABLE sealed_keys (
    name       TEXT    NOT NULL PRIMARY KEY,
    version    INTEGER NOT NULL CHECK (version > 0),
    key_id     TEXT    NOT NULL,
    wrapped    BLOB    NOT NULL,
    nonce      BLOB    NOT NULL,
    ciphertext BLOB    NOT NULL
) STRICT;

-- Who changed what. Holds no login and no password, so that it may outlive every account.
CREATE TABLE audit (
    seq       INTEGER PRIMARY KEY CHECK (seq > 0), -- without a gap
    at        INTEGER NOT NULL,
    actor     TEXT    NOT NULL,
    action    TEXT    NOT NULL,
    instance  TEXT    NOT NULL, -- empty when it is about none
    before    TEXT    NOT NULL, -- JSON; empty when there is nothing to say
    after     TEXT    NOT NULL, -- JSON; empty when there is nothing to say
    prev_hash BLOB    NOT NULL CHECK (length(prev_hash) = 32),
    hash      BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- The newest row of audit, changed in the same transaction: whoever may append need not read, and a tail that was cut
-- off is noticed.
CREATE TABLE audit_head (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    seq  INTEGER NOT NULL,
    hash BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;
INSERT INTO audit_head VALUES (1, 0, zeroblob(32));

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_is_never_cut BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
