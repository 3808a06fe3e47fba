//! Changes: from what was opened to a batch to commit. One verb per file; all pure, so that a
//! change that lost a race is simply prepared again.

pub mod copy;
mod entry;
pub mod import;
pub mod init;
pub mod plant;
pub mod protect;
pub mod refresh;
pub mod rekey;
pub mod remove;
pub mod rename;
pub mod renew;
pub mod restore;
pub mod revoke;
pub mod rollback;
pub mod rotate;
mod sign;
pub mod succeed;
pub mod token;
pub mod transplant;
pub mod write;

pub use self::sign::Author;
use crate::{
    history::NoState,
    id::ScopeId,
    open::{OpenError, OpenScope},
    path::{NameRefused, ScopePath, SecretName, Segment},
};

/// Why a change can not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// What it starts from does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Only who holds the vault key may do this.
    #[error("only an administrator of the vault may do this")]
    NotAdministrator,
    /// The caller's line has no right to write there.
    #[error("this token may not write in {0}")]
    MayNotWrite(ScopePath),
    /// The root holds scopes, no secrets.
    #[error("secrets live in a project and environment, not at the top of the vault")]
    Root,
    /// A scope of that name is there.
    #[error("{0} exists already")]
    ScopeExists(ScopePath),
    /// A token of that name is there.
    #[error("a token named {0} exists already")]
    LabelExists(Segment),
    /// Nothing of that name to remove.
    #[error("no secret {name} in {path}")]
    NoSecret {
        /// The secret.
        name: SecretName,
        /// The scope.
        path: ScopePath,
    },
    /// The value is larger than a record holds.
    #[error("the value of {0} is larger than 1 MiB")]
    ValueTooLarge(SecretName),
    /// The note is longer than a record holds.
    #[error("the note of {0} is longer than 4096 bytes")]
    NoteTooLong(SecretName),
    /// One change names a secret twice.
    #[error("{0} is named twice in one change")]
    Twice(SecretName),
    /// One change names a scope twice.
    #[error("{0} is named twice in one change")]
    SameScope(ScopePath),
    /// A reference that no reader could follow.
    #[error("{0} may only refer to its own scope or one above it")]
    ReferenceEscapes(SecretName),
    /// A state that can not be shown, nor gone back to.
    #[error(transparent)]
    NoState(#[from] NoState),
    /// The numbers of a scope's revisions were used up, which only a hostile writer can do.
    #[error("{0} has had its last revision")]
    Exhausted(ScopePath),
    /// The generations were used up, which only an administrator can do.
    #[error("the vault can not be restored any more: its pins have the last generation")]
    LastGeneration,
    /// A path would be too deep.
    #[error("the name {0}")]
    Name(NameRefused),
    /// An administrator can be taken out only together with the vault key.
    #[error("an administrator can not be revoked: who has held the vault key may have kept it")]
    AdministratorLeaves,
    /// Who changes the vault's key has to be there afterwards.
    #[error("nobody can take out the key that acts here")]
    OwnLine,
    /// What the leaving member may have spoiled, to be confirmed before it is left out.
    #[error("{} can not be read, and the leaving token may have written it", list(.0))]
    Junk(Vec<Junk>),
}

/// Something that stops every reader, under a right to write that has left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Junk {
    /// A record, by scope and blind index: its name can not be known.
    Record(ScopePath, String),
    /// A child entry, by parent and id.
    Child(ScopePath, ScopeId),
    /// A whole scope.
    Scope(ScopePath),
}

fn list(junk: &[Junk]) -> String {
    let name = |junk: &Junk| match junk {
        Junk::Record(path, index) => format!("record {index} in {path}"),
        Junk::Child(path, id) => format!("child {id} of {path}"),
        Junk::Scope(path) => format!("the scope {path}"),
    };
    junk.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// The last scope of a way.
fn target(way: &[OpenScope]) -> &OpenScope {
    way.last().expect("a way holds at least its target")
}
