//! What `mv` and `cp` have in common: where a secret goes, and what becomes of a reference there.

use std::collections::BTreeMap;

use clap::Args;
use zms_client::{SessionError, View};
use zms_core::{
    open::OpenScope,
    path::{ScopePath, SecretName, Segment},
    record::{Payload, Reference, ValueKind},
};

use crate::{
    exit::{Failure, Outcome},
    session::{Acting, secret_name},
};

/// Where secrets go, and under which names.
#[derive(Args)]
pub struct Destination {
    /// Names of the secrets; without a destination, one name and its new one
    #[arg(required = true, value_name = "KEY")]
    pub names: Vec<String>,
    /// Into this scope: PROJECT/ENV or PROJECT/ENV/SERVICE
    #[arg(long, value_name = "PATH", conflicts_with = "to_env")]
    pub to: Option<String>,
    /// Into this environment of the same project
    #[arg(long, value_name = "NAME")]
    pub to_env: Option<String>,
    /// Under this name there, where one secret goes
    #[arg(long = "as", value_name = "NAME")]
    pub rename: Option<String>,
    /// Take the value that a reference leads to, where the reference can not lead there
    #[arg(long)]
    pub resolve: bool,
    /// Overwrite what has the name
    #[arg(long)]
    pub force: bool,
    /// Show what would happen, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// One secret on its way: its name, and the name it will have.
pub type Pair = (SecretName, SecretName);

impl Destination {
    /// The names, old and new.
    pub fn pairs(&self) -> Outcome<Vec<Pair>> {
        let names = self.names.iter().map(|name| secret_name(name)).collect::<Outcome<Vec<_>>>()?;
        let elsewhere = self.to.is_some() || self.to_env.is_some();
        let new = self.rename.as_deref().map(secret_name).transpose()?;
        let pairs: Vec<Pair> = match (&names[..], elsewhere, new) {
            ([old], _, Some(new)) => vec![(old.clone(), new)],
            (_, _, Some(_)) => {
                return Err(Failure::usage("--as gives one secret a name, and there are several"));
            }
            (_, true, None) => names.into_iter().map(|name| (name.clone(), name)).collect(),
            ([old, new], false, None) => vec![(old.clone(), new.clone())],
            _ => {
                return Err(Failure::usage("it is not said where to").hint(
                    "name the new name behind the old one, or a place: `--to PROJECT/ENV`, \
                     `--to-env ENV`",
                ));
            }
        };
        for (at, (name, _)) in pairs.iter().enumerate() {
            if pairs[..at].iter().any(|(before, _)| before == name) {
                return Err(Failure::usage(format!("{name} is named twice")));
            }
        }
        Ok(pairs)
    }

    /// The scope that secrets of `from` go to.
    pub fn scope(&self, from: &ScopePath) -> Outcome<ScopePath> {
        let wrong = |flag: &str, text: &str, why: &dyn std::fmt::Display| {
            Failure::usage(format!("{flag} {text:?} {why}"))
                .hint("name it as PROJECT/ENV[/SERVICE]")
        };
        if let Some(text) = &self.to {
            let path = ScopePath::parse(text).map_err(|why| wrong("--to", text, &why))?;
            return match path.segments().len() {
                0 | 1 => Err(wrong("--to", text, &"names no environment")),
                _ => Ok(path),
            };
        }
        let Some(text) = &self.to_env else { return Ok(from.clone()) };
        let mut segments = from.segments().to_vec();
        if segments.len() < 2 {
            return Err(Failure::usage(format!("{from} lies in no environment"))
                .hint("name the place with `--to`"));
        }
        segments[1] = Segment::parse(text).map_err(|why| wrong("--to-env", text, &why))?;
        ScopePath::new(segments).map_err(Failure::usage)
    }
}

/// What references become in another scope: decided on one state, used where they still say that.
#[derive(Default)]
pub struct Addresses(BTreeMap<SecretName, (Payload, Option<Payload>)>);

impl Addresses {
    /// Looks where the references among `names` lead, seen from the view's own scope.
    pub fn look(
        view: &View,
        names: &[&SecretName],
        to: &ScopePath,
        resolve: bool,
    ) -> Outcome<Self> {
        let mut addresses = Self::default();
        for name in names {
            let Some(winner) = view.merged.winner(name.as_str()) else { continue };
            if winner.payload.kind != ValueKind::Reference {
                continue;
            }
            // EXPOSE: a reference's value is an address, read to see whether it leads there too.
            let target = Reference::decode(winner.payload.value.expose());
            let reached = view.merged.resolve(winner, view.now);
            let leads = target.as_ref().is_some_and(|target| target.path.is_prefix_of(to));
            let value = match reached {
                Ok(_) if leads => None,
                Ok(value) if resolve => Some(plain(winner.payload, value)),
                Ok(_) => {
                    let target = target.map(|target| format!("{}/{}", target.path, target.name));
                    let target = target.unwrap_or_default();
                    return Err(Failure::usage(format!(
                        "{name} refers to {target}, which {to} does not see"
                    ))
                    .hint("take the value itself with `--resolve`"));
                }
                Err(why) => return Err(Failure::from(SessionError::from(why))),
            };
            addresses.0.insert((*name).clone(), (winner.payload.duplicate(), value));
        }
        Ok(addresses)
    }

    /// What a secret is in the new scope. A reference that changed meanwhile is a conflict.
    pub fn translate(&self, held: Payload) -> Result<Payload, SessionError> {
        if held.kind != ValueKind::Reference {
            return Ok(held);
        }
        match self.0.get(&held.name) {
            Some((looked_at, value)) if looked_at.says_the_same(&held) => {
                Ok(value.as_ref().map_or(held, Payload::duplicate))
            }
            _ => Err(SessionError::Conflict),
        }
    }
}

/// The value that a reference led to, with the reference's name and note. It ends with whichever
/// ends first.
fn plain(reference: &Payload, value: &Payload) -> Payload {
    let ends = [reference.expires_at, value.expires_at];
    Payload {
        name: reference.name.clone(),
        note: reference.note.clone(),
        expires_at: ends.into_iter().flatten().min(),
        ..value.duplicate()
    }
}

/// Refuses to overwrite what is there, unless that is wanted.
pub fn refuse_taken(scope: &OpenScope, pairs: &[Pair], force: bool) -> Outcome {
    let taken = pairs.iter().map(|(_, new)| new).filter(|new| scope.stored(new).is_some());
    let taken: Vec<&str> = taken.map(SecretName::as_str).collect();
    if taken.is_empty() || force {
        return Ok(());
    }
    let verb = if taken.len() == 1 { "is" } else { "are" };
    Err(Failure::usage(format!("{} {verb} in {} already", taken.join(", "), scope.path))
        .hint("overwrite with `--force`, or take another name"))
}

/// References, by path and name, that lead to any of these names of a scope.
pub fn referring(
    acting: &mut Acting,
    scope: &ScopePath,
    names: &[&SecretName],
) -> Outcome<Vec<(String, String)>> {
    let found = acting.session.survey(Some(scope), |path, held| {
        if held.kind != ValueKind::Reference {
            return None;
        }
        // EXPOSE: a reference's value is an address, read to see whether it leads here.
        let target = Reference::decode(held.value.expose())?;
        let here = target.path == *scope && names.contains(&&target.name);
        here.then(|| (format!("{path}/{}", held.name), target.name.to_string()))
    });
    Ok(found?)
}
