-- The journal, schema 2: it has a name, which no other journal has.
--
-- The history keeps rows by journal and seq, and the journal that replaces a damaged one counts from 1 again.

INSERT INTO meta VALUES ('id', hash(uuid()), NULL);
UPDATE meta SET number = 2 WHERE name = 'schema';
