//! Who calls: exactly one whole token, in one header.

use axum::http::{HeaderMap, HeaderValue, header};
use zms_core::principal::Principal;
use zms_crypto::text::parse_seed;

use super::Refusal;

/// Longest text that can be a token with an address behind it.
const LONGEST: usize = 512;

/// The token of a request, as text.
pub(crate) fn token_text(headers: &HeaderMap) -> Result<&str, Refusal> {
    let named = ["x-zms-token", "x-vault-token"];
    let named = named.iter().flat_map(|name| headers.get_all(*name));
    let named = named.filter(|value| !value.is_empty()).map(HeaderValue::as_bytes);
    let bearers = headers.get_all(header::AUTHORIZATION).iter().map(|value| {
        let value = value.as_bytes();
        value.strip_prefix(b"Bearer ").or_else(|| value.strip_prefix(b"bearer ")).unwrap_or(value)
    });
    let mut tokens = named.chain(bearers);
    let token = tokens.next().ok_or(Refusal::Unknown("no token"))?;
    if tokens.next().is_some() {
        return Err(Refusal::Bad("more than one token was sent; send one".to_owned()));
    }
    let text = std::str::from_utf8(token).ok().filter(|text| text.len() <= LONGEST);
    text.ok_or(Refusal::Unknown("no text of a token"))
}

/// The principal that a token is. A token that carries its engine's address is the same without.
pub(crate) fn principal(text: &str) -> Result<Principal, Refusal> {
    let bare = text.split_once('@').map_or(text, |(token, _)| token);
    let (kind, seed) = parse_seed(bare).map_err(|_| Refusal::Unknown("no text of a token"))?;
    Ok(Principal::from_seed(kind.into(), seed))
}
