//! The DuckDB library the journal is linked to.

/// 2.0 writes files that 1.5 cannot open: a library of another line must be noticed here, not in production.
#[test]
fn the_linked_library_is_the_pinned_version() {
    let connection = duckdb::Connection::open_in_memory().unwrap();
    let version: String = connection.query_row("SELECT version()", [], |row| row.get(0)).unwrap();
    assert_eq!(version, "v1.5.6");
}
