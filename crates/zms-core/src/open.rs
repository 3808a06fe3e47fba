//! Opens a bundle: verifies in the order of spec/bundle.md#opening, and decrypts what verified.
//!
//! [`Opening::begin`] proves the roster and the caller's place in it; [`Opening::way`] proves
//! and opens the scopes on the way to a path. Nothing falls back to anything.

mod administrator;
mod error;
mod history;
mod members;
mod past;
mod places;
mod scope;
mod versions;
mod way;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use zms_crypto::{
    digest::sha256,
    sign::{Proven, Signature, Unverified, VerifyingKey},
};

pub(crate) use self::past::associated_data as past_data;
pub use self::{
    error::{OpenError, Place},
    members::Members,
    places::{Places, Stands},
    scope::OpenScope,
    versions::VersionAt,
    way::Reading,
};
use crate::{
    bundle::{Bundle, Standing, Trouble, Witness},
    id::{PrincipalId, ScopeId, VaultId},
    keyring::Keyring,
    pin::{Pinned, Pins, RosterPin},
    principal::{Kind, Principal},
    revision::{SignedMessage, message_hash},
    roster::{Line, MemberPart, Roster, authority},
    scope::Lineage,
    tree_head::root_from_proof,
};

/// A principal's verified view of one state of a vault.
pub struct Opening<'a> {
    pub(crate) bundle: &'a dyn Bundle,
    principal: &'a Principal,
    pins: &'a dyn Pinned,
    demanded: Option<&'a dyn Pinned>,
    proven: Option<&'a Proven>,
    now: u64,
    vault: VaultId,
    keyring: Keyring,
    line: Line,
    roster: Roster,
    roster_pin: RosterPin,
    pins_void: bool,
    authors: RefCell<BTreeMap<PrincipalId, Line>>,
    places: RefCell<BTreeMap<ScopeId, Lineage>>,
    seen: RefCell<Pins>,
    failed: Cell<bool>,
}

impl<'a> Opening<'a> {
    /// Steps 2 to 5: the principal is known, its keyring opens, the roster is signed and lists
    /// both, it has not expired, and nothing went behind the pins. `now` is in unix seconds.
    ///
    /// # Errors
    /// The class of the first step that fails.
    pub fn begin(
        principal: &'a Principal,
        bundle: &'a dyn Bundle,
        pins: &'a dyn Pinned,
        now: u64,
    ) -> Result<Self, OpenError> {
        Self::begin_knowing(principal, bundle, pins, now, None)
    }

    /// The same for who opens again and again and remembers which signatures it has proven.
    ///
    /// # Errors
    /// As for [`Opening::begin`].
    pub fn begin_knowing(
        principal: &'a Principal,
        bundle: &'a dyn Bundle,
        pins: &'a dyn Pinned,
        now: u64,
        proven: Option<&'a Proven>,
    ) -> Result<Self, OpenError> {
        let vault = bundle.vault()?.ok_or(OpenError::NoVault)?;
        let witness = match bundle.standing(principal.id())? {
            Standing::Unknown => return Err(OpenError::Unknown),
            Standing::Departed { at } => return Err(OpenError::Departed { at }),
            Standing::Member(witness) => witness,
        };
        let sealed = bundle.keyring(principal.id())?.ok_or(Place::Keyring)?;
        let keyring = Keyring::open(&principal.wrap_key(), vault, principal.id(), &sealed)
            .map_err(|_| Place::Keyring)?;
        if let Some(vault_key) = &keyring.vault_key
            && authority(vault_key).verifying_key() != keyring.authority
        {
            return Err(Place::Keyring.into());
        }
        let signed = bundle.roster()?.ok_or(Place::Roster)?;
        verify(proven, &keyring.authority, &signed.message, &signed.signature)
            .map_err(|_| Place::Roster)?;
        let roster = Roster::parse(&signed.message).map_err(|_| Place::Roster)?;
        if roster.vault != vault {
            return Err(Place::Roster.into());
        }
        let line = prove(principal.id(), &witness, &roster)?;
        if witness.keyring != sha256(&[&sealed]) {
            return Err(Place::Keyring.into());
        }
        let administers = line.kind == Kind::Administrator;
        let holds_all = keyring.vault_key.is_some() && line.writes(&[vault.root()]);
        let fits = line.kind == principal.kind()
            && keyring.vault_key.is_some() == administers
            && (!administers || holds_all);
        if !fits {
            return Err(Place::Member.into());
        }
        if let Some(at) = line.expires.filter(|_| line.expired(now)) {
            return Err(OpenError::Expired { at });
        }
        let roster_pin = RosterPin {
            generation: roster.generation,
            version: roster.version,
            hash: message_hash(&signed.message),
        };
        let pins_void = check_roster_pin(bundle, pins, &roster, &roster_pin)?;
        let seen = Pins { roster: Some(roster_pin), heads: BTreeMap::new() };
        Ok(Self {
            bundle,
            principal,
            pins,
            demanded: None,
            proven,
            now,
            vault,
            keyring,
            line,
            roster,
            roster_pin,
            pins_void,
            authors: RefCell::default(),
            places: RefCell::default(),
            seen: RefCell::new(seen),
            failed: Cell::new(false),
        })
    }

