//! Escrow: every principal's W and label, for administrators. spec/roster.md#escrow

use minicbor::{Decode, Encode, bytes::ByteSlice};
use zms_crypto::{
    CryptoRng, Key, Purpose,
    derive::derive_key,
    envelope::{Unopened, open_box, seal_box},
    parts::Parts,
};

use crate::{
    cbor,
    id::{PrincipalId, VaultId},
};

/// What administrators keep of a principal.
pub struct Escrow {
    /// W: so that its keyring can be replaced when a scope is re-keyed.
    pub wrap: Key,
    /// The name that people gave it.
    pub label: String,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct EscrowWire<'b> {
    #[b(1)]
    wrap: &'b ByteSlice,
    #[b(2)]
    label: &'b str,
}

fn associated_data(vault: VaultId, principal: PrincipalId) -> Vec<u8> {
    Parts::tagged("zms/v1/aad/escrow").bytes(vault.as_bytes()).bytes(principal.as_bytes()).finish()
}

impl Escrow {
    /// Seals under the vault key R.
    pub fn seal(
        &self,
        vault_key: &Key,
        vault: VaultId,
        principal: PrincipalId,
        rng: &mut dyn CryptoRng,
    ) -> Vec<u8> {
        // EXPOSE: W is about to be sealed.
        let wire = EscrowWire { wrap: self.wrap.expose()[..].into(), label: &self.label };
        let encoded = cbor::encode(&wire, 64 + self.label.len());
        let key = derive_key(vault_key, Purpose::VAULT_ESCROW);
        seal_box(&key, &associated_data(vault, principal), &encoded, rng)
    }

    /// Opens under the vault key R.
    ///
    /// # Errors
    /// [`Unopened`], whichever check fails.
    pub fn open(
        vault_key: &Key,
        vault: VaultId,
        principal: PrincipalId,
        sealed: &[u8],
    ) -> Result<Self, Unopened> {
        let key = derive_key(vault_key, Purpose::VAULT_ESCROW);
        let opened = open_box(&key, &associated_data(vault, principal), sealed)?;
        // EXPOSE: parsed in place; W is copied into custody of its own.
        let wire: EscrowWire<'_> = cbor::decode(opened.expose()).map_err(|_| Unopened)?;
        let wrap: &[u8; 32] = wire.wrap[..].try_into().map_err(|_| Unopened)?;
        Ok(Self { wrap: Key::from_bytes(wrap), label: wire.label.to_owned() })
    }
}
