//! Doppler: `doppler secrets download --format json|env|yaml`, and `doppler secrets --json`.

use super::{Import, ImportError, Tool};
use crate::tree::{Node, Tree};

/// What Doppler adds to every download.
const OWN: [&str; 3] = ["DOPPLER_PROJECT", "DOPPLER_ENVIRONMENT", "DOPPLER_CONFIG"];

const WHY: &str = "says where Doppler kept the secrets";

/// Whether the names are those of a download; what Doppler has added is left out then.
pub(super) fn of_names(found: &mut Import) -> bool {
    if !OWN.iter().all(|name| found.has(name)) {
        return false;
    }
    found.tool = Some(Tool::Doppler);
    found.drop_names(|name| OWN.contains(&name), WHY);
    true
}

/// `{"NAME": {"computed": "value", "note": ""}}`.
pub(super) fn fits(tree: &Tree<'_>) -> bool {
    let Node::Map(members) = &tree.node else { return false };
    let value = |(_, member): &(String, Tree<'_>)| member.has("computed") || member.has("raw");
    !members.is_empty() && members.iter().all(value)
}

/// Takes the value that a program would get: what Doppler has put in for its own references.
pub(super) fn read(tree: Tree<'_>, import: &mut Import) -> Result<(), ImportError> {
    for (name, mut secret) in tree.into_members() {
        if OWN.contains(&&name[..]) {
            import.leave_out_own(name, WHY);
            continue;
        }
        let line = secret.line;
        let value = secret.take("computed").or_else(|| secret.take("raw"));
        let value = value.ok_or(ImportError::NoValue { line, name: name.clone() })?;
        import.add(name, value, secret.word("note"))?;
    }
    Ok(())
}
