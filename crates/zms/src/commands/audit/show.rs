//! Entries as people and programs read them.

use zms_client::AuditNames;
use zms_core::audit::Entry;

use crate::{
    exit::utc,
    output::{padded, shown},
};

/// Digits of an id that are shown.
const SHORT: usize = 8;
/// Above the columns.
pub const HEADING: [&str; 6] = ["TIME", "WHO", "ACTION", "WHERE", "REVISION", "OUTCOME"];

/// Shows entries in columns whose widths are known before the first entry is.
pub struct Columns([usize; 6]);

impl Columns {
    /// Room for every name there is.
    pub fn new(names: &AuditNames) -> Self {
        let widest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0).max(SHORT);
        let who = widest(&mut names.labels.values().map(|label| shown(label).chars().count()));
        let places = names.places.values().map(|path| shown(&path.to_string()).chars().count());
        let place = widest(&mut { places });
        Self([20, who, 9, place, 8, 9])
    }

    /// The heading.
    pub fn heading(&self) -> String {
        padded(&HEADING.map(str::to_owned), &self.0)
    }

    /// One entry as a line.
    pub fn row(&self, entry: &Entry, names: &AuditNames) -> String {
        padded(&cells(entry, names).map(|cell| shown(&cell)), &self.0)
    }
}

/// One entry, cell by cell.
pub fn cells(entry: &Entry, names: &AuditNames) -> [String; 6] {
    let event = &entry.event;
    let who = names.labels.get(&event.principal);
    let place = event.scope.map(|scope| match names.places.get(&scope) {
        Some(path) => path.to_string(),
        None => short(&scope.to_string()),
    });
    let revision = Some(event.revision).filter(|number| *number > 0);
    [
        utc(event.time),
        who.cloned().unwrap_or_else(|| short(&event.principal.to_string())),
        event.action.as_str().to_owned(),
        place.unwrap_or_else(|| "-".to_owned()),
        revision.map_or_else(|| "-".to_owned(), |number| number.to_string()),
        event.outcome.as_str().to_owned(),
    ]
}

fn short(id: &str) -> String {
    id[..SHORT].to_owned()
}

/// One entry for programs.
pub fn json(entry: &Entry, names: &AuditNames) -> serde_json::Value {
    let event = &entry.event;
    let path = event.scope.and_then(|scope| names.places.get(&scope));
    serde_json::json!({
        "chain": entry.chain,
        "seq": entry.seq,
        "time": utc(event.time),
        "principal": event.principal.to_string(),
        "name": names.labels.get(&event.principal),
        "action": event.action.as_str(),
        "scope": event.scope.map(|scope| scope.to_string()),
        "path": path.map(ToString::to_string),
        "revision": Some(event.revision).filter(|number| *number > 0),
        "outcome": event.outcome.as_str(),
        "hash": hex::encode(entry.hash),
    })
}
