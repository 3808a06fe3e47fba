//! What a tampered field may lead to: read from `spec/tampering.md`, judged for every outcome.

mod database;
mod memory;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use zms_client::{Session, pins::PinFolder};
use zms_core::principal::Principal;
use zms_store::Store;

use crate::{
    class::Class,
    world::{Values, now, rng, twin, value, values},
};

/// Classes by `table.column`.
pub(crate) struct Table(pub(crate) BTreeMap<String, BTreeSet<String>>);

impl Table {
    pub(crate) fn read() -> Self {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../spec/tampering.md");
        #[expect(clippy::disallowed_methods, reason = "the table is a file of the specification")]
        let text = std::fs::read_to_string(file).expect("the specification is there");
        let rows = text.lines().filter_map(|line| line.split_once(" | "));
        let rows = rows.filter(|(column, _)| {
            column.split_once('.').is_some_and(|(table, name)| {
                [table, name]
                    .iter()
                    .all(|word| word.chars().all(|char| char.is_ascii_lowercase() || char == '_'))
            })
        });
        Self(
            rows.map(|(column, classes)| {
                let classes = classes.split(',').map(|class| class.trim().to_owned());
                (column.to_owned(), classes.collect())
            })
            .collect(),
        )
    }

    pub(crate) fn of(&self, column: &str) -> &BTreeSet<String> {
        self.0.get(column).unwrap_or_else(|| panic!("spec/tampering.md has no row for {column}"))
    }
}

/// Who reads, where, with what was seen, and what is true for it.
pub(crate) struct Reader {
    pub(crate) name: &'static str,
    pub(crate) who: Principal,
    pub(crate) at: &'static str,
    /// Pins to start from; none for a first use.
    pub(crate) pins: Option<PathBuf>,
    pub(crate) truth: Values,
    /// Older states, which a store may show to who has never seen a newer one.
    pub(crate) older: Vec<Values>,
}

/// A session that starts from a copy of what a reader has seen, in a folder of its own.
pub(crate) fn session(
    store: Box<dyn Store>,
    reader: &Reader,
    scratch: &std::path::Path,
) -> Session {
    let folder = tempfile::tempdir_in(scratch).expect("a scratch folder").keep();
    let (folder, who) = (PinFolder::new(folder), reader.who.id());
    if let Some(pins) = &reader.pins {
        let from = PinFolder::new(pins.clone()).path(who);
        std::fs::copy(from, folder.path(who)).expect("pins can be copied");
    }
    Session::new(store, twin(&reader.who), folder, now, Box::new(rng()))
}

/// What one reader met, by reading everything and by asking for each name alone.
pub(crate) fn outcomes(
    open: &dyn Fn() -> Result<Box<dyn Store>, Class>,
    reader: &Reader,
    scratch: &std::path::Path,
) -> Vec<Result<Values, Class>> {
    let mut met =
        vec![open().and_then(|store| values(&mut session(store, reader, scratch), reader.at))];
    // The last names stand in more scopes than one, so that another value could win.
    let names = if full() { reader.truth.len() } else { 2 };
    for (name, truth) in reader.truth.iter().rev().take(names) {
        let one =
            open().and_then(|store| value(&mut session(store, reader, scratch), reader.at, name));
        // One name says of the others only what is true.
        met.push(one.map(|one| {
            let mut values = reader.truth.clone();
            match one {
                Some(one) if one == *truth => {}
                Some(other) => drop(values.insert(name.clone(), other)),
                None => drop(values.remove(name)),
            }
            values
        }));
    }
    met
}

/// Whether an outcome is what a column's classes allow; it never is another value.
pub(crate) fn judge(
    column: &str,
    classes: &BTreeSet<String>,
    reader: &Reader,
    met: &Result<Values, Class>,
) -> Result<(), String> {
    let has = |class: &str| classes.contains(class);
    let fits = match met {
        Ok(values) if *values == reader.truth => true,
        Ok(values) => has("rolled-back") && reader.pins.is_none() && reader.older.contains(values),
        Err(Class::Integrity(_)) => has("integrity") || has("rolled-back") || has("unknown"),
        Err(Class::RolledBack(_)) => has("rolled-back"),
        Err(Class::Unknown | Class::Departed) => has("unknown"),
        Err(Class::Trouble) => has("trouble"),
        // Pins of this vault are none of another's.
        Err(Class::Pins) => column == "vault.id" && reader.pins.is_some(),
        Err(_) => false,
    };
    fits.then_some(()).ok_or_else(|| format!("{column} {classes:?}: {} met {met:?}", reader.name))
}

/// Columns that some reader must miss.
pub(crate) fn binds_readers(classes: &BTreeSet<String>) -> bool {
    ["integrity", "rolled-back", "unknown"].iter().any(|class| classes.contains(*class))
}

/// Whether every byte and every reader is asked for, not only one of a kind.
#[expect(clippy::disallowed_methods, reason = "a longer run is asked for there")]
pub(crate) fn full() -> bool {
    std::env::var_os("ZMS_TEST_FULL").is_some()
}
