//! What is there, beside what should be.

use std::collections::BTreeMap;

use duckdb::Connection;

/// Tables and views, and the columns, constraints and indexes of tables: what each one is like.
pub(crate) type Catalogue = BTreeMap<Object, String>;

/// Something with a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Object {
    name: String,
    table: Option<String>, // whose it is
}

const TABLES: &str = "SELECT 'table ' || table_name, NULL, '' FROM duckdb_tables()";
const COLUMNS: &str = "SELECT 'column ' || table_name || '.' || column_name, 'table ' || table_name,
        'number ' || column_index || ', ' || data_type || if(is_nullable, '', ' NOT NULL')
            || coalesce(' DEFAULT ' || column_default, '')
    FROM duckdb_columns() WHERE table_name IN (SELECT table_name FROM duckdb_tables())";
const CONSTRAINTS: &str = "SELECT 'constraint ' || constraint_text || ' of ' || table_name,
        'table ' || table_name, ''
    FROM duckdb_constraints() WHERE constraint_type <> 'NOT NULL'";
const INDEXES: &str = "SELECT 'index ' || index_name, 'table ' || table_name, sql FROM duckdb_indexes()";
// DuckDB puts other parentheses and spaces into a view's text when it reads it back from a file.
const VIEWS: &str = "SELECT 'view ' || view_name, NULL, trim(regexp_replace(sql, '[();\\s]+', ' ', 'g'))
    FROM duckdb_views() WHERE NOT internal";

/// Reads what is there; `more` are further statements that answer name, table and what it is like.
pub(crate) fn read(conn: &Connection, more: &[&str]) -> Result<Catalogue, duckdb::Error> {
    let mut catalogue = Catalogue::new();
    for sql in [TABLES, COLUMNS, CONSTRAINTS, INDEXES, VIEWS].iter().chain(more) {
        let mut statement = conn.prepare(sql)?;
        for entry in statement
            .query_map([], |row| Ok((Object { name: row.get(0)?, table: row.get(1)? }, row.get(2)?)))?
        {
            let (object, like) = entry?;
            catalogue.insert(object, like);
        }
    }
    Ok(catalogue)
}

/// One sentence for each difference; of a table that is not there at all, or should not be, only one.
pub(crate) fn compare(found: &Catalogue, expected: &Catalogue) -> Vec<String> {
    let mut differences = Vec::new();
    for (object, like) in expected {
        let name = &object.name;
        match found.get(object) {
            Some(found) if found == like => {}
            Some(found) => differences.push(format!("{name} is `{found}` and should be `{like}`")),
            None if object.is_told_with_its_table(found) => {}
            None => differences.push(format!("{name} is missing")),
        }
    }
    let strange = found.keys().filter(|object| !expected.contains_key(object));
    let strange = strange.filter(|object| !object.is_told_with_its_table(expected));
    differences.extend(strange.map(|object| format!("{} is not part of the schema", object.name)));
    differences
}

impl Object {
    /// Whether its table is not in `other` at all.
    fn is_told_with_its_table(&self, other: &Catalogue) -> bool {
        let table = |table: &String| Self { name: table.clone(), table: None };
        self.table.as_ref().is_some_and(|name| !other.contains_key(&table(name)))
    }
}
