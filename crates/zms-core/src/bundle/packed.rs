//! A bundle as bytes, and back: what a file holds and a server sends.
//! spec/bundle.md#encoded

use std::sync::Arc;

use minicbor::{Decode, Encode, bytes::ByteVec};
use zms_crypto::{parts::Malformed, sign::Signature};

use super::{
    Bundle, Standing, Trouble, Wanted, Witness,
    wire::{Child, Member, Message, Part, Record, Scope, Signed},
};
use crate::{
    cbor,
    child::StoredChild,
    id::{PrincipalId, ScopeId, VaultId},
    record::{EndedRecord, StoredRecord},
    revision::{Revision, SignedMessage},
    roster::{MemberPart, Roster},
};

/// Longest encoding, in bytes.
pub const MAX_PACKED: usize = 64 * 1024 * 1024;

/// Every encoding starts with this; the last byte is the version.
const MAGIC: &[u8; 4] = b"ZMB\x01";

/// Bytes of a member's part.
pub(super) const PART: usize = 112;

/// What [`super::collect`] found, or what was decoded: a bundle in memory, as unproven as any.
///
/// What it does not hold it shows as a store would that withholds it, so that [`crate::open`]
/// refuses what needs it.
///
/// A clone is another hold on the same bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed(pub(super) Arc<Content>);

/// What it holds.
#[derive(Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct Content {
    #[n(1)]
    pub(super) vault: VaultId,
    #[n(2)]
    pub(super) roster: Signed,
    /// Up to the one before the current one.
    #[n(3)]
    pub(super) rosters: Vec<Message>,
    /// By principal.
    #[n(4)]
    pub(super) members: Vec<Member>,
    /// By id.
    #[n(5)]
    pub(super) scopes: Vec<Scope>,
    /// Parts of all members, where they were asked for.
    #[n(6)]
    pub(super) everyone: Option<ByteVec>,
}

impl Packed {
    /// The encoding: the same for what is the same.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        minicbor::encode(&*self.0, &mut out).expect("a vector takes every encoding");
        out
    }

    /// Reads an encoding. It proves nothing.
    ///
    /// # Errors
    /// [`Malformed`] for anything but the one encoding of a bundle.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let body = bytes.strip_prefix(MAGIC).ok_or(Malformed)?;
        if bytes.len() > MAX_PACKED {
            return Err(Malformed);
        }
        let content: Content = cbor::decode(body)?;
        if content.is_sorted() { Ok(Self(Arc::new(content))) } else { Err(Malformed) }
    }

    /// Whose keyrings it holds: who can read from it.
    pub fn readers(&self) -> impl Iterator<Item = PrincipalId> {
        let whole = |member: &&Member| member.keyring.whole().is_some();
        self.0.members.iter().filter(whole).map(|member| member.principal)
    }

    /// Ids of the scopes it shows.
    pub fn scopes(&self) -> impl Iterator<Item = ScopeId> {
        self.0.scopes.iter().map(|scope| scope.id)
    }

    /// What of it is a read: the scopes whose records it shows, with the revision, and whether also
    /// what they were. The root holds no records; a scope of which none came whole shows none.
    pub fn reads(&self) -> impl Iterator<Item = (ScopeId, u64, bool)> {
        let scopes = self.0.scopes.iter().filter(|scope| scope.id != self.0.vault.root());
        scopes.filter_map(|scope| {
            let head = Revision::parse(&scope.head.message.0).ok()?;
            let ended = scope.past.iter().flat_map(|past| &past.ended);
            let mut all = scope.records.as_ref()?.iter().chain(ended).peekable();
            let none = all.peek().is_none();
            let whole = all.any(|record| matches!(record.envelope, Part::Whole(_)));
            (none || whole).then_some((scope.id, head.revision, scope.past.is_some()))
        })
    }

    /// Whether it shows the records of a scope, be it that there are none.
    pub fn shows_records(&self, scope: ScopeId) -> bool {
        self.scope(scope).is_some_and(|scope| scope.records.is_some())
    }

    /// Ids of everybody it shows a line of: readers, and who signed.
    pub fn everybody(&self) -> impl Iterator<Item = PrincipalId> {
        self.0.members.iter().map(|member| member.principal)
    }

    fn member(&self, principal: PrincipalId) -> Option<&Member> {
        let members = &self.0.members;
        let at = members.binary_search_by_key(&principal, |member| member.principal);
        at.ok().map(|at| &members[at])
    }

    fn scope(&self, id: ScopeId) -> Option<&Scope> {
        let at = self.0.scopes.binary_search_by_key(&id, |scope| scope.id);
        at.ok().map(|at| &self.0.scopes[at])
    }
}

impl Content {
    /// Every list is in the one order it has.
    fn is_sorted(&self) -> bool {
        ascending(&self.members, |member| member.principal)
            && ascending(&self.scopes, |scope| scope.id)
            && self.scopes.iter().all(Scope::is_sorted)
            && self.everyone.as_ref().is_none_or(|parts| {
                let (parts, rest) = parts.as_chunks::<PART>();
                rest.is_empty() && ascending(parts, |part| *part)
            })
    }
}

