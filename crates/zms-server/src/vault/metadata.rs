//! `metadata`: what is said of a path, its versions, and what lies below it.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use zms_client::{After, Whole};
use zms_core::about::About;
use zms_format::{Member, json_members, rfc3339};

use super::{
    Acting, body,
    data::{merge_patch, mounted},
    duration,
    envelope::{self, custom_metadata, fate},
    kv::Target,
};
use crate::gateway::{Answer, Refusal};

/// Most keys that people say something by, and the longest key and text, as Vault has them.
const MOST_KEYS: usize = 64;
const LONGEST_KEY: usize = 128;
const LONGEST_TEXT: usize = 512;

/// `LIST metadata/PATH`.
pub(super) fn list(acting: &mut Acting<'_>, target: &Target) -> Result<Answer, Refusal> {
    let mut keys = Vec::new();
    for listed in acting.session.listing(&target.path)? {
        let name = listed.name.as_str();
        keys.extend(listed.whole.then(|| name.to_owned()));
        keys.extend(listed.folder.then(|| format!("{name}/")));
    }
    keys.sort_unstable();
    if let Some(after) = acting.call.asked("after")?.filter(|after| !after.is_empty()) {
        keys.retain(|key| key.as_str() > after);
    }
    let limit = acting.call.asked("limit")?.map(|limit| limit.parse::<i64>());
    let limit = limit.transpose().map_err(|_| Refusal::bad("limit is no number"))?;
    if let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()).filter(|it| *it > 0) {
        keys.truncate(limit);
    }
    match keys.is_empty() {
        true => Err(Refusal::Missing(None)),
        false => Ok(envelope::data(acting.call, &json!({ "keys": keys }))),
    }
}

/// `GET metadata/PATH`.
pub(super) fn get(acting: &mut Acting<'_>, target: &Target) -> Result<Answer, Refusal> {
    let whole = acting.session.whole(&target.path, &target.mount)?;
    if whole.is_forgotten() {
        return Err(Refusal::Missing(None));
    }
    Ok(envelope::data(acting.call, &described(&whole)))
}

fn described(whole: &Whole) -> Value {
    let Whole { about, said_at, born_at, versions, .. } = whole;
    let newest = whole.newest();
    let shown = whole.shown();
    let mut listed = Map::new();
    for version in shown {
        let (deletion_time, destroyed) = fate(about.marks.get(&version.number));
        let created_time = rfc3339(version.created_at);
        let fields = json!({
            "created_time": created_time, "deletion_time": deletion_time, "destroyed": destroyed,
        });
        listed.insert(version.number.to_string(), fields);
    }
    let pruned = versions.len() > shown.len();
    let oldest = shown.first().filter(|_| pruned).map_or(0, |version| version.number);
    let changed = newest.map(|newest| newest.created_at).into_iter().chain(*said_at).max();
    json!({
        "cas_required": about.cas_required,
        "created_time": rfc3339(*born_at),
        "current_version": newest.map_or(0, |newest| newest.number),
        "custom_metadata": custom_metadata(&about.custom),
        "delete_version_after": duration::write(about.delete_after),
        "max_versions": about.max_versions,
        "oldest_version": oldest,
        "updated_time": rfc3339(changed.unwrap_or(*born_at)),
        "versions": listed,
    })
}

/// What a request says of a path; what it does not name is left.
#[derive(Default)]
pub(super) struct Said {
    max_versions: Option<u32>,
    cas_required: Option<bool>,
    delete_after: Option<u64>,
    custom: Option<BTreeMap<String, Option<String>>>,
}

