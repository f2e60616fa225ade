-- Who may do what. The roles cannot log in: an operator makes the users and grants each one a role. They belong to the
-- whole cluster: a user who may not create roles can still run this step once they are there and warden_migrator was
-- granted to it. SQLite knows no roles; there the file's mode is the protection.

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['warden_migrator', 'warden_supervisor', 'warden_reconciler', 'warden_admin'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION
                -- made at the same time for another database of the cluster
                WHEN duplicate_object OR unique_violation THEN NULL;
            END;
        END IF;
        IF NOT has_schema_privilege(wanted, current_schema(), 'USAGE') THEN
            EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), wanted);
        END IF;
    END LOOP;
    -- from 16 on, whoever makes a role is a member of it that may not act as it
    IF NOT pg_has_role(
        current_user, 'warden_migrator',
        CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END
    ) THEN
        EXECUTE format('GRANT warden_migrator TO %I', current_user);
    END IF;
    -- an owner of tables must be allowed to make them
    IF NOT has_schema_privilege('warden_migrator', current_schema(), 'CREATE') THEN
        EXECUTE format('GRANT CREATE ON SCHEMA %I TO warden_migrator', current_schema());
    END IF;
END
$$;

-- Until now whoever ran the steps owns what they made.
ALTER TABLE schema_step OWNER TO warden_migrator;
ALTER TABLE instances OWNER TO warden_migrator;
ALTER TABLE credentials OWNER TO warden_migrator;
ALTER TABLE owners OWNER TO warden_migrator;
ALTER TABLE absorbed OWNER TO warden_migrator;
ALTER TABLE refusals OWNER TO warden_migrator;
ALTER TABLE sealed_keys OWNER TO warden_migrator;
ALTER TABLE audit OWNER TO warden_migrator;
ALTER TABLE audit_head OWNER TO warden_migrator;
ALTER FUNCTION audit_is_append_only() OWNER TO warden_migrator;

REVOKE ALL ON schema_step, instances, credentials, owners, absorbed, refusals, sealed_keys, audit, audit_head FROM PUBLIC;
REVOKE ALL ON FUNCTION audit_is_append_only() FROM PUBLIC;

-- Every program looks whether the schema is the one it knows.
GRANT SELECT ON schema_step TO warden_supervisor, warden_reconciler, warden_admin;

-- The supervisor logs in, owns instances, and destroys what is closed. It registers nobody, writes no password, and does
-- not read the audit log it appends to.
GRANT SELECT ON instances, credentials, owners, absorbed, refusals, sealed_keys, audit_head TO warden_supervisor;
GRANT DELETE ON instances, credentials, absorbed, refusals TO warden_supervisor;
GRANT INSERT ON owners, absorbed, refusals, sealed_keys, audit TO warden_supervisor;
GRANT UPDATE (key_id, wrapped, nonce, ciphertext, revoked_at) ON credentials TO warden_supervisor;
GRANT UPDATE (epoch) ON owners TO warden_supervisor;
GRANT UPDATE (kind, reason, permanently, server, since_ms, epoch) ON absorbed TO warden_supervisor;
GRANT UPDATE (seq, hash) ON audit_head TO warden_supervisor;

-- The reconciler compares; credentials are none of its business.
GRANT SELECT ON instances, owners, absorbed TO warden_reconciler;

-- The administrator registers accounts, sets passwords, rotates keys, and reads the audit log.
GRANT SELECT ON instances, credentials, owners, absorbed, refusals, sealed_keys, audit, audit_head TO warden_admin;
GRANT INSERT ON instances, credentials, sealed_keys, audit TO warden_admin;
GRANT UPDATE (desired, gateway, profile, group_name, updated_at) ON instances TO warden_admin;
GRANT UPDATE (version, key_id, wrapped, nonce, ciphertext, revoked_at) ON credentials TO warden_admin;
GRANT UPDATE (version, key_id, wrapped, nonce, ciphertext) ON sealed_keys TO warden_admin;
GRANT UPDATE (seq, hash) ON audit_head TO warden_admin;
GRANT DELETE ON refusals TO warden_admin;
