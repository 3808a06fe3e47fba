//! What a value that a program declares looks like.

use std::str::FromStr;

use regex_lite::Regex;

/// The types that `zms.toml` knows, beside `regex:PATTERN`.
const NAMED: [&str; 8] = ["string", "int", "bool", "url", "email", "port", "json", "pem"];
/// How a pattern is written.
const PATTERN: &str = "regex:";

/// The type of a value.
#[derive(Debug)]
pub enum Kind {
    /// Any text.
    String,
    /// A whole number in decimal.
    Int,
    /// Yes or no, in one of the ways that programs read.
    Bool,
    /// An absolute address with a host or a path: RFC 3986.
    Url,
    /// An address of a mailbox: RFC 5321.
    Email,
    /// A number of a TCP or UDP port, from 1.
    Port,
    /// A JSON text: RFC 8259.
    Json,
    /// One or more textual encodings: RFC 7468.
    Pem,
    /// All of it matches a pattern.
    Pattern(Regex),
}

/// Whether a type is one of those, without compiling a pattern.
pub fn known(text: &str) -> bool {
    NAMED.contains(&text) || text.starts_with(PATTERN)
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "string" => Self::String,
            "int" => Self::Int,
            "bool" => Self::Bool,
            "url" => Self::Url,
            "email" => Self::Email,
            "port" => Self::Port,
            "json" => Self::Json,
            "pem" => Self::Pem,
            _ => {
                let pattern = text.strip_prefix(PATTERN).ok_or("is unknown")?;
                let whole = Regex::new(&format!("^(?:{pattern})$"));
                Self::Pattern(whole.map_err(|error| format!("is no pattern: {error}"))?)
            }
        })
    }
}

impl Kind {
    /// Why a value is not of this type, in words that tell nothing of it; `None` where it is.
    pub fn refuses(&self, value: &[u8]) -> Option<&'static str> {
        let Ok(text) = std::str::from_utf8(value) else { return Some("is not UTF-8 text") };
        let (fits, why) = match self {
            Self::String => (true, ""),
            Self::Int => (int(text), "is not a whole number"),
            Self::Bool => (bool(text), "is not true or false"),
            Self::Url => (url(text), "is not an absolute URL"),
            Self::Email => (email(text), "is not an e-mail address"),
            Self::Port => (port(text), "is not a port from 1 to 65535"),
            Self::Json => {
                (serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(), "is not JSON")
            }
            Self::Pem => (pem(text), "is not PEM"),
            Self::Pattern(pattern) => (pattern.is_match(text), "does not match its pattern"),
        };
        (!fits).then_some(why)
    }
}

fn int(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn bool(text: &str) -> bool {
    let words = ["true", "false", "1", "0", "yes", "no", "on", "off"];
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn url(text: &str) -> bool {
    fluent_uri::Uri::parse(text).is_ok_and(|uri| {
        let host = uri.authority().is_some_and(|authority| !authority.host().is_empty());
        host || (uri.authority().is_some() && !uri.path().is_empty())
    })
}

fn email(text: &str) -> bool {
    let strict = email_address::Options::default().with_required_tld().without_display_text();
    email_address::EmailAddress::parse_with_options(text, strict).is_ok()
}

fn port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

fn pem(text: &str) -> bool {
    pem::parse_many(text).is_ok_and(|found| !found.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: &str, fits: &[&str], not: &[&str]) {
        let kind: Kind = kind.parse().unwrap();
        for value in fits {
            assert_eq!(kind.refuses(value.as_bytes()), None, "{value:?}");
        }
        for value in not {
            assert!(kind.refuses(value.as_bytes()).is_some(), "{value:?}");
        }
        assert!(kind.refuses(b"\xff").is_some());
    }

    #[test]
    fn each_type_takes_what_programs_read_as_it() {
        check("string", &["", "any thing"], &[]);
        check(
            "int",
            &["0", "-12", "+3", "123456789012345678901234567890"],
            &["", "-", "1.5", " 1", "1e3", "0x1"],
        );
        check("bool", &["true", "FALSE", "1", "off"], &["", "2", "truthy"]);
        check(
            "url",
            &[
                "https://example.com",
                "postgres://u:p%40ss@[::1]:5432/db?x=1#y",
                "file:///etc/x",
                "redis://h",
            ],
            &["", "example.com", "/path", "mailto:a@b.example", "https://", "https://a b", "//h/p"],
        );
        check(
            "email",
            &["a@example.com", "a.b+c@sub.example.com"],
            &["", "a", "a@", "@b.example", "a@b", "A <a@b.example>"],
        );
        check("port", &["1", "65535", "080"], &["0", "65536", "-1", "+1", " 80", ""]);
        check("json", &["1", "{\"a\":[]}", " null "], &["", "{", "{a:1}", "1 2"]);
        let pem = "-----BEGIN X-----\nAAAA\n-----END X-----\n";
        check("pem", &[pem, &pem.repeat(2)], &["", "AAAA", "-----BEGIN X-----\nAAAA\n"]);
        check("regex:a|b+", &["a", "bb"], &["", "ab", "a\n", "xa"]);
    }

    #[test]
    fn another_type_is_refused() {
        assert!(known("regex:(") && !known("number"));
        assert!("regex:(".parse::<Kind>().unwrap_err().starts_with("is no pattern"));
        assert_eq!("number".parse::<Kind>().unwrap_err(), "is unknown");
    }
}
