//! After an import: everything is read back, and only then may the files go.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use zms_core::path::ScopePath;

use super::{Args, effect::Effect, original::Original, source::Secrets};
use crate::{
    exit::{Failure, Outcome},
    files::{self, delete::Deleted},
    output::Output,
    prompt,
    session::{Acting, Context},
};

/// Reads everything back: nothing is told to be in the vault that is not.
pub(super) fn verify(
    acting: &mut Acting,
    path: &ScopePath,
    secrets: &Secrets,
    effect: &Effect,
) -> Outcome {
    let view = acting.session.read(&|_| Ok(path.clone()))?;
    for (name, secret) in secrets.iter().filter(|(name, _)| effect.holds(name)) {
        let held = view.merged.winner(name.as_str());
        let value = &secret.entry.value;
        // EXPOSE: compared with the file, which may be deleted next.
        if held.is_none_or(|held| held.payload.value.expose() != value.expose()) {
            return Err(Failure::other(format!("{name} was changed meanwhile; the file stays")));
        }
    }
    Ok(())
}

/// Warns of what git has of the files, whether they go or stay.
fn warn_of_history(output: Output, all: &[Original]) {
    for file in all.iter().map(|original| &original.file).filter(|file| committed(file)) {
        output.warn(format!(
            "{} is in the history of this git repository: change these secrets at their \
             source, deleting the file does not take them back",
            file.display()
        ));
    }
}

/// What becomes of the files, and what comes next.
pub(super) fn leave(context: &Context, args: &Args, all: &[Original], undoable: bool) -> Outcome {
    let output = context.output;
    warn_of_history(output, all);
    if args.keep {
        return Ok(());
    }
    let (links, plain): (Vec<_>, Vec<_>) =
        all.iter().partition(|original| files::is_link(&original.file));
    let mut stay = Vec::new();
    for link in links {
        let shown = link.file.display();
        if args.delete {
            stay.push(format!(
                "{shown} is a link, and is kept: what it leads to holds these values"
            ));
        } else {
            output.warn(format!("{shown} is a link: what it leads to still holds these values"));
        }
    }
    if plain.is_empty() {
        return kept(&stay);
    }
    let (partly, whole): (Vec<_>, Vec<_>) =
        plain.into_iter().partition(|original| original.missing().is_some());
    let partly = partly.iter().filter_map(|original| original.missing());
    if args.delete {
        stay.extend(partly);
    } else {
        partly.for_each(|why| output.warn(why));
    }
    let shown = names(&whole);
    if whole.is_empty() {
        // Nothing may go.
    } else if args.delete || (prompt::possible() && prompt::yes(&format!("Delete {shown} now?"))?) {
        stay.extend(delete(output, &whole)?);
    } else {
        let (hold, it) = if whole.len() == 1 { ("holds", "it") } else { ("hold", "them") };
        output.note(format!("{shown} still {hold} these values in plain text: delete {it}"));
    }
    let vault = context.vault.iter().map(|name| format!(" --vault {name}")).collect::<String>();
    let place = context.flags.as_typed();
    output.note(if undoable {
        format!("To have the changed ones back: zms undo{vault}{place}")
    } else {
        format!("Next: zms run{vault}{place} -- your-program")
    });
    kept(&stay)
}

/// Fails where a file stays that was to go.
fn kept(stay: &[String]) -> Outcome {
    if stay.is_empty() {
        return Ok(());
    }
    Err(Failure::other(stay.join("; ")).hint("import what is missing, or delete the file yourself"))
}

/// Deletes files that are in the vault whole, and tells of those that can not go.
fn delete(output: Output, whole: &[&Original]) -> Outcome<Vec<String>> {
    let (mut gone, mut stay) = (Vec::new(), Vec::new());
    for original in whole {
        let shown = original.file.display();
        match files::delete::delete(&original.file, &original.text)? {
            Deleted::Wiped => gone.push(*original),
            Deleted::OneName => {
                output.warn(format!("{shown} has another name, which still holds these values"));
                gone.push(*original);
            }
            Deleted::Changed => stay.push(format!("{shown} was changed meanwhile, and is kept")),
        }
    }
    if !gone.is_empty() {
        output.note(format!("{} deleted", names(&gone)));
    }
    Ok(stay)
}

fn names(files: &[&Original]) -> String {
    files.iter().map(|it| it.file.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Whether git has ever seen the file. The folder may be anybody's, so git is told to run nothing
/// that its configuration names and to fetch nothing; where git can not tell, nothing is said.
fn committed(file: &Path) -> bool {
    let Some(name) = file.file_name() else { return false };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let found = Command::new("git")
        .arg("--no-optional-locks")
        .args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"])
        .args(["-c", "protocol.allow=never", "-c", "log.showSignature=false"])
        .args(["rev-list", "--all", "--max-count=1", "--"])
        .arg(name)
        .current_dir(folder.unwrap_or(Path::new(".")))
        .env_remove("ZMS_TOKEN")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_ALLOW_PROTOCOL", "none")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    found.is_ok_and(|output| output.status.success() && !output.stdout.is_empty())
}
