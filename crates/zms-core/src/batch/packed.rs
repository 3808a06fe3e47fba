//! A batch as bytes, and back: what a client hands to an engine. spec/engine.md#commits
//!
//! All of it may be read by whoever sees it pass, but for the request keys of members that join:
//! these are sealed under a key that caller and engine have in common.

use minicbor::{Decode, Encode, bytes::ByteVec};
use zms_crypto::{
    CryptoRng, Key, Purpose,
    derive::derive_key,
    envelope::{open, seal},
    parts::{Malformed, Parts},
    sign::{Signature, VerifyingKey},
};

use super::{AuthorityPut, Batch, MemberPut, RosterPut, ScopePut};
use crate::{
    bundle::{
        MAX_PACKED,
        wire::{Child, Message, Record, Sealed, Signed, Sized},
    },
    cbor,
    child::StoredChild,
    id::{ChildIndex, NameIndex, PrincipalId, ScopeId, VaultId},
    pin::RosterPin,
    record::{Envelope, StoredRecord},
    revision::Revision,
    roster::Roster,
};

/// Every encoding starts with this; the last byte is the version.
const MAGIC: &[u8; 4] = b"ZMC\x01";

#[derive(Encode, Decode)]
#[cbor(map)]
struct BatchWire {
    #[n(1)]
    vault: VaultId,
    #[n(2)]
    found: Option<PinWire>,
    #[n(3)]
    members: Vec<MemberWire>,
    #[n(4)]
    departed: Vec<PrincipalId>,
    #[n(5)]
    roster: Option<Signed>,
    #[n(6)]
    authority: Option<AuthorityWire>,
    #[n(7)]
    scopes: Vec<ScopeWire>,
    #[n(8)]
    unmoved: Vec<UnmovedWire>,
    #[n(9)]
    at: u64,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct PinWire {
    #[n(1)]
    generation: u64,
    #[n(2)]
    version: u64,
    #[cbor(n(3), with = "minicbor::bytes")]
    hash: [u8; 32],
}

/// A member that joins has all of it; one whose keyring changes has only that.
#[derive(Encode, Decode)]
#[cbor(map)]
struct MemberWire {
    #[n(1)]
    principal: PrincipalId,
    #[n(2)]
    keyring: Sealed,
    #[n(3)]
    joins: Option<JoinsWire>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct JoinsWire {
    #[n(1)]
    line: Message,
    #[n(2)]
    escrow: Sealed,
    #[n(3)]
    request_key: ByteVec,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct AuthorityWire {
    #[cbor(n(1), with = "minicbor::bytes")]
    vk: [u8; 32],
    #[cbor(n(2), with = "minicbor::bytes")]
    endorsement: Option<Signature>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct ScopeWire {
    #[n(1)]
    lineage: Vec<ScopeId>,
    #[n(2)]
    signed: Signed,
    #[n(3)]
    records_gone: Vec<NameIndex>,
    #[n(4)]
    records: Vec<Record>,
    #[n(5)]
    children_gone: Vec<ChildIndex>,
    #[n(6)]
    children: Vec<Child>,
    #[n(7)]
    past: Option<ByteVec>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct UnmovedWire {
    #[n(1)]
    scope: ScopeId,
    #[n(2)]
    revision: u64,
}

impl Batch {
    /// The encoding. `shared` is the caller's request key, or for a new vault what the engine gave
    /// out to make it.
    pub fn encode(&self, shared: &Key, rng: &mut dyn CryptoRng) -> Vec<u8> {
        let channel = derive_key(shared, Purpose::REQUEST_CHANNEL);
        let wire = BatchWire {
            vault: self.vault,
            found: self.found.map(|pin| PinWire {
                generation: pin.generation,
                version: pin.version,
                hash: pin.hash,
            }),
            members: self.members.iter().map(|put| self.member(put, &channel, rng)).collect(),
            departed: self.departed.clone(),
            roster: self.roster.as_ref().map(|put| put.signed.clone().into()),
            authority: self
                .authority
                .map(|put| AuthorityWire { vk: put.vk.0, endorsement: put.endorsement }),
            scopes: self.scopes.iter().map(ScopeWire::from).collect(),
            unmoved: self
                .unmoved
                .iter()
                .map(|(scope, revision)| UnmovedWire { scope: *scope, revision: *revision })
                .collect(),
            at: self.at,
        };
        let mut out = MAGIC.to_vec();
        minicbor::encode(&wire, &mut out).expect("a vector takes every encoding");
        out
    }

    /// Reads an encoding. It proves nothing: [`crate::admit`] does.
    ///
    /// # Errors
    /// [`Malformed`] for anything but the one encoding of a batch, and where a request key does
    /// not open.
    pub fn decode(bytes: &[u8], shared: &Key) -> Result<Self, Malformed> {
        let body = bytes.strip_prefix(MAGIC).ok_or(Malformed)?;
        if bytes.len() > MAX_PACKED {
            return Err(Malformed);
        }
        let wire: BatchWire = cbor::decode(body)?;
        let channel = derive_key(shared, Purpose::REQUEST_CHANNEL);
        let member = |member| opened(wire.vault, member, &channel);
        let roster = wire.roster.map(|signed| {
            let signed = signed.shown();
            Roster::parse(&signed.message).map(|roster| RosterPut { roster, signed })
        });
        Ok(Self {
            vault: wire.vault,
            found: wire.found.map(|PinWire { generation, version, hash }| RosterPin {
                generation,
                version,
                hash,
            }),
            members: wire.members.into_iter().map(member).collect::<Result<_, _>>()?,
            departed: wire.departed,
            roster: roster.transpose()?,
            authority: wire
                .authority
                .map(|put| AuthorityPut { vk: VerifyingKey(put.vk), endorsement: put.endorsement }),
            scopes: wire.scopes.into_iter().map(ScopePut::try_from).collect::<Result<_, _>>()?,
            unmoved: wire.unmoved.iter().map(|mark| (mark.scope, mark.revision)).collect(),
            at: wire.at,
        })
    }

    fn member(&self, put: &MemberPut, channel: &Key, rng: &mut dyn CryptoRng) -> MemberWire {
        match put {
            MemberPut::Keyring { principal, keyring } => {
                MemberWire { principal: *principal, keyring: Sized(keyring.clone()), joins: None }
            }
            MemberPut::Joins { principal, line, escrow, keyring, request_key } => {
                let aad = associated_data(self.vault, *principal);
                // EXPOSE: the request key is about to be sealed.
                let sealed = seal(channel, &aad, request_key.expose(), rng);
                let joins = JoinsWire {
                    line: Sized(line.clone()),
                    escrow: Sized(escrow.clone()),
                    request_key: sealed.into(),
                };
                let keyring = Sized(keyring.clone());
                MemberWire { principal: *principal, keyring, joins: Some(joins) }
            }
        }
    }
}

fn associated_data(vault: VaultId, principal: PrincipalId) -> Vec<u8> {
    Parts::tagged("zms/v1/aad/request-key")
        .bytes(vault.as_bytes())
        .bytes(principal.as_bytes())
        .finish()
}

fn opened(vault: VaultId, member: MemberWire, channel: &Key) -> Result<MemberPut, Malformed> {
    let MemberWire { principal, keyring: Sized(keyring), joins } = member;
    let Some(JoinsWire { line, escrow, request_key }) = joins else {
        return Ok(MemberPut::Keyring { principal, keyring });
    };
    let aad = associated_data(vault, principal);
    let request_key = open(channel, &aad, &request_key).map_err(|_| Malformed)?;
    // EXPOSE: copied into custody of its own.
    let request_key = request_key.expose().as_slice().try_into().map_err(|_| Malformed)?;
    Ok(MemberPut::Joins {
        principal,
        line: line.0,
        escrow: escrow.0,
        keyring,
        request_key: Key::from_bytes(request_key),
    })
}

impl From<&ScopePut> for ScopeWire {
    fn from(put: &ScopePut) -> Self {
        Self {
            lineage: put.lineage.clone(),
            signed: put.signed.clone().into(),
            records_gone: put.records_gone.clone(),
            records: put.records.iter().cloned().map(Record::live).collect(),
            children_gone: put.children_gone.clone(),
            children: put.children.iter().cloned().map(Child::from).collect(),
            past: put.past.clone().map(ByteVec::from),
        }
    }
}

impl TryFrom<ScopeWire> for ScopePut {
    type Error = Malformed;

    fn try_from(wire: ScopeWire) -> Result<Self, Malformed> {
        let signed = wire.signed.shown();
        let revision = Revision::parse(&signed.message)?;
        let records: Vec<StoredRecord> = wire.records.iter().map(|held| held.shown(true)).collect();
        let whole = |held: &StoredRecord| matches!(held.envelope, Envelope::Whole(_));
        let live = wire.records.iter().all(|held| held.rev_to.is_none());
        if !live || !records.iter().all(whole) {
            return Err(Malformed);
        }
        let children: Vec<StoredChild> = wire.children.iter().map(Child::shown).collect();
        Ok(Self {
            lineage: wire.lineage,
            revision,
            signed,
            records_gone: wire.records_gone,
            records,
            children_gone: wire.children_gone,
            children,
            past: wire.past.map(Vec::from),
        })
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    use super::*;
    use crate::{
        change::{init::init, plant::Seedling},
        path::Segment,
        principal::{Kind, Principal},
    };

    fn rng() -> ChaCha20Rng {
        ChaCha20Rng::seed_from_u64(7)
    }

    fn batch() -> Batch {
        let mut rng = rng();
        let owner = Principal::from_seed(Kind::Administrator, Key::generate(&mut rng));
        let shop = Seedling::bare(Segment::parse("shop").expect("a good name"), vec![]);
        let vault = VaultId::generate(&mut rng);
        init(&owner, vault, vec![shop], 1_800_000_000, &mut rng).expect("the tree is small")
    }

    #[test]
    fn a_batch_comes_back_as_it_was() {
        let (shared, batch) = (Key::from_bytes(&[1; 32]), batch());
        let sent = batch.encode(&shared, &mut rng());
        let back = Batch::decode(&sent, &shared).expect("our own encoding");
        assert_eq!(back.encode(&shared, &mut rng()), sent);
        let [MemberPut::Joins { request_key: one, .. }] = &batch.members[..] else {
            panic!("the owner joins")
        };
        let [MemberPut::Joins { request_key: other, .. }] = &back.members[..] else {
            panic!("the owner joins")
        };
        // EXPOSE: compared in a test.
        assert_eq!(one.expose(), other.expose());
        let shown = sent.windows(32).any(|window| window == one.expose());
        assert!(!shown, "a request key is sent in the clear");
    }

    #[test]
    fn a_batch_that_was_changed_anywhere_is_refused_or_another() {
        let (shared, batch) = (Key::from_bytes(&[1; 32]), batch());
        let sent = batch.encode(&shared, &mut rng());
        assert_eq!(Batch::decode(&sent, &Key::from_bytes(&[2; 32])).err(), Some(Malformed));
        for end in 0..sent.len() {
            assert!(Batch::decode(&sent[..end], &shared).is_err(), "cut at {end}");
        }
        assert!(Batch::decode(&[&sent[..], &[0]].concat(), &shared).is_err());
        for at in 0..sent.len() {
            let mut other = sent.clone();
            other[at] ^= 1;
            // What still reads says something else, which its signatures are there to tell.
            if let Ok(read) = Batch::decode(&other, &shared) {
                assert_ne!(read.encode(&shared, &mut rng()), sent, "changed at {at}");
            }
        }
    }
}
