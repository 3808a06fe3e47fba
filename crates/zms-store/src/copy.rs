//! A bundle file as a store: what it shows can be read, and nothing can be written.

use zms_core::{
    audit::{Entry, Event},
    batch::Batch,
    bundle::{Bundle, Packed, Trouble, TroubleClass},
    id::{PrincipalId, VaultId},
};

use crate::{CommitError, Store};

/// Takes the audit entries of who reads from a copy, which has no audit of its own.
pub trait AuditSink {
    /// Appends entries behind the last one.
    ///
    /// # Errors
    /// [`Trouble`]: then what they tell of must not happen.
    fn append(&mut self, vault: VaultId, events: &[Event]) -> Result<(), Trouble>;
}

/// A copy of what some tokens of a vault need to read.
pub struct Copy {
    packed: Packed,
    sink: Option<Box<dyn AuditSink>>,
}

impl Copy {
    /// Reads from a bundle. Without a sink, what is read leaves no entry anywhere.
    pub const fn new(packed: Packed, sink: Option<Box<dyn AuditSink>>) -> Self {
        Self { packed, sink }
    }

    /// Whether it was made for a principal.
    pub fn is_for(&self, principal: PrincipalId) -> bool {
        self.packed.readers().any(|reader| reader == principal)
    }
}

fn refused() -> Trouble {
    Trouble::new(TroubleClass::Copy, "read it only, or act on the vault it was made from")
}

impl Store for Copy {
    fn bundle(&self) -> Result<Box<dyn Bundle + '_>, Trouble> {
        Ok(Box::new(self.packed.clone()))
    }

    fn commit(&mut self, _: &Batch, _: &[Event]) -> Result<(), CommitError> {
        Err(refused().into())
    }

    fn audit_append(&mut self, events: &[Event]) -> Result<(), Trouble> {
        let Some(vault) = self.packed.vault()? else { return Err(refused()) };
        self.sink.as_mut().map_or(Ok(()), |sink| sink.append(vault, events))
    }

    fn spend(&mut self, _: PrincipalId, _: u32, _: &[Event]) -> Result<bool, Trouble> {
        Err(refused())
    }

    fn audit_read(&self, _: u64, _: u64, _: usize) -> Result<Vec<Entry>, Trouble> {
        Ok(Vec::new())
    }

    fn audit_chains(&self) -> Result<Vec<(u64, u64)>, Trouble> {
        Ok(Vec::new())
    }

    fn is_copy(&self) -> bool {
        true
    }
}
