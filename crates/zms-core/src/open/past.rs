//! Keys of older epochs: from the newest N back to every D. spec/keys.md#past

use std::collections::BTreeMap;

use zms_crypto::{
    Key,
    envelope::{Unopened, open},
    parts::Parts,
};

use super::{OpenError, OpenScope, Opening};
use crate::{
    id::{ScopeId, VaultId},
    scope::DataKeys,
};

/// What a past row is bound to: the epoch that it leads to.
pub(crate) fn associated_data(vault: VaultId, scope: ScopeId, epoch: u32) -> Vec<u8> {
    Parts::tagged("zms/v1/aad/past")
        .bytes(vault.as_bytes())
        .bytes(scope.as_bytes())
        .u32(epoch)
        .finish()
}

/// D and P of the epoch before.
fn step(past: &Key, aad: &[u8], sealed: &[u8]) -> Result<(DataKeys, Key), Unopened> {
    let opened = open(past, aad, sealed)?;
    // EXPOSE: two keys side by side, each copied into custody of its own.
    let (data, rest) = opened.expose().split_first_chunk::<32>().ok_or(Unopened)?;
    let past = <&[u8; 32]>::try_from(rest).map_err(|_| Unopened)?;
    Ok((DataKeys::new(Key::from_bytes(data)), Key::from_bytes(past)))
}

impl Opening<'_> {
    /// The data keys of a proven scope's older epochs, each as its revisions commit to it. Empty
    /// for who holds only the newest D.
    ///
    /// `commitments` are those of verified revisions, by epoch. `None` where a row is missing,
    /// does not open, or leads to another key.
    pub(super) fn older_keys(
        &self,
        scope: &OpenScope,
        commitments: &BTreeMap<u32, [u8; 32]>,
    ) -> Result<Option<BTreeMap<u32, DataKeys>>, OpenError> {
        let mut keys = BTreeMap::new();
        let Some(node) = &scope.keys.node else { return Ok(Some(keys)) };
        let mut past = node.past();
        for (epoch, commitment) in commitments.range(..scope.head.epoch).rev() {
            let Some(sealed) = self.bundle.past(scope.id(), epoch + 1)? else { return Ok(None) };
            let aad = associated_data(self.vault, scope.id(), *epoch);
            let Ok((data, before)) = step(&past, &aad, &sealed) else { return Ok(None) };
            if data.commitment() != *commitment {
                return Ok(None);
            }
            keys.insert(*epoch, data);
            past = before;
        }
        Ok(Some(keys))
    }
}
