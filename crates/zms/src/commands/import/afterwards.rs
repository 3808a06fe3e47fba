//! After an import: everything is read back, and only then may the files go.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use zms_core::path::ScopePath;

use super::{Args, effect::Effect, source::Secrets};
use crate::{
    exit::{Failure, Outcome},
    files, prompt,
    session::{Acting, Context},
};

/// Reads everything back before a file may go.
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
        // EXPOSE: compared with the file that is about to be deleted.
        if held.is_none_or(|held| held.payload.value.expose() != value.expose()) {
            return Err(Failure::other(format!("{name} was changed meanwhile; the file stays")));
        }
    }
    Ok(())
}

/// What becomes of the files, and what comes next.
pub(super) fn leave(context: &Context, args: &Args, all: &[&Path], undoable: bool) -> Outcome {
    let output = context.output;
    for file in all.iter().filter(|file| committed(file)) {
        output.warn(format!(
            "{} is in the history of this git repository: change these secrets at their \
             source, deleting the file does not take them back",
            file.display()
        ));
    }
    let (links, plain): (Vec<&Path>, Vec<&Path>) =
        all.iter().partition(|file| files::is_link(file));
    for link in links {
        let shown = link.display();
        output.warn(format!("{shown} is a link: what it leads to still holds these values"));
    }
    let shown = plain.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ");
    if plain.is_empty() {
        return Ok(());
    }
    let delete =
        args.delete || (prompt::possible() && prompt::yes(&format!("Delete {shown} now?"))?);
    if delete {
        plain.iter().try_for_each(|file| files::wipe(file))?;
        output.note(format!("{shown} deleted"));
    } else {
        let (hold, it) = if plain.len() == 1 { ("holds", "it") } else { ("hold", "them") };
        output.note(format!("{shown} still {hold} these values in plain text: delete {it}"));
    }
    let vault = context.vault.iter().map(|name| format!(" --vault {name}")).collect::<String>();
    let place = context.flags.as_typed();
    output.note(if undoable {
        format!("To have the changed ones back: zms undo{vault}{place}")
    } else {
        format!("Next: zms run{vault}{place} -- your-program")
    });
    Ok(())
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
