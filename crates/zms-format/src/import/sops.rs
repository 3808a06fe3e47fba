//! SOPS: what `sops decrypt` prints is a plain file; what it reads has metadata beside the secrets.

use super::{Import, ImportError, Tool};
use crate::tree::Tree;

const WHY: &str = "is what SOPS keeps beside the secrets";

/// Whether the names are those of a dotenv file with metadata, which are left out then.
pub(super) fn of_names(found: &mut Import) -> bool {
    if !(found.has("sops_mac") && found.has("sops_version")) {
        return false;
    }
    found.tool = Some(Tool::Sops);
    found.drop_names(|name| name.starts_with("sops_"), WHY);
    true
}

/// `{"NAME": "value", "sops": {"mac": "...", "version": "..."}}`.
pub(super) fn fits(tree: &Tree<'_>) -> bool {
    tree.get("sops").is_some_and(|sops| sops.has("mac") && sops.has("version"))
}

/// Everything but the metadata, on one level.
pub(super) fn read(mut tree: Tree<'_>, import: &mut Import) -> Result<(), ImportError> {
    tree.take("sops");
    import.leave_out_own("sops", WHY);
    for (name, value) in tree.into_members() {
        if value.is_deep() {
            return Err(ImportError::Nested { line: value.line, name });
        }
        import.add(name, value, "")?;
    }
    Ok(())
}
