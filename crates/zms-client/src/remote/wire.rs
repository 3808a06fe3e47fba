//! Requests and answers: one signed request each, no redirect, no cookie, no proxy.

use std::{error::Error as _, io::Read, time::Duration};

use ureq::{Agent, Error, Timeout, config::Config, http::Request};
use zms_core::{
    address::Address,
    bundle::{MAX_PACKED, Trouble, TroubleClass},
    engine,
    request::Headers,
};

use super::line;

/// Longest headers of an answer, in bytes.
const MAX_HEADERS: usize = 32 * 1024;
/// Longest error body that is read, in bytes.
const MAX_PROBLEM: usize = 16 * 1024;
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take to begin, and to end.
const ANSWER: Duration = Duration::from_secs(30);

/// A name that nobody knows.
const NO_HOST: &str = "there is no host of that name";

/// A connection to one engine, kept open between requests.
pub(super) struct Line {
    agent: Agent,
    address: Address,
}

/// What is sent.
pub(super) struct Sent<'a> {
    pub(super) method: &'a str,
    /// Path and query.
    pub(super) target: &'a str,
    pub(super) headers: &'a Headers,
    pub(super) body: &'a [u8],
    /// An answer that is held already.
    pub(super) unless: Option<&'a str>,
    /// How long the engine was asked to wait before it answers.
    pub(super) wait: Duration,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) etag: Option<String>,
    pub(super) commits: Option<u64>,
    /// Seconds to wait before asking again.
    pub(super) retry_after: Option<u64>,
    pub(super) kind: String,
    pub(super) body: Vec<u8>,
}

/// No answer, or not all of one.
pub(super) struct Lost {
    pub(super) trouble: Trouble,
    /// Whether the engine may have had the request.
    pub(super) sent: bool,
}

impl Line {
    pub(super) fn new(address: Address) -> Self {
        let config = Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("zms/", env!("CARGO_PKG_VERSION")))
            .max_response_header_size(MAX_HEADERS)
            .timeout_connect(Some(CONNECT))
            .timeout_resolve(Some(CONNECT))
            .timeout_send_body(Some(ANSWER))
            .timeout_recv_body(Some(ANSWER))
            .build();
        Self { agent: line::agent(&address, config), address }
    }

    pub(super) const fn address(&self) -> &Address {
        &self.address
    }

    /// Sends one request and takes its answer.
    pub(super) fn send(&self, sent: &Sent<'_>) -> Result<Answer, Lost> {
        self.exchange(sent).map_err(|error| self.lost(&error, sent.method))
    }

    fn exchange(&self, sent: &Sent<'_>) -> Result<Answer, Error> {
        let (scheme, authority) = (self.address.scheme(), self.address.authority());
        let mut request = Request::builder()
            .method(sent.method)
            .uri(format!("{scheme}://{authority}{}", sent.target))
            .header(engine::CONTENT_DIGEST, &sent.headers.content_digest)
            .header(engine::SIGNATURE_INPUT, &sent.headers.signature_input)
            .header(engine::SIGNATURE, &sent.headers.signature);
        if let Some(etag) = sent.unless {
            request = request.header("if-none-match", etag);
        }
        let answer = match sent.method {
            "GET" => self.run(request.body(())?, sent.wait),
            _ => {
                request = request.header("content-type", engine::CBOR_TYPE);
                self.run(request.body(sent.body)?, sent.wait)
            }
        }?;
        let text = |name: &str| {
            let value = answer.headers().get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        let status = answer.status().as_u16();
        let (etag, kind) = (text("etag"), text("content-type").unwrap_or_default());
        let number = |name: &str| text(name).and_then(|digits| digits.parse().ok());
        let (commits, retry_after) = (number(engine::COMMITS), number("retry-after"));
        let most = if status == 200 { MAX_PACKED } else { MAX_PROBLEM };
        let length = answer.body().content_length().unwrap_or(0).min(most as u64);
        let mut body = Vec::with_capacity(length as usize);
        let mut reader = answer.into_body().into_reader().take(most as u64 + 1);
        reader.read_to_end(&mut body).map_err(Error::from)?;
        if body.len() > most {
            return Err(Error::BodyExceedsLimit(most as u64));
        }
        Ok(Answer { status, etag, commits, retry_after, kind, body })
    }

    fn run<B: ureq::AsSendBody>(
        &self,
        request: Request<B>,
        wait: Duration,
    ) -> Result<ureq::http::Response<ureq::Body>, Error> {
        let limited = self.agent.configure_request(request);
        self.agent.run(limited.timeout_recv_response(Some(ANSWER + wait)).build())
    }

    fn lost(&self, error: &Error, method: &str) -> Lost {
        use std::io::ErrorKind;
        let sent = match error {
            Error::Io(error) => !matches!(
                error.kind(),
                ErrorKind::ConnectionRefused
                    | ErrorKind::NotFound
                    | ErrorKind::PermissionDenied
                    | ErrorKind::HostUnreachable
                    | ErrorKind::NetworkUnreachable
                    | ErrorKind::InvalidData
            ),
            // Who reads has waited long enough; who writes has to know.
            Error::Timeout(stage) => {
                method != "GET" && !matches!(stage, Timeout::Connect | Timeout::Resolve)
            }
            Error::Protocol(_) => true,
            _ => false,
        };
        let why = match error {
            Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref()) {
                Some(inner) => tls(inner),
                // However the system words that.
                None if error.to_string().starts_with("failed to lookup") => NO_HOST.to_owned(),
                None => plain(error),
            },
            Error::Rustls(error) => tls(error),
            Error::HostNotFound => NO_HOST.to_owned(),
            Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
                format!("no connection within {} seconds", CONNECT.as_secs())
            }
            Error::Timeout(_) => "it does not answer in time".to_owned(),
            Error::BodyExceedsLimit(_) | Error::LargeResponseHeader(..) => {
                "its answer is too large".to_owned()
            }
            Error::Protocol(_) | Error::Http(_) => "it does not speak HTTP".to_owned(),
            error => error.source().map_or_else(|| error.to_string(), ToString::to_string),
        };
        let why = format!("{}: {why}", self.address);
        Lost { trouble: Trouble::new(TroubleClass::Unreachable, why), sent }
    }
}

/// Whether an engine answers there. It is asked nothing that needs a key.
///
/// # Errors
/// [`Trouble`] where it does not.
pub fn reach(address: &Address) -> Result<(), Trouble> {
    let line = Line::new(address.clone());
    let uri = format!("{}://{}/healthz", address.scheme(), address.authority());
    let answer = Request::builder()
        .uri(uri)
        .body(())
        .map_err(Error::from)
        .and_then(|request| line.run(request, Duration::ZERO));
    match answer {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) if super::answer::is_before_it(answer.status().as_u16()) => {
            Err(super::answer::before_it(address, answer.status().as_u16()))
        }
        Ok(answer) => {
            let why = format!("{address} answers {} where it is asked how it is", answer.status());
            Err(Trouble::new(TroubleClass::Foreign, why))
        }
        Err(error) => Err(line.lost(&error, "GET").trouble),
    }
}

/// The system's words without its number.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

fn tls(error: &rustls::Error) -> String {
    use rustls::{CertificateError, Error};
    match error {
        Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure) => {
            "its certificate is not the one whose fingerprint the address carries".to_owned()
        }
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "its certificate is signed by nobody this machine trusts".to_owned()
        }
        Error::InvalidCertificate(why) => format!("its certificate is not good: {why:?}"),
        Error::InvalidMessage(_) => "it does not speak TLS".to_owned(),
        error => format!("TLS failed: {error}"),
    }
}
