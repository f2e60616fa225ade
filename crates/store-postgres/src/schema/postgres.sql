-- Everything in the current schema that a step can make, one line each, with names as the search path shows them.
-- What belongs to an extension is the administrator's.
WITH here AS (
    SELECT oid FROM pg_namespace WHERE nspname = current_schema()
), relation AS (
    SELECT c.* FROM pg_class c, here
    WHERE c.relnamespace = here.oid
        AND NOT EXISTS (SELECT FROM pg_depend d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), tables AS (
    SELECT * FROM relation WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
), function AS (
    SELECT p.* FROM pg_proc p, here
    WHERE p.pronamespace = here.oid
        AND NOT EXISTS (SELECT FROM pg_depend d
            WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
), roles AS (
    SELECT oid, rolname::text AS name FROM pg_roles WHERE rolname LIKE 'warden\_%'
    UNION ALL SELECT 0, 'PUBLIC'
)
SELECT format('relation %s of kind %s owned by %s', relname, relkind, pg_get_userbyid(relowner))
    FROM relation WHERE relkind NOT IN ('i', 'I', 't')
UNION ALL SELECT format('column %s.%s %s%s%s%s', t.relname, a.attname, format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attnotnull THEN ' not null' ELSE '' END,
        coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), ''),
        coalesce(' collate ' || (SELECT collname FROM pg_collation l WHERE l.oid = a.attcollation), ''))
    FROM tables t
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
UNION ALL SELECT format('constraint %s on %s: %s', conname, relname, pg_get_constraintdef(k.oid, true))
    FROM tables t JOIN pg_constraint k ON k.conrelid = t.oid
UNION ALL SELECT format('index%s %s', CASE WHEN indisvalid THEN '' ELSE ' (invalid)' END,
        pg_get_indexdef(indexrelid, 0, true))
    FROM tables t JOIN pg_index i ON i.indrelid = t.oid
UNION ALL SELECT format('trigger (%s) %s', tgenabled, pg_get_triggerdef(g.oid, true))
    FROM tables t JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT tgisinternal
UNION ALL SELECT format('function %s(%s) owned by %s with body %s', proname, pg_get_function_identity_arguments(oid),
        pg_get_userbyid(proowner), md5(prosrc))
    FROM function
UNION ALL SELECT format('grant %s on %s to %s', privilege_type, relname, roles.name)
    FROM tables t, aclexplode(t.relacl) x JOIN roles ON roles.oid = x.grantee WHERE x.grantee <> t.relowner
UNION ALL SELECT format('grant %s (%s) on %s to %s', privilege_type, attname, relname, roles.name)
    FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND NOT a.attisdropped,
        aclexplode(a.attacl) x JOIN roles ON roles.oid = x.grantee
UNION ALL SELECT format('grant %s on function %s to %s', privilege_type, proname, roles.name)
    FROM function f, aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) x JOIN roles ON roles.oid = x.grantee
    WHERE x.grantee <> f.proowner
UNION ALL SELECT format('role %s may make tables', name)
    FROM roles WHERE oid <> 0 AND has_schema_privilege(oid, current_schema(), 'CREATE')
