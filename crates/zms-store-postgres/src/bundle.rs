//! One state of the vault: everything it answers is read within one transaction.

use std::{cell::RefCell, collections::HashMap};

use tokio_postgres::{Row, types::ToSql};
use zms_core::{
    admit::Tree,
    bundle::{Bundle, Standing, Trouble, Wanted},
    child::StoredChild,
    id::{ChildIndex, NameIndex, PrincipalId, ScopeId, VaultId},
    record::{EndedRecord, Envelope, StoredRecord},
    revision::{SignedMessage, message_hash},
    roster::MemberPart,
};
use zms_crypto::sign::{Signature, VerifyingKey};
use zms_store::Mark;

use crate::{
    connection::{Kind, Link},
    kept::{At, Kept},
    member,
    row::{bound, bytes, fixed, number, small},
    trouble::{Fault, trouble},
};

/// A read transaction with a connection of its own.
pub(crate) struct PostgresBundle<'k, L> {
    link: L,
    vault: VaultId,
    /// `None` where there is no vault.
    state: Option<Shown>,
    /// Records at hand; `None` within a commit, which changes them.
    kept: Option<&'k Kept>,
    /// The heads that were shown, by their messages' hashes.
    heads: RefCell<HashMap<ScopeId, [u8; 32]>>,
}

/// What the vault's own row tells.
#[derive(Clone, Copy)]
struct Shown {
    mark: Mark,
    members: u64,
}

impl<'k> PostgresBundle<'k, Link> {
    /// Begins a transaction and reads: only reading fixes its state.
    pub(crate) fn begin(link: Link, vault: VaultId, kept: &'k Kept) -> Result<Self, Fault> {
        link.begin(Kind::Reading)?;
        Ok(Self { kept: Some(kept), ..Self::within(link, vault)? })
    }
}

impl<L: AsRef<Link>> PostgresBundle<'_, L> {
    /// Within a transaction that is open.
    pub(crate) fn within(link: L, vault: VaultId) -> Result<Self, Fault> {
        let sql = "SELECT commits, roster, members FROM vault WHERE id = $1";
        let state = link.as_ref().one(sql, &[&vault.as_bytes()], |row| {
            Ok(Shown { mark: mark(row, 0)?, members: number(row, 2)? })
        })?;
        Ok(Self { link, vault, state, kept: None, heads: RefCell::default() })
    }

    /// Tells this state from every other.
    pub(crate) fn mark(&self) -> Mark {
        self.state.map_or(NO_VAULT, |state| state.mark)
    }

    fn read_records(&self, scope: ScopeId, wanted: &Wanted) -> Result<Vec<StoredRecord>, Trouble> {
        let (vault, scope) = (self.vault.as_bytes(), scope.as_bytes());
        let Wanted::Only(names) = wanted else {
            let sql = "SELECT name_index, rev_from, epoch, envelope FROM record
                       WHERE vault = $1 AND scope = $2";
            return self
                .all(sql, &[&vault, &scope], |row| record(row, Envelope::Whole(bytes(row, 3)?)));
        };
        // What comes bare is not read from where long envelopes lie.
        let names: Vec<&[u8]> = names.iter().map(|name| &name.0[..]).collect();
        let sql = "SELECT name_index, rev_from, epoch, hash,
                       CASE WHEN name_index = ANY($3) THEN envelope END
                   FROM record WHERE vault = $1 AND scope = $2";
        self.all(sql, &[&vault, &scope, &names], |row| {
            let whole: Option<Vec<u8>> = row.try_get(4)?;
            record(row, whole.map_or(Envelope::Bare(fixed(row, 3)?), Envelope::Whole))
        })
    }

    fn one<T>(
        &self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
        read: impl FnMut(&Row) -> Result<T, Fault>,
    ) -> Result<Option<T>, Trouble> {
        self.link.as_ref().one(sql, params, read).map_err(trouble)
    }

    fn all<T>(
        &self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
        read: impl FnMut(&Row) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Trouble> {
        self.link.as_ref().all(sql, params, read).map_err(trouble)
    }
}

