//! Infisical: `infisical export --format=json`; its dotenv, YAML and CSV are plain files.

use std::collections::HashSet;

use super::{Import, ImportError, all};
use crate::tree::Tree;

/// `[{"key": "NAME", "value": "value", "type": "shared", "_id": "..."}]`.
pub(super) fn fits(tree: &Tree<'_>) -> bool {
    let marks = ["type", "_id", "workspace", "secretPath"];
    all(tree, |item| item.has("key") && item.has("value") && marks.iter().any(|it| item.has(it)))
}

/// A personal value is somebody's own: it is left out where there is one for all.
pub(super) fn read(tree: Tree<'_>, import: &mut Import) -> Result<(), ImportError> {
    let personal = |item: &Tree<'_>| item.word("type") == "personal";
    let (own, shared): (Vec<_>, Vec<_>) = tree.into_items().into_iter().partition(personal);
    for mut item in shared {
        take(&mut item, import)?;
    }
    let mut taken: HashSet<String> =
        import.secrets.iter().map(|secret| secret.entry.name.clone()).collect();
    for mut item in own {
        let name = item.word("key").to_owned();
        if taken.insert(name.clone()) {
            take(&mut item, import)?;
        } else {
            import.leave_out(name, "is somebody's personal value beside the one for all");
        }
    }
    Ok(())
}

fn take(item: &mut Tree<'_>, import: &mut Import) -> Result<(), ImportError> {
    let (line, name) = (item.line, item.word("key").to_owned());
    let value = item.take("value").ok_or(ImportError::NoValue { line, name: name.clone() })?;
    import.add(name, value, item.word("comment"))
}
