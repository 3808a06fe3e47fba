//! The key that a backup is restored with, and where it is kept afterwards.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;
use zms_core::{id::VaultId, key_file::KeyFile, principal::Principal};

use crate::{
    credentials::{self, Sources},
    environment,
    exit::{Exit, Failure, Outcome},
    files,
    home::{Home, create_private, read_private, replace_private, trouble},
    master_key::promote,
    session::Context,
};

/// A key, with the file of another place that is to become the one in use.
pub struct Key {
    /// Who restores.
    pub principal: Principal,
    /// The file's text.
    file: Option<Zeroizing<String>>,
    /// What the file in use holds, another key.
    held: Option<Zeroizing<String>>,
}

/// By `--key`, else as every command finds it.
pub fn find(context: &Context, home: &Home, key: Option<&Path>) -> Outcome<Key> {
    let Some(path) = key else {
        let caller = credentials::caller(home, context.as_owner, context.token_fd, Sources::Named);
        let caller = caller.map_err(|failure| match failure.exit {
            Exit::Locked if !files::exists(&home.key()) => {
                let at = home.as_typed();
                let unlock = match files::exists(&home.database()) {
                    true => format!("`zms unlock{at}` for a while, "),
                    false => String::new(),
                };
                failure.hint(format!(
                    "name the master key's file with `--key FILE`, or rebuild it from its shares: \
                     {unlock}`zms key combine{at}` into the file"
                ))
            }
            _ => failure,
        })?;
        return Ok(Key { principal: caller.principal, file: None, held: None });
    };
    let principal = credentials::owner_named(path)?.principal;
    let held = read_private(&home.key(), Exit::Integrity)?;
    let same = |text: &str| KeyFile::parse(text).is_ok_and(|it| it.principal() == principal.id());
    if held.as_deref().is_some_and(|text| same(text)) {
        return Ok(Key { principal, file: None, held: None });
    }
    Ok(Key { principal, file: read_private(path, Exit::Integrity)?, held })
}

impl Key {
    /// Lays the file where it works as soon as the database is there: in its place where no key is,
    /// else beside the one in use, which the next command ends. The key that was in use is kept
    /// under another name, which is given: backups that are newer open with it.
    pub fn lay_out(&self, home: &Home, vault: VaultId) -> Outcome<Option<PathBuf>> {
        let Some(text) = &self.file else { return Ok(None) };
        let path = home.key();
        let of = |text: &str| KeyFile::parse(text).ok().map(|file| file.vault());
        if of(text) != Some(vault) {
            return Err(Failure::new(Exit::Integrity, "the key file is for another vault"));
        }
        let unmade = |error| trouble(&error, format!("{} can not be made", path.display()));
        let Some(held) = &self.held else {
            create_private(&path, text).map_err(unmade)?;
            return Ok(None);
        };
        if of(held).is_some_and(|other| other != vault) {
            let why = format!("the master key in {} is of another vault", path.display());
            return Err(Failure::usage(why).hint("restore beside it with `--vault NAME`"));
        }
        let aside = home.folder().join(format!("zms.master.replaced-{}.key", environment::now()));
        replace_private(&aside, held).map_err(unmade)?;
        replace_private(&home.next_key(), text).map_err(unmade)?;
        Ok(Some(aside))
    }

    /// Puts it in the place of the one in use.
    pub fn take_effect(&self, home: &Home) -> Outcome {
        if self.file.is_some() && self.held.is_some() { promote(home) } else { Ok(()) }
    }
}
