//! What somebody sends who should get nothing.

use axum::{body::Body, http::Request};
use http_body_util::BodyExt;
use zms_core::audit::{Action, Outcome};

use crate::world::{World, now, stranger, text};

const DATA: &str = "/v1/secret/data/app";
const CANARY: &str = "canary-9c1f";

async fn world() -> World {
    let world = World::new();
    let body = format!("{{\"data\":{{\"A\":\"{CANARY}\"}}}}");
    assert_eq!(world.call("POST", DATA, &world.root(), &body).await.0, 200);
    world
}

async fn answer(world: &World, request: axum::http::request::Builder) -> (u16, String) {
    let request = request.body(Body::empty()).expect("a request");
    let answer = world.send(request).await;
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    let status = answer.status().as_u16();
    let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8_lossy(&bytes).into_owned())
}

fn get(at: &str) -> axum::http::request::Builder {
    Request::get(at).header("host", "localhost:3030")
}

#[tokio::test]
async fn attack_every_bad_token_is_answered_alike() {
    let world = world().await;
    let expired = world.made("app", false, Some(now() - 10), 0);
    let revoked = world.made("app", false, None, 0);
    world.owner().revoke(&[revoked.id()]).expect("revoked");
    let used = world.made("app", false, None, 1);
    assert_eq!(world.call("GET", DATA, &text(&used), "").await.0, 200);
    let good = text(&world.made("app", false, None, 0));
    let (long, upper, short) =
        ("a".repeat(3000), good.to_uppercase(), good[..good.len() - 1].to_owned());
    let constant = answer(&world, get(DATA)).await;
    assert_eq!(constant, (403, "{\"errors\":[\"permission denied\"]}\n".to_owned()));
    let bad = [
        text(&stranger()),
        text(&expired),
        text(&revoked),
        text(&used),
        format!("{good}x"),
        long,
        upper,
        short,
        "root".to_owned(),
        format!("x {good}"),
        format!(" {good}"),
        format!("{good} "),
        format!("\t{good}"),
    ];
    for token in bad {
        for name in ["x-vault-token", "x-zms-token"] {
            assert_eq!(answer(&world, get(DATA).header(name, &token)).await, constant, "{token}");
        }
        let bearer = get(DATA).header("authorization", format!("Bearer {token}"));
        assert_eq!(answer(&world, bearer).await, constant, "{token}");
    }
    let bytes = axum::http::HeaderValue::from_bytes(b"\xff\xfe").expect("bytes");
    assert_eq!(answer(&world, get(DATA).header("x-vault-token", bytes)).await, constant);
    let query = format!("{DATA}?token={good}&access_token={good}");
    assert_eq!(answer(&world, get(&query)).await, constant, "a token in the query is none");
}

#[tokio::test]
async fn attack_two_tokens_are_refused() {
    let world = world().await;
    let good = text(&world.made("app", false, None, 0));
    for (one, other) in [
        ("x-vault-token", "x-vault-token"),
        ("x-vault-token", "x-zms-token"),
        ("x-zms-token", "authorization"),
    ] {
        let request = get(DATA).header(one, &good).header(other, &good);
        let (status, body) = answer(&world, request).await;
        assert_eq!(status, 400);
        assert!(!body.contains(CANARY) && !body.contains(&good), "{body}");
    }
}

