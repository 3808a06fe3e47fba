//! The gateway as a sidecar: its vault is at an engine elsewhere.

use std::{path::Path, sync::Arc};

use axum::{body::Body, http::Request};
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;
use zms_core::address::Address;
use zms_crypto::Key;
use zms_server::{
    Engine, Limits, Names, Register, Routes, Setup,
    gateway::{Gateway, Hosts, Upstream},
    router, router_of_gateway,
    vaults::OneFile,
};

use crate::{
    clients::{port, serve},
    world::{World, entropy, now, read, text},
};

const DATA: &str = "/v1/secret/data/app";

/// Status and body of `/readyz`.
async fn ready(router: &Routes) -> (u16, String) {
    let request = Request::get("/readyz").header("host", "localhost:3030").body(Body::empty());
    let answer = router.clone().oneshot(request.expect("a request")).await.expect("an answer");
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

async fn call(router: &Routes, method: &str, token: &str, body: &str) -> (u16, serde_json::Value) {
    let request = Request::builder().method(method).uri(DATA).header("host", "localhost:3030");
    let request = request.header("x-vault-token", token).body(Body::from(body.to_owned()));
    read(router.clone().oneshot(request.expect("a request")).await.expect("an answer")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_sidecar_reads_and_writes_at_an_engine_and_lasts_through_an_outage() {
    let world = World::new();
    let root = world.root();
    world.call("POST", DATA, &root, r#"{"data":{"A":"1"}}"#).await;
    let token = text(&world.made("app", true, None, 0));
    let (listener, address) = port();
    let setup = |vaults, names: Vec<String>| Setup {
        vaults,
        names: Names::new(names),
        register: Register::Nobody,
        limits: Limits::default(),
        clock: now,
        blind: Key::generate(&mut *entropy()),
    };
    let far = Engine::new(setup(Arc::new(OneFile::new(world.file())), vec![address.to_string()]));
    let serving = serve(listener, router(&far));
    let folder = tempfile::tempdir().expect("a folder");
    let beside = |copies: &Path, most_stale| {
        let upstream = Arc::new(Upstream {
            address: Address::parse(&format!("http://{address}")).expect("an address"),
            clock: now,
            entropy,
            copies: copies.to_owned(),
            most_stale,
        });
        let near = Engine::new(setup(upstream.clone(), vec!["localhost:3030".to_owned()]));
        let gateway = Gateway {
            origin: upstream,
            hosts: Hosts::new([]),
            pins: Some(copies.join("pins")),
            clock: now,
            entropy,
            proven: Arc::default(),
        };
        router_of_gateway(&near, Arc::new(gateway))
    };
    let sidecar = beside(folder.path(), Some(600));
    assert_eq!(ready(&beside(folder.path(), None)).await, (200, "ok\n".to_owned()));
    let (status, answer) = call(&sidecar, "GET", &token, "").await;
    assert_eq!((status, &answer["data"]["data"]), (200, &json!({"A":"1"})), "{answer}");
    let body = r#"{"data":{"A":"2"},"options":{"cas":1}}"#;
    let (status, answer) = call(&sidecar, "POST", &token, body).await;
    assert_eq!((status, &answer["data"]["version"]), (200, &json!(2)), "{answer}");
    assert_eq!(call(&sidecar, "POST", &token, body).await.0, 400, "check-and-set holds there too");
    let (_, seen) = world.call("GET", DATA, &root, "").await;
    assert_eq!(seen["data"]["data"], json!({"A":"2"}));
    assert_eq!(call(&sidecar, "GET", &token, "").await.0, 200);
    let request =
        Request::get(DATA).header("host", "localhost:3030").header("x-vault-token", &token);
    let request = request.header("x-vault-wrap-ttl", "60").body(Body::empty()).expect("a request");
    let answer = read(sidecar.clone().oneshot(request).await.expect("an answer")).await;
    assert_eq!((answer.0, &answer.1["data"]), (400, &serde_json::Value::Null), "{answer:?}");
    drop(serving);
    let (status, said) = ready(&sidecar).await;
    assert!(status == 200 && said.starts_with("degraded: "), "{status} {said}");
    // Where there is no copy, or none may be used, nobody is answered.
    let empty = tempfile::tempdir().expect("a folder");
    for none in [beside(folder.path(), None), beside(empty.path(), Some(600))] {
        assert_eq!(ready(&none).await.0, 503);
    }
    let (status, answer) = call(&sidecar, "GET", &token, "").await;
    assert_eq!((status, &answer["data"]["data"]), (200, &json!({"A":"2"})), "{answer}");
    assert_eq!(call(&sidecar, "POST", &token, r#"{"data":{}}"#).await.0, 503);
    assert_eq!(call(&sidecar, "GET", &text(&crate::world::stranger()), "").await.0, 503);
}
