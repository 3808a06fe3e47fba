//! Answers that wait, sealed, for whoever brings their token. spec/wrapped.md, docs/vault.md#wrapping

use axum::http::{Method, StatusCode};
use serde_json::json;
use zms_core::{
    audit::{Action, Event, Outcome},
    id::VaultId,
    wrapped::{MAX_ANSWER, MAX_TTL, Wrapped, WrappingToken},
};
use zms_crypto::SecretBytes;
use zms_format::{json_members, rfc3339};
use zms_store::Waiting;

use super::{
    Acting, body, duration,
    envelope::{self, Beside, Json, push, push_text},
    open::Verb,
};
use crate::{
    gateway::{Answer, Call, Gateway, Refusal, token_text},
    vaults::Handle,
};

/// How many seconds an answer is to wait; `None`: it is given at once.
pub(super) fn wish(call: &Call) -> Result<Option<u64>, Refusal> {
    let refused = |why: &str| Refusal::Bad(format!("error parsing X-Vault-Wrap-TTL header: {why}"));
    let mut values = call.headers.get_all("x-vault-wrap-ttl").iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(refused("it is given twice"));
    }
    let text = value.to_str().map_err(|_| refused("it is no text"))?;
    let negative = text.starts_with('-');
    let seconds = duration::parse(text).map_err(|why| match negative {
        true => refused("requested wrap ttl cannot be negative"),
        false => refused(&why),
    })?;
    if seconds > MAX_TTL {
        return Err(refused("an answer waits for at most 32 days"));
    }
    Ok(Some(seconds).filter(|seconds| *seconds > 0))
}

/// Does something, and has its answer wait where that is wished.
pub(super) fn around<'c>(
    acting: &mut Acting<'c>,
    wish: Option<u64>,
    work: impl FnOnce(&mut Acting<'c>) -> Result<Answer, Refusal>,
) -> Result<Answer, Refusal> {
    let Some(ttl) = wish else { return work(acting) };
    // Who asks, and whether the answer can wait, before anything is done.
    let vault = acting.session.own()?.vault;
    let mut keeper = acting.gateway.origin.keeper(vault)?.ok_or_else(|| {
        Refusal::bad("the vault is at an engine elsewhere, where no answer waits; nothing was done")
    })?;
    let answer = work(acting)?;
    if !answer.status.is_success() || answer.body.is_empty() {
        return Ok(answer);
    }
    let reads = acting.call.method == Method::GET || acting.call.lists()?;
    wrap(acting, &mut keeper, vault, ttl, &answer).map_err(|refusal| match refusal {
        // Whoever has no use left has changed nothing before.
        refusal @ Refusal::Unknown(_) => refusal,
        refusal if reads => refusal,
        // Clients repeat what ends in a failure of the server.
        _ => Refusal::bad("it was done, but its answer could not be kept to be unwrapped"),
    })
}

fn wrap(
    acting: &mut Acting<'_>,
    keeper: &mut Handle,
    vault: VaultId,
    ttl: u64,
    answer: &Answer,
) -> Result<Answer, Refusal> {
    if answer.body.len() > MAX_ANSWER {
        return Err(Refusal::bad("an answer that is larger than 1 MiB can not be wrapped"));
    }
    let scopes = acting.session.note_wrapped()?;
    let wrapped = Wrapped {
        answer: SecretBytes::from(answer.body.as_slice()),
        path: acting.call.path(),
        created_at: acting.session.now(),
        ttl,
        principal: acting.session.principal().id(),
        scopes,
    };
    keep(acting.gateway, keeper, vault, &wrapped).map(|(_, told)| told)
}

/// Seals an answer under a new token, and tells of that.
fn keep(
    gateway: &Gateway,
    keeper: &mut Handle,
    vault: VaultId,
    wrapped: &Wrapped,
) -> Result<(WrappingToken, Answer), Refusal> {
    let mut rng = (gateway.entropy)();
    let token = WrappingToken::generate(vault, &mut *rng);
    let sealed = wrapped.seal(&token, &mut *rng);
    let waiting = Waiting { id: token.id(), expires: wrapped.expires(), sealed };
    if !keeper.keep_wrapped(&waiting, (gateway.clock)())? {
        let text = "too many answers wait to be unwrapped; nothing was done".to_owned();
        return Err(Refusal::Status(StatusCode::SERVICE_UNAVAILABLE, text));
    }
    let told = told(&token, wrapped);
    Ok((token, told))
}

/// What is answered in the place of an answer that waits.
fn told(token: &WrappingToken, wrapped: &Wrapped) -> Answer {
    let mut rest = json!({
        "accessor": token.id().to_string(),
        "ttl": wrapped.ttl,
        "creation_time": rfc3339(wrapped.created_at),
        "creation_path": wrapped.path,
    });
    if let Some(accessor) = accessor(wrapped) {
        rest["wrapped_accessor"] = accessor.into();
    }
    let mut info = Json::default();
    push(&mut info, b"{\"token\":");
    // EXPOSE: a new token is shown once, to who asked for it.
    push_text(&mut info, token.text().expose());
    push(&mut info, b",");
    push(&mut info, rest.to_string().trim_start_matches('{').as_bytes());
    envelope::wrapped(&info)
}

