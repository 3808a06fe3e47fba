//! The past of a proven scope: every revision that led to its head, and what each one held.
//! spec/revision.md#past

use std::collections::{BTreeMap, BTreeSet};

use zms_crypto::sign::Signature;

use super::{OpenError, OpenScope, Opening, Place};
use crate::{
    bundle::Wanted,
    history::{History, PastRevision, Version},
    id::NameIndex,
    path::SecretName,
    record::{StoredRecord, ValueKind, open_record, records_root_of},
    revision::{Revision, message_hash},
    scope::DataKeys,
};

/// One version as the store shows it.
struct Shown {
    record: StoredRecord,
    rev_to: Option<u64>,
}

impl Opening<'_> {
    /// Proves every state that a scope ever had, and opens its versions: of the secrets named, or
    /// of all. The scope's records must have been asked for, these names among them.
    ///
    /// # Errors
    /// Integrity, where the chain of revisions does not lead to the proven head, or the records do
    /// not give every `records_root` in it.
    pub fn history(
        &self,
        scope: &OpenScope,
        names: Option<&[SecretName]>,
    ) -> Result<History, OpenError> {
        self.noted(self.prove_history(scope, names))
    }

    fn prove_history(
        &self,
        scope: &OpenScope,
        names: Option<&[SecretName]>,
    ) -> Result<History, OpenError> {
        let broken = || OpenError::Integrity(Place::Past(scope.path.clone()));
        if !scope.records_proven() {
            return Err(broken());
        }
        let revisions = self.chain(scope)?.ok_or_else(broken)?;
        let commitments = revisions.iter().map(|at| (at.epoch, at.key_commitment)).collect();
        let older = self.older_keys(scope, &commitments)?.ok_or_else(broken)?;
        let wanted = match names {
            None => Wanted::All,
            Some(names) => Wanted::Only(indexes(scope, &older, names)),
        };
        let shown = self.shown(scope, &wanted)?;
        if !gives_every_root(&revisions, &shown) {
            return Err(broken());
        }
        let first_epoch = older.keys().next().copied().unwrap_or(scope.head.epoch);
        let mut versions = Vec::new();
        for Shown { record, rev_to } in shown {
            if !wanted.includes(record.name_index) || record.epoch < first_epoch {
                continue;
            }
            let keys = older.get(&record.epoch).unwrap_or(&scope.keys.data);
            let payload = open_record(keys, self.vault, scope.id(), &record);
            let payload = payload.map_err(|_| broken())?;
            if payload.kind == ValueKind::About {
                continue;
            }
            versions.push(Version { rev_from: record.rev_from, rev_to, payload });
        }
        let opens_from = revisions.iter().find(|at| at.epoch == first_epoch);
        let opens_from = opens_from.map_or(scope.head.revision, |at| at.revision);
        let signatures = self.bundle.signatures(scope.id())?.into_iter().collect();
        let revisions = revisions
            .into_iter()
            .map(|revision| self.past_revision(scope, revision, &signatures))
            .collect::<Result<_, OpenError>>()?;
        Ok(History::new(scope.path.clone(), revisions, versions, opens_from))
    }

    /// All revisions, oldest first, where each names the one before and the last is the head.
    fn chain(&self, scope: &OpenScope) -> Result<Option<Vec<Revision>>, OpenError> {
        let messages = self.bundle.revision_messages(scope.id(), 0)?;
        let (mut chain, mut prev_hash) = (Vec::with_capacity(messages.len() + 1), [0; 32]);
        for (number, message) in (1..).zip(&messages) {
            let Ok(revision) = Revision::parse(message) else { return Ok(None) };
            let fits = revision.revision == number
                && revision.prev_hash == prev_hash
                && revision.scope == scope.id()
                && revision.vault == self.vault
                && chain.last().is_none_or(|before| follows(before, &revision));
            if !fits {
                return Ok(None);
            }
            prev_hash = message_hash(message);
            chain.push(revision);
        }
        let head = &scope.head;
        let reached = head.revision == chain.len() as u64 + 1
            && head.prev_hash == prev_hash
            && chain.last().is_none_or(|before| follows(before, head))
            && chain.first().unwrap_or(head).epoch == 1;
        chain.push(head.clone());
        Ok(reached.then_some(chain))
    }

    fn shown(&self, scope: &OpenScope, wanted: &Wanted) -> Result<Vec<Shown>, OpenError> {
        let live = scope.stored_records().iter();
        let mut shown: Vec<Shown> =
            live.map(|record| Shown { record: record.clone(), rev_to: None }).collect();
        for ended in self.bundle.ended(scope.id(), wanted)? {
            shown.push(Shown { record: ended.record, rev_to: Some(ended.rev_to) });
        }
        Ok(shown)
    }

    /// Whether its author's signature was kept and verifies: the head's has been proven already.
    fn past_revision(
        &self,
        scope: &OpenScope,
        revision: Revision,
        signatures: &BTreeMap<u64, Signature>,
    ) -> Result<PastRevision, OpenError> {
        let proven = revision.revision == scope.head.revision
            || match (self.author(revision.author), signatures.get(&revision.revision)) {
                (Ok(line), Some(signature)) => {
                    self.verify(&line.vk, &revision.encode(), signature).is_ok()
                }
                (Err(OpenError::Trouble(trouble)), _) => return Err(trouble.into()),
                _ => false,
            };
        Ok(PastRevision { revision, proven })
    }
}

/// Whether a revision may come right after another: an epoch keeps its key, and the next one
/// follows it.
fn follows(before: &Revision, after: &Revision) -> bool {
    let renewed = Some(after.epoch) == before.epoch.checked_add(1);
    let kept = after.epoch == before.epoch && after.key_commitment == before.key_commitment;
    (kept || renewed) && !before.closes() && after.generation >= before.generation
}

/// Every index that the names have had: a new epoch gives new ones.
fn indexes(
    scope: &OpenScope,
    older: &BTreeMap<u32, DataKeys>,
    names: &[SecretName],
) -> Vec<NameIndex> {
    let keys = older.values().chain([&scope.keys.data]);
    keys.flat_map(|keys| names.iter().map(|name| keys.name_index(name))).collect()
}

/// Whether what is shown is, at each revision, exactly what its author signed.
fn gives_every_root(revisions: &[Revision], shown: &[Shown]) -> bool {
    let (mut begins, mut ends) = (BTreeMap::new(), BTreeMap::new());
    for Shown { record, rev_to } in shown {
        let spans = rev_to.is_none_or(|to| to > record.rev_from);
        let part = record.part();
        begins.entry(record.rev_from).or_insert_with(Vec::new).push((part, record.epoch));
        if let Some(to) = rev_to {
            ends.entry(*to).or_insert_with(Vec::new).push(part);
        }
        if !spans {
            return false;
        }
    }
    let numbers = 1..=revisions.len() as u64;
    if begins.keys().chain(ends.keys()).any(|number| !numbers.contains(number)) {
        return false;
    }
    let (mut live, mut root) = (BTreeSet::new(), records_root_of(&BTreeSet::new()));
    for revision in revisions {
        let gone = ends.remove(&revision.revision);
        let new = begins.remove(&revision.revision);
        if gone.is_some() || new.is_some() {
            let all_gone = gone.unwrap_or_default().iter().all(|part| live.remove(part));
            let all_new = new
                .unwrap_or_default()
                .into_iter()
                .all(|(part, epoch)| epoch == revision.epoch && live.insert(part));
            if !all_gone || !all_new {
                return false;
            }
            root = records_root_of(&live);
        }
        if root != revision.records_root {
            return false;
        }
    }
    true
}
