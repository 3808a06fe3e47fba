//! What is about to be saved, and whether it is.

use super::document::{Change, Changes, Document};
use crate::{
    exit::Outcome,
    output::{Output, shown_word},
    prompt,
    session::Context,
};
use zms_core::path::{ScopePath, SecretName};

/// What the user wants.
pub(super) enum Answer {
    Save,
    Edit,
    No,
}

/// Shows the changes and asks, unless that was confirmed already.
pub(super) fn confirm(
    context: &Context,
    path: &ScopePath,
    document: &Document,
    changes: &Changes,
    reveal: bool,
) -> Outcome<Answer> {
    context.output.note(path);
    for (name, change) in changes {
        let mut line =
            format!("  {:<8} {}", verb(document, name, change), shown_word(name.as_str()));
        if reveal {
            line += &values(document, name, change);
        }
        context.output.note(line);
    }
    if context.yes {
        return Ok(Answer::Save);
    }
    loop {
        let answer = prompt::line("Save this? [y]es, [e]dit again, [n]o: ")?;
        return Ok(match answer.to_lowercase().as_str() {
            "y" | "yes" => Answer::Save,
            "e" | "edit" => Answer::Edit,
            "n" | "no" | "" => Answer::No,
            _ => continue,
        });
    }
}

/// Asks whether to go on editing. Where nobody answers any more, no.
pub(super) fn again() -> Outcome<bool> {
    let answer = prompt::answer("Press Enter to go on editing, or type n to give up: ")?;
    Ok(answer.is_some_and(|answer| !matches!(answer.to_lowercase().as_str(), "n" | "no")))
}

/// Says what was saved.
pub(super) fn say(output: Output, path: &ScopePath, changes: &Changes) -> Outcome {
    let named = |removed: bool| {
        let those =
            changes.iter().filter(|(_, change)| matches!(change, Change::Remove) == removed);
        those.map(|(name, _)| name.as_str()).collect::<Vec<_>>()
    };
    let (set, removed) = (named(false), named(true));
    if output.json {
        return output.json(serde_json::json!({
            "path": path.to_string(), "set": set, "removed": removed,
        }));
    }
    if changes.is_empty() {
        output.note("nothing was changed");
    } else {
        output.note(format!("saved in {path}: {} set, {} removed", set.len(), removed.len()));
    }
    Ok(())
}

fn verb(document: &Document, name: &SecretName, change: &Change) -> &'static str {
    match (document.shown(name), change) {
        (_, Change::Remove) => "removed",
        (None, Change::Put(_)) => "added",
        (Some(_), Change::Put(_)) => "changed",
    }
}

fn values(document: &Document, name: &SecretName, change: &Change) -> String {
    let word = |bytes: &[u8]| shown_word(&String::from_utf8_lossy(bytes));
    // EXPOSE: the user asked to see them.
    let before = document.shown(name).map(|value| word(value.expose())).unwrap_or_default();
    match change {
        Change::Remove => format!("  {before}"),
        Change::Put(value) => format!("  {before} -> {}", word(value.expose())),
    }
}
