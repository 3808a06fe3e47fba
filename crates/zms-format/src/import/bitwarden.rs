//! Bitwarden Secrets Manager: `bws secret list`, `bws secret get`, and the web application's export.

use std::collections::BTreeSet;

use super::{Import, ImportError, Tool, all};
use crate::tree::Tree;

/// What stands beside key and value of a secret.
const BESIDE: [&str; 6] =
    ["object", "id", "organizationId", "projectId", "creationDate", "revisionDate"];

/// A list of secrets, or projects with their secrets.
pub(super) fn fits(tree: &Tree<'_>) -> bool {
    let secret = |item: &Tree<'_>| item.has("key") && item.has("value");
    let listed = |item: &Tree<'_>| secret(item) && item.has("organizationId");
    let exported =
        tree.has("projects") && tree.get("secrets").is_some_and(|it| it.list().is_some());
    exported || listed(tree) || all(tree, listed)
}

/// Every secret with its note. Those of several projects come together, if no name is there twice.
pub(super) fn read(mut tree: Tree<'_>, import: &mut Import) -> Result<(), ImportError> {
    if let Some(secrets) = tree.take("secrets") {
        tree = secrets;
    }
    let mut projects = BTreeSet::new();
    for mut secret in tree.into_items() {
        let (line, name) = (secret.line, secret.word("key").to_owned());
        projects.extend(projects_of(&secret));
        let value =
            secret.take("value").ok_or(ImportError::NoValue { line, name: name.clone() })?;
        import.add(name, value, secret.word("note"))?;
    }
    if projects.len() > 1 {
        import.leave_out("the division into projects", "takes an import for each of them");
    }
    Ok(())
}

/// The projects that a secret is in: `bws` names one, the export lists them. None is one by itself.
fn projects_of(secret: &Tree<'_>) -> Vec<String> {
    let listed = secret.get("projectIds").and_then(Tree::list).unwrap_or_default();
    let listed: Vec<String> = listed.iter().filter_map(Tree::text).map(str::to_owned).collect();
    if listed.is_empty() { vec![secret.word("projectId").to_owned()] } else { listed }
}

/// Whether the names are those around a single secret.
pub(super) fn is_single(found: &Import) -> bool {
    ["key", "value", "organizationId"].iter().all(|name| found.has(name))
        && found.secrets.iter().all(|secret| {
            let name = &secret.entry.name[..];
            BESIDE.contains(&name) || ["key", "value", "note"].contains(&name)
        })
}

/// The single secret that `bws secret get` prints.
pub(super) fn single(mut found: Import) -> Import {
    let word = |found: &Import, name: &str| {
        let member = found.secrets.iter().find(|secret| secret.entry.name == name);
        // EXPOSE: the name and the note of a secret.
        let text = member.map(|it| String::from_utf8_lossy(it.entry.value.expose()).into_owned());
        text.unwrap_or_default()
    };
    let (name, comment) = (word(&found, "key"), word(&found, "note"));
    found.secrets.retain(|secret| secret.entry.name == "value");
    for secret in &mut found.secrets {
        secret.entry.name.clone_from(&name);
        secret.comment.clone_from(&comment);
    }
    Import { tool: Some(Tool::Bitwarden), ..found }
}
