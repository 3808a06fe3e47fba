//! What anybody can check of an encoded bundle without a key. spec/bundle.md#checking

use std::collections::BTreeMap;

use super::{
    Packed,
    wire::{Child, Member, Message, Record, Scope},
};
use crate::{
    child::children_root,
    id::{PrincipalId, ScopeId},
    record::records_root,
    revision::{Revision, message_hash},
    roster::{Line, MemberPart, Roster},
    tree_head::root_from_proof,
};

/// Where a bundle is not what its authors signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// The roster, or the messages that lead to it.
    #[error("its roster does not verify")]
    Roster,
    /// A member's line or proof.
    #[error("the line of {0} does not verify")]
    Member(PrincipalId),
    /// A scope's head, the messages that lead to it, its records or its children.
    #[error("the scope {0} does not verify")]
    Scope(ScopeId),
}

/// Checks everything that no key is needed for. What is left to who holds a token: that the
/// vault's own authority signed the roster, that authors may write where they did, and what is
/// sealed.
///
/// # Errors
/// [`Flaw`], the first one.
pub fn check(packed: &Packed) -> Result<Roster, Flaw> {
    let content = &packed.0;
    let newest = &content.roster.message.0;
    let roster = Roster::parse(newest).map_err(|_| Flaw::Roster)?;
    let link = |message: &[u8]| Roster::parse(message).ok().map(|it| (it.version, it.prev_hash));
    let whole = leads_on(&content.rosters, roster.version, roster.prev_hash, link);
    if roster.vault != content.vault || !whole {
        return Err(Flaw::Roster);
    }
    let mut lines = BTreeMap::new();
    for member in &content.members {
        let line = proven(member, &roster).ok_or(Flaw::Member(member.principal))?;
        lines.insert(member.principal, line);
    }
    for scope in &content.scopes {
        holds(scope, &roster, &lines).ok_or(Flaw::Scope(scope.id))?;
    }
    Ok(roster)
}

fn proven(member: &Member, roster: &Roster) -> Option<Line> {
    let line = Line::parse(&member.line.0).ok()?;
    let part = MemberPart {
        principal: member.principal,
        line: message_hash(&member.line.0),
        escrow: member.escrow.hash(),
        keyring: member.keyring.hash(),
    };
    let root = root_from_proof(&part.encode(), &member.proof.0)?;
    (line.principal == member.principal && root == roster.members_root).then_some(line)
}

fn holds(scope: &Scope, roster: &Roster, lines: &BTreeMap<PrincipalId, Line>) -> Option<()> {
    let message = &scope.head.message.0;
    let head = Revision::parse(message).ok()?;
    let author = lines.get(&head.author)?;
    author.vk.verify(message, &scope.head.signature).ok()?;
    let link = |message: &[u8]| {
        let older = Revision::parse(message).ok().filter(|older| older.scope == scope.id);
        older.map(|older| (older.revision, older.prev_hash))
    };
    let records = scope.records.iter().flatten();
    let records: Vec<_> = records.map(|record: &Record| record.shown(false)).collect();
    let children = scope.children.iter().flatten();
    let children: Vec<_> = children.map(Child::shown).collect();
    let whole = head.vault == roster.vault
        && head.scope == scope.id
        && head.generation == roster.generation
        && author.covers(head.created_at)
        && leads_on(&scope.messages, head.revision, head.prev_hash, link)
        && (scope.records.is_none() || records_root(&records) == head.records_root)
        && (scope.children.is_none() || children_root(&children) == head.children_root);
    whole.then_some(())
}

/// Whether messages lead to a newest one: each named by the next, numbers up by one.
fn leads_on(
    messages: &[Message],
    newest: u64,
    newest_prev: [u8; 32],
    link: impl Fn(&[u8]) -> Option<(u64, [u8; 32])>,
) -> bool {
    let (mut number, mut wanted) = (newest, newest_prev);
    for message in messages.iter().rev() {
        match link(&message.0) {
            Some((at, prev)) if at + 1 == number && message_hash(&message.0) == wanted => {
                (number, wanted) = (at, prev);
            }
            _ => return false,
        }
    }
    true
}
