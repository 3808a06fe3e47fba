//! `zms backup FILE`.

use std::path::Path;

use zms_client::{Copied, Session, SessionError, pins::PinFolder};
use zms_core::{
    backup::{CHUNK, Chunks, Head},
    bundle::TroubleClass,
};
use zms_store_sqlite::SqliteStore;

use crate::{
    environment,
    exit::{Exit, Failure, Outcome, utc},
    files,
    home::{Home, Scratch},
    last_backup::LastBackup,
    output::Progress,
    server,
    session::{Acting, Context, tell},
};

/// What was made.
pub struct Made {
    head: Head,
    bytes: u64,
    copied: Copied,
}

/// Makes a backup, and tells of it.
pub fn run(context: &Context, file: &Path) -> Outcome {
    let made = make(context, file)?;
    let (scopes, secrets) = (made.copied.proof.scopes, made.copied.proof.records);
    let broken: Vec<String> = made.copied.proof.broken.iter().map(ToString::to_string).collect();
    if context.output.json {
        context.output.json(serde_json::json!({
            "file": file.display().to_string(),
            "file_bytes": made.bytes,
            "vault": made.head.vault.to_string(),
            "made": utc(made.head.made_at),
            "scopes": scopes,
            "secrets": secrets,
            "broken": broken,
        }))?;
    } else {
        context.output.note(format!(
            "{}: {secrets} secrets in {scopes} scopes, with their past; read back and whole\n\
             It opens with the master key of today, which is not in it: keep a copy of that elsewhere",
            file.display()
        ));
        for broken in &broken {
            context.output.warn(broken);
        }
    }
    match broken.len() {
        0 => Ok(()),
        count => Err(Failure::new(
            Exit::Integrity,
            format!("the backup was made, but {count} things in the vault do not verify"),
        )
        .hint("keep the older backups too: what does not verify here can only come from them")),
    }
}

/// Copies one committed state, proves all of the copy, seals it, and reads that back.
pub fn make(context: &Context, file: &Path) -> Outcome<Made> {
    if files::exists(file) {
        return Err(files::backup::taken(file));
    }
    let home = context.home()?;
    server::refuse(
        &home,
        "a backup is made of a database",
        "who runs the server backs its database up; `zms pull` brings the vault to this machine, \
         where `zms backup` copies it",
    )?;
    let mut acting = context.act()?;
    acting.session.note_backup().map_err(|error| acting.explain(error))?;
    let scratch = Scratch::new(&home)?;
    let copy = scratch.file("zms.db");
    copy_database(&home, &copy)?;
    let now = environment::now();
    let (copied, acting) = proven(acting, &copy, &scratch)?;
    let mut rng = environment::entropy();
    let begun = Chunks::begin(copied.vault, now, CHUNK, &copied.holders, &mut *rng);
    let head = Head::parse(&begun.0).expect("what was just written is read");
    let bytes = files::backup::write(file, &copy, begun, acting.session.principal(), &mut *rng)?;
    if let Err(failure) = LastBackup::note(&home, &head, file, environment::now()) {
        context.output.warn(format!("`zms status` will not know of this backup: {failure}"));
    }
    tell(&acting.session, context.output);
    if files::canonical(file).is_ok_and(|file| within(&file, home.folder())) {
        context
            .output
            .warn("the backup lies beside the vault, and is lost with it: move it elsewhere");
    }
    Ok(Made { head, bytes, copied })
}

fn within(file: &Path, folder: &Path) -> bool {
    files::canonical(folder).is_ok_and(|folder| file.starts_with(folder))
}

fn copy_database(home: &Home, copy: &Path) -> Outcome {
    let _drawn = Progress::spinner("copying the database");
    let missing = || Failure::other(format!("{} is gone", home.database().display()));
    let mut store =
        SqliteStore::open(&home.database()).map_err(SessionError::Store)?.ok_or_else(missing)?;
    store.copy_to(copy).map_err(|trouble| match trouble.class {
        TroubleClass::Full => {
            Failure::other("the disk is full: the vault is copied beside itself first")
                .hint("free as much space there as the database takes")
        }
        _ => SessionError::Store(trouble).into(),
    })
}

/// Proves the copy as who made it. It has no pins: what it was copied from was just checked
/// against them.
fn proven(acting: Acting, copy: &Path, scratch: &Scratch) -> Outcome<(Copied, Acting)> {
    let _drawn = Progress::spinner("proving the copy");
    let missing = || Failure::other("the copy is gone");
    let store = SqliteStore::open(copy).map_err(SessionError::Store)?.ok_or_else(missing)?;
    let mut acting = acting;
    let pins = PinFolder::new(scratch.file("pins"));
    let principal = acting.session.principal().duplicate();
    let mut session =
        Session::new(Box::new(store), principal, pins, environment::now, environment::entropy());
    let copied = session.prove_copy().map_err(|error| acting.explain(error))?;
    Ok((copied, acting))
}
