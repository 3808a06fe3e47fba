//! Requests to an engine, authenticated by a MAC under the caller's request key: RFC 9421 in one
//! strict profile. spec/engine.md#requests
//!
//! There is no bearer, no session and no cookie: who reads a request can not make another, and an
//! engine that is copied holds nothing that opens anything.

use std::fmt::Write;

use base64::{Engine, engine::general_purpose::STANDARD};
use zms_crypto::{
    Key,
    digest::{hmac_sha256, hmac_verifies, sha256},
    parts::Malformed,
};

use crate::id::PrincipalId;

/// What is covered, in this order.
const COVERED: &str = r#"("@method" "@authority" "@path" "@query" "content-digest")"#;
/// Label of our signature.
const LABEL: &str = "zms=";
/// Says what the signature is for.
const TAG: &str = "zms-v1";

/// How long a request is good for, in seconds.
pub const LIFETIME: u64 = 60;
/// How far the clocks of caller and engine may differ, in seconds.
pub const SKEW: u64 = 60;
/// Longest header of ours, in bytes.
const MAX_HEADER: usize = 512;

/// What a request asks for, as it is sent.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// Host and port in lower case, without the scheme's own port.
    pub authority: &'a str,
    /// The path as it is sent.
    pub path: &'a str,
    /// The query with its `?`; `?` alone where there is none.
    pub query: &'a str,
}

/// The three headers that authenticate a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers<T = String> {
    /// `Content-Digest` (RFC 9530).
    pub content_digest: T,
    /// `Signature-Input`.
    pub signature_input: T,
    /// `Signature`.
    pub signature: T,
}

/// The headers for a request of `principal` made at `created` (unix seconds). `nonce` is random.
pub fn sign(
    key: &Key,
    principal: PrincipalId,
    asked: &Asked<'_>,
    body: &[u8],
    created: u64,
    nonce: [u8; 16],
) -> Headers {
    let expires = created + LIFETIME;
    let claim = Claim { principal, created, expires, nonce, digest: sha256(&[body]), mac: [0; 32] };
    let mac = hmac_sha256(key, claim.base(asked).as_bytes());
    Headers {
        content_digest: claim.content_digest(),
        signature_input: claim.signature_input(),
        signature: format!("{LABEL}:{}:", STANDARD.encode(mac)),
    }
}

/// What the headers of a request claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Who asks.
    pub principal: PrincipalId,
    /// Unix seconds at which it was made.
    pub created: u64,
    /// Unix seconds past which it is void.
    pub expires: u64,
    /// Tells it from every other request.
    pub nonce: [u8; 16],
    digest: [u8; 32],
    mac: [u8; 32],
}

/// The request is not authentic: the one face of every failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request is not authenticated")]
pub struct Unauthentic;

impl Claim {
    /// Reads the headers of a request.
    ///
    /// # Errors
    /// [`Malformed`] for anything but what [`sign`] writes.
    pub fn parse<T: AsRef<str>>(headers: &Headers<T>) -> Result<Self, Malformed> {
        let content_digest = headers.content_digest.as_ref();
        let signature_input = headers.signature_input.as_ref();
        let signature = headers.signature.as_ref();
        if [content_digest, signature_input, signature].iter().any(|text| text.len() > MAX_HEADER) {
            return Err(Malformed);
        }
        let rest = signature_input.strip_prefix(LABEL).ok_or(Malformed)?;
        let rest = rest.strip_prefix(COVERED).ok_or(Malformed)?;
        let (created, rest) = number(rest, ";created=")?;
        let (principal, rest) = hexadecimal(rest, ";keyid=\"")?;
        let rest = rest.strip_prefix("\";alg=\"hmac-sha256\"").ok_or(Malformed)?;
        let (expires, rest) = number(rest, ";expires=")?;
        let (nonce, rest) = hexadecimal(rest, ";nonce=\"")?;
        let rest = rest.strip_prefix("\";tag=\"").ok_or(Malformed)?;
        if rest.strip_suffix('"') != Some(TAG) {
            return Err(Malformed);
        }
        let digest = hash(content_digest, "sha-256=")?;
        let mac = hash(signature, LABEL)?;
        let claim =
            Self { principal: PrincipalId(principal), created, expires, nonce, digest, mac };
        // One spelling: what was read is what would be written. Of Base64 no other is decoded.
        if claim.signature_input() == signature_input { Ok(claim) } else { Err(Malformed) }
    }

    /// The code over all that was asked: no other request has it. It authenticates nothing before it
    /// is verified.
    pub const fn mac(&self) -> [u8; 32] {
        self.mac
    }

    /// The last unix second in which it verifies.
    pub const fn good_until(&self) -> u64 {
        self.expires.saturating_add(SKEW)
    }

    /// Verifies that the holder of `key` asked for exactly this, at a time that is now.
    ///
    /// # Errors
    /// [`Unauthentic`], whichever check fails.
    pub fn verify(
        &self,
        key: &Key,
        asked: &Asked<'_>,
        body: &[u8],
        now: u64,
    ) -> Result<(), Unauthentic> {
        self.verify_head(key, asked, now)?;
        self.verify_body(body)
    }

