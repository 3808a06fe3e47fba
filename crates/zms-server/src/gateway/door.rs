//! What is checked of a request before anybody is asked who sends it.

use axum::{
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use http_body_util::{BodyExt, Limited};
use zeroize::Zeroizing;

use super::{
    Call, Gateway, Refusal,
    call::{query, segments},
};
use crate::state::Peer;

/// Largest body in bytes.
pub(crate) const MAX_BODY: usize = 8 * 1024 * 1024;

/// Reads a request as a whole.
pub(crate) async fn admit(gateway: &Gateway, request: Request<Body>) -> Result<Call, Refusal> {
    let (parts, body) = request.into_parts();
    if !gateway.hosts.accept(&parts.uri, &parts.headers) {
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
    let peer = parts.extensions.get::<Peer>().and_then(|peer| peer.address);
    let body = read(&parts.headers, body).await?;
    let (method, headers) = (parts.method, parts.headers);
    Ok(Call { method, segments, trailing, query, headers, body, peer })
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let too_large = || {
        let text = format!("the body is larger than {MAX_BODY} bytes");
        Refusal::Status(StatusCode::PAYLOAD_TOO_LARGE, text)
    };
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let length = length.and_then(|length| length.parse::<usize>().ok());
    if length.is_some_and(|length| length > MAX_BODY) {
        return Err(too_large());
    }
    let mut body = Limited::new(body, MAX_BODY);
    let mut read = Zeroizing::new(Vec::with_capacity(length.unwrap_or(0)));
    while let Some(frame) = body.frame().await {
        let data = frame.map_err(|_| too_large())?.into_data().unwrap_or_default();
        if read.len() + data.len() > read.capacity() {
            // Growing by hand leaves no unwiped copy behind.
            let larger = Vec::with_capacity((read.len() + data.len()) * 2);
            let mut larger = Zeroizing::new(larger);
            larger.extend_from_slice(&read);
            read = larger;
        }
        read.extend_from_slice(&data);
    }
    Ok(read)
}
