//! Locks that are taken whatever became of who held them: what they guard is whole at every moment.

use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
