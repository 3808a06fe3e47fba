//! Replaces a token: a new seed with the same rights, and the old one taken out.
//! spec/revocation.md#rotating

use zms_crypto::{CryptoRng, Key};

use super::{ChangeError, revoke::leave, token::Joining};
use crate::{
    batch::Batch,
    id::PrincipalId,
    keyring::{Entry, Keyring},
    open::Opening,
    path::Segment,
    principal::{Kind, Principal},
    roster::Line,
};

/// Makes a token that holds what an old one holds, under the same name, and takes the old one out,
/// in one commit. What it could open is pending from then on, as after [`super::revoke`].
///
/// # Errors
/// [`ChangeError::NotAdministrator`], [`ChangeError::AdministratorLeaves`].
pub fn rotate(
    opening: &Opening<'_>,
    old: PrincipalId,
    expires: Option<u64>,
    rng: &mut dyn CryptoRng,
) -> Result<(Batch, Principal), ChangeError> {
    let members = opening.members()?.ok_or(ChangeError::NotAdministrator)?;
    let line = members.line(old)?;
    if line.kind == Kind::Administrator {
        return Err(ChangeError::AdministratorLeaves);
    }
    let label = Segment::parse(&members.escrow(old)?.label).map_err(ChangeError::Name)?;
    let (_, held) = members.keyring(old)?;
    let keyring = Keyring {
        authority: held.authority,
        vault_key: None,
        entries: held.entries.iter().map(Entry::duplicate).collect(),
    };
    let principal = Principal::from_seed(line.kind, Key::generate(rng));
    let mut pending = opening.roster().pending.clone();
    line.rights.iter().for_each(|(scope, right)| pending.add(scope, right));
    let new =
        Line { limits: line.limits, ..Line::new(&principal, opening.now(), expires, line.rights) };
    let joining = Joining { principal: &principal, line: &new, keyring: &keyring, label: &label };
    let joining = joining.join(opening.vault(), members.vault_key(), rng);
    let batch = leave(opening, &members, &[old], pending, vec![joining])?;
    Ok((batch, principal))
}
