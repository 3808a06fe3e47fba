//! What the log and the counts are told of the gateway's requests.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use axum::{body::Body, http::Request};
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;
use zms_server::Limits;

use crate::world::{World, now, read, stranger, text};

/// What was written.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Lines {
    /// The only line since the last.
    fn only(&self) -> Value {
        let bytes = std::mem::take(&mut *self.0.lock().expect("nobody panicked"));
        let text = String::from_utf8(bytes).expect("text");
        for word in ["anarie", "zms_st"] {
            assert!(!text.contains(word), "{text}");
        }
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text:?}"))
    }
}

#[tokio::test]
async fn a_refused_request_says_why_in_the_log_and_nothing_that_it_carried() {
    let world = World::limited(Limits { failures: 0, ..Limits::default() });
    world.call("POST", "/v1/secret/data/app", &world.root(), r#"{"data":{"A":"1"}}"#).await;
    let lines = Lines::default();
    // Where there is one subscriber only, the thread that comes by first decides what is of interest.
    let _second = tracing::Dispatch::new(tracing_subscriber::fmt().finish());
    let log = tracing_subscriber::fmt().json().flatten_event(true).with_writer(lines.clone());
    let _logging = tracing::subscriber::set_default(log.finish());
    let (reader, expired) =
        (world.token("app", false), world.made("app", false, Some(now() - 9), 0));
    let (expired, unknown) = (text(&expired), text(&stranger()));
    let strangers = "unauthenticated";
    for (method, at, token, status, code, why) in [
        ("GET", "/v1/secret/data/kanarie", "", 403, strangers, Some("no token")),
        ("GET", "/v1/secret/data/kanarie", "kanarie", 403, strangers, Some("no text of a token")),
        (
            "GET",
            "/v1/secret/data/kanarie",
            &unknown,
            403,
            strangers,
            Some("a token of no vault here, or a revoked one"),
        ),
        ("GET", "/v1/secret/data/kanarie", &expired, 403, strangers, Some("an expired token")),
        ("PATCH", "/v1/secret/data/kanarie", &reader, 415, "unsupported", None),
        ("PUT", "/v1/secret/data/kanarie", &reader, 400, "malformed", None),
        ("DELETE", "/v1/secret/data/kanarie", &reader, 403, "denied", None),
        ("LIST", "/v1/secret/metadata/kanarie", &reader, 403, "denied", None),
        ("GET", "/v1/secret/data/app/kanarie", &reader, 404, "not-found", None),
        ("GET", "/v1/secrets/KANARIE", &reader, 404, "not-found", None),
    ] {
        let mut request =
            Request::builder().method(method).uri(at).header("host", "localhost:3030");
        if !token.is_empty() {
            request = request.header("x-vault-token", token);
        }
        let answer = world.send(request.body(Body::empty()).expect("a request")).await;
        let id = answer.headers()["x-request-id"].clone();
        let line = lines.only();
        assert_eq!(answer.status(), status, "{method} {at}: {line}");
        assert_eq!(
            (&line["level"], &line["message"]),
            (&"INFO".into(), &"refused".into()),
            "{line}"
        );
        assert_eq!((&line["method"], &line["code"]), (&method.into(), &code.into()), "{line}");
        assert_eq!(line["why"].as_str(), why, "{line}");
        assert_eq!(id, line["id"].as_str().expect("an id"));
        assert!(line["route"].as_str().is_some_and(|route| route.contains("{*")), "{line}");
    }
}

#[tokio::test]
async fn an_answer_has_the_id_that_the_log_has() {
    let world = World::limited(Limits::default());
    let request = |at: &str| {
        let request = Request::get(at).header("host", "localhost:3030");
        request.header("x-vault-token", world.root()).body(Body::empty()).expect("a request")
    };
    for at in ["/v1/auth/token/lookup-self", "/v1/sys/mounts"] {
        let answer = world.send(request(at)).await;
        let id = answer.headers()["x-request-id"].clone();
        let (_, answer) = read(answer).await;
        assert_eq!(id, answer["request_id"].as_str().expect("an id"));
        let form = id.to_str().expect("text").split('-').map(str::len).collect::<Vec<_>>();
        assert_eq!(form, [8, 4, 4, 4, 12]);
    }
    world.call("LIST", "/v1/secret/metadata/", &world.root(), "").await;
    let counts = world.send(request("/metrics")).await;
    let bytes =
        http_body_util::BodyExt::collect(counts.into_body()).await.expect("a body").to_bytes();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("method=\"LIST\",route=\"/v1/{*path}\""), "{text}");
}
