//! How much one token, and one address of strangers, may ask.

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, Request, StatusCode},
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use zms_core::{id::VaultId, wrapped::WrappingToken};
use zms_server::{Limits, Peer};

use crate::world::{World, entropy, now, stranger, text};

const DATA: &str = "/v1/secret/data/app";
const LIMITED: &str = "{\"errors\":[\"rate limit quota exceeded\"]}\n";

/// A server with limits, where there is something to read.
async fn limited(limits: Limits) -> World {
    let world = World::limited(limits);
    assert_eq!(world.call("POST", DATA, &world.root(), r#"{"data":{"A":"1"}}"#).await.0, 200);
    world
}

/// One request from an address.
async fn asked(
    world: &World,
    from: &str,
    method: &str,
    at: &str,
    token: &str,
    body: &str,
) -> (StatusCode, HeaderMap, Bytes) {
    let mut request = Request::builder().method(method).uri(at).header("host", "localhost:3030");
    if !token.is_empty() {
        request = request.header("x-vault-token", token);
    }
    let mut request = request.body(Body::from(body.to_owned())).expect("a request");
    request.extensions_mut().insert(Peer { address: from.parse().ok() });
    let (parts, body) = world.send(request).await.into_parts();
    (parts.status, parts.headers, body.collect().await.expect("a body").to_bytes())
}

/// Statuses of so many of the same; those that are limited say so as Vault does.
async fn statuses(
    count: usize,
    mut ask: impl AsyncFnMut() -> (StatusCode, HeaderMap, Bytes),
) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        let (status, headers, body) = ask().await;
        if status == StatusCode::TOO_MANY_REQUESTS {
            assert_eq!(
                (&headers["retry-after"], &body[..]),
                (&"1".parse().expect("a header"), LIMITED.as_bytes())
            );
            assert_eq!(headers["content-type"], "application/json");
        }
        statuses.push(status.as_u16());
    }
    statuses
}

#[tokio::test]
async fn attack_a_token_that_asks_too_much_waits_and_no_other() {
    let limits = Limits { per_principal: 1, per_address: 0, failures: 0, ..Limits::default() };
    let world = limited(limits).await;
    let expired = text(&world.made("app", false, Some(now() - 10), 0));
    let (one, other, unknown) =
        (world.token("app", false), world.token("app", false), text(&stranger()));
    let first = async |token: &str| {
        statuses(8, async || asked(&world, "192.0.2.1", "GET", DATA, token, "").await).await
    };
    let limited = |statuses: &[u16]| statuses.contains(&429) && statuses[0] != 429;
    let found = first(&one).await;
    assert!(limited(&found), "{found:?}");
    assert_eq!(first(&other).await[0], 200, "another token is not slowed down");
    // Whether a vault knew a token once can not be told by this either.
    for bad in [expired, unknown] {
        let found = first(&bad).await;
        assert!(limited(&found) && found[0] == 403, "{found:?}");
    }
    let who = world.made("app", false, None, 0);
    let body = json!({"role_id": who.id().to_string(), "secret_id": text(&who)}).to_string();
    let at = "/v1/auth/approle/login";
    let found = statuses(8, async || asked(&world, "192.0.2.1", "PUT", at, "", &body).await).await;
    assert!(limited(&found) && found[0] == 200, "{found:?}");
}

#[tokio::test]
async fn attack_who_guesses_is_slowed_down_by_his_address() {
    let limits = Limits { failures: 2, per_principal: 0, per_address: 0, ..Limits::default() };
    let world = limited(limits).await;
    let good = world.token("app", false);
    let revoked = world.made("app", false, None, 0);
    world.owner().revoke(&[revoked.id()]).expect("revoked");
    let expired = text(&world.made("app", false, Some(now() - 10), 0));
    let wrapping = WrappingToken::generate(VaultId([9; 16]), &mut *entropy());
    let unknown = text(&stranger());
    let role = stranger();
    let login =
        |secret: &str| json!({"role_id": role.id().to_string(), "secret_id": secret}).to_string();
    let unwrap = json!({"token": wrapping.text().expose()}).to_string();
    let (at, unwraps) = ("/v1/auth/approle/login", "/v1/sys/wrapping/unwrap");
    let guesses = [
        ("GET", DATA, "", String::new(), 403),
        ("GET", DATA, "nonsense", String::new(), 403),
        ("GET", DATA, &unknown, String::new(), 403),
        ("GET", DATA, &expired, String::new(), 403),
        ("GET", "/v1/secrets", &text(&revoked), String::new(), 403),
        ("PUT", at, "", login("nonsense"), 400),
        ("PUT", at, "", login(&text(&role)), 400),
        ("POST", unwraps, "", unwrap, 400),
        ("POST", unwraps, "nonsense", String::new(), 400),
    ];
    for (number, (method, target, token, body, status)) in guesses.iter().enumerate() {
        let from = format!("192.0.2.{number}");
        let found =
            statuses(7, async || asked(&world, &from, method, target, token, body).await).await;
        assert_eq!((found[0], found[3], found[6]), (*status, *status, 429), "{number}: {found:?}");
        // Who has a token is answered where others guess.
        assert_eq!(asked(&world, &from, "GET", DATA, &good, "").await.0, 200);
    }
}

#[tokio::test]
async fn an_address_that_asks_too_much_is_told_in_the_words_of_vault() {
    let world = World::limited(Limits { per_address: 1, ..Limits::default() });
    let at = "/v1/sys/seal-status";
    let found = statuses(8, async || asked(&world, "192.0.2.1", "GET", at, "", "").await).await;
    assert!(found[0] == 200 && found.contains(&429), "{found:?}");
}

#[tokio::test]
async fn a_namespace_that_is_not_there_is_not_found() {
    let world = World::new();
    let root = world.root();
    assert_eq!(world.call("POST", DATA, &root, r#"{"data":{"A":"1"}}"#).await.0, 200);
    for (name, status) in
        [("", 200), ("/", 200), ("root", 200), ("root/", 200), ("team", 404), ("root/team", 404)]
    {
        let named = [("x-vault-namespace", name)];
        let (found, answer) = world.call_with("GET", DATA, &root, "", &named).await;
        assert_eq!(found, status, "{name}: {answer}");
        let error = answer["errors"][0].as_str();
        assert_eq!(error, (status == 404).then_some("namespace not found"));
        let (found, answer) = world.call_with("POST", DATA, &root, "{\"data\":{}}", &named).await;
        assert_eq!((found, answer["data"] == Value::Null), (status, status == 404), "{answer}");
    }
}

/// As OpenBao 2.7.2 answers, save that it refuses the first two in `root` too.
#[tokio::test]
async fn what_is_asked_of_the_process_is_the_same_in_every_namespace_or_in_none() {
    let world = World::new();
    let named = [("x-vault-namespace", "team")];
    for (method, at) in
        [("GET", "sys/health"), ("HEAD", "sys/health"), ("GET", "sys/init"), ("PUT", "sys/init")]
    {
        let at = format!("/v1/{at}");
        let (status, answer) = world.call_with(method, &at, "", "", &named).await;
        assert_eq!(status, 400, "{method} {at}");
        let said = answer["errors"][0].as_str();
        assert!(
            method == "HEAD" || said == Some("operation unavailable in namespaces"),
            "{answer}"
        );
    }
    let root = [("x-vault-namespace", "root")];
    assert_eq!(world.call_with("GET", "/v1/sys/health", "", "", &root).await.0, 200);
    for at in ["sys/seal-status", "sys/leader"] {
        assert_eq!(world.call_with("GET", &format!("/v1/{at}"), "", "", &named).await.0, 200);
    }
}
