//! One request, read as a whole before anything is done for it.

use std::{net::IpAddr, sync::Arc};

use axum::http::{HeaderMap, Method};
use zeroize::Zeroizing;

use super::{Later, Refusal};
use crate::layers::trace::RequestId;

/// One request.
pub(crate) struct Call {
    /// What it is called in the log and in its answer.
    pub(crate) id: RequestId,
    /// The method; `LIST` is one too.
    pub(crate) method: Method,
    /// What the path names behind `/v1/`, decoded.
    pub(crate) segments: Vec<String>,
    /// Whether the path ends in a slash.
    pub(crate) trailing: bool,
    /// Names and values of the query, decoded.
    pub(crate) query: Vec<(String, String)>,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: Zeroizing<Vec<u8>>,
    /// The address that it came from; none over a unix socket.
    pub(crate) peer: Option<IpAddr>,
    /// What is to be noted before it is answered.
    pub(crate) later: Arc<Later>,
}

impl Call {
    /// The path as text, without `/v1/`.
    pub(crate) fn path(&self) -> String {
        self.segments.join("/")
    }

    /// The segments, to be matched.
    pub(crate) fn words(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    /// The only value of a name in the query.
    pub(crate) fn asked(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let mut values = self.query.iter().filter(|(held, _)| held == name);
        let value = values.next().map(|(_, value)| value.as_str());
        match values.next() {
            Some(_) => Err(Refusal::Bad(format!("{name} is given twice"))),
            None => Ok(value),
        }
    }

    /// The text of a header; empty where it is absent or no text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The media type of the body, without parameters.
    pub(crate) fn media_type(&self) -> &str {
        self.header("content-type").split(';').next().unwrap_or_default().trim()
    }

    /// Whether a list is asked for: by method, or by `list` in the query.
    pub(crate) fn lists(&self) -> Result<bool, Refusal> {
        if self.method.as_str() == "LIST" {
            return Ok(true);
        }
        if self.method != Method::GET {
            return Ok(false);
        }
        match self.asked("list")? {
            None | Some("0" | "f" | "F" | "false" | "False" | "FALSE") => Ok(false),
            Some("1" | "t" | "T" | "true" | "True" | "TRUE") => Ok(true),
            Some(_) => Err(Refusal::Bad("list is neither true nor false".to_owned())),
        }
    }

    /// Whether nothing is written, whoever answers it.
    pub(crate) fn only_reads(&self) -> bool {
        self.method == Method::GET || self.method.as_str() == "LIST"
    }

    /// Whether the present values of a place are read, and nothing is done with them but to send them.
    pub(crate) fn reads_values(&self) -> bool {
        let names_values = matches!(self.words().as_slice(), ["secrets", ..] | [_, "data", ..]);
        let is_plain = self.query.is_empty() && !self.headers.contains_key("x-vault-wrap-ttl");
        names_values && is_plain && self.method == Method::GET
    }

    /// Whether something is written: by POST or by PUT.
    pub(crate) fn puts(&self) -> bool {
        self.method == Method::POST || self.method == Method::PUT
    }
}

/// Splits and decodes a raw path behind `/v1/`. Other spellings of one path are refused, not
/// cleaned: a redirect would have the token sent once more.
pub(crate) fn segments(raw: &str) -> Result<(Vec<String>, bool), Refusal> {
    let refused = |why: &str| Refusal::Bad(why.to_owned());
    let decoded = decoded(raw, false).ok_or_else(|| refused("the path is no text in UTF-8"))?;
    if decoded.chars().any(char::is_control) {
        return Err(refused("the path holds a control character"));
    }
    let (path, trailing) = match decoded.strip_suffix('/') {
        Some(path) => (path, true),
        None => (decoded.as_str(), false),
    };
    let segments: Vec<String> = path.split('/').map(str::to_owned).collect();
    if segments.iter().any(|segment| segment == "." || segment == "..") {
        return Err(refused("relative paths not supported"));
    }
    if segments.iter().any(String::is_empty) && !path.is_empty() {
        return Err(refused("the path holds an empty segment"));
    }
    Ok((segments, trailing))
}

/// Splits and decodes a raw query.
pub(crate) fn query(raw: &str) -> Result<Vec<(String, String)>, Refusal> {
    let refused = || Refusal::Bad("the query is no text in UTF-8".to_owned());
    let parts = raw.split('&').filter(|part| !part.is_empty());
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        Some((decoded(name, true)?, decoded(value, true)?))
    };
    parts.map(|part| pair(part).ok_or_else(refused)).collect()
}

/// Undoes percent-encoding (RFC 3986 section 2.1), in a form's query also `+`.
fn decoded(raw: &str, form: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            b'+' if form => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_another_spelling_of_a_path_is_refused() {
        let good = |raw: &str| segments(raw).ok().map(|(found, slash)| (found.join("|"), slash));
        assert_eq!(good("secret/data/app%2Fdb"), Some(("secret|data|app|db".to_owned(), false)));
        assert_eq!(good("secret/metadata/"), Some(("secret|metadata".to_owned(), true)));
        assert_eq!(good("secret/data/a%20b"), Some(("secret|data|a b".to_owned(), false)));
        for bad in [
            "a//b",
            "a/../b",
            "a/./b",
            "a/%2e%2e/b",
            "a/%2E/b",
            "a%2f%2fb",
            "a/%00",
            "a/%0d%0aX",
            "a/%ff",
            "a/%zz",
            "a/%2",
            "//",
        ] {
            assert!(segments(bad).is_err(), "{bad}");
        }
        assert_eq!(query("a=1&b=%41+c&d").expect("text").len(), 3);
        assert!(query("a=%ff").is_err());
    }
}
