//! Where things are at an engine. spec/engine.md#http

use crate::id::VaultId;

/// Makes a vault.
pub const VAULTS: &str = "/v1/vaults";

/// What the caller's line leads to.
pub fn bundle(vault: VaultId) -> String {
    format!("{VAULTS}/{vault}/bundle")
}

/// Takes commits.
pub fn commits(vault: VaultId) -> String {
    format!("{VAULTS}/{vault}/commits")
}

/// Waits for commits.
pub fn changes(vault: VaultId) -> String {
    format!("{VAULTS}/{vault}/changes")
}

/// Takes audit entries and shows them.
pub fn audit(vault: VaultId) -> String {
    format!("{VAULTS}/{vault}/audit")
}

/// Lists the audit chains.
pub fn audit_chains(vault: VaultId) -> String {
    format!("{VAULTS}/{vault}/audit/chains")
}
