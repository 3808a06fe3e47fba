//! Where an engine is: as a person types it, as a token carries it, as a request names it.
//! spec/engine.md#addresses

use std::{
    fmt::{self, Display},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// Longest address, in bytes.
pub const MAX_ADDRESS: usize = 512;

/// What stands before the fingerprint of a certificate.
const FINGERPRINT: &str = "sha256:";

/// The address of an engine. It is not trusted: a wrong one learns who asks, when and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A socket of this machine.
    Unix(String),
    /// A host and a port.
    Net {
        /// A name or a literal, in lower case; IPv6 in its brackets.
        host: String,
        /// The port.
        port: u16,
        /// How what is sent is protected on its way.
        wire: Wire,
    },
}

/// How requests and answers travel. Their content is protected either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// In the clear, on this machine only.
    Clear,
    /// TLS; the certificate is that of the host, by an authority that the system trusts.
    Tls,
    /// TLS; the certificate is the one with this SHA-256, whoever issued it.
    Pinned([u8; 32]),
}

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoAddress {
    /// Nothing like one.
    #[error("is no address of a server: write https://HOST:PORT, or unix:/PATH")]
    Malformed,
    /// Without TLS to somewhere else.
    #[error("is without TLS: http is for loopback addresses alone, such as 127.0.0.1")]
    Clear,
    /// The fingerprint is none.
    #[error("carries no fingerprint: it is written sha256: and 64 hex digits")]
    Fingerprint,
    /// It names something at a server.
    #[error("goes on behind the port: a server is named by host and port alone")]
    Path,
}

impl Address {
    /// Reads an address. Without a scheme a loopback literal is spoken to in the clear, and
    /// everything else by TLS.
    ///
    /// # Errors
    /// [`NoAddress`].
    pub fn parse(text: &str) -> Result<Self, NoAddress> {
        if text.len() > MAX_ADDRESS || text.chars().any(|char| !char.is_ascii_graphic()) {
            return Err(NoAddress::Malformed);
        }
        if let Some(path) = text.strip_prefix("unix:") {
            let absolute = path.starts_with('/') && path.len() > 1;
            return absolute.then(|| Self::Unix(path.to_owned())).ok_or(NoAddress::Malformed);
        }
        let (tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (Some(true), rest),
            (None, Some(rest)) => (Some(false), rest),
            (None, None) => (None, text),
        };
        let (authority, behind) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = authority_of(authority).ok_or(NoAddress::Malformed)?;
        let pin = match behind.strip_prefix(FINGERPRINT) {
            Some(digits) => Some(fingerprint(digits).ok_or(NoAddress::Fingerprint)?),
            None if behind.is_empty() => None,
            None => return Err(NoAddress::Path),
        };
        let wire = match (tls, pin) {
            (Some(false), Some(_)) => return Err(NoAddress::Fingerprint),
            (_, Some(pin)) => Wire::Pinned(pin),
            (Some(true), None) => Wire::Tls,
            (Some(false), None) if loopback(&host) => Wire::Clear,
            (Some(false), None) => return Err(NoAddress::Clear),
            (None, None) if loopback(&host) => Wire::Clear,
            (None, None) => Wire::Tls,
        };
        let port = port.unwrap_or(if wire == Wire::Clear { 80 } else { 443 });
        Ok(Self::Net { host, port, wire })
    }

    /// What a request calls the engine: host and port in lower case, without the scheme's own port.
    pub fn authority(&self) -> String {
        match self {
            Self::Unix(_) => "localhost".to_owned(),
            Self::Net { host, port, wire } => match (wire, port) {
                (Wire::Clear, 80) | (Wire::Tls | Wire::Pinned(_), 443) => host.clone(),
                _ => format!("{host}:{port}"),
            },
        }
    }

    /// The scheme of its URLs.
    pub const fn scheme(&self) -> &'static str {
        match self {
            Self::Unix(_) | Self::Net { wire: Wire::Clear, .. } => "http",
            Self::Net { .. } => "https",
        }
    }
}

/// The whole form, which says the same everywhere.
impl Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{path}"),
            Self::Net { wire, .. } => {
                write!(f, "{}://{}", self.scheme(), self.authority())?;
                match wire {
                    Wire::Pinned(hash) => write!(f, "/{FINGERPRINT}{}", hex::encode(hash)),
                    Wire::Clear | Wire::Tls => Ok(()),
                }
            }
        }
    }
}

fn loopback(host: &str) -> bool {
    literal(host).is_some_and(|address| address.is_loopback())
}

