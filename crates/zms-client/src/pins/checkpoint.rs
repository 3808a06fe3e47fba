//! The checkpoint of the audit that an administrator keeps beside the pins.
//! spec/audit.md#keeping
#![expect(clippy::disallowed_methods, reason = "this file owns the kept checkpoints' files")]

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use rustix::fs::OFlags;
use zms_core::{audit::MAX_NOTE, id::PrincipalId};

use super::{PinFolder, PinTrouble, create};

impl PinFolder {
    /// Where a principal's checkpoint is kept.
    pub fn checkpoint_path(&self, principal: PrincipalId) -> PathBuf {
        self.0.join(format!("{principal}.checkpoint"))
    }

    /// The note that is kept, as it lies there; at most one byte more than a good one has. A file
    /// without content is none: it is what a loss of power leaves of one that waited for no disk.
    ///
    /// # Errors
    /// [`PinTrouble::File`].
    pub fn kept_checkpoint(&self, principal: PrincipalId) -> Result<Option<Vec<u8>>, PinTrouble> {
        let path = self.checkpoint_path(principal);
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let read = || -> io::Result<Vec<u8>> {
            let mut options = OpenOptions::new();
            let file = options.read(true).custom_flags(flags.bits().cast_signed()).open(&path)?;
            let mut note = Vec::with_capacity(1024);
            file.take(MAX_NOTE as u64 + 1).read_to_end(&mut note)?;
            Ok(note)
        };
        match read() {
            Ok(note) if note.iter().all(|byte| *byte == 0) => Ok(None),
            Ok(note) => Ok(Some(note)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(PinTrouble::File { path, verb: "read", source }),
        }
    }

    /// Keeps what `next` makes of the note that is kept, under the lock of the pins; `None` leaves
    /// it. `durable` waits for the disk, as the first one always does: only where a name is taken from
    /// another file do file systems bring the content there before the name.
    ///
    /// # Errors
    /// [`PinTrouble::File`], or what `next` says.
    pub fn renew_checkpoint<E: From<PinTrouble>>(
        &self,
        principal: PrincipalId,
        durable: bool,
        next: impl FnOnce(Option<Vec<u8>>) -> Result<Option<String>, E>,
    ) -> Result<(), E> {
        let path = self.checkpoint_path(principal);
        let trouble = |source| PinTrouble::File { path: path.clone(), verb: "kept", source };
        let _lock = self.lock().map_err(trouble)?;
        let kept = self.kept_checkpoint(principal)?;
        let durable = durable || kept.is_none();
        let Some(note) = next(kept)? else { return Ok(()) };
        let new = path.with_extension("checkpoint.new");
        let write = || -> io::Result<()> {
            let mut file = create(&new, true)?;
            file.write_all(note.as_bytes())?;
            if durable {
                file.sync_all()?;
            }
            fs::rename(&new, &path)
        };
        Ok(write().map_err(trouble)?)
    }
}