    /// As [`Claim::verify`], before there is a body: what follows is to be the one that the headers
    /// tell of.
    ///
    /// # Errors
    /// [`Unauthentic`], whichever check fails.
    pub fn verify_head(&self, key: &Key, asked: &Asked<'_>, now: u64) -> Result<(), Unauthentic> {
        let authentic = hmac_verifies(key, self.base(asked).as_bytes(), &self.mac);
        let lasts = self.expires.checked_sub(self.created).is_some_and(|span| span <= LIFETIME);
        let begun = self.created <= now.saturating_add(SKEW);
        let over = now > self.expires.saturating_add(SKEW);
        if authentic && lasts && begun && !over { Ok(()) } else { Err(Unauthentic) }
    }

    /// Verifies that this is the body that the headers tell of.
    ///
    /// # Errors
    /// [`Unauthentic`].
    pub fn verify_body(&self, body: &[u8]) -> Result<(), Unauthentic> {
        if sha256(&[body]) == self.digest { Ok(()) } else { Err(Unauthentic) }
    }

    fn content_digest(&self) -> String {
        let mut text = String::with_capacity(ROOM);
        text.push_str("sha-256=:");
        STANDARD.encode_string(self.digest, &mut text);
        text.push(':');
        text
    }

    fn signature_input(&self) -> String {
        let mut text = String::with_capacity(ROOM);
        text.push_str(LABEL);
        self.write_parameters(&mut text);
        text
    }

    fn write_parameters(&self, text: &mut String) {
        let Self { principal, created, expires, nonce, .. } = self;
        text.push_str(COVERED);
        write!(text, ";created={created};keyid=\"").expect("a string takes it");
        push_hex(text, &principal.0);
        write!(text, "\";alg=\"hmac-sha256\";expires={expires};nonce=\"")
            .expect("a string takes it");
        push_hex(text, nonce);
        text.push_str("\";tag=\"");
        text.push_str(TAG);
        text.push('"');
    }

    /// RFC 9421 section 2.5.
    fn base(&self, asked: &Asked<'_>) -> String {
        let digest = self.content_digest();
        let components = [
            ("@method", asked.method),
            ("@authority", asked.authority),
            ("@path", asked.path),
            ("@query", asked.query),
            ("content-digest", &digest),
        ];
        base(&components, |text| self.write_parameters(text))
    }
}

/// Bytes that most of what is written here fits in.
const ROOM: usize = 768;

fn push_hex(text: &mut String, bytes: &[u8; 16]) {
    let mut digits = [0; 32];
    hex::encode_to_slice(bytes, &mut digits).expect("two digits a byte");
    text.push_str(str::from_utf8(&digits).expect("digits are text"));
}

fn base(components: &[(&str, &str)], write_parameters: impl FnOnce(&mut String)) -> String {
    let mut base = String::with_capacity(ROOM);
    for (name, value) in components {
        for part in ["\"", name, "\": ", value, "\n"] {
            base.push_str(part);
        }
    }
    base.push_str("\"@signature-params\": ");
    write_parameters(&mut base);
    base
}

fn number<'t>(text: &'t str, label: &str) -> Result<(u64, &'t str), Malformed> {
    let rest = text.strip_prefix(label).ok_or(Malformed)?;
    let end = rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, rest) = rest.split_at(end);
    // As many as unix seconds have for a long time; enough not to overflow.
    let fits = (1..=15).contains(&digits.len());
    if fits { Ok((digits.parse().map_err(|_| Malformed)?, rest)) } else { Err(Malformed) }
}

fn hexadecimal<'t>(text: &'t str, label: &str) -> Result<([u8; 16], &'t str), Malformed> {
    let rest = text.strip_prefix(label).ok_or(Malformed)?;
    let (digits, rest) = rest.split_at_checked(32).ok_or(Malformed)?;
    let mut bytes = [0; 16];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| Malformed)?;
    Ok((bytes, rest))
}

