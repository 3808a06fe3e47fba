//! Keeps key material out of swap, as far as the system allows.
#![expect(unsafe_code, reason = "mlock takes an address; there is no safe form")]

/// Locks the pages that hold `bytes` into memory. Best effort: a refusal (`RLIMIT_MEMLOCK`) is
/// ignored, and pages are not unlocked again, because other keys may live on them.
pub(crate) fn lock(bytes: &[u8]) {
    // SAFETY: the range is a live slice; locking pages changes no byte of them.
    let _refused = unsafe { rustix::mm::mlock(bytes.as_ptr().cast_mut().cast(), bytes.len()) };
}
