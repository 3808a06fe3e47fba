//! `data`: reads, writes and patches a path as a whole.

use axum::http::StatusCode;
use zms_client::{After, Before, Snapshot};
use zms_core::{
    about::Mark,
    open::VersionAt,
    path::SecretName,
    record::{MAX_VALUE, Payload, ValueKind},
};
use zms_crypto::SecretBytes;
use zms_format::{Member, json_members};

use super::{
    Acting, body,
    envelope::{self, Beside, Json, metadata, push, push_text},
    kv::Target,
    patch::merged,
};
use crate::gateway::{Answer, Call, Refusal};

/// `GET data/PATH`.
pub(super) fn get(acting: &mut Acting<'_>, target: &Target) -> Result<Answer, Refusal> {
    let snapshot = snapshot(acting, target)?;
    let (status, data) = match &snapshot.secrets {
        Some(secrets) => (StatusCode::OK, object(secrets)?),
        None => (StatusCode::NOT_FOUND, Json::new(b"null".to_vec())),
    };
    let mut json = Json::default();
    push(&mut json, b"{\"data\":");
    push(&mut json, &data);
    push(&mut json, b",\"metadata\":");
    push(&mut json, metadata_of(&snapshot).to_string().as_bytes());
    push(&mut json, b"}");
    Ok(envelope::raw(acting.call, status, &json, Beside::default()))
}

/// The version that a request asks for: the newest, or one by its number.
pub(super) fn snapshot(acting: &mut Acting<'_>, target: &Target) -> Result<Snapshot, Refusal> {
    let number = match acting.call.asked("version")? {
        None | Some("") => None,
        Some(text) => {
            let refused = || {
                Refusal::bad(
                    "Field validation failed: error converting input for field \"version\": '' \
                     cannot parse value as 'int': strconv.ParseInt: invalid syntax",
                )
            };
            let number: i64 = text.parse().map_err(|_| refused())?;
            u64::try_from(number).ok().filter(|number| *number > 0)
        }
    };
    let snapshot = acting.session.snapshot(&target.path, &target.mount, number)?;
    snapshot.ok_or(Refusal::Missing(None))
}

pub(super) fn metadata_of(snapshot: &Snapshot) -> serde_json::Value {
    let Snapshot { version, about, .. } = snapshot;
    metadata(*version, about.marks.get(&version.number), &about.custom)
}

/// The secrets as one object: text as strings, JSON as its source text.
fn object(secrets: &[Payload]) -> Result<Json, Refusal> {
    let mut json = Json::default();
    push(&mut json, b"{");
    for (at, held) in secrets.iter().enumerate() {
        push(&mut json, if at == 0 { b"" } else { b"," });
        push_text(&mut json, held.name.as_str());
        push(&mut json, b":");
        // EXPOSE: written into the answer, which is wiped once it was sent.
        let value = held.value.expose();
        let text = std::str::from_utf8(value).map_err(|_| {
            Refusal::Bad(format!(
                "the value of {} is {} bytes that are no text, which JSON can not carry; read it \
                 with `zms get` or `GET /v1/secrets/{}`",
                held.name,
                value.len(),
                held.name
            ))
        })?;
        match held.kind == ValueKind::Json && is_json(text) {
            true => push(&mut json, value),
            false => push_text(&mut json, text),
        }
    }
    push(&mut json, b"}");
    Ok(json)
}

/// Whether text is exactly one JSON value: whoever sealed it may not have looked.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
}

/// What a write asks for.
struct Wish<'c> {
    data: Vec<Member<'c>>,
    cas: Option<i64>,
}

impl<'c> Wish<'c> {
    fn read(call: &'c Call) -> Result<Self, Refusal> {
        let members = body::members(call)?;
        let options = body::member(&members, "options").map(|options| {
            json_members(options.source.as_bytes())
                .map_err(|_| body::unconvertible("options", "map[string]interface {}", options))
        });
        let options = options.transpose()?.unwrap_or_default();
        let data = match body::member(&members, "data") {
            Some(data) if data.source.starts_with('{') => {
                json_members(data.source.as_bytes()).map_err(|error| body::undecodable(&error))?
            }
            Some(data) => return Err(body::unconvertible("data", "map[string]interface {}", data)),
            None if body::is_null(&members, "data") => Vec::new(),
            None => return Err(Refusal::bad("no data provided")),
        };
        let cas = body::member(&options, "cas").map(|cas| {
            let number = body::plain(cas).and_then(|text| text.parse().ok());
            number.ok_or_else(|| Refusal::bad("check-and-set parameter is no number"))
        });
        Ok(Self { data, cas: cas.transpose()? })
    }

    /// Whether the version before is the one that the writer has seen.
    fn check(&self, before: &Before<'_>) -> Result<(), Refusal> {
        let number = i64::try_from(before.number()).unwrap_or(i64::MAX);
        match self.cas {
            Some(cas) if cas != number => {
                Err(Refusal::bad("check-and-set parameter did not match the current version"))
            }
            None if before.about.cas_required || before.mount.cas_required => {
                Err(Refusal::bad("check-and-set parameter required for this call"))
            }
            _ => Ok(()),
        }
    }
}