fn literal(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

fn authority_of(text: &str) -> Option<(String, Option<u16>)> {
    // A colon within brackets is the host's own.
    let end = text.rfind(']').unwrap_or(0);
    let (host, port) = match text[end..].split_once(':') {
        Some((before, port)) => (&text[..end + before.len()], Some(port)),
        None => (text, None),
    };
    let host = host.to_ascii_lowercase();
    let named = |name: &str| {
        let label = |label: &str| {
            let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            (1..=63).contains(&label.len())
                && label.bytes().all(inner)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        // What ends in a number is an address or nothing.
        let last = name.rsplit('.').next().unwrap_or_default();
        name.len() <= 253 && name.split('.').all(label) && !last.bytes().all(|b| b.is_ascii_digit())
    };
    let host = match literal(&host) {
        Some(IpAddr::V6(address)) => format!("[{address}]"),
        Some(IpAddr::V4(address)) => address.to_string(),
        None => Some(host).filter(|host| named(host))?,
    };
    let port = match port {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse().ok().filter(|port| *port > 0)?)
        }
        Some(_) => return None,
        None => None,
    };
    Some((host, port))
}

fn fingerprint(digits: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    hex::decode_to_slice(digits, &mut hash).ok()?;
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_in_all_its_forms_and_shown_in_one() {
        let hash = "0f".repeat(32);
        let pinned = format!("10.0.0.5:3030/sha256:{hash}");
        for (typed, shown, authority) in [
            ("zms.example.com", "https://zms.example.com", "zms.example.com"),
            ("zms.example.com:3030", "https://zms.example.com:3030", "zms.example.com:3030"),
            ("https://ZMS.Example.com:443/", "https://zms.example.com", "zms.example.com"),
            ("zms-1:3030", "https://zms-1:3030", "zms-1:3030"),
            ("127.0.0.1:3030", "http://127.0.0.1:3030", "127.0.0.1:3030"),
            ("http://127.9.9.9:80", "http://127.9.9.9", "127.9.9.9"),
            ("https://127.0.0.1:3030", "https://127.0.0.1:3030", "127.0.0.1:3030"),
            ("[::1]:3030", "http://[::1]:3030", "[::1]:3030"),
            ("[0:0::1]:3030", "http://[::1]:3030", "[::1]:3030"),
            ("[2001:DB8::1]", "https://[2001:db8::1]", "[2001:db8::1]"),
            ("unix:/run/zms.sock", "unix:/run/zms.sock", "localhost"),
            (&pinned, &format!("https://{pinned}"), "10.0.0.5:3030"),
            (
                &format!("127.0.0.1:3030/sha256:{hash}"),
                &format!("https://127.0.0.1:3030/sha256:{hash}"),
                "127.0.0.1:3030",
            ),
        ] {
            let address = Address::parse(typed).unwrap_or_else(|why| panic!("{typed} {why}"));
            assert_eq!(address.to_string(), shown);
            assert_eq!(address.authority(), authority, "{typed}");
            assert_eq!(Address::parse(shown).as_ref(), Ok(&address), "{shown}");
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        let hash = "0f".repeat(32);
        for (typed, why) in [
            ("", NoAddress::Malformed),
            ("unix:", NoAddress::Malformed),
            ("unix:zms.sock", NoAddress::Malformed),
            ("ftp://zms.example.com", NoAddress::Malformed),
            ("zms.example.com:0", NoAddress::Malformed),
            ("zms.example.com:65536", NoAddress::Malformed),
            ("zms.example.com:+1", NoAddress::Malformed),
            ("zms.example.com:", NoAddress::Malformed),
            ("user@zms.example.com", NoAddress::Malformed),
            ("zms..example.com", NoAddress::Malformed),
            ("-zms.example.com", NoAddress::Malformed),
            ("127.0.0.1.5", NoAddress::Malformed),
            ("127.1", NoAddress::Malformed),
            ("[::1", NoAddress::Malformed),
            ("zms.example.com ", NoAddress::Malformed),
            ("zms.example.com\n", NoAddress::Malformed),
            ("zms.exämple.com", NoAddress::Malformed),
            ("zms.example.com?x", NoAddress::Malformed),
            ("http://zms.example.com", NoAddress::Clear),
            ("http://localhost:3030", NoAddress::Clear),
            ("http://10.0.0.5:3030", NoAddress::Clear),
            ("zms.example.com/vault", NoAddress::Path),
            ("zms.example.com/sha256:00", NoAddress::Fingerprint),
            (&format!("http://127.0.0.1/sha256:{hash}"), NoAddress::Fingerprint),
            (&format!("a.example/{}", "x".repeat(MAX_ADDRESS)), NoAddress::Malformed),
        ] {
            assert_eq!(Address::parse(typed), Err(why), "{typed}");
        }
    }
}