    /// Holds the state also against pins that were handed in from elsewhere: its roster here, each
    /// head when it is proven. Those of a lower generation are void, as one's own are.
    ///
    /// # Errors
    /// Rolled back.
    pub fn demanding(mut self, pins: &'a dyn Pinned) -> Result<Self, OpenError> {
        let void = check_roster_pin(self.bundle, pins, &self.roster, &self.roster_pin)?;
        self.demanded = Some(pins).filter(|_| !void);
        Ok(self)
    }

    /// Refuses a roster that was signed more than so many seconds ago.
    ///
    /// # Errors
    /// [`OpenError::Stale`].
    pub const fn no_older_than(&self, seconds: u64) -> Result<(), OpenError> {
        let issued_at = self.roster.issued_at;
        if self.now.saturating_sub(issued_at) > seconds {
            return Err(OpenError::Stale { issued_at });
        }
        Ok(())
    }

    /// The vault.
    pub const fn vault(&self) -> VaultId {
        self.vault
    }

    /// Who opened it.
    pub const fn principal(&self) -> &Principal {
        self.principal
    }

    /// The caller's own proven line.
    pub const fn line(&self) -> &Line {
        &self.line
    }

    /// The caller's keyring.
    pub const fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// The proven roster.
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The proven roster's number and hash.
    pub const fn roster_pin(&self) -> RosterPin {
        self.roster_pin
    }

    /// Unix seconds at which this view was opened.
    pub const fn now(&self) -> u64 {
        self.now
    }

    /// Whether a restore of the vault has voided what this client had seen: to be said aloud.
    pub const fn pins_void(&self) -> bool {
        self.pins_void
    }

    /// What was seen: to be pinned. `None` once anything failed to verify, because pins are
    /// written after full success only.
    pub fn seen(&self) -> Option<Pins> {
        (!self.failed.get()).then(|| self.seen.borrow().clone())
    }

    /// Verifies a signature, or remembers that it was verified.
    fn verify(
        &self,
        key: &VerifyingKey,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), Unverified> {
        verify(self.proven, key, message, signature)
    }

    /// The proven line of another member.
    fn author(&self, id: PrincipalId) -> Result<Line, OpenError> {
        if id == self.principal.id() {
            return Ok(self.line.clone());
        }
        if let Some(line) = self.authors.borrow().get(&id) {
            return Ok(line.clone());
        }
        let Standing::Member(witness) = self.bundle.standing(id)? else {
            return Err(Place::Member.into());
        };
        let line = prove(id, &witness, &self.roster)?;
        self.authors.borrow_mut().insert(id, line.clone());
        Ok(line)
    }
}

fn verify(
    proven: Option<&Proven>,
    key: &VerifyingKey,
    message: &[u8],
    signature: &Signature,
) -> Result<(), Unverified> {
    match proven {
        Some(proven) => proven.verify(key, message, signature),
        None => key.verify(message, signature),
    }
}

/// A member's line, proven to stand under the roster's tree head.
fn prove(id: PrincipalId, witness: &Witness, roster: &Roster) -> Result<Line, OpenError> {
    let line = Line::parse(&witness.line).map_err(|_| Place::Member)?;
    let part = MemberPart {
        principal: id,
        line: sha256(&[&witness.line]),
        escrow: witness.escrow,
        keyring: witness.keyring,
    };
    let root = root_from_proof(&part.encode(), &witness.proof);
    if line.principal != id || root != Some(roster.members_root) {
        return Err(Place::Member.into());
    }
    Ok(line)
}

/// Step 5. Whether a higher generation voids the pins.
fn check_roster_pin(
    bundle: &dyn Bundle,
    pins: &dyn Pinned,
    roster: &Roster,
    now: &RosterPin,
) -> Result<bool, OpenError> {
    let Some(pin) = pins.roster() else {
        return Ok(false);
    };
    if now.generation > pin.generation {
        return Ok(true);
    }
    let reached = now.generation == pin.generation
        && Chain { number: now.version, hash: now.hash, prev_hash: roster.prev_hash }.reaches(
            pin.version,
            pin.hash,
            || bundle.roster_messages(pin.version),
            |message| Roster::parse(message).ok().map(|r| (r.version, r.prev_hash)),
        )?;
    if reached { Ok(false) } else { Err(OpenError::RolledBack(Place::Roster)) }
}

/// The newest link of a chain of `prev_hash`.
struct Chain {
    number: u64,
    hash: [u8; 32],
    prev_hash: [u8; 32],
}

impl Chain {
    /// Whether the chain leads back to a pinned link, numbers down by one.
    fn reaches(
        &self,
        pinned: u64,
        pinned_hash: [u8; 32],
        between: impl FnOnce() -> Result<Vec<Vec<u8>>, Trouble>,
        link: impl Fn(&[u8]) -> Option<(u64, [u8; 32])>,
    ) -> Result<bool, Trouble> {
        if self.number <= pinned {
            return Ok(self.number == pinned && self.hash == pinned_hash);
        }
        let (mut number, mut wanted) = (self.number, self.prev_hash);
        if number > pinned + 1 {
            for message in between()?.iter().rev() {
                match link(message) {
                    Some((at, prev)) if at + 1 == number && message_hash(message) == wanted => {
                        (number, wanted) = (at, prev);
                    }
                    _ => return Ok(false),
                }
            }
        }
        Ok(number == pinned + 1 && wanted == pinned_hash)
    }
}

/// A signed message and its hash, as kept beside what was parsed from it.
pub(crate) fn hash_of(signed: &SignedMessage) -> [u8; 32] {
    message_hash(&signed.message)
}
