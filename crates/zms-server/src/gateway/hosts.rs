//! Which names the gateway answers to: a page that a browser was made to load from elsewhere has
//! another one (DNS rebinding).

use axum::http::{HeaderMap, Uri, header};

/// The names of this machine that mean itself.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The names, without ports.
#[derive(Debug, Clone, Default)]
pub struct Hosts(Vec<String>);

impl Hosts {
    /// This machine itself, and such names besides.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let named = names.into_iter().map(|name| without_port(&name).to_ascii_lowercase());
        Self(LOOPBACK.map(str::to_owned).into_iter().chain(named).collect())
    }

    /// Whether a request means this gateway, and comes from no page of another origin.
    pub fn accept(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = hosts.next().map(|host| host.to_str().unwrap_or_default());
        let authority = uri.authority().map(|authority| authority.as_str());
        let same = host.zip(authority).is_none_or(|(host, authority)| host == authority);
        let Some(host) = host.or(authority) else { return false };
        hosts.next().is_none() && same && self.hold(host) && self.accepts_origin(host, headers)
    }

    /// Whether a host, with or without a port, is one of these.
    pub fn hold(&self, host: &str) -> bool {
        let name = without_port(host).to_ascii_lowercase();
        self.0.contains(&name)
    }

    fn accepts_origin(&self, host: &str, headers: &HeaderMap) -> bool {
        let own = |origin: &str| {
            let rest = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            rest.is_some_and(|rest| rest.eq_ignore_ascii_case(host))
        };
        let origins = headers.get_all(header::ORIGIN).iter();
        let foreign = |site: &[u8]| site == b"cross-site" || site == b"same-site";
        origins.into_iter().all(|origin| origin.to_str().is_ok_and(own))
            && !headers.get_all("sec-fetch-site").iter().any(|site| foreign(site.as_bytes()))
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(headers: &[(&'static str, &'static str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, axum::http::HeaderValue::from_static(value));
        }
        Hosts::new(["Vault.example.com:443".to_owned()]).accept(&Uri::from_static("/v1/x"), &map)
    }

    #[test]
    fn attack_another_host_or_origin_is_refused() {
        for host in ["localhost:3030", "127.0.0.1", "[::1]:3030", "VAULT.example.com"] {
            assert!(accepts(&[("host", host)]), "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example", "localhost.", "", "a@localhost"] {
            assert!(!accepts(&[("host", host)]), "{host}");
        }
        let own = ("host", "localhost:3030");
        assert!(accepts(&[own, ("origin", "http://localhost:3030")]));
        for origin in ["http://evil.example", "null", "http://localhost:3031", "localhost:3030"] {
            assert!(!accepts(&[own, ("origin", origin)]), "{origin}");
        }
        assert!(!accepts(&[own, ("sec-fetch-site", "cross-site")]));
        assert!(!accepts(&[own, own]), "two hosts");
        assert!(!accepts(&[]));
    }
}
