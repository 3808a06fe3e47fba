//! Collects from any store what readers need, without any key: a server sees no names, so the way
//! leads from the scopes that a line names down by child ids. spec/bundle.md#collecting

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use minicbor::bytes::ByteVec;

use super::{
    Bundle, MAX_PACKED, Packed, Standing, Trouble, Wanted,
    packed::{Content, PART},
    wire::{Child, Epoch, Member, Message, Numbered, Part, Past, Proof, Record, Scope, Sized},
};
use crate::{
    id::{PrincipalId, ScopeId},
    open::Opening,
    path::MAX_DEPTH,
    revision::{Revision, SignedMessage},
    roster::{Line, Right, Roster},
};

/// What to collect for somebody.
#[derive(Debug, Clone)]
pub struct Wish<'w> {
    /// Of the scopes that the lines lead to, those; `None` is all of them. A scope is reached
    /// through those above it, so each of these must be named too, from the line's own one down.
    pub scopes: Option<&'w BTreeSet<ScopeId>>,
    /// Their live records; `None` leaves them out, for who wants to see the tree only.
    pub records: Option<Wanted>,
    /// Of which of them the records come at all: the others are shown without, and stay unread.
    pub of: Of<'w>,
    /// The messages between what was seen before and what is there now.
    pub since: Since,
    /// What the scopes were, too.
    pub past: bool,
    /// All members' parts and escrows, too: for administrators.
    pub everyone: bool,
}

/// The scopes whose records, and whose past, are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of<'w> {
    /// All that are shown.
    All,
    /// Those that the reader's line itself names, not what lies below them.
    Own,
    /// These.
    These(&'w BTreeSet<ScopeId>),
}

/// Which messages of a chain to show between old ones and the newest.
#[derive(Debug, Clone)]
pub enum Since {
    /// All of them: whatever a client has pinned.
    Beginning,
    /// The last so many.
    Last(u64),
    /// Those behind what one client has pinned; of what it has not, none.
    Pinned {
        /// Version of the roster.
        roster: Option<u64>,
        /// Revisions.
        heads: BTreeMap<ScopeId, u64>,
    },
}

impl Wish<'_> {
    /// Everything that a token opens now, for a client with any pins: what a file holds.
    pub const EVERYTHING: Self = Self {
        scopes: None,
        records: Some(Wanted::All),
        of: Of::All,
        since: Since::Beginning,
        past: false,
        everyone: false,
    };
}

/// Why nothing was collected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Uncollected {
    /// The store holds no vault.
    #[error("there is no vault")]
    NoVault,
    /// No member, or no more.
    #[error("{0} is no member of this vault")]
    NoMember(PrincipalId),
    /// The store does not show what must be there.
    #[error("the store does not show all of the vault")]
    Incomplete,
    /// More than a bundle may hold.
    #[error("it would be larger than {} MiB", MAX_PACKED >> 20)]
    TooLarge,
    /// The store is in trouble.
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

/// Collects what members need to read. The same state gives the same bundle.
///
/// # Errors
/// [`Uncollected`].
pub fn collect(
    bundle: &dyn Bundle,
    readers: &[PrincipalId],
    wish: &Wish<'_>,
) -> Result<Packed, Uncollected> {
    let vault = bundle.vault()?.ok_or(Uncollected::NoVault)?;
    let signed = bundle.roster()?.ok_or(Uncollected::Incomplete)?;
    let roster = Roster::parse(&signed.message).map_err(|_| Uncollected::Incomplete)?;
    let mut basket = Basket { bundle, wish, left: MAX_PACKED, scopes: BTreeMap::new() };
    let (mut members, mut rights) = (BTreeMap::new(), Vec::new());
    for reader in readers {
        let (member, line) = basket.member(*reader, true)?.ok_or(Uncollected::NoMember(*reader))?;
        members.insert(*reader, member);
        rights.extend(line.rights.iter());
    }
    // Who holds less of a scope must not keep out what who holds more of it is to see.
    rights.sort_by_key(|(_, right)| std::cmp::Reverse(*right));
    for (scope, right) in rights {
        basket.descend(scope, right)?;
    }
    for author in basket.authors().into_iter().filter(|author| !readers.contains(author)) {
        // Who has signed a head and is no member is for the reader to refuse.
        members.extend(basket.member(author, false)?.map(|(member, _)| (author, member)));
    }
    let after = wish.since.roster(roster.version);
    let rosters = basket.messages(bundle.roster_messages(after)?)?;
    let everyone = match wish.everyone {
        true => Some(basket.everyone(&mut members)?),
        false => None,
    };
    basket.take(signed.message.len())?;
    Ok(Packed(Arc::new(Content {
        vault,
        roster: signed.into(),
        rosters,
        members: members.into_values().collect(),
        scopes: basket.scopes.into_values().collect(),
        everyone,
    })))
}

