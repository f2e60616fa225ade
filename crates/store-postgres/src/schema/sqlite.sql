-- Everything in the file that a step can make, one line each.
SELECT type || ' ' || name || ' on ' || tbl_name || ': ' || sql FROM sqlite_schema
WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
