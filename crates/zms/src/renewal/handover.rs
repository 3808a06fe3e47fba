//! New seeds between their making and their showing. spec/key-file.md#new-tokens

use std::{io, path::Path, path::PathBuf};

use zeroize::Zeroizing;
use zms_core::{
    bundle::Standing,
    change::renew::{Heir, Renewal},
    handover::Handover,
    id::{PrincipalId, VaultId},
    key_file::KeyFile,
    principal::Principal,
};
use zms_crypto::text::{SeedKind, encode_seed};

use crate::{
    environment,
    exit::{Exit, Failure, Outcome, utc},
    files,
    home::{Home, create_private, read_large, read_private, replace_private, trouble},
    master_key::Seal,
    output::Output,
    session::{Acting, Context},
    shares::Handout,
};

/// Keeps new seeds on the disk before the vault learns of them.
pub(super) enum Keeper {
    /// The owner's lie under the new key, which lies beside the old one.
    Owner(Seal, VaultId),
    /// The owner's lie under the new key, which lies nowhere: its shares are handed over.
    Shares,
    /// Another administrator has nothing but his old seed at hand afterwards.
    Other(Principal),
}

impl Keeper {
    /// Asks for a new passphrase where the key has one.
    pub(super) fn of(home: &Home, acting: &Acting, shared: bool) -> Outcome<Self> {
        if !acting.owner {
            let me = acting.session.principal();
            return Ok(Self::Other(me.duplicate()));
        }
        if shared {
            return Ok(Self::Shares);
        }
        let file = key_file(home)?;
        Ok(Self::Owner(Seal::ask(file.protection().into(), None)?, file.vault()))
    }

    /// Refuses where the owner's new seed could not be kept, or somebody asks for shares that would
    /// not be the only place of it, before anything is foretold or asked.
    pub(super) fn check(
        home: &Home,
        acting: &Acting,
        handout: Option<&Handout>,
        output: Output,
    ) -> Outcome {
        let Some(handout) = handout else {
            return if acting.owner { key_file(home).map(drop) } else { Ok(()) };
        };
        if !acting.owner {
            return Err(Failure::usage("a token acts here, and shares are of the master key")
                .hint("leave them out, or run it as the owner: `--as-owner`"));
        }
        if files::exists(&home.key()) {
            let kept = format!("the new key takes the place of {}", home.key().display());
            return Err(Failure::usage(kept).hint(
                "leave the shares out, and make them of the new key afterwards: `zms key split`",
            ));
        }
        if output.json && handout.prints() {
            return Err(Failure::usage("shares and tokens are not printed together as JSON")
                .hint("`--sheets DIR` writes a page for each share"));
        }
        Ok(())
    }

    /// Writes the files, in the place of those of an attempt that got no further.
    pub(super) fn keep(&self, home: &Home, renewal: &Renewal) -> Outcome {
        let mut rng = environment::entropy();
        let (vault, own) = (renewal.vault, &renewal.own.principal);
        let text = match self {
            Self::Owner(seal, vault) => {
                write(&home.next_key(), &seal.seal(own, *vault)?)?;
                Handover::write(own, *vault, &renewal.heirs, &mut *rng)
            }
            Self::Shares => Handover::write(own, vault, &renewal.heirs, &mut *rng),
            Self::Other(me) => {
                let all = [&renewal.own].into_iter().chain(&renewal.heirs);
                Handover::write(me, vault, all, &mut *rng)
            }
        };
        write(&home.handover(), &text)
    }
}

/// The owner's key file, which the new one is to be like.
fn key_file(home: &Home) -> Outcome<KeyFile> {
    let Some(text) = read_private(&home.key(), Exit::Integrity)? else {
        let shown = home.key().display().to_string();
        let why = format!("there is no master key at {shown}: it is in its shares alone");
        return Err(Failure::usage(why).hint(
            "say which shares the new one has, for example `--shares 5 --threshold 3 --sheets DIR`",
        ));
    };
    KeyFile::parse(&text)
        .map_err(|_| Failure::new(Exit::Integrity, "the key file was changed meanwhile"))
}

fn write(path: &Path, text: &str) -> Outcome {
    replace_private(path, text)
        .map_err(|error| trouble(&error, format!("{} can not be made", path.display())))
}

fn read(home: &Home) -> Outcome<Option<Handover>> {
    let path = home.handover();
    if !files::exists(&path) {
        return Ok(None);
    }
    let text = read_large(&path, Exit::Integrity)?;
    // Zeros are what an interrupted wipe leaves, and only what was shown is wiped.
    if text.as_deref().is_some_and(|text| text.starts_with('\0')) {
        files::wipe(&path)?;
        return Ok(None);
    }
    Ok(text.as_deref().and_then(|text| Handover::parse(text).ok()))
}

/// Whether tokens wait to be shown to the owner who acts.
pub fn waits(home: &Home, me: PrincipalId) -> bool {
    let file = read(home).ok().flatten();
    file.is_some_and(|file| file.principal() == me)
}

/// Refuses to replace the owner's key alone while it is what opens tokens that wait to be shown.
pub fn refuse_waiting(home: &Home, me: PrincipalId) -> Outcome {
    if read(home)?.is_none_or(|file| file.principal() != me) {
        return Ok(());
    }
    let why = "new tokens of a full rotation were not shown yet, and this key is what opens them";
    Err(Failure::other(why).hint(format!(
        "`zms key rotate --full{}` shows them; then run this again",
        home.as_typed()
    )))
}

