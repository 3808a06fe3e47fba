//! A state as a bundle.

use std::sync::Arc;

use zms_core::{
    admit::Tree,
    bundle::{Bundle, Standing, Trouble, Wanted, Witness},
    child::StoredChild,
    id::{PrincipalId, ScopeId, VaultId},
    record::{EndedRecord, Envelope, StoredRecord},
    revision::SignedMessage,
    roster::MemberPart,
    tree_head::{self, Step, proof_positions},
};
use zms_crypto::sign::{Signature, VerifyingKey};

use super::state::{Scope, State};

/// Holds on to one state.
pub(super) struct Shown(pub(super) Arc<State>);

impl Shown {
    fn parts(&self) -> Vec<MemberPart> {
        let members = self.0.members.iter();
        members.map(|(id, member)| member.part(*id)).collect()
    }

    fn scope(&self, scope: ScopeId) -> Option<&Scope> {
        self.0.scopes.get(&scope)
    }
}

impl Bundle for Shown {
    fn vault(&self) -> Result<Option<VaultId>, Trouble> {
        Ok(self.0.vault)
    }

    fn standing(&self, principal: PrincipalId) -> Result<Standing, Trouble> {
        let Some(member) = self.0.members.get(&principal) else {
            let departed = self.0.departed.get(&principal);
            return Ok(departed.map_or(Standing::Unknown, |at| Standing::Departed { at: *at }));
        };
        let parts: Vec<[u8; 112]> = self.parts().iter().map(MemberPart::encode).collect();
        let tree = tree_head::Tree::new(parts.iter().map(|part| &part[..]));
        let nodes: Vec<&[u8; 32]> = tree.nodes().collect();
        let at = self.0.members.range(..principal).count();
        let proof = proof_positions(parts.len(), at).into_iter();
        let part = member.part(principal);
        Ok(Standing::Member(Witness {
            line: member.line.clone(),
            escrow: part.escrow,
            keyring: part.keyring,
            proof: proof.map(|(left, index)| Step { left, hash: *nodes[index] }).collect(),
        }))
    }

    fn keyring(&self, principal: PrincipalId) -> Result<Option<Vec<u8>>, Trouble> {
        let member = self.0.members.get(&principal);
        Ok(member.map(|member| member.keyring.clone()))
    }

    fn escrow(&self, principal: PrincipalId) -> Result<Option<Vec<u8>>, Trouble> {
        let member = self.0.members.get(&principal);
        Ok(member.map(|member| member.escrow.clone()))
    }

    fn members(&self) -> Result<Vec<MemberPart>, Trouble> {
        Ok(self.parts())
    }

    fn roster(&self) -> Result<Option<SignedMessage>, Trouble> {
        Ok(self.0.rosters.last().cloned())
    }

    fn roster_messages(&self, after: u64) -> Result<Vec<Vec<u8>>, Trouble> {
        Ok(between(&self.0.rosters, after))
    }

    fn head(&self, scope: ScopeId) -> Result<Option<SignedMessage>, Trouble> {
        let scope = self.scope(scope);
        Ok(scope.and_then(|scope| scope.revisions.last().cloned()))
    }

    fn revision_messages(&self, scope: ScopeId, after: u64) -> Result<Vec<Vec<u8>>, Trouble> {
        let scope = self.scope(scope);
        Ok(scope.map_or_else(Vec::new, |scope| between(&scope.revisions, after)))
    }

    fn records(&self, scope: ScopeId, wanted: &Wanted) -> Result<Vec<StoredRecord>, Trouble> {
        let live = self.scope(scope).into_iter();
        let shown = live.flat_map(|scope| scope.records.values().cloned());
        Ok(shown.map(|record| as_wanted(record, wanted)).collect())
    }

    fn signatures(&self, scope: ScopeId) -> Result<Vec<(u64, Signature)>, Trouble> {
        let chain = self.scope(scope).map_or(&[][..], |scope| &scope.revisions);
        let older = chain.split_last().map_or(&[][..], |(_, older)| older);
        Ok((1_u64..).zip(older).map(|(number, signed)| (number, signed.signature)).collect())
    }

    fn ended(&self, scope: ScopeId, wanted: &Wanted) -> Result<Vec<EndedRecord>, Trouble> {
        let ended = self.scope(scope).map_or_else(Vec::new, |scope| scope.ended.clone());
        let shown = ended
            .into_iter()
            .map(|ended| EndedRecord { record: as_wanted(ended.record, wanted), ..ended });
        Ok(shown.collect())
    }

    fn children(&self, scope: ScopeId) -> Result<Vec<StoredChild>, Trouble> {
        let live = self.scope(scope).into_iter();
        Ok(live.flat_map(|scope| scope.children.values().cloned()).collect())
    }

    fn past(&self, scope: ScopeId, epoch: u32) -> Result<Option<Vec<u8>>, Trouble> {
        let scope = self.scope(scope);
        Ok(scope.and_then(|scope| scope.past.get(&epoch).cloned()))
    }
}

impl Tree for Shown {
    fn parent(&self, child: ScopeId) -> Result<Option<ScopeId>, Trouble> {
        Ok(self.0.parent(child))
    }

    fn scopes(&self) -> Result<u64, Trouble> {
        Ok(self.0.scopes.values().map(|scope| scope.children.len() as u64).sum())
    }

    fn authority(&self) -> Result<Option<VerifyingKey>, Trouble> {
        Ok(self.0.authority)
    }
}

/// Whole where it was asked for.
fn as_wanted(record: StoredRecord, wanted: &Wanted) -> StoredRecord {
    if wanted.includes(record.name_index) {
        return record;
    }
    StoredRecord { envelope: Envelope::Bare(record.envelope.hash()), ..record }
}

/// Messages of a chain behind number `after`, without the newest.
fn between(chain: &[SignedMessage], after: u64) -> Vec<Vec<u8>> {
    let older = chain.split_last().map_or(&[][..], |(_, older)| older);
    let behind = (1_u64..).zip(older).filter(|(number, _)| *number > after);
    behind.map(|(_, signed)| signed.message.clone()).collect()
}
