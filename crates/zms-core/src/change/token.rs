//! Mints a token: a new principal with rights on some scopes.

use zms_crypto::{CryptoRng, Key};

use super::{ChangeError, target};
use crate::{
    batch::{Batch, MemberPut, RosterPut},
    id::VaultId,
    keyring::{Depth, Entry, Keyring},
    open::{Members, OpenScope, Opening, Reading},
    path::{ScopePath, Segment},
    principal::{Kind, Principal},
    roster::{Escrow, Limits, Line, MemberPart, Right, Rights, Roster, authority, members_root},
};

/// One scope that a token is for.
pub struct Grant<'s> {
    /// The way from the root to the scope.
    pub way: &'s [OpenScope],
    /// Whether it may also write there, and shape the scopes below.
    pub write: bool,
    /// Whether the scopes above are read too, as running in the scope does.
    pub inherit: bool,
}

/// What a token is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A program.
    Service,
    /// An AI agent.
    Agent,
    /// A second administrator: it holds the vault key, and the whole tree whatever its grants say.
    Administrator,
}

impl From<TokenKind> for Kind {
    fn from(kind: TokenKind) -> Self {
        match kind {
            TokenKind::Service => Self::Service,
            TokenKind::Agent => Self::Agent,
            TokenKind::Administrator => Self::Administrator,
        }
    }
}

/// A token to be made.
pub struct NewToken<'s> {
    /// The name people will know it by.
    pub label: Segment,
    /// What it is made for.
    pub kind: TokenKind,
    /// What it is for.
    pub grants: Vec<Grant<'s>>,
    /// Unix seconds past which it is nobody.
    pub expires: Option<u64>,
    /// What a live engine holds it to.
    pub limits: Limits,
}

/// Makes a token. The principal holds the seed, to be shown once.
///
/// # Errors
/// [`ChangeError::NotAdministrator`], [`ChangeError::LabelExists`].
pub fn create(
    opening: &Opening<'_>,
    new: &NewToken<'_>,
    rng: &mut dyn CryptoRng,
) -> Result<(Batch, Principal), ChangeError> {
    let members = opening.members()?.ok_or(ChangeError::NotAdministrator)?;
    for id in members.ids() {
        if members.escrow(id)?.label == new.label.as_str() {
            return Err(ChangeError::LabelExists(new.label.clone()));
        }
    }
    let principal = Principal::from_seed(new.kind.into(), Key::generate(rng));
    let (mut keyring, mut rights) = holdings(opening, &new.grants)?;
    if new.kind == TokenKind::Administrator {
        (keyring, rights) = everything(opening, &members)?;
    }
    let mut line = Line::new(&principal, opening.now(), new.expires, rights);
    line.limits = new.limits.clone();
    let joining =
        Joining { principal: &principal, line: &line, keyring: &keyring, label: &new.label };
    let (joins, part) = joining.join(opening.vault(), members.vault_key(), rng);
    let roster = next_roster(opening, &members, opening.roster().pending.clone(), |parts| {
        parts.push(part);
    });
    let batch = Batch { members: vec![joins], roster: Some(roster), ..Batch::after(opening) };
    Ok((batch, principal))
}

/// A member that is about to join.
pub(super) struct Joining<'m> {
    pub(super) principal: &'m Principal,
    pub(super) line: &'m Line,
    pub(super) keyring: &'m Keyring,
    pub(super) label: &'m Segment,
}

impl Joining<'_> {
    /// The new member, and its part of the members' tree. Its escrow is sealed under R.
    pub(super) fn join(
        &self,
        vault: VaultId,
        vault_key: &Key,
        rng: &mut dyn CryptoRng,
    ) -> (MemberPut, MemberPart) {
        let (principal, id) = (self.principal, self.principal.id());
        let keyring = self.keyring.seal(&principal.wrap_key(), vault, id, rng);
        let line = self.line.encode();
        let escrow = Escrow { wrap: principal.wrap_key(), label: self.label.as_str().to_owned() };
        let escrow = escrow.seal(vault_key, vault, id, rng);
        let part = MemberPart::new(id, &line, &escrow, &keyring);
        let request_key = principal.request_key();
        (MemberPut::Joins { principal: id, line, escrow, keyring, request_key }, part)
    }
}

/// What an administrator holds: the root, and the vault key.
fn everything(
    opening: &Opening<'_>,
    members: &Members<'_>,
) -> Result<(Keyring, Rights), ChangeError> {
    let way = opening.way(&ScopePath::default(), Reading::Structure)?;
    let grant = Grant { way: &way, write: true, inherit: false };
    let (mut keyring, rights) = holdings(opening, &[grant])?;
    keyring.vault_key = Some(members.vault_key().duplicate());
    Ok((keyring, rights))
}

/// The keyring and the rights that grants add up to.
fn holdings(opening: &Opening<'_>, grants: &[Grant<'_>]) -> Result<(Keyring, Rights), ChangeError> {
    let mut keyring =
        Keyring { authority: opening.keyring().authority, vault_key: None, entries: Vec::new() };
    let mut rights = Rights::default();
    for grant in grants {
        let scope = target(grant.way);
        let node = scope.keys.node.as_ref().ok_or(ChangeError::NotAdministrator)?;
        keyring.add(entry(scope, Depth::Subtree, node.node()));
        rights.add(scope.id(), if grant.write { Right::Write } else { Right::Read });
        // The root holds no records, so nobody inherits from it.
        let above =
            grant.way.iter().filter(|above| above.lineage.len() > 1 && above.id() != scope.id());
        for above in above.take_while(|_| grant.inherit) {
            keyring.add(entry(above, Depth::Exact, above.keys.data.data()));
            rights.add(above.id(), Right::Exact);
        }
    }
    Ok((keyring, rights))
}

fn entry(scope: &OpenScope, depth: Depth, key: &Key) -> Entry {
    Entry {
        lineage: scope.lineage.clone(),
        path: scope.path.clone(),
        epoch: scope.head.epoch,
        depth,
        key: key.duplicate(),
    }
}

/// The roster after this one, with the members as `edit` leaves them.
pub(super) fn next_roster(
    opening: &Opening<'_>,
    members: &Members<'_>,
    pending: Rights,
    edit: impl FnOnce(&mut Vec<MemberPart>),
) -> RosterPut {
    let mut parts: Vec<MemberPart> = members.parts().copied().collect();
    edit(&mut parts);
    roster_of(opening, parts, pending, members.vault_key())
}

/// The roster after this one, with these members, signed by the authority that R gives.
pub(super) fn roster_of(
    opening: &Opening<'_>,
    mut parts: Vec<MemberPart>,
    pending: Rights,
    vault_key: &Key,
) -> RosterPut {
    parts.sort_unstable();
    let pin = opening.roster_pin();
    let roster = Roster {
        vault: opening.vault(),
        generation: pin.generation,
        version: pin.version + 1,
        prev_hash: pin.hash,
        issued_at: opening.now(),
        members_root: members_root(&parts),
        pending,
    };
    let signed = roster.sign(&authority(vault_key));
    RosterPut { roster, signed }
}
