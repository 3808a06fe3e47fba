//! Where things are at an engine. spec/engine.md#http

use std::fmt;

use crate::id::VaultId;

/// Makes a vault.
pub const VAULTS: &str = "/v1/vaults";

/// The vault that a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// This one.
    Vault(VaultId),
    /// The one that the caller is a member of: who holds a token alone has not heard of any.
    Own,
}

impl Named {
    /// Reads the segment of a path: one spelling of an id, or `-`.
    pub fn parse(segment: &str) -> Option<Self> {
        if segment == "-" {
            return Some(Self::Own);
        }
        let mut id = [0; 16];
        hex::decode_to_slice(segment, &mut id).ok()?;
        let named = VaultId(id);
        (named.to_string() == segment).then_some(Self::Vault(named))
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vault(id) => id.fmt(f),
            Self::Own => f.write_str("-"),
        }
    }
}

/// What the caller's line leads to.
pub fn bundle(vault: Named) -> String {
    format!("{VAULTS}/{vault}/bundle")
}

/// Takes commits.
pub fn commits(vault: Named) -> String {
    format!("{VAULTS}/{vault}/commits")
}

/// Waits for commits.
pub fn changes(vault: Named) -> String {
    format!("{VAULTS}/{vault}/changes")
}

/// Takes audit entries and shows them.
pub fn audit(vault: Named) -> String {
    format!("{VAULTS}/{vault}/audit")
}

/// Lists the audit chains.
pub fn audit_chains(vault: Named) -> String {
    format!("{VAULTS}/{vault}/audit/chains")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vault_is_named_in_one_spelling() {
        let id = VaultId([0xab; 16]);
        for named in [Named::Vault(id), Named::Own] {
            assert_eq!(Named::parse(&named.to_string()), Some(named));
        }
        for bad in ["", "--", &id.to_string().to_uppercase(), &id.to_string()[1..], "%2d"] {
            assert_eq!(Named::parse(bad), None, "{bad}");
        }
    }
}
