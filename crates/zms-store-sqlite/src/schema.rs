//! What is stored, by name: so that a test can tamper with every field there is.

use rusqlite::Connection;

use crate::migrate::{MIGRATIONS, lay_out};

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns' names, in their order.
    pub columns: Vec<String>,
}

/// Every table and column of the newest schema.
///
/// # Panics
/// Where our own migrations do not run.
pub fn schema() -> Vec<Table> {
    let mut empty = Connection::open_in_memory().expect("memory can be opened");
    lay_out(&mut empty, MIGRATIONS).expect("our own migrations run");
    let names = strings(&empty, "SELECT name FROM sqlite_schema WHERE type = 'table'", "");
    names
        .into_iter()
        .map(|name| Table {
            columns: strings(&empty, "SELECT name FROM pragma_table_info(?1)", &name),
            name,
        })
        .collect()
}

fn strings(connection: &Connection, sql: &str, argument: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).expect("the query is well formed");
    let arguments: &[&str] = if argument.is_empty() { &[] } else { &[argument] };
    let rows = statement.query_map(rusqlite::params_from_iter(arguments), |row| row.get(0));
    rows.and_then(Iterator::collect).expect("a schema holds names")
}
