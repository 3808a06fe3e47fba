//! How memory is asked of the system.
#![expect(unsafe_code, reason = "the allocator of the C library has no safe interface")]

use libc::{M_MMAP_THRESHOLD, M_TOP_PAD, M_TRIM_THRESHOLD, c_int, mallopt};

/// By how much the heap grows.
const STEP: c_int = 512 * 1024;
/// How much of it may lie unused at its end before it shrinks.
const UNUSED: c_int = 4 * 1024 * 1024;

/// Has the heap grow in large steps, and give back only what is worth a call: most of these
/// processes end within milliseconds, and would ask, give back and ask again a dozen times.
pub fn grow_in_steps() {
    for (what, bytes) in [(M_TOP_PAD, STEP), (M_TRIM_THRESHOLD, UNUSED), (M_MMAP_THRESHOLD, UNUSED)]
    {
        // SAFETY: only numbers are passed, and one that is refused changes nothing.
        unsafe { mallopt(what, bytes) };
    }
}
