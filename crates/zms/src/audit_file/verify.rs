//! Recomputes the chain of a file from its first line. spec/audit.md#verifying

use std::{
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use rustix::fs::{FlockOperation, flock};
use zms_core::{
    audit::{Walk, Walked},
    id::VaultId,
};

use super::line::{Line, MAX_LINE};
use crate::{
    exit::{Exit, Failure, Outcome},
    files,
    home::trouble,
};

/// What a file holds.
pub struct Verified {
    /// The vault that its first line names.
    pub vault: VaultId,
    /// What a walk along it found.
    pub walked: Walked,
}

/// Walks along a file, or stdin for `-`. Nothing is opened for it: the ids and hashes are in clear.
pub fn verify(path: &Path) -> Outcome<Verified> {
    if path == Path::new("-") {
        return walk(io::stdin().lock(), "stdin");
    }
    let file = files::open(path)?;
    // Nobody is in the middle of a line. A pipe has no lock, and no other writer that shares one.
    let _lock = flock(&file, FlockOperation::LockShared);
    walk(BufReader::new(&file), &path.display().to_string())
}

fn walk(mut from: impl BufRead, shown: &str) -> Outcome<Verified> {
    let unreadable = |error| trouble(&error, format!("{shown} can not be read"));
    let (mut begun, mut line): (Option<(VaultId, Walk)>, _) = (None, Vec::new());
    loop {
        line.clear();
        (&mut from).take(MAX_LINE).read_until(b'\n', &mut line).map_err(unreadable)?;
        if line.is_empty() {
            break;
        }
        if line.last() != Some(&b'\n') {
            // Too long, or without an end: the rest of it is no line of its own.
            skip_line(&mut from).map_err(unreadable)?;
            line.clear();
        }
        let read = serde_json::from_slice::<Line>(&line).ok();
        let of = read.as_ref().and_then(Line::vault);
        let (vault, walk) = match (&mut begun, of) {
            (Some(begun), _) => begun,
            (none, Some(vault)) => none.insert((vault, Walk::new(vault, 0, []))),
            (None, None) => return Err(foreign(shown)),
        };
        match read.and_then(|line| line.entry()).filter(|_| of == Some(*vault)) {
            Some(entry) => walk.take(&entry),
            None => walk.unreadable(),
        }
    }
    let (vault, walk) =
        begun.ok_or_else(|| Failure::usage(format!("{shown} is empty: it holds no entry")))?;
    Ok(Verified { vault, walked: walk.end() })
}

fn skip_line(from: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = from.fill_buf()?;
        let (length, end) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        from.consume(length);
        if end {
            return Ok(());
        }
    }
}

fn foreign(shown: &str) -> Failure {
    Failure::new(Exit::Integrity, format!("{shown} does not begin with an entry of an audit"))
        .hint("name a file that `--audit-to` wrote")
}
