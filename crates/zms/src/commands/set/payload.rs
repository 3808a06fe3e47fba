//! What is sealed: the value with what is said about it.

use zms_client::SessionError;
use zms_core::{
    open::OpenScope,
    path::SecretName,
    record::{Payload, ValueKind},
};
use zms_crypto::SecretBytes;

use super::{Args, value::Value};
use crate::{
    exit::{Failure, Outcome},
    session::{held, held_there},
};

/// The secret with a new value: its note and kind stay, its expiry does not.
pub(super) fn renewed(
    args: &Args,
    scope: &OpenScope,
    name: &SecretName,
    value: &Value,
    expires_at: Option<u64>,
    now: u64,
) -> Outcome<Payload> {
    // A record that does not open has nothing to keep: it is mended by what takes its place.
    let held = held(scope, name).ok().flatten().map(|(_, held)| held);
    let before = held.as_ref().map(|held| held.kind).filter(|kind| *kind != ValueKind::Reference);
    let kind = match (value, args.kind, before) {
        (Value::Reference(_), ..) => ValueKind::Reference,
        (_, Some(kind), _) => kind.into(),
        (_, None, Some(kind)) => kind,
        (Value::File(_), None, None) => ValueKind::File,
        (Value::Plain(_), None, None) => ValueKind::Secret,
    };
    let payload = Payload {
        name: name.clone(),
        // EXPOSE: a change that lost a race is prepared again, from the same value.
        value: SecretBytes::from(value.bytes().expose().as_slice()),
        kind,
        note: args.note.clone().or(held.map(|held| held.note)).unwrap_or_default(),
        created_at: now,
        expires_at,
    };
    check_kind(&payload)?;
    Ok(payload)
}

/// The secret with its value and the time that was set, and what is said about it anew.
pub(super) fn described(
    args: &Args,
    scope: &OpenScope,
    name: &SecretName,
    expires: Option<Option<u64>>,
) -> Result<Payload, SessionError> {
    let (_, held) = held_there(scope, name)?;
    if args.kind.is_some() && held.kind == ValueKind::Reference {
        return Err(Failure::usage(format!("{name} is a reference: it has no other kind"))
            .hint("set a value in its place to give it one")
            .into());
    }
    let payload = Payload {
        kind: args.kind.map_or(held.kind, ValueKind::from),
        note: args.note.clone().unwrap_or(held.note),
        expires_at: expires.unwrap_or(held.expires_at),
        ..held
    };
    check_kind(&payload)?;
    Ok(payload)
}

fn check_kind(payload: &Payload) -> Outcome {
    if payload.kind != ValueKind::Json {
        return Ok(());
    }
    // EXPOSE: read to see whether it is what it is said to be; the errors tell only where not.
    let why = match std::str::from_utf8(payload.value.expose()) {
        Ok(text) => match serde_json::from_str::<serde::de::IgnoredAny>(text) {
            Ok(_) => return Ok(()),
            Err(error) => error.to_string(),
        },
        Err(_) => "it is not UTF-8 text".to_owned(),
    };
    Err(Failure::usage(format!("the value of {} is no JSON: {why}", payload.name))
        .hint("mend it, or keep it as it is with `--kind secret`"))
}
