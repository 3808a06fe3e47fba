//! Refuses what no honest client sends, before anybody looks at it.

use std::sync::Arc;

use axum::{
    extract::Request,
    http::{StatusCode, Version, header},
};

use crate::{
    problem::Problem,
    state::{Engine, Peer},
};

/// Which of our names a request is for, in our spelling.
#[derive(Debug, Clone)]
pub(crate) struct Authority(pub(crate) Arc<str>);

/// Lets pass what is for us, and is framed in the one way that cannot be read in two.
pub(crate) fn pass(engine: &Engine, request: &mut Request) -> Result<(), Problem> {
    let address = request.extensions().get::<Peer>().and_then(|peer| peer.address);
    engine.rates.address(address)?;
    let headers = request.headers();
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(Problem::length_required());
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported",
            "a body is sent as it is, not compressed",
        ));
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().map(|host| host.to_str().unwrap_or_default());
    let several = hosts.next().is_some();
    let named = request.uri().authority().map(|authority| authority.as_str());
    let asked = match request.version() {
        // There, an authority in the request line is a request to a proxy.
        Version::HTTP_10 | Version::HTTP_11 if named.is_some() => None,
        Version::HTTP_10 | Version::HTTP_11 => host,
        _ => named.filter(|named| host.is_none_or(|host| host == *named)),
    };
    let asked = asked.filter(|_| !several);
    let asked =
        asked.ok_or_else(|| Problem::malformed("the request names no host, or more than one"))?;
    match engine.names.find(asked) {
        Some(name) => {
            let authority = Authority(Arc::clone(name));
            request.extensions_mut().insert(authority);
            Ok(())
        }
        // Those who ask whether it is alive ask by address.
        None if matches!(request.uri().path(), "/healthz" | "/readyz") => Ok(()),
        None => Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "misdirected",
            "this is no name of this engine: start it with --name HOST:PORT",
        )),
    }
}