/// Refuses a full rotation whose tokens would take the place of those that somebody else waits for.
/// The owner waits under the key that came of it, another administrator under the seed before.
pub(super) fn refuse_taken(home: &Home, acting: &Acting) -> Outcome {
    let me = acting.session.principal().id();
    let Some(file) = read(home)?.filter(|file| file.principal() != me) else { return Ok(()) };
    let waits = match acting.session.standing(file.principal())? {
        Standing::Unknown => false,
        Standing::Member(_) => !acting.owner,
        Standing::Departed { .. } => true,
    };
    if !waits {
        return Ok(());
    }
    let why = "new tokens of a full rotation that somebody else made here were not shown yet";
    Err(Failure::other(why).hint(format!(
        "`zms key rotate --full{}` shows them, with the key or token that it was run with; where \
         nobody needs them any more, remove {}",
        home.as_typed(),
        home.handover().display()
    )))
}

/// Shows the tokens that an interrupted rotation has made and not shown. Whether there were any:
/// what the vault does not know was never committed, or has been replaced since.
pub fn finish(context: &Context, acting: &Acting, out: Option<&PathBuf>) -> Outcome<bool> {
    let home = context.home()?;
    let me = acting.session.principal();
    let Some(file) = read(&home)?.filter(|file| file.principal() == me.id()) else {
        return Ok(false);
    };
    let path = home.handover();
    let heirs = file.open(me).map_err(|_| {
        Failure::new(Exit::Integrity, format!("{} does not open", path.display())).hint(
            "it was changed: remove it, and replace the tokens one by one with `zms token rotate`",
        )
    })?;
    let mut waiting = Vec::new();
    for heir in heirs {
        if acting.session.lists(heir.principal.id())? {
            waiting.push(heir);
        }
    }
    if waiting.is_empty() && !acting.owner {
        return Ok(false);
    }
    context.output.warn(
        "the full rotation that was interrupted is done; what it made was not shown yet. Nothing \
         was replaced now: for another rotation, run it again",
    );
    hand_over(context, &home, &waiting, serde_json::json!({ "resumed": true }), out)?;
    Ok(true)
}

/// Shows new tokens once, or writes them into a new file; only then they are gone from here.
pub(super) fn hand_over(
    context: &Context,
    home: &Home,
    heirs: &[Heir],
    done: serde_json::Value,
    out: Option<&PathBuf>,
) -> Outcome {
    let kept = |failure: Failure| {
        let hint = failure.hint.as_ref().map(|hint| format!("{hint}\nhint: ")).unwrap_or_default();
        failure.hint(hint + "the new tokens are kept: `zms key rotate --full` shows them")
    };
    show(context, heirs, done, out).map_err(kept)?;
    files::wipe(&home.handover())
}

fn show(
    context: &Context,
    heirs: &[Heir],
    mut done: serde_json::Value,
    out: Option<&PathBuf>,
) -> Outcome {
    if let Some(path) = out {
        create_private(path, &lines(heirs)).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                Failure::usage(format!("{} is there already", path.display()))
            }
            _ => trouble(&error, format!("{} can not be made", path.display())),
        })?;
    }
    if context.output.json {
        let tokens = heirs.iter().map(|heir| json(heir, out.is_none())).collect();
        done["tokens"] = serde_json::Value::Array(tokens);
        if let Some(path) = out {
            done["file"] = path.display().to_string().into();
        }
        return context.output.json(done);
    }
    match (heirs, out) {
        ([], _) => Ok(()),
        (_, Some(path)) => {
            let path = path.display();
            context.output.note(format!("{path} holds the new tokens: hand them on, remove it"));
            Ok(())
        }
        (_, None) => {
            context.output.note("The new tokens, shown once:");
            context.output.text(lines(heirs).as_bytes())
        }
    }
}

/// A line for each: its name, and the token.
fn lines(heirs: &[Heir]) -> Zeroizing<String> {
    let width = heirs.iter().map(|heir| heir.label.as_str().chars().count()).max().unwrap_or(0);
    let longest = heirs.iter().map(|heir| 4 * heir.label.as_str().len()).max().unwrap_or(0);
    let mut text = Zeroizing::new(String::with_capacity(heirs.len() * (longest + width + 128)));
    for heir in heirs {
        let name = heir.label.as_str();
        text.push_str(name);
        text.extend(std::iter::repeat_n(' ', width - name.chars().count() + 2));
        // EXPOSE: a new token is shown once, to who made it.
        text.push_str(token(heir).expose());
        text.push('\n');
    }
    text
}

fn token(heir: &Heir) -> zms_crypto::SecretText {
    encode_seed(SeedKind::from(heir.principal.kind()), heir.principal.seed())
}

fn json(heir: &Heir, shown: bool) -> serde_json::Value {
    let mut json = serde_json::json!({
        "name": heir.label.as_str(),
        "id": heir.principal.id().to_string(),
        "replaces": heir.replaces.to_string(),
        "expires": heir.expires.map(utc),
    });
    if shown {
        // EXPOSE: a new token is shown once, to who made it.
        json["token"] = token(heir).expose().as_str().into();
    }
    json
}