impl<L: AsRef<Link>> Tree for PostgresBundle<'_, L> {
    fn parent(&self, child: ScopeId) -> Result<Option<ScopeId>, Trouble> {
        let sql = "SELECT scope FROM child WHERE vault = $1 AND child = $2";
        self.one(sql, &[&self.vault.as_bytes(), &child.as_bytes()], |row| {
            fixed(row, 0).map(ScopeId)
        })
    }

    fn scopes(&self) -> Result<u64, Trouble> {
        let sql = "SELECT COUNT(*) FROM child WHERE vault = $1";
        Ok(self.one(sql, &[&self.vault.as_bytes()], |row| number(row, 0))?.unwrap_or(0))
    }

    fn authority(&self) -> Result<Option<VerifyingKey>, Trouble> {
        let sql = "SELECT vk FROM authority WHERE vault = $1 ORDER BY version DESC LIMIT 1";
        self.one(sql, &[&self.vault.as_bytes()], |row| fixed(row, 0).map(VerifyingKey))
    }
}

impl<L: AsRef<Link>> Bundle for PostgresBundle<'_, L> {
    fn vault(&self) -> Result<Option<VaultId>, Trouble> {
        Ok(self.state.map(|_| self.vault))
    }

    fn standing(&self, principal: PrincipalId) -> Result<Standing, Trouble> {
        let members = self.state.map_or(0, |state| state.members);
        member::standing(self.link.as_ref(), self.vault, principal, members).map_err(trouble)
    }

    fn keyring(&self, principal: PrincipalId) -> Result<Option<Vec<u8>>, Trouble> {
        let sql = "SELECT keyring FROM member WHERE vault = $1 AND principal = $2";
        self.one(sql, &[&self.vault.as_bytes(), &principal.as_bytes()], |row| bytes(row, 0))
    }

    fn escrow(&self, principal: PrincipalId) -> Result<Option<Vec<u8>>, Trouble> {
        let sql = "SELECT escrow FROM member WHERE vault = $1 AND principal = $2";
        self.one(sql, &[&self.vault.as_bytes(), &principal.as_bytes()], |row| bytes(row, 0))
    }

    fn members(&self) -> Result<Vec<MemberPart>, Trouble> {
        member::parts(self.link.as_ref(), self.vault).map_err(trouble)
    }

    fn roster(&self) -> Result<Option<SignedMessage>, Trouble> {
        current_roster(self.link.as_ref(), self.vault).map_err(trouble)
    }

    fn roster_messages(&self, after: u64) -> Result<Vec<Vec<u8>>, Trouble> {
        let sql = "SELECT message FROM roster WHERE vault = $1 AND version > $2
                   AND version < (SELECT max(version) FROM roster WHERE vault = $1)
                   ORDER BY version";
        self.all(sql, &[&self.vault.as_bytes(), &bound(after)], |row| bytes(row, 0))
    }

    fn head(&self, scope: ScopeId) -> Result<Option<SignedMessage>, Trouble> {
        let head = head(self.link.as_ref(), self.vault, scope).map_err(trouble)?;
        if let Some(head) = &head {
            self.heads.borrow_mut().insert(scope, message_hash(&head.message));
        }
        Ok(head)
    }

    fn revision_messages(&self, scope: ScopeId, after: u64) -> Result<Vec<Vec<u8>>, Trouble> {
        let sql = "SELECT message FROM revision WHERE vault = $1 AND scope = $2 AND revision > $3
                   AND revision <
                       (SELECT max(revision) FROM revision WHERE vault = $1 AND scope = $2)
                   ORDER BY revision";
        let params: &[&(dyn ToSql + Sync)] =
            &[&self.vault.as_bytes(), &scope.as_bytes(), &bound(after)];
        self.all(sql, params, |row| bytes(row, 0))
    }

    fn records(&self, scope: ScopeId, wanted: &Wanted) -> Result<Vec<StoredRecord>, Trouble> {
        let head = self.heads.borrow().get(&scope).copied();
        let at = head.map(|head| At { vault: self.vault, scope, head });
        let keeps = self.kept.zip(at);
        if let Some(records) = keeps.and_then(|(kept, at)| kept.records(&at, wanted)) {
            return Ok(records);
        }
        let records = self.read_records(scope, wanted)?;
        if let (Some((kept, at)), Wanted::All) = (keeps, wanted) {
            kept.keep(at, &records);
        }
        Ok(records)
    }

    fn children(&self, scope: ScopeId) -> Result<Vec<StoredChild>, Trouble> {
        let sql = "SELECT child_index, child, child_epoch, envelope FROM child
                   WHERE vault = $1 AND scope = $2";
        self.all(sql, &[&self.vault.as_bytes(), &scope.as_bytes()], |row| {
            Ok(StoredChild {
                child_index: ChildIndex(fixed(row, 0)?),
                child: ScopeId(fixed(row, 1)?),
                child_epoch: small(row, 2)?,
                envelope: bytes(row, 3)?,
            })
        })
    }

    fn signatures(&self, scope: ScopeId) -> Result<Vec<(u64, Signature)>, Trouble> {
        let sql = "SELECT revision, signature FROM revision WHERE vault = $1 AND scope = $2
                   AND revision <
                       (SELECT max(revision) FROM revision WHERE vault = $1 AND scope = $2)
                   ORDER BY revision";
        self.all(sql, &[&self.vault.as_bytes(), &scope.as_bytes()], |row| {
            Ok((number(row, 0)?, fixed(row, 1)?))
        })
    }

    fn ended(&self, scope: ScopeId, wanted: &Wanted) -> Result<Vec<EndedRecord>, Trouble> {
        let sql = "SELECT name_index, rev_from, epoch, envelope, rev_to FROM ended
                   WHERE vault = $1 AND scope = $2";
        self.all(sql, &[&self.vault.as_bytes(), &scope.as_bytes()], |row| {
            let mut record = record(row, Envelope::Whole(bytes(row, 3)?))?;
            if !wanted.includes(record.name_index) {
                record.envelope = Envelope::Bare(record.envelope.hash());
            }
            Ok(EndedRecord { record, rev_to: number(row, 4)? })
        })
    }

    fn past(&self, scope: ScopeId, epoch: u32) -> Result<Option<Vec<u8>>, Trouble> {
        let sql = "SELECT envelope FROM past WHERE vault = $1 AND scope = $2 AND epoch = $3";
        let params: &[&(dyn ToSql + Sync)] =
            &[&self.vault.as_bytes(), &scope.as_bytes(), &i64::from(epoch)];
        self.one(sql, params, |row| bytes(row, 0))
    }
}

