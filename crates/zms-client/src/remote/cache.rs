//! The last answer of an engine, sealed as it came, in a file beside the pins.
//! spec/engine.md#cache
#![expect(clippy::disallowed_methods, reason = "this file owns the cache's files")]

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::{fs::OFlags, process::geteuid};
use zms_core::bundle::{MAX_PACKED, Packed};

/// Every file starts with this; the last byte is the version.
const MAGIC: &[u8; 4] = b"ZMK\x01";
/// Where the time of the last answer stands: behind the magic, in eight bytes.
const TIME: u64 = MAGIC.len() as u64;
/// Most files of a folder that are looked at for the newest copy.
const MOST_COPIES: usize = 1024;
/// Longest query and mark.
const MAX_TEXT: usize = 64 * 1024;

/// An answer, and what it was to.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) query: String,
    pub(super) etag: String,
    pub(super) commits: u64,
    /// Unix seconds at which the engine last said that this is how it is.
    pub(super) at: u64,
    pub(super) packed: Packed,
}

/// The file of one principal. What goes wrong with it is no trouble: there is no copy then.
pub(super) struct Cache {
    path: PathBuf,
}

impl Cache {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// What is kept, unproven.
    pub(super) fn load(&self) -> Option<Kept> {
        let (file, length) = opened(&self.path)?;
        let most = MAX_PACKED + MAX_TEXT;
        let mut bytes = Vec::with_capacity(most.min(length as usize));
        file.take(most as u64).read_to_end(&mut bytes).ok()?;
        decode(&bytes)
    }

    /// Keeps an answer, or only that it still holds.
    pub(super) fn keep(&self, kept: &Kept) {
        let _no_copy = match self.load() {
            Some(old) if (&old.query, &old.etag) == (&kept.query, &kept.etag) => self.touch(kept),
            _ => self.write(kept),
        };
    }

    fn touch(&self, kept: &Kept) -> io::Result<()> {
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let file = OpenOptions::new().write(true).custom_flags(flags).open(&self.path)?;
        file.write_all_at(&kept.at.to_be_bytes(), TIME)
    }

    /// Whole or not at all. It need not survive a power cut: what does not decode is no copy.
    fn write(&self, kept: &Kept) -> io::Result<()> {
        let new = self.path.with_extension(format!("new.{}", std::process::id()));
        let _none = fs::remove_file(&new);
        let written = || -> io::Result<()> {
            // A first answer is kept before there are any pins.
            if let Some(folder) = self.path.parent() {
                DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            }
            let mut file: File =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
            file.write_all(&encode(kept))?;
            fs::rename(&new, &self.path)
        };
        written().inspect_err(|_| {
            let _left = fs::remove_file(&new);
        })
    }
}

/// Unix seconds of the newest copy in a folder of them; `None` where there is none.
pub fn newest_copy(folder: &Path) -> Option<u64> {
    let copies = fs::read_dir(folder).ok()?.take(MOST_COPIES).filter_map(|entry| {
        let (file, _) = opened(&entry.ok()?.path())?;
        let mut begins = [0; MAGIC.len() + 8];
        file.read_exact_at(&mut begins, 0).ok()?;
        Some(u64::from_be_bytes(*begins.strip_prefix(MAGIC)?.first_chunk()?))
    });
    copies.max()
}

/// A file of ours, and its length. What others could have put there is not even looked at.
fn opened(path: &Path) -> Option<(File, u64)> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    let found = file.metadata().ok()?;
    let ours = found.is_file() && found.uid() == geteuid().as_raw() && found.mode() & 0o022 == 0;
    ours.then_some((file, found.len()))
}

fn encode(kept: &Kept) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(kept.at.to_be_bytes());
    bytes.extend(kept.commits.to_be_bytes());
    for text in [&kept.query, &kept.etag] {
        bytes.extend((text.len() as u32).to_be_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes.extend(kept.packed.encode());
    bytes
}

fn decode(bytes: &[u8]) -> Option<Kept> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (at, rest) = rest.split_first_chunk()?;
    let (commits, rest) = rest.split_first_chunk()?;
    let (query, rest) = text(rest)?;
    let (etag, rest) = text(rest)?;
    let packed = Packed::decode(rest).ok()?;
    let (at, commits) = (u64::from_be_bytes(*at), u64::from_be_bytes(*commits));
    Some(Kept { query, etag, commits, at, packed })
}

fn text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (text, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    Some((std::str::from_utf8(text).ok()?.to_owned(), rest))
}
