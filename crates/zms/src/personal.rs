//! Personal values: the owner's own, on this machine only. They lie beside the pins and never in the
//! database, so nothing that copies or reads the vault has them. spec/personal.md

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;
use zms_client::{Session, View};
use zms_core::{
    id::VaultId,
    personal::Personal,
    principal::Principal,
    record::{Payload, ValueKind},
};
use zms_crypto::SecretBytes;

use crate::{
    environment,
    exit::{Exit, Failure, Outcome},
    files,
    home::{Home, read_large, replace_private, trouble},
    session::{Acting, Context},
};

/// Longest text of a file that is read again, in bytes.
const MAX_TEXT: usize = 16 * 1024 * 1024;

/// Where the personal values of a vault's owner are kept.
pub struct Drawer<'a> {
    home: &'a Home,
    principal: &'a Principal,
    vault: VaultId,
}

impl<'a> Drawer<'a> {
    /// Names it; the file is made when the first value is kept.
    pub const fn new(home: &'a Home, principal: &'a Principal, vault: VaultId) -> Self {
        Self { home, principal, vault }
    }

    /// What is kept; nothing where there is no file. One that does not open is an error: without
    /// what it held, a program would run with other values than its owner chose.
    pub fn open(&self) -> Outcome<Personal> {
        let path = self.home.personal(self.principal.id());
        let damaged = || {
            Failure::new(
                Exit::Integrity,
                format!("the personal values in {} are damaged", path.display()),
            )
            .hint("go without them by `zms run --no-personal`, or remove that file")
        };
        let Some(text) = read_large(&path, Exit::Integrity)? else {
            return Ok(Personal::default());
        };
        let sealed = STANDARD.decode(text.trim_end()).map_err(|_| damaged())?;
        Personal::open(self.principal, self.vault, &sealed).map_err(|_| damaged())
    }

    /// Changes what is kept, under a lock: of two processes, neither loses what the other set. Where
    /// the key was replaced before the lock was had, nothing would read what is kept for the old one.
    pub fn change<T>(
        &self,
        session: &Session,
        change: impl FnOnce(&mut Personal) -> Outcome<T>,
    ) -> Outcome<T> {
        let _lock = self.home.lock()?;
        if !session.lists(self.principal.id())? {
            return Err(Failure::new(Exit::Conflict, "the master key was replaced meanwhile")
                .hint("nothing was changed: try again"));
        }
        let mut personal = self.open()?;
        let made = change(&mut personal)?;
        self.keep(&personal)?;
        Ok(made)
    }

    fn keep(&self, personal: &Personal) -> Outcome {
        let sealed = personal.seal(self.principal, self.vault, &mut *environment::entropy());
        let text = Zeroizing::new(STANDARD.encode(sealed) + "\n");
        if text.len() > MAX_TEXT {
            return Err(Failure::usage("personal values are larger than 12 MiB together")
                .hint("remove some: `zms rm NAME --personal`"));
        }
        files::make_folder(&self.home.personal_folder())?;
        let path = self.home.personal(self.principal.id());
        replace_private(&path, &text)
            .map_err(|error| trouble(&error, format!("{} can not be written", path.display())))
    }

    /// Gives the owner's new key what the old one sealed, before the old one is gone. Where nothing
    /// is kept, nothing is made.
    pub fn hand_on(&self, heir: &Principal) -> Outcome {
        let personal = self.open()?;
        if personal.values().is_empty() {
            return Ok(());
        }
        Drawer { principal: heir, ..*self }.keep(&personal)
    }
}

/// Refuses who is not the owner: a token's holder may be anybody, and acts on any machine.
pub fn owner_only(acting: &Acting) -> Outcome {
    if acting.owner {
        return Ok(());
    }
    Err(Failure::new(Exit::Denied, "a token acts here, and personal values are the owner's")
        .hint("run it as the owner: without ZMS_TOKEN, or with `--as-owner`"))
}

/// Lays the owner's personal values over what a place sees, each over the secret of its own scope.
/// With a token there are none.
pub fn lay_over(context: &Context, acting: &Acting, view: &mut View) -> Outcome {
    if !acting.owner {
        return Ok(());
    }
    let home = context.home()?;
    let personal = Drawer::new(&home, acting.session.principal(), view.vault).open()?;
    for held in personal.values() {
        view.merged.lay_over(
            &held.path,
            Payload {
                name: held.name.clone(),
                // EXPOSE: the reader gets it in place of the secret's.
                value: SecretBytes::from(held.value.expose().as_slice()),
                kind: ValueKind::Secret,
                note: String::new(),
                created_at: held.created_at,
                expires_at: None,
            },
        );
    }
    Ok(())
}
