//! What an engine checks before it keeps a batch: all that readers check, save what needs keys.
//! spec/engine.md#admission
//!
//! A store keeps what it is given; an engine that serves others must not let one of them put there
//! what would stop the rest. [`admit`] is pure and takes the state that the batch is committed on,
//! so it belongs into the transaction of the commit.

mod members;
mod scopes;

use zms_crypto::sign::VerifyingKey;

use self::members::Members;
use crate::{
    batch::Batch,
    bundle::{Bundle, Trouble},
    id::{PrincipalId, ScopeId},
    pin::RosterPin,
    revision::message_hash,
    roster::Roster,
};

/// What an engine knows of a vault beyond what it shows to readers.
pub trait Tree: Bundle {
    /// The scope that holds the live entry of a child; `None` for the root, and for what is in no
    /// list.
    ///
    /// # Errors
    /// [`Trouble`] where it can not be read.
    fn parent(&self, child: ScopeId) -> Result<Option<ScopeId>, Trouble>;

    /// How many live entries of children there are.
    ///
    /// # Errors
    /// [`Trouble`] where they can not be counted.
    fn scopes(&self) -> Result<u64, Trouble>;

    /// The key that the current roster is signed with; `None` where it was never told.
    ///
    /// # Errors
    /// [`Trouble`] where it can not be read.
    fn authority(&self) -> Result<Option<VerifyingKey>, Trouble>;
}

/// Why a batch is not kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The state it was made from has moved: prepare it again.
    #[error("somebody else changed the vault meanwhile")]
    Moved,
    /// There is a vault of this id already.
    #[error("there is a vault already")]
    Exists,
    /// The caller may not do this.
    #[error("{0}")]
    Denied(&'static str),
    /// No reader would accept it.
    #[error("{0}")]
    Wrong(&'static str),
    /// An engine far away refused it, in its own words.
    #[error("{0}")]
    Told(String),
    /// The state can not be read.
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

/// Most scopes of a vault below its root: what an administrator has to be shown of each fits one
/// bundle, whatever a writer plants.
pub const MAX_SCOPES: u64 = 65_536;

/// Goes on only where a rule holds.
fn require(holds: bool, rule: &'static str) -> Result<(), Refused> {
    if holds { Ok(()) } else { Err(Refused::Wrong(rule)) }
}

/// Goes on only where the caller may.
fn allow(holds: bool, rule: &'static str) -> Result<(), Refused> {
    if holds { Ok(()) } else { Err(Refused::Denied(rule)) }
}

/// Checks a batch that `caller`, whose request was authenticated, hands in at `now` (unix seconds).
///
/// # Errors
/// [`Refused`].
pub fn admit(tree: &dyn Tree, caller: PrincipalId, batch: &Batch, now: u64) -> Result<(), Refused> {
    match (tree.vault()?, batch.found) {
        (Some(_), None) => Err(Refused::Exists),
        (None, Some(_)) => Err(Refused::Wrong("there is no such vault")),
        (None, None) => {
            let members = Members::after(tree, batch, None)?;
            let maker = members.maker(caller, now)?;
            scopes::check(tree, &members, &maker, batch)
        }
        (Some(vault), Some(found)) => {
            require(vault == batch.vault, "the change is for another vault")?;
            let current = current_roster(tree)?;
            if found != pin(&current) {
                return Err(Refused::Moved);
            }
            let sender = members::sender(tree, caller, batch, now)?;
            let members = Members::after(tree, batch, Some(&current.0))?;
            scopes::check(tree, &members, &sender, batch)
        }
    }
}

/// The current roster and its message.
fn current_roster(tree: &dyn Tree) -> Result<(Roster, Vec<u8>), Refused> {
    let signed = tree.roster()?.ok_or(Refused::Wrong("the vault has no roster"))?;
    let roster = Roster::parse(&signed.message);
    let roster = roster.map_err(|_| Refused::Wrong("the vault's roster is malformed"))?;
    Ok((roster, signed.message))
}

fn pin((roster, message): &(Roster, Vec<u8>)) -> RosterPin {
    let (generation, version) = (roster.generation, roster.version);
    RosterPin { generation, version, hash: message_hash(message) }
}
