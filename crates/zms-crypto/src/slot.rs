//! Places for keys: pages that hold nothing else, kept out of swap and of core files as far as the
//! system allows.
#![expect(unsafe_code, reason = "pages are asked of the system, and handed out in pieces")]

use std::{
    ptr::{self, NonNull},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mlock, mmap_anonymous};
use zeroize::Zeroize;

use crate::keys::KEY_LEN;

/// Bytes that are asked for at once: a page.
const PAGE: usize = 4096;

/// Places that nobody uses. A page is never given back, as keys come and go.
static FREE: Mutex<Vec<Free>> = Mutex::new(Vec::new());

/// A place that nobody uses; wiped.
struct Free(NonNull<[u8; KEY_LEN]>);

// SAFETY: it is the only pointer to its bytes, which belong to no thread.
unsafe impl Send for Free {}

fn free() -> MutexGuard<'static, Vec<Free>> {
    FREE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The place of one key, wiped before another gets it.
pub(crate) struct Slot(NonNull<[u8; KEY_LEN]>);

// SAFETY: it owns its bytes alone; shared, they are only read.
unsafe impl Send for Slot {}
// SAFETY: as above.
unsafe impl Sync for Slot {}

impl Slot {
    /// A place, all zeros.
    pub(crate) fn new() -> Self {
        let mut free = free();
        if free.is_empty() {
            free.extend(page());
        }
        Self(free.pop().expect("a page has places").0)
    }

    pub(crate) const fn bytes(&self) -> &[u8; KEY_LEN] {
        // SAFETY: the page stays mapped, and only this slot has these bytes until it is dropped.
        unsafe { self.0.as_ref() }
    }

    pub(crate) const fn bytes_mut(&mut self) -> &mut [u8; KEY_LEN] {
        // SAFETY: as above, and it is borrowed alone.
        unsafe { self.0.as_mut() }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.bytes_mut().zeroize();
        free().push(Free(self.0));
    }
}

/// The places of a new page. Best effort: where the page can not be locked (`RLIMIT_MEMLOCK`), keys
/// lie on it all the same.
fn page() -> impl Iterator<Item = Free> {
    // SAFETY: a new mapping of any address overlaps nothing.
    let mapped = unsafe {
        mmap_anonymous(ptr::null_mut(), PAGE, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)
    };
    let mapped = mapped.expect("the system has a page of memory");
    // SAFETY: the range is the mapping; neither call changes a byte of it.
    let _refused = unsafe { (mlock(mapped, PAGE), madvise(mapped, PAGE, Advice::LinuxDontDump)) };
    let first = NonNull::new(mapped.cast::<[u8; KEY_LEN]>()).expect("no mapping begins at 0");
    // SAFETY: each lies within the page, and none overlaps another.
    (0..PAGE / KEY_LEN).map(move |at| Free(unsafe { first.add(at) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_nobodys_but_its_keys_and_is_wiped_for_the_next() {
        let mut slots: Vec<Slot> = (0..300).map(|_| Slot::new()).collect();
        for (at, slot) in slots.iter_mut().enumerate() {
            assert_eq!(*slot.bytes(), [0; KEY_LEN]);
            slot.bytes_mut()[..8].copy_from_slice(&at.to_le_bytes());
        }
        for (at, slot) in slots.iter().enumerate() {
            assert_eq!(slot.bytes()[..8], at.to_le_bytes());
        }
        drop(slots);
        let again: Vec<Slot> = (0..300).map(|_| Slot::new()).collect();
        assert!(again.iter().all(|slot| *slot.bytes() == [0; KEY_LEN]));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the system tells of its pages in a file")]
    fn pages_of_keys_are_locked_and_in_no_core() {
        let slot = Slot::new();
        let at = ptr::from_ref(slot.bytes()).addr();
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut within = false;
        let flags = maps.lines().find(|line| {
            let range = line.split(' ').next().and_then(|range| range.split_once('-'));
            let range = range.and_then(|(from, to)| {
                let number = |text| usize::from_str_radix(text, 16).ok();
                Some(number(from)?..number(to)?)
            });
            within = range.map_or(within, |range| range.contains(&at));
            within && line.starts_with("VmFlags:")
        });
        let flags: Vec<&str> = flags.expect("the page is mapped").split(' ').collect();
        assert!(flags.contains(&"lo") && flags.contains(&"dd"), "{flags:?}");
    }
}