/// The accessor of a token that an answer gives out.
fn accessor(wrapped: &Wrapped) -> Option<String> {
    // EXPOSE: an accessor is looked for in it, which is no secret.
    let members = json_members(wrapped.answer.expose()).ok()?;
    let auth = body::member(&members, "auth")?;
    let auth = json_members(auth.source.as_bytes()).ok()?;
    body::member(&auth, "accessor").and_then(body::plain)
}

/// `sys/wrapping/wrap`: what was sent waits.
pub(super) fn echo(acting: &Acting<'_>) -> Result<Answer, Refusal> {
    if acting.call.headers.get("x-vault-wrap-ttl").is_none() {
        return Err(Refusal::bad("endpoint requires response wrapping to be used"));
    }
    let sent = body::members(acting.call)?;
    let data = if sent.is_empty() { b"null".as_slice() } else { acting.call.body.trim_ascii() };
    Ok(envelope::raw(acting.call, StatusCode::OK, data, Beside::default()))
}

/// What is answered to whoever has a wrapping token: it says all that has to be known of him.
pub(super) fn respond(gateway: &Gateway, call: &Call, verb: Verb) -> Result<Answer, Refusal> {
    let token = presented(call)?;
    let mut keeper = gateway.origin.keeper(token.vault())?.ok_or_else(gone)?;
    let sealed = keeper.wrapped(token.id())?.ok_or_else(gone)?;
    let wrapped = Wrapped::open(&token, &sealed)
        .map_err(|_| Refusal::Integrity("an answer that waits does not open"))?;
    if (gateway.clock)() > wrapped.expires() {
        return Err(gone());
    }
    match verb {
        Verb::Lookup => Ok(looked_at(call, &wrapped)),
        Verb::Unwrap if wish(call)?.is_some() => {
            Err(Refusal::bad("what is unwrapped is not wrapped again: rewrap it"))
        }
        Verb::Unwrap => {
            take(gateway, &mut keeper, &token, &wrapped, Action::Unwrap)?;
            // EXPOSE: written into the answer, which is wiped once it was sent.
            let answer = wrapped.answer.expose().clone();
            Ok(Answer::bytes("application/json", answer.into()))
        }
        Verb::Rewrap => rewrap(gateway, &mut keeper, &token, wrapped),
    }
}

fn rewrap(
    gateway: &Gateway,
    keeper: &mut Handle,
    token: &WrappingToken,
    wrapped: Wrapped,
) -> Result<Answer, Refusal> {
    let wrapped = Wrapped { created_at: (gateway.clock)(), ..wrapped };
    // The new one first, which nobody knows yet: an answer is never lost between the two.
    let (new, told) = keep(gateway, keeper, token.vault(), &wrapped)?;
    if let Err(refusal) = take(gateway, keeper, token, &wrapped, Action::Wrap) {
        let _unopened = keeper.take_wrapped(new.id(), &[]);
        return Err(refusal);
    }
    Ok(told)
}

/// Takes an answer away with its entries: who is told that it is gone gets nothing.
fn take(
    gateway: &Gateway,
    keeper: &mut Handle,
    token: &WrappingToken,
    wrapped: &Wrapped,
    action: Action,
) -> Result<(), Refusal> {
    let event = Event {
        time: (gateway.clock)(),
        principal: wrapped.principal,
        action,
        scope: None,
        revision: 0,
        outcome: Outcome::Done,
    };
    let events = event.of_each(wrapped.scopes.iter().copied());
    let taken = keeper
        .take_wrapped(token.id(), &events)
        .map_err(|trouble| Refusal::Audit(format!("{trouble} ({})", trouble.source)))?;
    taken.then_some(()).ok_or_else(gone)
}

fn looked_at(call: &Call, wrapped: &Wrapped) -> Answer {
    let found = json!({
        "creation_path": wrapped.path,
        "creation_time": rfc3339(wrapped.created_at),
        "creation_ttl": wrapped.ttl,
    });
    envelope::data(call, &found)
}

/// The wrapping token of a request: named in the body, else its only one.
fn presented(call: &Call) -> Result<WrappingToken, Refusal> {
    let named = body::text(&body::members(call)?, "token")?.filter(|token| !token.is_empty());
    let named = named.map(zeroize::Zeroizing::new);
    let text = match &named {
        Some(token) => token.trim(),
        None => token_text(&call.headers).map_err(|refusal| match refusal {
            Refusal::Unknown(_) => gone(),
            refusal => refusal,
        })?,
    };
    WrappingToken::parse(text).map_err(|_| gone())
}

/// A token that is none, was used, has ended, or is of another vault: they all look alike.
fn gone() -> Refusal {
    Refusal::Invalid("wrapping token is not valid or does not exist")
}
