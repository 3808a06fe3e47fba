//! Labels that separate one use of a key from every other. spec/keys.md#labels

/// A derivation label. Only this file makes one, so no two uses can share a label by chance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Purpose(&'static str);

impl Purpose {
    /// Seed -> Ed25519 seed of a principal.
    pub const PRINCIPAL_SIGN: Self = Self("zms/v1/principal/sign");
    /// Seed -> W, which wraps the principal's keyring.
    pub const PRINCIPAL_WRAP: Self = Self("zms/v1/principal/wrap");
    /// Seed -> key of request MACs.
    pub const PRINCIPAL_REQUEST: Self = Self("zms/v1/principal/request");
    /// Request key -> what seals the request keys of others on their way to an engine.
    pub const REQUEST_CHANNEL: Self = Self("zms/v1/request/channel");
    /// Hash of a registration secret -> key of the requests that make vaults.
    pub const ENGINE_REGISTER: Self = Self("zms/v1/register");
    /// Seed -> key of the new tokens that wait to be shown.
    pub const PRINCIPAL_HANDOVER: Self = Self("zms/v1/principal/handover");
    /// Seed -> key of the personal values on its owner's machine.
    pub const PRINCIPAL_PERSONAL: Self = Self("zms/v1/principal/personal");
    /// Seed of a wrapping token -> the public id of what it opens.
    pub const WRAPPED_ID: Self = Self("zms/v1/wrapped/id");
    /// Seed of a wrapping token -> key of the answer that is sealed for it.
    pub const WRAPPED_SEAL: Self = Self("zms/v1/wrapped/seal");
    /// N -> key of the children's entries.
    pub const SCOPE_CHILD: Self = Self("zms/v1/scope/child");
    /// N -> blind index of the children's names.
    pub const SCOPE_CHILD_INDEX: Self = Self("zms/v1/scope/child-index");
    /// N -> P, which seals the way back to older epochs.
    pub const SCOPE_PAST: Self = Self("zms/v1/scope/past");
    /// N -> D, the scope's own data key.
    pub const SCOPE_DATA: Self = Self("zms/v1/scope/data");
    /// D -> record sealing.
    pub const DATA_RECORD: Self = Self("zms/v1/data/record");
    /// D -> blind index of secret names.
    pub const DATA_INDEX: Self = Self("zms/v1/data/index");
    /// D -> key commitment, public.
    pub const DATA_COMMIT: Self = Self("zms/v1/data/commit");
    /// R -> Ed25519 seed of the authority.
    pub const VAULT_AUTHORITY: Self = Self("zms/v1/vault/authority");
    /// R -> escrow of every principal's W and label.
    pub const VAULT_ESCROW: Self = Self("zms/v1/vault/escrow");
    /// Key file without a passphrase: integrity only, the file mode is its protection.
    pub const KEY_FILE_NONE: Self = Self("zms/v1/key-file/none");
    /// Key file under a passphrase: Argon2id output -> sealing key.
    pub const KEY_FILE_PASSPHRASE: Self = Self("zms/v1/key-file/passphrase");
    /// Key file under a key of the session's keychain.
    pub const KEY_FILE_KEYCHAIN: Self = Self("zms/v1/key-file/keychain");
    /// Key file under a key of the credential directory.
    pub const KEY_FILE_SYSTEMD: Self = Self("zms/v1/key-file/systemd");

    /// W -> key that seals the key of a backup.
    pub const BACKUP_KEY: Self = Self("zms/v1/backup/key");

    pub(crate) const fn label(self) -> &'static [u8] {
        self.0.as_bytes()
    }
}
