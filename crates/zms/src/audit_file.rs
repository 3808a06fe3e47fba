//! The audit of who reads from a bundle: a file of lines, each chained to the one before.
//! spec/audit.md#file
#![expect(clippy::disallowed_methods, reason = "this file owns the audit file")]

mod line;
mod verify;

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use rustix::fs::{FlockOperation, OFlags, flock};
use zms_core::{
    audit::{Entry, Event},
    bundle::{Trouble, TroubleClass},
    id::VaultId,
};
use zms_store::copy::AuditSink;

use self::line::{Line, MAX_LINE};
pub use self::verify::{Verified, verify};
use crate::{files::settle, home::plain};

/// A file that takes entries. It is opened for each append, so that several processes share it.
pub struct AuditFile(pub PathBuf);

impl AuditSink for AuditFile {
    fn append(&mut self, vault: VaultId, events: &[Event]) -> Result<(), Trouble> {
        self.write(vault, events).map_err(|why| {
            Trouble::new(TroubleClass::AuditFile, format!("{}: {why}", self.0.display()))
        })
    }
}

impl AuditFile {
    fn write(&self, vault: VaultId, events: &[Event]) -> Result<(), String> {
        let told = |error: io::Error| plain(&error);
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        let file = options.custom_flags(flags.bits().cast_signed()).open(&self.0);
        let mut file = file.map_err(|error| match error.raw_os_error() {
            Some(libc::ELOOP) => "is a symbolic link".to_owned(),
            _ => plain(&error),
        })?;
        if !file.metadata().map_err(told)?.is_file() {
            return Err("is not a regular file".to_owned());
        }
        flock(&file, FlockOperation::LockExclusive).map_err(|error| plain(&error.into()))?;
        let length = file.metadata().map_err(told)?.len();
        let (mut seq, mut prev_hash) = (0, [0; 32]);
        if length > 0 {
            let last = last_line(&mut file, length).map_err(told)?;
            let last = last.and_then(|line| serde_json::from_slice::<Line>(&line).ok());
            let last = last.and_then(|line| line.whole(vault)).ok_or(
                "its last line is no whole entry of this vault: keep it, and name another file",
            )?;
            (seq, prev_hash) = (last.seq, last.hash);
        }
        let mut text = String::new();
        for event in events {
            let entry = Entry::new(vault, 0, seq + 1, prev_hash, event.clone());
            text +=
                &serde_json::to_string(&Line::of(vault, &entry)).map_err(|it| it.to_string())?;
            text.push('\n');
            (seq, prev_hash) = (entry.seq, entry.hash);
        }
        // What is given out is given out for good, so its entry is on the disk before.
        let mut keep = || {
            file.write_all(text.as_bytes())?;
            file.sync_data()?;
            if length == 0 { settle(&self.0) } else { Ok(()) }
        };
        if let Err(error) = keep() {
            // Half a line would stop every later entry.
            let _cut = file.set_len(length);
            return Err(plain(&error));
        }
        Ok(())
    }
}

/// The last line of a file; `None` where it has no end or is too long.
fn last_line(file: &mut File, length: u64) -> io::Result<Option<Vec<u8>>> {
    let from = length.saturating_sub(MAX_LINE);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(MAX_LINE).read_to_end(&mut tail)?;
    let Some(lines) = tail.strip_suffix(b"\n") else { return Ok(None) };
    let begin = lines.iter().rposition(|byte| *byte == b'\n');
    let whole = begin.map(|at| at + 1).or((from == 0).then_some(0));
    Ok(whole.map(|at| lines[at..].to_vec()))
}

#[cfg(test)]
mod tests {
    use zms_core::{
        audit::{Action, Outcome as Ended},
        id::{PrincipalId, ScopeId},
    };

    use super::*;

    fn event(time: u64) -> Event {
        Event {
            time,
            principal: PrincipalId([1; 16]),
            action: Action::Read,
            scope: Some(ScopeId([2; 16])),
            revision: 3,
            outcome: Ended::Done,
        }
    }

    fn entries(path: &std::path::Path, vault: VaultId) -> Vec<Entry> {
        let text = std::fs::read_to_string(path).unwrap();
        let line = |line: &str| serde_json::from_str::<Line>(line).unwrap().whole(vault).unwrap();
        text.lines().map(line).collect()
    }

    #[test]
    fn entries_form_one_chain_over_all_appends() {
        let (folder, vault) = (tempfile::tempdir().unwrap(), VaultId([7; 16]));
        let path = folder.path().join("audit.log");
        let mut file = AuditFile(path.clone());
        file.append(vault, &[event(1), event(2)]).unwrap();
        AuditFile(path.clone()).append(vault, &[Event { scope: None, ..event(3) }]).unwrap();
        let kept = entries(&path, vault);
        assert_eq!(kept.iter().map(|entry| entry.event.time).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(zms_core::audit::first_bad(vault, &kept), None);
        file.append(VaultId([8; 16]), &[event(4)]).unwrap_err();
        assert_eq!(entries(&path, vault).len(), 3);
    }

    #[test]
    fn what_was_edited_or_cut_takes_no_more() {
        let (folder, vault) = (tempfile::tempdir().unwrap(), VaultId([7; 16]));
        let path = folder.path().join("audit.log");
        let mut file = AuditFile(path.clone());
        file.append(vault, &[event(1), event(2)]).unwrap();
        let good = std::fs::read_to_string(&path).unwrap();
        for bad in [
            good.trim_end().to_owned(),
            good.replace("\"revision\":3", "\"revision\":4"),
            format!("{good}\n"),
            format!("{good}{}\n", "x".repeat(5000)),
            "something else\n".to_owned(),
        ] {
            std::fs::write(&path, &bad).unwrap();
            file.append(vault, &[event(3)]).unwrap_err();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), bad);
        }
    }
}