/// The mark of what is not there.
pub(crate) const NO_VAULT: Mark = Mark { commits: 0, roster: None };

/// Two columns of a vault's row: how many commits it had, and its roster's signature.
pub(crate) fn mark(row: &Row, column: usize) -> Result<Mark, Fault> {
    Ok(Mark { commits: number(row, column)?, roster: Some(fixed(row, column + 1)?) })
}

/// The newest roster.
pub(crate) fn current_roster(link: &Link, vault: VaultId) -> Result<Option<SignedMessage>, Fault> {
    let sql = "SELECT message, signature FROM roster
               WHERE vault = $1 ORDER BY version DESC LIMIT 1";
    link.one(sql, &[&vault.as_bytes()], signed)
}

/// The newest revision of a scope: one seek to the end of its rows.
pub(crate) fn head(
    link: &Link,
    vault: VaultId,
    scope: ScopeId,
) -> Result<Option<SignedMessage>, Fault> {
    let sql = "SELECT message, signature FROM revision
               WHERE vault = $1 AND scope = $2 ORDER BY revision DESC LIMIT 1";
    link.one(sql, &[&vault.as_bytes(), &scope.as_bytes()], signed)
}

fn signed(row: &Row) -> Result<SignedMessage, Fault> {
    Ok(SignedMessage { message: bytes(row, 0)?, signature: fixed(row, 1)? })
}

fn record(row: &Row, envelope: Envelope) -> Result<StoredRecord, Fault> {
    Ok(StoredRecord {
        name_index: NameIndex(fixed(row, 0)?),
        rev_from: number(row, 1)?,
        epoch: small(row, 2)?,
        envelope,
    })
}