fn hash(text: &str, label: &str) -> Result<[u8; 32], Malformed> {
    let encoded = text.strip_prefix(label).and_then(|rest| rest.strip_prefix(':'));
    let encoded = encoded.and_then(|rest| rest.strip_suffix(':')).ok_or(Malformed)?;
    // The decoder wants room for what it may write before it knows how much it is.
    let mut room = [0; 36];
    let length = STANDARD.decode_slice(encoded, &mut room).map_err(|_| Malformed)?;
    room.get(..length).and_then(|bytes| bytes.try_into().ok()).ok_or(Malformed)
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::Sha256;

    use super::*;

    const NOW: u64 = 1_800_000_000;
    const ASKED: Asked<'_> = Asked {
        method: "POST",
        authority: "zms.example.com:3030",
        path: "/v1/vaults/00/bundle",
        query: "?",
    };

    fn key() -> Key {
        Key::from_bytes(&[7; 32])
    }

    fn signed() -> Headers {
        sign(&key(), PrincipalId([1; 16]), &ASKED, b"body", NOW, [2; 16])
    }

    /// RFC 9421, B.2.5: a signature base and its HMAC under the shared secret of B.1.5.
    #[test]
    fn the_base_is_that_of_the_rfc() {
        let components = [
            ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
            ("@authority", "example.com"),
            ("content-type", "application/json"),
        ];
        let parameters = "(\"date\" \"@authority\" \"content-type\");created=1618884473;\
                          keyid=\"test-shared-secret\"";
        let made = base(&components, |text| text.push_str(parameters));
        let written = "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\
                       \"@authority\": example.com\n\
                       \"content-type\": application/json\n\
                       \"@signature-params\": (\"date\" \"@authority\" \"content-type\")\
                       ;created=1618884473;keyid=\"test-shared-secret\"";
        assert_eq!(made, written);
        let secret = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBt\
                      bmHhIDi6pcl8jsasjlTMtDQ==";
        let secret = STANDARD.decode(secret).expect("the RFC's secret");
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret).expect("any length");
        mac.update(made.as_bytes());
        assert_eq!(
            STANDARD.encode(mac.finalize().into_bytes()),
            "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8="
        );
    }

    #[test]
    fn what_was_signed_verifies_and_nothing_else() {
        let claim = Claim::parse(&signed()).expect("our own headers");
        assert_eq!(
            (claim.principal, claim.created, claim.nonce),
            (PrincipalId([1; 16]), NOW, [2; 16])
        );
        assert_eq!(claim.verify(&key(), &ASKED, b"body", NOW), Ok(()));
        let others = [
            Asked { method: "GET", ..ASKED },
            Asked { authority: "zms.example.com", ..ASKED },
            Asked { path: "/v1/vaults/01/bundle", ..ASKED },
            Asked { query: "?all", ..ASKED },
        ];
        for other in others {
            assert_eq!(claim.verify(&key(), &other, b"body", NOW), Err(Unauthentic));
        }
        assert_eq!(claim.verify(&key(), &ASKED, b"bodY", NOW), Err(Unauthentic));
        assert_eq!(
            claim.verify(&Key::from_bytes(&[8; 32]), &ASKED, b"body", NOW),
            Err(Unauthentic)
        );
    }

    #[test]
    fn a_request_is_good_for_a_while() {
        let claim = Claim::parse(&signed()).expect("our own headers");
        for now in [NOW - SKEW, NOW + LIFETIME + SKEW] {
            assert_eq!(claim.verify(&key(), &ASKED, b"body", now), Ok(()));
        }
        for now in [0, NOW - SKEW - 1, NOW + LIFETIME + SKEW + 1, u64::MAX] {
            assert_eq!(claim.verify(&key(), &ASKED, b"body", now), Err(Unauthentic));
        }
        // One that grants itself more time is refused although its MAC is right.
        let long = Claim { expires: NOW + LIFETIME + 1, ..claim };
        let mac = hmac_sha256(&key(), long.base(&ASKED).as_bytes());
        assert_eq!(Claim { mac, ..long }.verify(&key(), &ASKED, b"body", NOW), Err(Unauthentic));
    }

    #[test]
    fn headers_have_one_spelling() {
        let good = signed();
        let edits: [(&str, &str); 14] = [
            ("zms=", "sig1="),
            ("\"@query\" ", ""),
            ("\"@method\" \"@authority\"", "\"@authority\" \"@method\""),
            (";created=1", ";created=01"),
            (";created=1", ";created=-1"),
            (";created=1800000000", ";created=1800000000.0"),
            ("hmac-sha256", "HMAC-SHA256"),
            ("hmac-sha256", "ed25519"),
            ("zms-v1", "zms-v2"),
            (";nonce", " ;nonce"),
            (";tag=\"zms-v1\"", ""),
            ("zms-v1\"", "zms-v1\", x=()"),
            ("0101", "0A01"),
            ("0202", "02\u{e9}"),
        ];
        for (from, to) in edits {
            let signature_input = good.signature_input.replacen(from, to, 1);
            assert_ne!(signature_input, good.signature_input, "{from}");
            let headers = Headers { signature_input, ..good.clone() };
            assert_eq!(Claim::parse(&headers), Err(Malformed), "{to}");
        }
        for content_digest in ["", "sha-256=::", "sha-512=:AAAA:", "sha-256=:AAAA:, sha-256=:AAAA:"]
        {
            let headers = Headers { content_digest: content_digest.to_owned(), ..good.clone() };
            assert_eq!(Claim::parse(&headers), Err(Malformed));
        }
        let headers = Headers { signature: good.signature.replace('=', ""), ..good.clone() };
        assert_eq!(Claim::parse(&headers), Err(Malformed));
        let long = Headers { signature: "z".repeat(100_000), ..good };
        assert_eq!(Claim::parse(&long), Err(Malformed));
    }
}
