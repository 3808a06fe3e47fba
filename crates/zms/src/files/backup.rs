//! Backup files: written whole or not at all, read chunk by chunk. spec/backup.md#file
#![expect(clippy::disallowed_methods, reason = "this file owns backup files")]

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use zms_core::{
    backup::{BackupError, CHUNK, Chunks, Head, PREFIX_LEN},
    principal::Principal,
};
use zms_crypto::CryptoRng;

use crate::{
    exit::{Exit, Failure, Outcome},
    home::trouble,
    output::Progress,
};

/// Seals a database into a new file that only we can read, and reads it back before it gets its
/// name. `begun` is the start of the file and what seals the rest; `reader` is one of its holders.
/// Gives the file's length.
pub fn write(
    path: &Path,
    database: &Path,
    begun: (Vec<u8>, Chunks),
    reader: &Principal,
    rng: &mut dyn CryptoRng,
) -> Outcome<u64> {
    let mut new = OsString::from(path);
    new.push(format!(".new.{}", std::process::id()));
    let new = PathBuf::from(new);
    // Left by a process that died and had our number.
    let _none = fs::remove_file(&new);
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => taken(path),
        io::ErrorKind::NotFound => {
            Failure::not_found(format!("there is no folder for {}", path.display()))
        }
        _ => trouble(&error, format!("{} can not be written", path.display())),
    };
    let whole = || -> Outcome<u64> {
        let bytes = seal(&new, database, begun, rng).map_err(failed)?;
        compare(&new, database, reader)?;
        super::rename_new(&new, path).map_err(failed)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))
            .and_then(|it| it.sync_all())
            .map_err(failed)?;
        Ok(bytes)
    };
    let written = whole();
    let _gone = fs::remove_file(&new);
    written
}

/// A backup never takes another file's place.
pub fn taken(path: &Path) -> Failure {
    Failure::usage(format!("{} is there already", path.display()))
        .hint("a backup is never replaced: name a new file")
}

fn seal(
    new: &Path,
    database: &Path,
    (start, mut chunks): (Vec<u8>, Chunks),
    rng: &mut dyn CryptoRng,
) -> io::Result<u64> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(new)?;
    let mut source = File::open(database)?;
    let mut left = source.metadata()?.len();
    let mut bytes = start.len() as u64;
    let progress = Progress::bar("sealing the backup", left.div_ceil(u64::from(CHUNK)));
    file.write_all(&start)?;
    let mut part = vec![0; CHUNK as usize];
    for done in 1.. {
        let length = fill(&mut source, &mut part)?;
        left = left.saturating_sub(length as u64);
        let chunk = chunks.seal_next(&part[..length], left == 0, rng);
        file.write_all(&chunk)?;
        bytes += chunk.len() as u64;
        progress.at(done);
        if left == 0 {
            break;
        }
    }
    file.sync_all()?;
    Ok(bytes)
}

/// Whether a file opens to exactly the database that it was made of.
fn compare(path: &Path, database: &Path, reader: &Principal) -> Outcome {
    let unread = |error| trouble(&error, "the copy can not be read again");
    let mut source = File::open(database).map_err(unread)?;
    let mut same = true;
    unseal(path, reader, |part| {
        let mut wanted = vec![0; part.len()];
        let length = fill(&mut source, &mut wanted).map_err(unread)?;
        same &= length == part.len() && wanted == part;
        Ok(())
    })?;
    if same && fill(&mut source, &mut [0]).map_err(unread)? == 0 {
        Ok(())
    } else {
        Err(Failure::new(Exit::Integrity, "what was written does not read back as it was")
            .hint("nothing was kept of it; try another disk"))
    }
}

/// Opens a backup as one of its holders and gives its database out, part by part. The file is read
/// once from its beginning, with a chunk's memory.
pub fn unseal(
    path: &Path,
    principal: &Principal,
    mut take: impl FnMut(&[u8]) -> Outcome,
) -> Outcome<Head> {
    let unread = |error| trouble(&error, format!("{} can not be read", path.display()));
    let refused = |error| refusal(path, error, None);
    let mut file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::not_found(format!("{} does not exist", path.display())),
        _ => unread(error),
    })?;
    let length = file.metadata().map_err(unread)?.len();
    let mut start = vec![0; PREFIX_LEN];
    let found = fill(&mut file, &mut start).map_err(unread)?;
    let rest = Head::length(&start[..found]).map_err(refused)?;
    start.resize(PREFIX_LEN + rest, 0);
    let found = fill(&mut file, &mut start[PREFIX_LEN..]).map_err(unread)?;
    start.truncate(PREFIX_LEN + found);
    let opened = Chunks::open(&start, principal);
    let (head, mut chunks) =
        opened.map_err(|error| refusal(path, error, Head::parse(&start).ok()))?;
    let (mut chunk, mut ahead) = (vec![0; head.sealed_chunk()], vec![0; head.sealed_chunk()]);
    let progress = Progress::bar("opening the backup", length.div_ceil(chunk.len() as u64));
    let mut held = fill(&mut file, &mut chunk).map_err(unread)?;
    for done in 1.. {
        let next =
            if held == chunk.len() { fill(&mut file, &mut ahead).map_err(unread)? } else { 0 };
        let part = chunks.open_next(&chunk[..held], next == 0).map_err(refused)?;
        // EXPOSE: a piece of a database, which is sealed or signed in itself.
        let part = part.expose();
        if part.is_empty() {
            return Err(refused(BackupError::Damaged));
        }
        take(part)?;
        progress.at(done);
        if next == 0 {
            break;
        }
        std::mem::swap(&mut chunk, &mut ahead);
        held = next;
    }
    Ok(head)
}

fn refusal(path: &Path, error: BackupError, head: Option<Head>) -> Failure {
    let exit = match error {
        BackupError::NotHolder => Exit::Denied,
        BackupError::Newer => Exit::Other,
        _ => Exit::Integrity,
    };
    let failure = Failure::new(exit, format!("{} {error}", path.display()));
    match (error, head) {
        (BackupError::NotHolder, Some(head)) => {
            let holders: Vec<_> = head.holders.iter().map(|(id, _)| id.to_string()).collect();
            failure.hint(format!(
                "it is of the vault {}, made on {} for {}: use the master key of that time",
                head.vault,
                crate::exit::utc(head.made_at),
                holders.join(", "),
            ))
        }
        (BackupError::Newer, _) => failure.hint("install the newer version of zms"),
        (BackupError::Damaged, _) => {
            failure.hint("nothing of it was used; take another copy of it")
        }
        _ => failure,
    }
}

/// Reads until the buffer is full or the file at its end.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}
