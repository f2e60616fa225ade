//! Segments: where rows stand, and how a segment comes and goes. `migrations/duckdb/` says why there are any.

use duckdb::Connection;

/// One of the tables of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    segment: u64,
    side: Side,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    A,
    B,
}

impl Place {
    fn new(segment: u64) -> Self {
        Self { segment, side: Side::A }
    }

    /// The other table of the same segment.
    pub(crate) fn other_side(self) -> Self {
        let side = match self.side {
            Side::A => Side::B,
            Side::B => Side::A,
        };
        Self { side, ..self }
    }

    pub(crate) fn table(self) -> String {
        let side = match self.side {
            Side::A => "a",
            Side::B => "b",
        };
        format!("journal_{}_{side}", self.segment)
    }
}

/// Every table that holds rows, oldest segment first.
pub(crate) fn places(conn: &Connection) -> Result<Vec<Place>, duckdb::Error> {
    Ok(numbers(conn)?.into_iter().map(Place::new).flat_map(|place| [place, place.other_side()]).collect())
}

/// The first table of the newest segment.
pub(crate) fn newest(conn: &Connection) -> Result<Option<Place>, duckdb::Error> {
    Ok(numbers(conn)?.last().copied().map(Place::new))
}

/// How many rows the segment of `place` holds.
pub(crate) fn rows(conn: &Connection, place: Place) -> Result<u64, duckdb::Error> {
    let [one, other] = [place, place.other_side()].map(Place::table);
    let sql = format!("SELECT (SELECT count(*) FROM {one}) + (SELECT count(*) FROM {other})");
    conn.query_row(&sql, [], |row| row.get(0))
}

/// Adds a segment after the newest one, in the caller's transaction.
pub(crate) fn add(conn: &Connection) -> Result<Place, duckdb::Error> {
    let mut segments = numbers(conn)?;
    let added = Place::new(segments.last().map_or(1, |last| last + 1));
    segments.push(added.segment);
    create(conn, added)?;
    conn.execute_batch("CREATE OR REPLACE TABLE checkpoint (seq UBIGINT)")?; // else one more row group a checkpoint
    show(conn, &segments)?;
    Ok(added)
}

/// Has an empty journal look like one with these segments.
pub(crate) fn lay_out(conn: &Connection, segments: &[u64]) -> Result<(), duckdb::Error> {
    for place in places(conn)? {
        conn.execute_batch(&format!("DROP TABLE {}", place.table()))?;
    }
    for &segment in segments {
        create(conn, Place::new(segment))?;
    }
    show(conn, segments)
}

/// Makes the tables of a segment.
fn create(conn: &Connection, first: Place) -> Result<(), duckdb::Error> {
    for place in [first, first.other_side()] {
        conn.execute_batch(&format!("CREATE TABLE {} AS FROM journal_row LIMIT 0", place.table()))?;
    }
    Ok(())
}

/// Gives every segment the columns of `journal_row` that it lacks, in the caller's transaction; the rows that are there
/// get the column's default, and DuckDB rewrites none of them for it.
pub(crate) fn add_columns(conn: &Connection) -> Result<(), duckdb::Error> {
    let sql = "SELECT column_name, data_type, column_default FROM duckdb_columns()
               WHERE table_name = 'journal_row' AND column_name NOT IN (
                   SELECT column_name FROM duckdb_columns() WHERE table_name = ?)
               ORDER BY column_index";
    for table in places(conn)?.into_iter().map(Place::table) {
        let mut statement = conn.prepare(sql)?;
        let column = |row: &duckdb::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let lacking: Vec<(String, String, String)> =
            statement.query_map([&table], column)?.collect::<Result<_, _>>()?;
        for (name, kind, default) in lacking {
            conn.execute_batch(&format!(
                "ALTER TABLE {table} ADD COLUMN {name} {kind} DEFAULT {default};
                 ALTER TABLE {table} ALTER COLUMN {name} DROP DEFAULT"
            ))?;
        }
    }
    show(conn, &numbers(conn)?)
}

/// Drops the oldest segments that hold no row any more, but never the newest one.
pub(crate) fn drop_empty(conn: &Connection) -> Result<(), duckdb::Error> {
    let segments = numbers(conn)?;
    let mut empty = 0;
    for &segment in segments.split_last().map_or(&[][..], |(_newest, older)| older) {
        if rows(conn, Place::new(segment))? > 0 {
            break;
        }
        empty += 1;
    }
    let (gone, left) = segments.split_at(empty);
    if gone.is_empty() {
        return Ok(());
    }
    let transaction = conn.unchecked_transaction()?;
    show(&transaction, left)?;
    for place in gone.iter().copied().map(Place::new).flat_map(|place| [place, place.other_side()]) {
        transaction.execute_batch(&format!("DROP TABLE {}", place.table()))?;
    }
    transaction.commit()
}

/// The segments, oldest first.
pub(crate) fn numbers(conn: &Connection) -> Result<Vec<u64>, duckdb::Error> {
    let sql = "SELECT regexp_extract(table_name, '^journal_([0-9]+)_a$', 1)::UBIGINT AS number
               FROM duckdb_tables() WHERE regexp_matches(table_name, '^journal_[0-9]+_a$') ORDER BY number";
    conn.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

fn show(conn: &Connection, segments: &[u64]) -> Result<(), duckdb::Error> {
    let places = segments.iter().copied().map(Place::new).flat_map(|place| [place, place.other_side()]);
    let tables: Vec<String> = places.map(|place| format!("FROM {}", place.table())).collect();
    conn.execute_batch(&format!("CREATE OR REPLACE VIEW journal AS {}", tables.join(" UNION ALL ")))
}