impl Opening<'_> {
    /// As [`collect`], from the state that was opened.
    ///
    /// # Errors
    /// [`Uncollected`].
    pub fn collect(&self, readers: &[PrincipalId], wish: &Wish<'_>) -> Result<Packed, Uncollected> {
        collect(self.bundle, readers, wish)
    }
}

impl Since {
    /// The number behind which messages are shown.
    fn roster(&self, newest: u64) -> u64 {
        match self {
            Self::Pinned { roster, .. } => roster.unwrap_or(newest),
            other => other.after(newest),
        }
    }

    fn head(&self, scope: ScopeId, newest: u64) -> u64 {
        match self {
            Self::Pinned { heads, .. } => heads.get(&scope).copied().unwrap_or(newest),
            other => other.after(newest),
        }
    }

    const fn after(&self, newest: u64) -> u64 {
        match self {
            Self::Last(most) => newest.saturating_sub(1).saturating_sub(*most),
            _ => 0,
        }
    }
}

/// What was collected so far.
struct Basket<'b> {
    bundle: &'b dyn Bundle,
    wish: &'b Wish<'b>,
    /// Bytes that may still come.
    left: usize,
    scopes: BTreeMap<ScopeId, Scope>,
}

impl Basket<'_> {
    /// Counts bytes, and what stands around them, against the most that a bundle may hold: a store
    /// without end is left when it is full.
    fn take(&mut self, bytes: usize) -> Result<(), Uncollected> {
        let left = self.left.checked_sub(bytes.saturating_add(64));
        self.left = left.ok_or(Uncollected::TooLarge)?;
        Ok(())
    }

    fn messages(&mut self, messages: Vec<Vec<u8>>) -> Result<Vec<Message>, Uncollected> {
        messages.iter().try_for_each(|message| self.take(message.len()))?;
        Ok(messages.into_iter().map(Sized).collect())
    }

    fn member(
        &mut self,
        principal: PrincipalId,
        reads: bool,
    ) -> Result<Option<(Member, Line)>, Uncollected> {
        let Standing::Member(witness) = self.bundle.standing(principal)? else { return Ok(None) };
        let line = Line::parse(&witness.line).map_err(|_| Uncollected::Incomplete)?;
        let keyring = match reads {
            true => {
                let sealed = self.bundle.keyring(principal)?.ok_or(Uncollected::Incomplete)?;
                self.take(sealed.len())?;
                Part::Whole(Sized(sealed))
            }
            false => Part::Bare(witness.keyring),
        };
        self.take(witness.line.len() + 33 * witness.proof.len())?;
        let member = Member {
            principal,
            line: Sized(witness.line),
            proof: Proof(witness.proof),
            keyring,
            escrow: Part::Bare(witness.escrow),
        };
        Ok(Some((member, line)))
    }

    /// Who signed what was collected: the heads, and where the past was asked for, that.
    fn authors(&self) -> BTreeSet<PrincipalId> {
        let signed = self.scopes.values().flat_map(|scope| {
            let older = scope.messages.iter().filter(|_| self.wish.past);
            older.chain([&scope.head.message])
        });
        let revisions = signed.flat_map(|message| Revision::parse(&message.0));
        revisions.map(|revision| revision.author).collect()
    }

    /// Every member's part; and everybody among the members, with keyring and escrow.
    fn everyone(
        &mut self,
        members: &mut BTreeMap<PrincipalId, Member>,
    ) -> Result<ByteVec, Uncollected> {
        let parts = self.bundle.members()?;
        self.take(parts.len().saturating_mul(PART))?;
        for part in &parts {
            let id = part.principal;
            let (member, _) = self.member(id, true)?.ok_or(Uncollected::Incomplete)?;
            let escrow = self.bundle.escrow(id)?.ok_or(Uncollected::Incomplete)?;
            self.take(escrow.len())?;
            members.insert(id, Member { escrow: Part::Whole(Sized(escrow)), ..member });
        }
        let parts: Vec<u8> = parts.iter().flat_map(|part| part.encode()).collect();
        Ok(parts.into())
    }

    /// A scope that a line names, and what of it and below it that line may read.
    fn descend(&mut self, scope: ScopeId, right: Right) -> Result<(), Uncollected> {
        let mut to_see = vec![(scope, 0)];
        while let Some((id, depth)) = to_see.pop() {
            let wished = self.wish.scopes.is_none_or(|scopes| scopes.contains(&id));
            if !wished || self.scopes.contains_key(&id) {
                continue;
            }
            if depth > MAX_DEPTH {
                return Err(Uncollected::Incomplete);
            }
            let of = match self.wish.of {
                Of::All => true,
                Of::Own => depth == 0,
                Of::These(scopes) => scopes.contains(&id),
            };
            let scope = self.scope(id, right, of)?;
            let below = scope.children.iter().flatten();
            to_see.extend(below.map(|child| (child.child, depth + 1)));
            self.scopes.insert(id, scope);
        }
        Ok(())
    }

    fn scope(&mut self, id: ScopeId, right: Right, of: bool) -> Result<Scope, Uncollected> {
        let head = self.bundle.head(id)?.ok_or(Uncollected::Incomplete)?;
        let revision = Revision::parse(&head.message).map_err(|_| Uncollected::Incomplete)?;
        let after = self.wish.since.head(id, revision.revision);
        let past = self.wish.past && of;
        let after = if past { 0 } else { after };
        let messages = self.bundle.revision_messages(id, after)?;
        let messages = self.messages(messages)?;
        let wanted = self.wish.records.as_ref().filter(|_| of);
        let records = match wanted {
            Some(wanted) => {
                let live = self.bundle.records(id, wanted)?.into_iter().map(Record::live);
                Some(self.records(live, wanted)?)
            }
            None => None,
        };
        let children = match right {
            Right::Exact => None,
            Right::Read | Right::Write => Some(self.children(id)?),
        };
        let past = match (past, wanted) {
            (true, Some(wanted)) => Some(self.past(id, revision.epoch, wanted)?),
            _ => None,
        };
        self.take(head.message.len() + 64)?;
        Ok(Scope { id, head: SignedMessage::into(head), messages, records, children, past })
    }

    /// Whole where they are wanted, whatever the store gave.
    fn records(
        &mut self,
        records: impl Iterator<Item = Record>,
        wanted: &Wanted,
    ) -> Result<Vec<Record>, Uncollected> {
        let mut kept = Vec::new();
        for mut record in records {
            if !wanted.includes(record.name_index) {
                record.envelope = Part::Bare(record.envelope.hash());
            }
            self.take(record.envelope.len())?;
            kept.push(record);
        }
        kept.sort_unstable_by_key(Record::place);
        Ok(kept)
    }

    fn children(&mut self, id: ScopeId) -> Result<Vec<Child>, Uncollected> {
        let children = self.bundle.children(id)?;
        children.iter().try_for_each(|child| self.take(child.envelope.len() + 32))?;
        let mut children: Vec<Child> = children.into_iter().map(Child::from).collect();
        children.sort_unstable_by_key(|child| child.child_index);
        Ok(children)
    }

    fn past(&mut self, id: ScopeId, epoch: u32, wanted: &Wanted) -> Result<Past, Uncollected> {
        let signatures = self.bundle.signatures(id)?;
        self.take(signatures.len().saturating_mul(80))?;
        let signatures = signatures.into_iter();
        let ended = self.bundle.ended(id, wanted)?.into_iter().map(Record::ended);
        let ended = self.records(ended, wanted)?;
        let mut epochs = Vec::new();
        for epoch in (2..=epoch).rev() {
            let Some(envelope) = self.bundle.past(id, epoch)? else { break };
            self.take(envelope.len())?;
            epochs.push(Epoch { epoch, envelope });
        }
        epochs.reverse();
        Ok(Past {
            signatures: signatures
                .map(|(revision, signature)| Numbered { revision, signature })
                .collect(),
            ended,
            epochs,
        })
    }
}
