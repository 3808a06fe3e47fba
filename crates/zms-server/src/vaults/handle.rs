//! Handles that are opened once and lent to one request after another.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use zms_store::Keeper;

/// Most handles that wait to be lent again.
const MOST: usize = 16;

type Boxed = Box<dyn Keeper + Send>;

/// A handle on a vault. What one request reads by it, no other sees.
pub struct Handle {
    keeper: Option<Boxed>,
    shelf: Option<Arc<Shelf>>,
}

impl Handle {
    /// A handle that ends with its request.
    pub fn new(keeper: impl Keeper + Send + 'static) -> Self {
        Self { keeper: Some(Box::new(keeper)), shelf: None }
    }

    /// The file that it is on, by device and number: another one may be put in its place. Zeros
    /// where it is no file.
    pub(crate) fn file(&self) -> File {
        self.shelf.as_ref().map_or((0, 0), |shelf| shelf.file)
    }
}

/// A file by device and number.
pub(crate) type File = (u64, u64);

impl Deref for Handle {
    type Target = dyn Keeper + Send;

    fn deref(&self) -> &Self::Target {
        self.keeper.as_deref().expect("a handle holds its keeper until it is dropped")
    }
}

impl DerefMut for Handle {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.keeper.as_deref_mut().expect("a handle holds its keeper until it is dropped")
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // What panicked may have left anything behind.
        if thread::panicking() {
            return;
        }
        if let Some((keeper, shelf)) = self.keeper.take().zip(self.shelf.take()) {
            shelf.put(keeper);
        }
    }
}

/// Handles on one database that nobody uses now.
pub(super) struct Shelf {
    file: File,
    free: Mutex<Vec<Boxed>>,
}

impl Shelf {
    /// None on a file.
    pub(super) fn of(file: File) -> Self {
        Self { file, free: Mutex::default() }
    }

    /// Lends one that waits.
    pub(super) fn take(self: &Arc<Self>) -> Option<Handle> {
        let keeper = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        Some(Handle { keeper: Some(keeper), shelf: Some(Arc::clone(self)) })
    }

    /// Whether one waits.
    pub(super) fn has_one(&self) -> bool {
        !self.free.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Lends a new one.
    pub(super) fn lend(self: &Arc<Self>, keeper: impl Keeper + Send + 'static) -> Handle {
        Handle { keeper: Some(Box::new(keeper)), shelf: Some(Arc::clone(self)) }
    }

    fn put(&self, keeper: Boxed) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < MOST {
            free.push(keeper);
        }
    }
}
