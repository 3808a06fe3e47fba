//! What must not happen to a secret: being printed, copied, compared, or left behind in memory.
#![expect(unsafe_code, reason = "only the allocator sees memory at the moment it is given back")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    hash::Hash,
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering::SeqCst},
    },
};

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use zeroize::{Zeroize, ZeroizeOnDrop};
use zms_crypto::{
    Key, Purpose, Secret, SecretBytes, SecretText,
    passphrase::{Cost, derive_from_passphrase},
    share::{self, Combiner, Encryption, Group, Scheme, Share, split},
    sign::SigningKey,
};

use crate::counting_key;

/// Asserts that none of the secret types implements a trait, and that `$control` does: were the
/// probe blind, the control would show it.
macro_rules! secrets_lack {
    ($bound:path, which $control:ty) => {{
        struct Probe<T: ?Sized>(PhantomData<T>);
        trait Otherwise {
            fn holds(&self) -> bool;
        }
        impl<T: ?Sized> Otherwise for Probe<T> {
            fn holds(&self) -> bool {
                false
            }
        }
        // An inherent method comes first where its bounds hold.
        impl<T: ?Sized + $bound> Probe<T> {
            fn holds(&self) -> bool {
                true
            }
        }
        let name = stringify!($bound);
        assert!(Probe::<$control>(PhantomData).holds(), "the probe sees {name}");
        assert!(!Probe::<Key>(PhantomData).holds(), "Key: {name}");
        assert!(!Probe::<Secret<[u8; 32]>>(PhantomData).holds(), "Secret<[u8; 32]>: {name}");
        assert!(!Probe::<Secret<u64>>(PhantomData).holds(), "Secret<u64>: {name}");
        assert!(!Probe::<SecretBytes>(PhantomData).holds(), "SecretBytes: {name}");
        assert!(!Probe::<SecretText>(PhantomData).holds(), "SecretText: {name}");
        assert!(!Probe::<SigningKey>(PhantomData).holds(), "SigningKey: {name}");
        assert!(!Probe::<Share>(PhantomData).holds(), "Share: {name}");
    }};
}

#[test]
fn a_secret_can_not_be_printed() {
    secrets_lack!(std::fmt::Debug, which Vec<u8>);
    secrets_lack!(std::fmt::Display, which String);
    secrets_lack!(std::fmt::LowerHex, which u64);
    secrets_lack!(std::fmt::Pointer, which Box<u8>);
    secrets_lack!(ToString, which String);
    secrets_lack!(std::error::Error, which std::fmt::Error);
}

#[test]
fn a_secret_can_not_be_serialized() {
    secrets_lack!(serde::Serialize, which Vec<u8>);
    secrets_lack!(serde::de::DeserializeOwned, which Vec<u8>);
}

#[test]
fn a_secret_can_not_be_copied_by_accident() {
    secrets_lack!(Clone, which Vec<u8>);
    secrets_lack!(Copy, which u8);
    secrets_lack!(ToOwned, which str);
    secrets_lack!(Default, which Vec<u8>);
}

#[test]
fn a_secret_can_not_be_compared() {
    secrets_lack!(PartialEq, which Vec<u8>);
    secrets_lack!(PartialOrd, which Vec<u8>);
    secrets_lack!(Hash, which Vec<u8>);
}

#[test]
fn a_secret_opens_to_nothing_but_expose() {
    secrets_lack!(std::ops::Deref, which Vec<u8>);
    secrets_lack!(AsRef<[u8]>, which Vec<u8>);
    secrets_lack!(AsRef<str>, which String);
    secrets_lack!(std::borrow::Borrow<[u8]>, which Vec<u8>);
    secrets_lack!(Into<Vec<u8>>, which String);
    secrets_lack!(IntoIterator, which Vec<u8>);
}

/// A value that counts its wipings.
struct Recorder<'a>(&'a Cell<u32>);

impl Zeroize for Recorder<'_> {
    fn zeroize(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn dropping_a_secret_wipes_it_once() {
    let wiped = Cell::new(0);
    let secret = Secret::new(Recorder(&wiped));
    let moved = Box::new(secret);
    assert_eq!(wiped.get(), 0, "moving wipes nothing");
    drop(moved);
    assert_eq!(wiped.get(), 1);
}

#[test]
fn a_panic_wipes_the_secrets_that_it_passes() {
    let wiped = Cell::new(0);
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _secret = Secret::new(Recorder(&wiped));
        std::panic::resume_unwind(Box::new("passing by"));
    }));
    assert!(unwound.is_err());
    assert_eq!(wiped.get(), 1);
}

/// The system's allocator, which looks at a watched block when it is given back: then it is still
/// allocated and its bytes may be read. Every block is zero at first, so that all can be looked at.
struct Watching;

#[global_allocator]
static ALLOCATOR: Watching = Watching;

