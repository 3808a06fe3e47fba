//! `zms edit`.

mod document;
mod editor;
mod memory;
mod review;

use std::collections::BTreeMap;

use zms_client::SessionError;
use zms_core::{
    change::ChangeError,
    path::{ScopePath, SecretName},
    record::Payload,
};

use self::{
    document::{Changes, Document, Form},
    editor::Editor,
    memory::Text,
    review::Answer,
};
use crate::{
    exit::{Exit, Failure, Outcome},
    prompt,
    session::{Acting, Context, no_secret, secret_name, tell},
};

/// Edit the secrets of a place in your editor, in one revision
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms edit
  zms edit -e staging DATABASE_URL API_KEY
  EDITOR=nano zms edit --format yaml

The editor is VISUAL, else EDITOR, else vim, vi or nano. The text lies in memory, never on a disk, and
vim, nvim, nano and emacs are started with swap files, backups, undo files and history switched off.
What changed is shown, without values, and saved once you confirm it: a line that is gone removes its
secret, an empty text changes nothing.")]
pub struct Args {
    /// Only these secrets; without any, all of the place
    names: Vec<String>,
    /// How the text is written; dotenv where that can carry every value
    #[arg(long, value_enum)]
    format: Option<Form>,
    /// Show the values that changed before they are saved
    #[arg(long)]
    reveal: bool,
}

/// Opens the editor until what it leaves can be saved, or is given up.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let names = args.names.iter().map(|name| secret_name(name)).collect::<Outcome<Vec<_>>>()?;
    if !context.yes && !prompt::possible() {
        let why = "what changed is to be confirmed, and there is no terminal to ask on";
        return Err(Failure::usage(why).hint("add `--yes` to save without a question"));
    }
    let editor = Editor::find()?;
    let mut acting = context.act()?;
    let mut held = hold(&mut acting)?;
    if let Some(name) = names.iter().find(|name| !held.secrets.contains_key(*name)) {
        let there = held.secrets.keys().map(SecretName::as_str);
        return Err(no_secret(name.as_str(), &held.path, there));
    }
    if !held.writable {
        return Err(SessionError::from(ChangeError::MayNotWrite(held.path)).into());
    }
    acting.confirm(context, &held.path)?;
    let mut document = Document::of(&held.path, &held.secrets, &names, args.format)?;
    if let Some(warning) = editor.warning() {
        context.output.warn(warning);
    }
    let mut text = Text::new(editor.inherits(), document.form().extension())?;
    text.put(&document.text(&Changes::new())?)?;
    loop {
        editor.open(&text.path())?;
        let changes = match document.changes(&text.take()?) {
            Ok(changes) => changes,
            Err(failure) => {
                try_again(context, failure)?;
                continue;
            }
        };
        if changes.is_empty() {
            return review::say(context.output, &held.path, &changes);
        }
        match review::confirm(context, &held.path, &document, &changes, args.reveal)? {
            Answer::Save => {}
            Answer::Edit => continue,
            Answer::No => return Err(Failure::other("given up; nothing was changed")),
        }
        let failure = match save(&mut acting, &held, &changes) {
            Ok(Saved::Done) => {
                tell(&acting.session, context.output);
                return review::say(context.output, &held.path, &changes);
            }
            Ok(Saved::Conflict(failure)) => failure,
            Err(failure) => {
                // What was typed is not lost: the editor shows it again.
                try_again(context, failure)?;
                continue;
            }
        };
        try_again(context, failure)?;
        // What is there now, with what was changed here on top.
        let anew = hold(&mut acting).and_then(|held| {
            let form = Some(document.form());
            let document = Document::of(&held.path, &held.secrets, &names, form)?;
            let text = document.text(&changes)?;
            Ok((held, document, text))
        });
        match anew {
            Ok((there, form, shown)) => {
                (held, document) = (there, form);
                text.put(&shown)?;
            }
            Err(failure) => try_again(context, failure)?,
        }
    }
}

/// Says what is wrong, and asks whether to go on editing; ends with it where nobody can be asked.
fn try_again(context: &Context, failure: Failure) -> Outcome {
    if context.yes || !prompt::possible() {
        return Err(failure);
    }
    crate::output::fail(&failure);
    if review::again()? { Ok(()) } else { Err(Failure::other("given up; nothing was changed")) }
}

/// The secrets of exactly the scope that the command acts in.
struct Held {
    path: ScopePath,
    secrets: BTreeMap<SecretName, Payload>,
    writable: bool,
}

fn hold(acting: &mut Acting) -> Outcome<Held> {
    let line = acting.session.own().map_err(|error| acting.explain(error))?.line;
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let mut found = None;
    let read = acting.session.write(&choose, |scope| {
        let secrets = scope.open_records()?.into_iter();
        found = Some(Held {
            path: scope.path.clone(),
            secrets: secrets.map(|(_, payload)| (payload.name.clone(), payload)).collect(),
            writable: line.writes(&scope.lineage),
        });
        Ok(Vec::new())
    });
    read.map_err(|error| acting.explain(error))?;
    Ok(found.expect("a scope was shown, or there is an error"))
}

/// How saving ended.
enum Saved {
    Done,
    Conflict(Failure),
}

/// Saves in one revision, unless somebody else has changed one of the same secrets since they were
/// shown.
fn save(acting: &mut Acting, held: &Held, changes: &Changes) -> Outcome<Saved> {
    let path = held.path.clone();
    let mut meanwhile: Vec<String> = Vec::new();
    let written = acting.session.write(&|_| Ok(path.clone()), |scope| {
        meanwhile.clear();
        let now: BTreeMap<SecretName, Payload> =
            scope.open_records()?.into_iter().map(|(_, it)| (it.name.clone(), it)).collect();
        for name in changes.keys() {
            let same = match (held.secrets.get(name), now.get(name)) {
                (None, None) => true,
                (Some(shown), Some(now)) => shown.says_the_same(now),
                _ => false,
            };
            if !same {
                meanwhile.push(name.to_string());
            }
        }
        if !meanwhile.is_empty() {
            return Err(SessionError::Conflict);
        }
        Ok(changes.iter().map(|(name, change)| change.edit(name, held.secrets.get(name))).collect())
    });
    match written {
        Ok(_) => Ok(Saved::Done),
        Err(SessionError::Conflict) => Ok(Saved::Conflict(
            Failure::new(
                Exit::Conflict,
                format!("somebody else changed {} meanwhile", meanwhile.join(", ")),
            )
            .hint("edit again, from what is there now"),
        )),
        Err(error) => Err(acting.explain(error)),
    }
}