#[tokio::test]
async fn attack_a_page_from_elsewhere_reads_nothing() {
    let world = world().await;
    let root = world.root();
    let with = |host: &str, extra: Option<(&str, &str)>| {
        let request = Request::get(DATA).header("host", host).header("x-vault-token", &root);
        match extra {
            Some((name, value)) => request.header(name, value),
            None => request,
        }
    };
    for request in [
        with("evil.example", None),
        with("evil.example:3030", None),
        with("127.0.0.1.evil.example", None),
        with("localhost:3030", Some(("origin", "http://evil.example"))),
        with("localhost:3030", Some(("origin", "null"))),
        with("localhost:3030", Some(("sec-fetch-site", "cross-site"))),
        Request::get(DATA).header("x-vault-token", &root),
        Request::get(format!("http://evil.example{DATA}"))
            .header("host", "localhost")
            .header("x-vault-token", &root),
    ] {
        let (status, body) = answer(&world, request).await;
        assert_eq!(status, 421);
        assert!(!body.contains(CANARY) && !body.contains("evil"), "{body}");
    }
    let preflight =
        Request::options(DATA).header("host", "localhost").header("origin", "http://evil.example");
    assert_eq!(answer(&world, preflight).await.0, 421);
    assert_eq!(
        answer(&world, with("localhost:3030", None)).await.0,
        200,
        "the same is answered to its own"
    );
}

#[tokio::test]
async fn attack_existence_is_not_told_without_rights() {
    let world = world().await;
    let token = world.token("app", false);
    world.call("POST", "/v1/secret/data/hidden", &world.root(), r#"{"data":{}}"#).await;
    for verb in ["data", "metadata", "subkeys"] {
        let there = answer(
            &world,
            get(&format!("/v1/secret/{verb}/hidden")).header("x-vault-token", &token),
        )
        .await;
        let absent = answer(
            &world,
            get(&format!("/v1/secret/{verb}/absent")).header("x-vault-token", &token),
        )
        .await;
        assert_eq!((there.0, &there), (403, &absent), "{verb}");
    }
}

#[tokio::test]
async fn attack_bodies_and_spellings() {
    let world = world().await;
    let root = world.root();
    let large = "x".repeat(9 << 20);
    assert_eq!(world.call("POST", DATA, &root, &large).await.0, 413);
    let gzip = Request::post(DATA).header("host", "localhost").header("x-vault-token", &root);
    let gzip = gzip.header("content-encoding", "gzip").body(Body::from("x")).expect("a request");
    assert_eq!(world.send(gzip).await.status(), 415);
    for at in [
        "/v1/secret/data/a//b",
        "/v1/secret/data/../b",
        "/v1/secret/data/./b",
        "/v1/secret/data/%2e%2e/b",
        "/v1/secret/data/b%2f..",
        "/v1/secret/data/a%00",
        "/v1/secret/data/a%0d%0ab",
        "/v1/secret/data/e%CC%81",
        "/v1/secret/data/%E2%80%AEa",
        "/v1/secret/data/app?version=1&version=2",
        "/v1/secret/metadata/app?list=yes",
    ] {
        let (status, body) = answer(&world, get(at).header("x-vault-token", &root)).await;
        assert_eq!(status, 400, "{at}: {body}");
    }
    let huge = format!("/v1/secret/data/{}", "a/".repeat(17).trim_end_matches('/'));
    assert_eq!(answer(&world, get(&huge).header("x-vault-token", &root)).await.0, 400);
    for method in ["TRACE", "CONNECT", "BREW", "HEAD", "OPTIONS"] {
        let (status, _) = world.call(method, DATA, &root, "").await;
        assert_eq!(status, 405, "{method}");
    }
}

#[tokio::test]
async fn attack_a_limited_token_used_by_many_at_once() {
    let world = std::sync::Arc::new(world().await);
    let once = text(&world.made("app", false, None, 1));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (world, once) = (world.clone(), once.clone());
        tasks.spawn(async move { world.call("GET", DATA, &once, "").await.0 });
    }
    let statuses = tasks.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
}

