//! What is checked of a request before anybody is asked who sends it, and before its body is read.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use zeroize::Zeroizing;

use super::{
    Asker, Call, Refusal, Within,
    call::{query, segments},
    caller::{principal, token_text},
};
use crate::{
    layers::{bodies, trace::RequestId},
    problem::Problem,
    state::Peer,
    vault::Open,
};

/// Largest body in bytes.
const MAX_BODY: usize = 8 * 1024 * 1024;
/// Largest body in bytes of whom no vault knows yet: a token and an id have room in it.
const MAX_STRANGE: usize = 16 * 1024;

/// Reads a request as a whole. Who has no token that could be one is refused by the headers alone.
pub(crate) async fn admit(
    within: &Arc<Within>,
    request: Request<Body>,
) -> Result<(Call, Asker), Refusal> {
    let (parts, body) = request.into_parts();
    if !within.gateway.hosts.accept(&parts.uri, &parts.headers) {
        let text = "this is not the host that the request names, or a page elsewhere sent it";
        return Err(Refusal::Status(StatusCode::MISDIRECTED_REQUEST, text.to_owned()));
    }
    if parts.headers.contains_key(header::CONTENT_ENCODING) {
        let text = "a compressed body is not read".to_owned();
        return Err(Refusal::Status(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    }
    let raw = parts.uri.path().strip_prefix("/v1/").ok_or(Refusal::Missing(None))?;
    let (segments, trailing) = segments(raw)?;
    let query = query(parts.uri.query().unwrap_or_default())?;
    // What an engine's route did not take is nothing of ours.
    if segments.first().is_some_and(|first| first == "vaults") {
        return Err(Refusal::Missing(None));
    }
    let peer = parts.extensions.get::<Peer>().and_then(|peer| peer.address);
    let id = parts.extensions.get().copied().unwrap_or_else(RequestId::new);
    let (method, headers) = (parts.method, parts.headers);
    let empty = Zeroizing::default();
    let later = Arc::default();
    let mut call =
        Call { id, method, segments, trailing, query, headers, body: empty, peer, later };
    let open = Open::of(&call);
    in_root_namespace(open, &call.headers)?;
    let asker = match open {
        Some(open) => Asker::Anybody(open),
        None => Asker::Somebody(principal(token_text(&call.headers)?)?),
    };
    if let Asker::Somebody(principal) = &asker {
        within.engine.rates.principal(principal.id())?;
    }
    call.body = read(within, &asker, body).await?;
    Ok((call, asker))
}

/// There is no namespace but the one that everything is in. What is asked of the process itself is the
/// same in all of them, or in none, as OpenBao has it.
fn in_root_namespace(open: Option<Open>, headers: &HeaderMap) -> Result<(), Refusal> {
    let root = |name: &[u8]| {
        matches!(name.trim_ascii(), b"" | b"/" | b"root" | b"root/" | b"/root" | b"/root/")
    };
    if headers.get_all("x-vault-namespace").iter().all(|name| root(name.as_bytes())) {
        return Ok(());
    }
    match open {
        Some(Open::SealStatus | Open::Leader) => Ok(()),
        Some(Open::Health | Open::IsInitialized | Open::Initialize) => {
            Err(Refusal::bad("operation unavailable in namespaces"))
        }
        _ => Err(Refusal::Status(StatusCode::NOT_FOUND, "namespace not found".to_owned())),
    }
}

async fn read(
    within: &Arc<Within>,
    asker: &Asker,
    body: Body,
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let length = bodies::length(&body)?;
    match asker {
        Asker::Anybody(_) if length > MAX_STRANGE => return Err(Problem::too_large().into()),
        Asker::Somebody(_) if length > MAX_BODY => return Err(Problem::too_large().into()),
        Asker::Somebody(principal) if length > MAX_STRANGE => {
            // A token can be made up: whose is none does not get the room of others.
            let (within, engine) = (Arc::clone(within), &within.engine);
            let principal = principal.duplicate();
            let known = move || within.gateway.store_of(&principal, None).map(drop);
            let known = engine.aside(known).await;
            known.unwrap_or_else(|_| Err(Refusal::panicked()))?;
        }
        _ => {}
    }
    let mut read = Zeroizing::new(Vec::new());
    bodies::pour(&within.engine, length, body, |data| {
        if read.len() + data.len() > read.capacity() {
            // Growing by hand leaves no unwiped copy behind.
            let mut larger = Zeroizing::new(Vec::with_capacity((read.len() + data.len()) * 2));
            larger.extend_from_slice(&read);
            read = larger;
        }
        read.extend_from_slice(data);
    })
    .await?;
    Ok(read)
}
