//! Vault and OpenBao: `vault kv get -format=json`, versions 1 and 2 of KV, one path after another.

use super::{Import, ImportError, all};
use crate::tree::{Node, Tree};

/// `{"request_id": "...", "lease_id": "", "data": {...}}`, or several.
pub(super) fn fits(tree: &Tree<'_>) -> bool {
    let answer =
        |item: &Tree<'_>| item.has("data") && item.has("lease_id") && item.has("request_id");
    answer(tree) || all(tree, answer)
}

/// Every key of every answer. Of version 2 the secrets lie one level further down.
pub(super) fn read(tree: Tree<'_>, import: &mut Import) -> Result<(), ImportError> {
    for mut answer in tree.into_items() {
        let line = answer.line;
        let mut data = answer.take("data").ok_or(ImportError::Deleted { line })?;
        let second = data.get("metadata").is_some_and(Tree::is_deep)
            && data.get("data").is_some_and(|it| it.is_deep() || matches!(it.node, Node::Null));
        if second {
            data = data.take("data").ok_or(ImportError::Deleted { line })?;
        }
        if !data.is_deep() {
            return Err(ImportError::Deleted { line: data.line });
        }
        for (name, value) in data.into_members() {
            import.add(name, value, "")?;
        }
    }
    Ok(())
}
