-- Accounts, their encrypted credentials, owner epochs and the audit log. migrations/sqlite/0001_accounts.sql makes the
-- same tables. Moments are UTC milliseconds. An empty line ends a statement or a group of statements.

-- One account of one instance. The row goes when the account is destroyed; then its tombstone in absorbed is left.
CREATE TABLE instances (
    instance   text   COLLATE "C" PRIMARY KEY
        CHECK (instance ~ '^[A-Za-z0-9_-]{1,64}$'),
    login      bigint NOT NULL CHECK (login > 0),
    server     text   NOT NULL CHECK (length(server) BETWEEN 1 AND 128),
    desired    text   NOT NULL CHECK (desired IN ('RUNNING', 'STOPPED')),
    gateway    text   NOT NULL, -- a label for people; empty when none was given
    profile    text   NOT NULL, -- policy profile; empty for the common one
    group_name text   NOT NULL, -- empty when it belongs to none
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    UNIQUE (login, server)
);

-- The password of an account, encrypted by the program under a key of its own, which is wrapped by the key key_id.
-- Revoked credentials are overwritten with nothing.
CREATE TABLE credentials (
    instance   text   COLLATE "C" PRIMARY KEY REFERENCES instances (instance),
    version    bigint NOT NULL CHECK (version > 0), -- rises by one with each new password; part of what is authenticated
    key_id     text   NOT NULL,
    wrapped    bytea  NOT NULL,
    nonce      bytea  NOT NULL,
    ciphertext bytea  NOT NULL,
    revoked_at bigint,
    CHECK ((revoked_at IS NULL) = (length(wrapped) > 0)),
    CHECK ((revoked_at IS NULL) = (length(ciphertext) > 0))
);

-- How many owners an instance has had; also of ids without an account. Outlives the account.
CREATE TABLE owners (
    instance text   COLLATE "C" PRIMARY KEY,
    epoch    bigint NOT NULL CHECK (epoch > 0)
);

-- Instances that only a person starts again, and CLOSED ones, which nobody does. A CLOSED row without a row in
-- instances is the tombstone of a destroyed account.
CREATE TABLE absorbed (
    instance    text    COLLATE "C" PRIMARY KEY,
    kind        text    NOT NULL CHECK (kind IN ('STOPPED', 'CLOSED')),
    reason      text    NOT NULL CHECK (reason <> ''),
    permanently boolean NOT NULL, -- a recovery budget is used up
    server      text    NOT NULL CHECK (length(server) BETWEEN 1 AND 128),
    since_ms    bigint  NOT NULL,
    epoch       bigint  NOT NULL  -- of the owner who said so
);

-- LOG-9: credentials that the broker refused, as keyed hashes; the newest ones of each instance.
CREATE TABLE refusals (
    instance text   COLLATE "C" NOT NULL REFERENCES instances (instance),
    number   bigint NOT NULL, -- rises within the instance
    hash     bytea  NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (instance, number),
    UNIQUE (instance, hash)
);

-- Keys of the program that only it can open.
CREATE TABLE sealed_keys (
    name       text   PRIMARY KEY,
    version    bigint NOT NULL CHECK (version > 0),
    key_id     text   NOT NULL,
    wrapped    bytea  NOT NULL,
    nonce      bytea  NOT NULL,
    ciphertext bytea  NOT NULL
);

-- Who changed what. Holds no login and no password, so that it may outlive every account.
CREATE TABLE audit (
    seq       bigint PRIMARY KEY CHECK (seq > 0), -- without a gap
    at        bigint NOT NULL,
    actor     text   NOT NULL,
    action    text   NOT NULL,
    instance  text   NOT NULL, -- empty when it is about none
    before    text   NOT NULL, -- JSON; empty when there is nothing to say
    after     text   NOT NULL, -- JSON; empty when there is nothing to say
    prev_hash bytea  NOT NULL CHECK (length(prev_hash) = 32),
    hash      bytea  NOT NULL CHECK (length(hash) = 32)
);

-- The newest row of audit, changed in the same transaction: whoever may append need not read, and a tail that was cut
-- off is noticed. Every change of this schema's rows locks it first, so that writers never wait in a circle.
CREATE TABLE audit_head (
    one  bigint PRIMARY KEY CHECK (one = 1),
    seq  bigint NOT NULL,
    hash bytea  NOT NULL CHECK (length(hash) = 32)
);
INSERT INTO audit_head VALUES (1, 0, decode(repeat('00', 32), 'hex'));

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
