//! A file as it lay there when it was read, and what of it is not in the vault.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;
use zms_core::path::SecretName;

use super::effect::Effect;

/// What has to be known of a file before it may go.
pub(super) struct Original {
    /// Where it lies.
    pub(super) file: PathBuf,
    /// Its bytes.
    pub(super) text: Zeroizing<Vec<u8>>,
    /// What of it is not in the vault, and why.
    lacking: BTreeMap<String, String>,
}

impl Original {
    /// A file of which all is imported, as far as is known.
    pub(super) fn new(file: &Path, text: Zeroizing<Vec<u8>>) -> Self {
        Self { file: file.to_owned(), text, lacking: BTreeMap::new() }
    }

    /// Keeps in mind that something of it is not in the vault.
    pub(super) fn lacks(&mut self, what: &str, why: &str) {
        self.lacking.entry(what.to_owned()).or_insert_with(|| why.to_owned());
    }

    /// Keeps in mind those of its secrets that the vault has another value of.
    pub(super) fn kept<'a>(
        &mut self,
        names: impl Iterator<Item = &'a SecretName>,
        effect: &Effect,
    ) {
        for name in names.filter(|name| !effect.holds(name)) {
            self.lacks(name.as_str(), "the vault keeps another value");
        }
    }

    /// Why it may not go, where something would be lost with it.
    pub(super) fn missing(&self) -> Option<String> {
        let each = self.lacking.iter().map(|(what, why)| format!("{what} ({why})"));
        let each = each.collect::<Vec<_>>().join(", ");
        let shown = self.file.display();
        (!each.is_empty())
            .then(|| format!("{shown} is kept, as not all of it is in the vault: {each}"))
    }
}
