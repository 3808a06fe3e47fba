//! What an import does to the secrets of one scope.

use std::collections::{BTreeMap, BTreeSet};

use zms_client::SessionError;
use zms_core::{
    change::write::Edit,
    open::OpenScope,
    path::{ScopePath, SecretName},
    record::{Payload, ValueKind},
};
use zms_crypto::SecretBytes;
use zms_format::Imported;

use super::source::Secrets;
use crate::{
    environment,
    exit::{Exit, Failure, Outcome},
    prompt,
    session::Context,
};

/// What becomes of a secret that is there with another value.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Conflict {
    /// It gets the value of the file
    Replace,
    /// It keeps the value that it has
    Keep,
    /// Nothing is imported
    Fail,
}

impl Conflict {
    /// Whether there is somebody to ask.
    pub(super) fn is_asked(context: &Context) -> bool {
        prompt::possible() && !context.yes
    }

    /// Asks, where there is something to ask.
    pub(super) fn ask(context: &Context, changed: &[String]) -> Outcome<Self> {
        if changed.is_empty() {
            return Ok(Self::Replace);
        }
        let (count, names) = (changed.len(), changed.join(", "));
        context.output.note(if count == 1 {
            format!("1 secret is there with another value: {names}")
        } else {
            format!("{count} secrets are there with another value: {names}")
        });
        loop {
            let answer = prompt::answer("[r]eplace, [k]eep what is there, or [s]top: ")?;
            match answer.as_deref() {
                Some("r" | "replace") => return Ok(Self::Replace),
                Some("k" | "keep") => return Ok(Self::Keep),
                Some("s" | "stop" | "") | None => {
                    return Err(Failure::new(Exit::Conflict, "stopped; nothing was imported"));
                }
                Some(_) => {}
            }
        }
    }
}

/// What happens to each secret.
#[derive(Default)]
pub(super) struct Effect {
    new: Vec<String>,
    changed: Vec<String>,
    kept: BTreeSet<String>,
    same: usize,
}

impl Effect {
    /// What an import into a scope that is there would do.
    pub(super) fn of(scope: &OpenScope, secrets: &Secrets) -> Result<Self, SessionError> {
        let held = held(scope)?;
        let mut effect = Self::default();
        for (name, secret) in secrets {
            match held.get(name) {
                // EXPOSE: compared with what is there, so that what stays the same makes no version.
                Some(old) if old.value.expose() == secret.entry.value.expose() => effect.same += 1,
                Some(_) => effect.changed.push(name.to_string()),
                None => effect.new.push(name.to_string()),
            }
        }
        Ok(effect)
    }

    /// Of a scope that is still to be made.
    pub(super) fn all_new(secrets: &Secrets) -> Self {
        Self { new: secrets.keys().map(ToString::to_string).collect(), ..Self::default() }
    }

    /// The secrets that are there with another value, and get that of the file.
    pub(super) fn changed(&self) -> &[String] {
        &self.changed
    }

    /// What is decided where there is nothing to decide.
    pub(super) fn undisputed(&self) -> Option<Conflict> {
        self.changed.is_empty().then_some(Conflict::Replace)
    }

    /// Decides on those that are there with another value.
    pub(super) fn settle(&mut self, conflict: Conflict, dry_run: bool) -> Outcome {
        match conflict {
            Conflict::Replace => {}
            Conflict::Keep => self.kept = std::mem::take(&mut self.changed).into_iter().collect(),
            Conflict::Fail if self.changed.is_empty() || dry_run => {}
            Conflict::Fail => {
                let names = self.changed.join(", ");
                let why = format!("there with another value, so nothing was imported: {names}");
                return Err(Failure::new(Exit::Conflict, why).hint(
                    "take the file's with `--on-conflict replace`, keep those that are there with \
                     `--on-conflict keep`",
                ));
            }
        }
        Ok(())
    }

    /// The edits that make it so.
    pub(super) fn edits(
        &self,
        scope: &OpenScope,
        secrets: &Secrets,
    ) -> Result<Vec<Edit>, SessionError> {
        let held = held(scope)?;
        let written = self.new.iter().chain(&self.changed);
        let edits = written.filter_map(|name| {
            let (name, secret) = secrets.get_key_value(name.as_str())?;
            Some(Edit::Put(payload(name, secret, held.get(name))))
        });
        Ok(edits.collect())
    }

    /// How many secrets there are in the file.
    pub(super) fn total(&self) -> usize {
        self.new.len() + self.changed.len() + self.kept.len() + self.same
    }

    /// Whether a secret got the file's value, or had it.
    pub(super) fn holds(&self, name: &SecretName) -> bool {
        !self.kept.contains(name.as_str())
    }

    /// Whether something is written.
    pub(super) fn writes(&self) -> bool {
        !(self.new.is_empty() && self.changed.is_empty())
    }

    /// How many of each.
    pub(super) fn counts(&self) -> String {
        let (new, changed, same) = (self.new.len(), self.changed.len(), self.same);
        let kept = match self.kept.len() {
            0 => String::new(),
            kept => format!(", {kept} kept as they were"),
        };
        format!("{new} new, {changed} changed, {same} unchanged{kept}")
    }

    /// One row for each secret that differs.
    pub(super) fn rows(&self) -> Vec<Vec<String>> {
        let row = |verb: &str, name: &String| vec![verb.to_owned(), name.clone()];
        let new = self.new.iter().map(|name| row("new", name));
        let changed = self.changed.iter().map(|name| row("changed", name));
        let kept = self.kept.iter().map(|name| row("kept", name));
        new.chain(changed).chain(kept).collect()
    }

    /// As data.
    pub(super) fn json(&self, path: &ScopePath) -> serde_json::Value {
        let mut json = serde_json::json!({
            "path": path.to_string(), "new": self.new, "changed": self.changed,
            "unchanged": self.same,
        });
        if !self.kept.is_empty() {
            json["kept"] = self.kept.iter().cloned().collect();
        }
        json
    }
}

fn held(scope: &OpenScope) -> Result<BTreeMap<SecretName, Payload>, SessionError> {
    let records = scope.open_records()?.into_iter();
    Ok(records.map(|(_, held)| (held.name.clone(), held)).collect())
}

/// What a secret of a file becomes. What people noted beside the one that is there stays, unless the
/// file has a note of its own.
pub(super) fn payload(name: &SecretName, secret: &Imported, old: Option<&Payload>) -> Payload {
    let note = match &secret.comment[..] {
        "" => old.map(|old| old.note.clone()).unwrap_or_default(),
        comment => comment.to_owned(),
    };
    Payload {
        name: name.clone(),
        // EXPOSE: a second custody of it, to be sealed; the file's is compared with it afterwards.
        value: SecretBytes::from(secret.entry.value.expose().as_slice()),
        kind: if secret.json { ValueKind::Json } else { ValueKind::Secret },
        note,
        created_at: environment::now(),
        expires_at: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_hundred_thousand_is_known_without_a_search() {
        let names: Vec<String> = (0..100_000).map(|number| format!("K{number}")).collect();
        let mut effect = Effect { changed: names.clone(), ..Effect::default() };
        effect.settle(Conflict::Keep, false).unwrap();
        let held = names.iter().filter(|name| effect.holds(&SecretName::parse(name).unwrap()));
        assert_eq!((held.count(), effect.total(), effect.changed().len()), (0, 100_000, 0));
        assert!(effect.holds(&SecretName::parse("OTHER").unwrap()));
    }
}