/// Address of the watched block, or 0.
static WATCHED: AtomicUsize = AtomicUsize::new(0);
/// Bytes at its start that are initialized.
static WATCHED_LEN: AtomicUsize = AtomicUsize::new(0);
/// Size of blocks that are watched wherever they are, or 0.
static WATCHED_SIZE: AtomicUsize = AtomicUsize::new(0);
/// What no block may hold when it comes back, or null. Leaked, so that it never comes back itself.
static MARKS: AtomicPtr<Vec<Vec<u8>>> = AtomicPtr::new(std::ptr::null_mut());
/// Larger blocks are not searched: those of Argon2 take too long.
const LARGEST_MARKED: usize = 1 << 16;
/// How many blocks held one.
static MARKED: AtomicUsize = AtomicUsize::new(0);
/// Whether the watched block came back.
static CAME_BACK: AtomicBool = AtomicBool::new(false);
/// Whether any byte of it was not zero.
static UNWIPED: AtomicBool = AtomicBool::new(false);
/// One watch at a time.
static WATCH: Mutex<()> = Mutex::new(());

// SAFETY: everything is passed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are ours.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are ours.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let len = if block.addr() == WATCHED.load(SeqCst) {
            WATCHED.store(0, SeqCst);
            Some(WATCHED_LEN.load(SeqCst).min(layout.size()))
        } else if layout.size() == WATCHED_SIZE.load(SeqCst) {
            Some(layout.size())
        } else {
            None
        };
        if let Some(len) = len {
            // SAFETY: the block is still allocated and its first `len` bytes are initialized, as
            // who set the watch has promised.
            let unwiped = (0..len).any(|at| unsafe { block.add(at).read_volatile() } != 0);
            UNWIPED.fetch_or(unwiped, SeqCst);
            CAME_BACK.store(true, SeqCst);
        }
        let marks = MARKS.load(SeqCst);
        if !marks.is_null() && layout.size() <= LARGEST_MARKED {
            // SAFETY: they are leaked and never changed.
            let marks = unsafe { &*marks };
            // SAFETY: the block is still allocated, and was zero before anybody wrote to it.
            let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
            let held = |mark: &Vec<u8>| bytes.windows(mark.len()).any(|window| window == mark);
            MARKED.fetch_add(usize::from(marks.iter().any(held)), SeqCst);
        }
        // SAFETY: the caller's promises are ours.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Whether the block behind `bytes` is zero when dropping `owner` gives it back.
fn is_wiped<T>(owner: T, bytes: impl FnOnce(&T) -> &[u8]) -> bool {
    let _one = WATCH.lock().unwrap_or_else(PoisonError::into_inner);
    let watched = bytes(&owner);
    assert!(watched.iter().any(|&byte| byte != 0), "there is something to wipe");
    CAME_BACK.store(false, SeqCst);
    UNWIPED.store(false, SeqCst);
    WATCHED_LEN.store(watched.len(), SeqCst);
    WATCHED.store(watched.as_ptr().addr(), SeqCst);
    drop(owner);
    assert!(CAME_BACK.load(SeqCst), "the block is the one that was watched");
    !UNWIPED.load(SeqCst)
}

#[test]
fn memory_that_nobody_wipes_is_seen() {
    assert!(!is_wiped(vec![7_u8; 100], |bytes| bytes));
    assert!(!is_wiped(String::from("value"), |text| text.as_bytes()));
}

#[test]
fn the_memory_of_secret_bytes_and_text_is_wiped() {
    assert!(is_wiped(SecretBytes::from(&b"value"[..]), |bytes| bytes.expose()));
    assert!(is_wiped(SecretText::new("value".to_owned()), |text| text.expose().as_bytes()));
    assert!(is_wiped(Box::new(Secret::new([7_u8; 100])), |bytes| bytes.expose()));
}

/// What lies where a key lay. Pages of keys are never given back, so it can be looked at.
fn left_by(key: &Key) -> impl Fn() -> [u8; 32] + use<> {
    let place = key.expose().as_ptr();
    // SAFETY: the page stays mapped, and any bytes are good ones.
    move || std::array::from_fn(|at| unsafe { place.add(at).read_volatile() })
}

#[test]
fn the_memory_of_a_key_is_wiped() {
    // Nobody else's, should another get the place at once.
    let bytes = [0xa7; 32];
    let (key, kept) = (Key::from_bytes(&bytes), Key::from_bytes(&bytes));
    let (copy, places) = (key.duplicate(), [left_by(&key), left_by(&kept)]);
    let copied = left_by(&copy);
    drop((key, copy));
    assert_ne!(places[0](), bytes);
    assert_ne!(copied(), bytes);
    assert_eq!(places[1](), bytes, "what is not wiped is seen");
    drop(kept);
}

#[test]
fn a_key_moves_without_leaving_bytes_behind() {
    let key = counting_key();
    let address = key.expose().as_ptr();
    let moved = Box::new(key);
    assert_eq!(moved.expose().as_ptr(), address);
}

