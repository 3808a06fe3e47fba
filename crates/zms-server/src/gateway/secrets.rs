//! The gateway's own surface: what a place sees, one secret, and writing it. `X-ZMS-Token` is the
//! caller. docs/vault.md#native

use axum::http::{Method, StatusCode};
use zeroize::Zeroizing;
use zms_client::{Session, SessionError, View};
use zms_core::{
    change::write::Edit,
    merge::Winner,
    path::{ScopePath, SecretName},
    principal::Principal,
    record::{Payload, ValueKind},
};
use zms_crypto::SecretBytes;
use zms_format::{Format, json_members, write};

use super::{Answer, Call, Gateway, Refusal};

const JSON: &str = "application/json";
const DOTENV: &str = "text/x-dotenv";
const BYTES: &str = "application/octet-stream";

/// Answers below `/v1/secrets`.
pub(crate) fn respond(
    gateway: &Gateway,
    call: &Call,
    principal: Principal,
) -> Result<Answer, Refusal> {
    let mut session = gateway.session(principal, call)?;
    let named = match call.segments.as_slice() {
        [_] => None,
        [_, name @ ..] => {
            let name = SecretName::parse(&name.join("/"));
            Some(name.map_err(|why| Refusal::bad(format!("the secret's name {why}")))?)
        }
        [] => return Err(Refusal::Missing(None)),
    };
    let place = call.asked("path")?.map(ScopePath::parse).transpose()?;
    let choose = |held: &[ScopePath]| chosen(held, place.as_ref());
    match (&call.method, named) {
        (&Method::GET, None) => all(&session.read(&choose)?, call),
        (&Method::GET, Some(name)) => one(&session.read_one(&choose, &name)?, &name, call),
        (&Method::PUT, Some(name)) => put(&mut session, &choose, &name, call),
        (&Method::DELETE, Some(name)) => remove(&mut session, &choose, &name),
        _ => Err(Refusal::unsupported()),
    }
}

/// The place that is named, else the only one that the token is for.
fn chosen(held: &[ScopePath], place: Option<&ScopePath>) -> Result<ScopePath, SessionError> {
    match (place, held) {
        (Some(place), _) => Ok(place.clone()),
        (None, [only]) => Ok(only.clone()),
        (None, _) => {
            let paths: Vec<String> = held.iter().map(ToString::to_string).collect();
            let text = format!("name one of the token's places with ?path=: {}", paths.join(", "));
            Err(Refusal::Bad(text).into())
        }
    }
}

/// Which of the media types on offer a request prefers: the first that it accepts.
fn accepted(call: &Call, offers: &[&'static str]) -> Result<&'static str, Refusal> {
    let accept = call.header("accept");
    let types = accept.split(',').map(|part| part.split(';').next().unwrap_or_default().trim());
    let matches = |wanted: &str, offer: &str| {
        let kind = wanted.strip_suffix("/*");
        wanted == offer
            || wanted == "*/*"
            || kind.is_some_and(|kind| offer.split('/').next() == Some(kind))
    };
    let found = |wanted: &str| offers.iter().copied().find(|offer| matches(wanted, offer));
    let first = offers.first().copied().filter(|_| accept.is_empty());
    first.or_else(|| types.into_iter().find_map(found)).ok_or_else(|| {
        let text = format!("what can be sent is {}", offers.join(" or "));
        Refusal::Status(StatusCode::NOT_ACCEPTABLE, text)
    })
}

fn all(view: &View, call: &Call) -> Result<Answer, Refusal> {
    let media_type = accepted(call, &[JSON, DOTENV, "text/plain"])?;
    let winners: Vec<Winner<'_>> = view.merged.winners().collect();
    let resolved = winners.iter().map(|winner| view.merged.resolve(*winner, view.now));
    let held = resolved.collect::<Result<Vec<_>, _>>();
    let held = held.map_err(|error| Refusal::Bad(error.to_string()))?;
    // EXPOSE: written into the answer, which is wiped once it was sent.
    let pairs: Vec<(&str, &[u8])> = winners
        .iter()
        .zip(&held)
        .map(|(winner, held)| (winner.payload.name.as_str(), held.value.expose().as_slice()))
        .collect();
    let format = if media_type == JSON { Format::Json } else { Format::Dotenv };
    let text = write(format, &pairs)
        .map_err(|refusal| Refusal::Status(StatusCode::NOT_ACCEPTABLE, refusal.to_string()))?;
    Ok(Answer::bytes(media_type, Zeroizing::new(text.to_vec())))
}

fn one(view: &View, name: &SecretName, call: &Call) -> Result<Answer, Refusal> {
    let media_type = accepted(call, &[JSON, "text/plain", BYTES])?;
    let winner = view.merged.winner(name.as_str()).ok_or(Refusal::Missing(None))?;
    let held = view.merged.resolve(winner, view.now);
    let held = held.map_err(|error| Refusal::Bad(error.to_string()))?;
    // EXPOSE: written into the answer, which is wiped once it was sent.
    let value = held.value.expose();
    if media_type != JSON {
        return Ok(Answer::bytes(media_type, Zeroizing::new(value.clone())));
    }
    let text = write(Format::Json, &[(name.as_str(), value)])
        .map_err(|refusal| Refusal::Status(StatusCode::NOT_ACCEPTABLE, refusal.to_string()))?;
    Ok(Answer::bytes(media_type, Zeroizing::new(text.to_vec())))
}

/// The value in a body: that of a JSON object's only member `value`, else the body itself.
fn value(call: &Call) -> Result<SecretBytes, Refusal> {
    if call.media_type() != JSON {
        return Ok(SecretBytes::from(call.body.as_slice()));
    }
    let members = json_members(&call.body).map_err(|error| Refusal::Bad(error.to_string()))?;
    match <[_; 1]>::try_from(members).ok() {
        Some([member]) if member.name == "value" => member.text,
        _ => None,
    }
    .ok_or_else(|| Refusal::bad("the body is not {\"value\": \"…\"}"))
}

fn put(
    session: &mut Session,
    choose: &dyn Fn(&[ScopePath]) -> Result<ScopePath, SessionError>,
    name: &SecretName,
    call: &Call,
) -> Result<Answer, Refusal> {
    let value = value(call)?;
    let now = session.now();
    session.write(choose, |scope| {
        let held = scope.open_records()?.into_iter().map(|(_, held)| held);
        let held = held.into_iter().find(|held| held.name == *name);
        let kind = held.as_ref().map(|held| held.kind);
        let kind = kind.filter(|kind| matches!(kind, ValueKind::Config | ValueKind::File));
        Ok(vec![Edit::Put(Payload {
            name: name.clone(),
            // EXPOSE: sealed anew by each attempt.
            value: SecretBytes::from(value.expose().as_slice()),
            kind: kind.unwrap_or(ValueKind::Secret),
            note: held.map(|held| held.note).unwrap_or_default(),
            created_at: now,
            expires_at: None,
        })])
    })?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

fn remove(
    session: &mut Session,
    choose: &dyn Fn(&[ScopePath]) -> Result<ScopePath, SessionError>,
    name: &SecretName,
) -> Result<Answer, Refusal> {
    let removed = session.write(choose, |scope| {
        Ok(scope.stored(name).map(|_| Edit::Remove(name.clone())).into_iter().collect())
    })?;
    removed.map(|_| Answer::empty(StatusCode::NO_CONTENT)).ok_or(Refusal::Missing(None))
}