impl Scope {
    fn is_sorted(&self) -> bool {
        let live = self.records.as_deref().unwrap_or_default();
        let children = self.children.as_deref().unwrap_or_default();
        ascending(live, |record| record.name_index)
            && live.iter().all(|record| record.rev_to.is_none())
            && ascending(children, |child| child.child_index)
            && self.past.as_ref().is_none_or(|past| {
                ascending(&past.signatures, |kept| kept.revision)
                    && ascending(&past.ended, Record::place)
                    && past.ended.iter().all(|record| record.rev_to.is_some())
                    && ascending(&past.epochs, |past| past.epoch)
            })
    }
}

/// Whether keys rise, none there twice.
fn ascending<T, K: Ord>(items: &[T], key: impl Fn(&T) -> K) -> bool {
    items.windows(2).all(|pair| key(&pair[0]) < key(&pair[1]))
}

/// The messages behind number `after`, of a list that ends right before `newest`.
fn behind(messages: &[Message], newest: Option<u64>, after: u64) -> Vec<Vec<u8>> {
    let wanted = newest.map_or(u64::MAX, |newest| newest.saturating_sub(after).saturating_sub(1));
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
    let messages = &messages[messages.len().saturating_sub(wanted)..];
    messages.iter().map(|message| message.0.clone()).collect()
}

impl Bundle for Packed {
    fn vault(&self) -> Result<Option<VaultId>, Trouble> {
        Ok(Some(self.0.vault))
    }

    fn standing(&self, principal: PrincipalId) -> Result<Standing, Trouble> {
        Ok(self.member(principal).map_or(Standing::Unknown, |member| {
            Standing::Member(Witness {
                line: member.line.0.clone(),
                escrow: member.escrow.hash(),
                keyring: member.keyring.hash(),
                proof: member.proof.0.clone(),
            })
        }))
    }

    fn keyring(&self, principal: PrincipalId) -> Result<Option<Vec<u8>>, Trouble> {
        Ok(self.member(principal).and_then(|member| member.keyring.whole()))
    }

    fn escrow(&self, principal: PrincipalId) -> Result<Option<Vec<u8>>, Trouble> {
        Ok(self.member(principal).and_then(|member| member.escrow.whole()))
    }

    fn members(&self) -> Result<Vec<MemberPart>, Trouble> {
        let parts = self.0.everyone.as_ref().map_or(&[][..], |parts| parts.as_chunks().0);
        Ok(parts.iter().map(MemberPart::decode).collect())
    }

    fn roster(&self) -> Result<Option<SignedMessage>, Trouble> {
        Ok(Some(self.0.roster.shown()))
    }

    fn roster_messages(&self, after: u64) -> Result<Vec<Vec<u8>>, Trouble> {
        let newest = Roster::parse(&self.0.roster.message.0).ok().map(|roster| roster.version);
        Ok(behind(&self.0.rosters, newest, after))
    }

    fn head(&self, scope: ScopeId) -> Result<Option<SignedMessage>, Trouble> {
        Ok(self.scope(scope).map(|scope| scope.head.shown()))
    }

    fn revision_messages(&self, scope: ScopeId, after: u64) -> Result<Vec<Vec<u8>>, Trouble> {
        Ok(self.scope(scope).map_or_else(Vec::new, |scope| {
            let newest = Revision::parse(&scope.head.message.0).ok().map(|head| head.revision);
            behind(&scope.messages, newest, after)
        }))
    }

    fn records(&self, scope: ScopeId, wanted: &Wanted) -> Result<Vec<StoredRecord>, Trouble> {
        let live = self.scope(scope).and_then(|scope| scope.records.as_deref());
        let shown = |record: &Record| record.shown(wanted.includes(record.name_index));
        Ok(live.unwrap_or_default().iter().map(shown).collect())
    }

    fn children(&self, scope: ScopeId) -> Result<Vec<StoredChild>, Trouble> {
        let live = self.scope(scope).and_then(|scope| scope.children.as_deref());
        Ok(live.unwrap_or_default().iter().map(Child::shown).collect())
    }

    fn signatures(&self, scope: ScopeId) -> Result<Vec<(u64, Signature)>, Trouble> {
        let past = self.scope(scope).and_then(|scope| scope.past.as_ref());
        let kept = past.map_or(&[][..], |past| &past.signatures);
        Ok(kept.iter().map(|kept| (kept.revision, kept.signature)).collect())
    }

    fn ended(&self, scope: ScopeId, wanted: &Wanted) -> Result<Vec<EndedRecord>, Trouble> {
        let past = self.scope(scope).and_then(|scope| scope.past.as_ref());
        let shown = |ended: &Record| EndedRecord {
            record: ended.shown(wanted.includes(ended.name_index)),
            rev_to: ended.rev_to.unwrap_or_default(),
        };
        Ok(past.map_or(&[][..], |past| &past.ended).iter().map(shown).collect())
    }

    fn past(&self, scope: ScopeId, epoch: u32) -> Result<Option<Vec<u8>>, Trouble> {
        let past = self.scope(scope).and_then(|scope| scope.past.as_ref());
        let found = past.and_then(|past| past.epochs.iter().find(|past| past.epoch == epoch));
        Ok(found.map(|past| past.envelope.clone()))
    }
}