/// The part of an opened box behind its message, where the padding was, is spare capacity.
#[test]
fn the_spare_capacity_of_secret_bytes_is_wiped() {
    let mut bytes = SecretBytes::from(&[7; 100][..]);
    let start = bytes.expose().as_ptr();
    bytes.expose_mut().truncate(1);
    assert_eq!(bytes.expose().as_ptr(), start);
    let _one = WATCH.lock().unwrap_or_else(PoisonError::into_inner);
    CAME_BACK.store(false, SeqCst);
    UNWIPED.store(false, SeqCst);
    WATCHED_LEN.store(100, SeqCst);
    WATCHED.store(start.addr(), SeqCst);
    drop(bytes);
    assert!(CAME_BACK.load(SeqCst) && !UNWIPED.load(SeqCst));
}

/// The last blocks of Argon2 yield the key without the passphrase.
#[test]
fn the_memory_of_argon2_is_wiped() {
    let _one = WATCH.lock().unwrap_or_else(PoisonError::into_inner);
    // A size that no other test asks for.
    let cost = Cost { memory_kib: 23 * 1024, passes: 2, lanes: 1 };
    CAME_BACK.store(false, SeqCst);
    UNWIPED.store(false, SeqCst);
    WATCHED_SIZE.store(23 * 1024 * 1024, SeqCst);
    let key = derive_from_passphrase("passphrase", &[1; 16], cost);
    WATCHED_SIZE.store(0, SeqCst);
    assert!(key.is_ok() && CAME_BACK.load(SeqCst));
    assert!(!UNWIPED.load(SeqCst));
}

/// How many blocks came back while `work` ran that held any of the marks.
fn blocks_left_behind(marks: &'static mut Vec<Vec<u8>>, work: impl FnOnce()) -> usize {
    MARKED.store(0, SeqCst);
    MARKS.store(marks, SeqCst);
    work();
    MARKS.store(std::ptr::null_mut(), SeqCst);
    MARKED.load(SeqCst)
}

/// The words of a share, its value and the secret itself, at any place of any block.
#[test]
fn splitting_and_combining_leave_no_secret_in_memory() {
    let _one = WATCH.lock().unwrap_or_else(PoisonError::into_inner);
    let key = Key::generate(&mut ChaCha20Rng::seed_from_u64(9));
    let group = |threshold, count| Group { threshold, count };
    let scheme =
        Scheme::new(3, &[group(2, 2), group(1, 1), group(3, 3)]).expect("numbers that fit");
    let shares = || {
        let shares =
            split(&key, &scheme, Encryption::default(), &mut ChaCha20Rng::seed_from_u64(10));
        shares.into_iter().flatten().collect::<Vec<_>>()
    };
    let texts: Vec<_> = shares().iter().map(Share::to_words).collect();
    // Of each share what lies behind the fields: the words, their numbers of ten bits, the value
    // behind its four bits of padding.
    let list: Vec<_> = share::complete("").collect();
    let number = |word: &str| list.iter().position(|known| *known == word).expect("a known word");
    let of_share = |text: &SecretText| {
        let words: Vec<_> = text.expose().split(' ').skip(4).take(11).collect();
        let numbers = words.iter().map(|word| number(word) as u16);
        let value = numbers.clone().fold(0_u128, |value, number| value << 10 | u128::from(number));
        [
            words[1..].join(" ").into_bytes(),
            numbers.flat_map(u16::to_ne_bytes).collect(),
            (value >> 2).to_be_bytes()[3..].to_vec(),
        ]
    };
    let halves = [key.expose()[..16].to_vec(), key.expose()[16..].to_vec()];
    let marks =
        || Box::leak(Box::new(texts.iter().flat_map(of_share).chain(halves.clone()).collect()));

    let seen = blocks_left_behind(marks(), || drop(texts[0].expose().clone()));
    assert_eq!(seen, 1, "a text that nobody wipes is seen");
    let seen = blocks_left_behind(marks(), || drop(key.expose().to_vec()));
    assert_eq!(seen, 1, "a key that nobody wipes is seen");
    let seen = blocks_left_behind(marks(), || {
        let mut combiner = Combiner::default();
        for share in shares() {
            let read = Share::parse(share.to_words().expose());
            let progress = read.map(|read| combiner.add(read).is_ok());
            assert_eq!(progress.ok(), Some(true));
        }
        let rebuilt = combiner.finish_key(Encryption::default().passphrase);
        assert!(rebuilt.is_ok_and(|rebuilt| rebuilt.expose() == key.expose()));
    });
    assert_eq!(seen, 0);
}

#[test]
fn the_types_that_hold_keys_inside_wipe_themselves() {
    const fn wipes<T: ZeroizeOnDrop>() {}
    wipes::<ed25519_dalek::SigningKey>();
    wipes::<xaes_256_gcm::Xaes256Gcm>();
    wipes::<xaes_256_gcm::aes::Aes256>();
    assert!(std::mem::needs_drop::<SigningKey>());
    drop(SigningKey::derive(&counting_key(), Purpose::PRINCIPAL_SIGN));
}