/// One member of the data as a secret.
fn payload(
    name: &str,
    value: SecretBytes,
    json: bool,
    before: &Before<'_>,
) -> Result<Payload, Refusal> {
    let name = SecretName::parse(name)
        .map_err(|why| Refusal::Bad(format!("a key of the data can not be kept: it {why}")))?;
    // EXPOSE: its length.
    if value.expose().len() > MAX_VALUE {
        return Err(Refusal::Bad(format!("the value of {name} is larger than 1 MiB")));
    }
    let held = before.secrets.iter().find(|held| held.name == name);
    let kind = held.map(|held| held.kind);
    let kind = kind.filter(|kind| matches!(kind, ValueKind::Config | ValueKind::File));
    let kind = if json { ValueKind::Json } else { kind.unwrap_or(ValueKind::Secret) };
    let note = held.map(|held| held.note.clone()).unwrap_or_default();
    // EXPOSE: compared within the caller's custody.
    let same = held.filter(|held| held.value.expose() == value.expose() && held.kind == kind);
    let created_at = same.map_or(before.now, |held| held.created_at);
    Ok(Payload { name, value, kind, note, created_at, expires_at: None })
}

/// What becomes of a scope, and what the writer is told of it.
fn after(before: &Before<'_>, mut secrets: Vec<Payload>) -> (Option<After>, serde_json::Value) {
    let ends = [before.about.delete_after, before.mount.delete_after];
    let ends = ends.into_iter().find(|after| *after > 0).map(|after| before.now + after);
    let about = ends.map(|at| {
        secrets.iter_mut().for_each(|held| held.expires_at = Some(at));
        let mut about = before.about.clone();
        about.marks.insert(before.next, Mark::Deleted(at));
        about
    });
    let version = VersionAt { number: before.next, created_at: before.now };
    let mark = ends.map(Mark::Deleted);
    let told = metadata(version, mark.as_ref(), &before.about.custom);
    (Some(After { secrets: Some(secrets), about }), told)
}

/// A mount has to be there before anything is made below it.
pub(super) fn mounted(before: &Before<'_>, target: &Target) -> Result<(), Refusal> {
    match target.mount.is_prefix_of(&before.above) {
        true => Ok(()),
        false => Err(Refusal::Missing(Some(target.mount.clone()))),
    }
}

/// `POST data/PATH`.
pub(super) fn put(acting: &mut Acting<'_>, target: &Target) -> Result<Answer, Refusal> {
    let wish = Wish::read(acting.call)?;
    let told = acting.session.rewrite(&target.path, &target.mount, |before| {
        mounted(before, target)?;
        wish.check(before)?;
        let secret = |member: &Member<'_>| {
            let json = member.text.is_none();
            payload(&member.name, member_value(member), json, before)
        };
        let secrets = wish.data.iter().map(secret).collect::<Result<Vec<_>, _>>()?;
        Ok(after(before, secrets))
    })?;
    Ok(envelope::data(acting.call, &told))
}

fn member_value(member: &Member<'_>) -> SecretBytes {
    match &member.text {
        // EXPOSE: sealed anew by each attempt.
        Some(text) => SecretBytes::from(text.expose().as_slice()),
        None => SecretBytes::from(member.source.as_bytes()),
    }
}

/// `PATCH data/PATH`: a JSON merge patch (RFC 7396) on the newest version.
pub(super) fn patch(acting: &mut Acting<'_>, target: &Target) -> Result<Answer, Refusal> {
    merge_patch(acting.call)?;
    let wish = Wish::read(acting.call)?;
    let call = acting.call;
    let told = acting.session.rewrite(&target.path, &target.mount, |before| {
        let Some(newest) = before.newest else { return Err(Refusal::Missing(None).into()) };
        if before.hidden() {
            let mark = before.about.marks.get(&newest.number);
            let told = metadata(newest, mark, &before.about.custom).to_string();
            let answer =
                envelope::raw(call, StatusCode::NOT_FOUND, told.as_bytes(), Beside::default());
            return Err(Refusal::Answered(Box::new(answer)).into());
        }
        wish.check(before)?;
        let patched =
            |held: &&Payload| !wish.data.iter().any(|member| member.name == held.name.as_str());
        let mut secrets: Vec<Payload> =
            before.secrets.iter().filter(patched).map(Payload::duplicate).collect();
        for member in wish.data.iter().filter(|member| member.source != "null") {
            let held = before.secrets.iter().find(|held| held.name.as_str() == member.name);
            let value = match member.source.starts_with('{') {
                true => merged(held, member.source)?,
                false => member_value(member),
            };
            secrets.push(payload(&member.name, value, member.text.is_none(), before)?);
        }
        Ok(after(before, secrets))
    })?;
    Ok(envelope::data(acting.call, &told))
}

/// A patch has to say that it is one.
pub(super) fn merge_patch(call: &Call) -> Result<(), Refusal> {
    let media_type = call.media_type();
    if media_type == "application/merge-patch+json" {
        return Ok(());
    }
    let text = format!(
        "PATCH requires Content-Type of application/merge-patch+json, provided {media_type}"
    );
    Err(Refusal::Status(StatusCode::UNSUPPORTED_MEDIA_TYPE, text))
}