#[tokio::test]
async fn what_is_told_of_a_path_leaves_an_entry_too() {
    let world = world().await;
    for method in ["POST", "DELETE"] {
        let body = if method == "POST" { r#"{"data":{"B":"2"}}"# } else { "" };
        let answer = world.call(method, &format!("{DATA}/deleted"), &world.root(), body).await;
        assert!(answer.0 < 300, "{answer:?}");
    }
    let who = world.made("app", false, None, 0);
    let (mut owner, mut before) = (world.owner(), 0);
    for (method, path, entries) in [
        ("GET", "/v1/secret/metadata/app", 1),
        ("LIST", "/v1/secret/metadata/app", 1),
        ("GET", "/v1/secret/metadata/app?list=true", 1),
        ("GET", "/v1/secret/subkeys/app", 1),
        ("GET", "/v1/app/config", 1),
        ("GET", "/v1/sys/mounts/app", 1),
        ("GET", "/v1/sys/internal/ui/mounts/app", 0),
        ("GET", "/v1/auth/token/lookup-self", 0),
        ("GET", "/v1/secret/data/app/deleted", 1),
        ("GET", "/v1/secret/subkeys/app/deleted", 1),
    ] {
        let (status, told) = world.call(method, path, &text(&who), "").await;
        assert!(status == 200 || status == 404, "{method} {path}: {status} {told}");
        let mut reader = owner.audit().expect("the audit opens");
        let mine = reader.last(99, &|entry| entry.event.principal == who.id()).expect("it is read");
        assert_eq!(mine.len() - before, entries, "{method} {path}");
        before = mine.len();
        let scoped = mine.iter().all(|entry| {
            let event = &entry.event;
            event.action == Action::Read && event.outcome == Outcome::Done && event.scope.is_some()
        });
        assert!(scoped, "{method} {path}");
    }
}

#[tokio::test]
async fn every_read_and_refusal_leaves_an_entry() {
    let world = world().await;
    let who = world.made("app", false, None, 0);
    world.call("GET", DATA, &text(&who), "").await;
    world.call("GET", &format!("{DATA}?version=1"), &text(&who), "").await;
    world.call("GET", "/v1/secret/data/other", &text(&who), "").await;
    let mut owner = world.owner();
    let mut reader = owner.audit().expect("the audit opens");
    let mine = reader.last(10, &|entry| entry.event.principal == who.id()).expect("it is read");
    let seen: Vec<_> = mine.iter().map(|entry| (entry.event.action, entry.event.outcome)).collect();
    let (read, done) = (Action::Read, Outcome::Done);
    assert_eq!(seen, [(read, done), (read, done), (read, Outcome::Denied)]);
}

/// Whatever is refused, the answer has nothing that the request carried.
#[tokio::test]
async fn attack_a_refusal_has_nothing_that_was_sent() {
    let world = world().await;
    let token = world.token("app", true);
    let mark = "kanarie7";
    let bodies = [
        format!("{{\"data\":{{\"{mark}\":\"1\",\"{mark}\":\"2\"}}}}"),
        format!("{{\"data\":\"{mark}\"}}"),
        format!("{mark}={mark}"),
        format!("{{\"data\":{{\"{mark}=\":\"{mark}\"}}}}"),
        format!("{{\"data\":{{}},\"options\":{{\"cas\":\"{mark}\"}}}}"),
    ];
    let paths = [
        format!("/v1/secret/data/app/{mark}//x"),
        format!("/v1/secret/data/other/{mark}"),
        format!("/v1/secret/metadata/other/{mark}?list={mark}"),
        format!("/v1/secret/data/app?version={mark}"),
        format!("/v1/secrets/{mark}"),
        DATA.to_owned(),
    ];
    for at in &paths {
        for (method, body) in
            bodies.iter().map(|body| ("POST", &**body)).chain([("GET", ""), ("DELETE", "")])
        {
            if at == DATA && body.is_empty() {
                continue;
            }
            for who in [&*token, mark, ""] {
                let headers = [("x-request-id", mark), ("x-forwarded-for", mark)];
                let (status, answer) = world.call_with(method, at, who, body, &headers).await;
                let told = answer.to_string();
                assert!(status < 300 || !told.contains(mark), "{method} {at} {status}: {told}");
            }
        }
    }
}
