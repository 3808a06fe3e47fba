//! dotenvx: its encrypted files carry the public key they are encrypted to.

use super::{Import, Tool};

/// Whether the names are those of a file of dotenvx; the public key is left out then.
pub(super) fn of_names(found: &mut Import) -> bool {
    let is_key = |name: &str| name == "DOTENV_PUBLIC_KEY" || name.starts_with("DOTENV_PUBLIC_KEY_");
    if !found.secrets.iter().any(|secret| is_key(&secret.entry.name)) {
        return false;
    }
    found.tool = Some(Tool::Dotenvx);
    found.drop_names(is_key, "is the key that dotenvx encrypted to, and opens nothing");
    true
}