impl Said {
    /// Reads it. With `nulls`, null takes back what was said.
    pub(super) fn read(members: &[Member<'_>], nulls: bool) -> Result<Self, Refusal> {
        let null = |name| nulls && body::is_null(members, name);
        let most = body::number(members, "max_versions")?;
        let most = most.map(|most| {
            u32::try_from(most).map_err(|_| Refusal::bad("max_versions is out of range"))
        });
        Ok(Self {
            max_versions: most.transpose()?.or(null("max_versions").then_some(0)),
            cas_required: body::flag(members, "cas_required")?
                .or(null("cas_required").then_some(false)),
            delete_after: body::seconds(members, "delete_version_after")?
                .or(null("delete_version_after").then_some(0)),
            custom: body::member(members, "custom_metadata").map(custom).transpose()?,
        })
    }

    /// What is said from then on.
    pub(super) fn apply(&self, about: &mut About, merge: bool) -> Result<(), Refusal> {
        about.max_versions = self.max_versions.unwrap_or(about.max_versions);
        about.cas_required = self.cas_required.unwrap_or(about.cas_required);
        about.delete_after = self.delete_after.unwrap_or(about.delete_after);
        if let Some(custom) = &self.custom {
            if !merge {
                about.custom.clear();
            }
            for (key, text) in custom {
                match text {
                    Some(text) => drop(about.custom.insert(key.clone(), text.clone())),
                    None => drop(about.custom.remove(key)),
                }
            }
        }
        if about.custom.len() > MOST_KEYS {
            let text = format!("custom_metadata holds more than {MOST_KEYS} keys");
            return Err(Refusal::Bad(text));
        }
        Ok(())
    }

    /// Whether it says nothing that does not hold anyway.
    pub(super) fn is_usual(&self) -> bool {
        let usual = [0, zms_core::about::USUAL_VERSIONS];
        self.max_versions.is_none_or(|most| usual.contains(&most))
            && self.cas_required != Some(true)
            && self.delete_after.is_none_or(|after| after == 0)
    }
}

fn custom(member: &Member<'_>) -> Result<BTreeMap<String, Option<String>>, Refusal> {
    if !member.source.starts_with('{') {
        return Err(body::unconvertible("custom_metadata", "map[string]interface {}", member));
    }
    let members = json_members(member.source.as_bytes());
    let members = members.map_err(|error| Refusal::Bad(error.to_string()))?;
    let entry = |member: Member<'_>| {
        let refused = |why: &str| Refusal::Bad(format!("custom_metadata validation failed: {why}"));
        let text = match (&member.text, member.source) {
            (None, "null") => None,
            // EXPOSE: what is said of a path is no secret to who reads it.
            (Some(text), _) => String::from_utf8(text.expose().clone()).ok(),
            _ => {
                let kind = body::kind(member.source);
                let why = format!("'' expected type 'string', got unconvertible type '{kind}'");
                return Err(refused(&why));
            }
        };
        let long = text.as_ref().is_some_and(|text| text.len() > LONGEST_TEXT);
        if member.name.is_empty() || member.name.len() > LONGEST_KEY || long {
            return Err(refused("a key or value is empty or too long"));
        }
        Ok((member.name, text))
    };
    members.into_iter().map(entry).collect()
}

/// `POST metadata/PATH`.
pub(super) fn put(acting: &mut Acting<'_>, target: &Target) -> Result<Answer, Refusal> {
    let said = Said::read(&body::members(acting.call)?, false)?;
    acting.session.rewrite(&target.path, &target.mount, |before| {
        mounted(before, target)?;
        let mut about = before.quietly();
        said.apply(&mut about, false)?;
        Ok((Some(After { secrets: None, about: Some(about) }), ()))
    })?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// `PATCH metadata/PATH`.
pub(super) fn patch(acting: &mut Acting<'_>, target: &Target) -> Result<Answer, Refusal> {
    merge_patch(acting.call)?;
    let said = Said::read(&body::members(acting.call)?, true)?;
    acting.session.rewrite(&target.path, &target.mount, |before| {
        if !before.exists || before.is_forgotten() {
            return Err(Refusal::Missing(None).into());
        }
        let mut about = before.quietly();
        said.apply(&mut about, true)?;
        Ok((Some(After { secrets: None, about: Some(about) }), ()))
    })?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// `DELETE metadata/PATH`: as if it had never been. Its past stays in the vault, sealed.
pub(super) fn forget(acting: &mut Acting<'_>, target: &Target) -> Result<Answer, Refusal> {
    acting.session.rewrite(&target.path, &target.mount, |before| {
        if !before.exists || before.is_forgotten() {
            return Ok((None, ()));
        }
        let about = About { forgotten: before.next, ..About::default() };
        Ok((Some(After { secrets: Some(Vec::new()), about: Some(about) }), ()))
    })?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}
