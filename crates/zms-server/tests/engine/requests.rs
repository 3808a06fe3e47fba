//! Requests that are not what an honest client sends. Each is refused, and all strangers alike.

use axum::http::StatusCode;
use zms_core::{bundle::Bundle, engine::path, request::LIFETIME};
use zms_crypto::Key;
use zms_server::Limits;
use zms_store::contract::vault::{NOW, Vault};

use crate::asked::{Answer, Sent, World, signed};

/// Everything of an answer that a stranger could tell another by.
fn face(answer: &Answer) -> (StatusCode, Vec<(String, String)>, Vec<u8>) {
    let headers = answer.headers.iter().filter(|(name, _)| *name != "x-request-id");
    let headers = headers.map(|(name, value)| (name.to_string(), format!("{value:?}")));
    (answer.status, headers.collect(), answer.body.to_vec())
}

#[tokio::test]
async fn attack_strangers_are_answered_alike() {
    let mut world = World::made().await;
    let token = world.token("deploy").await;
    let target = path::bundle(world.named());
    let stranger = Vault::unmade().owner;
    let nobody = zms_core::id::PrincipalId([9; 16]);
    let (key, other) = (token.request_key(), Key::from_bytes(&[1; 32]));
    let get = |who, key: &Key, target: &str, at| signed(who, key, "GET", target, &[], at, 5);
    let good = || get(token.id(), &key, &target, NOW);
    let elsewhere = target.replace(&world.vault.id.to_string(), &"0".repeat(32));
    let mut refused = vec![
        ("no signature", Sent { headers: vec![], ..good() }),
        ("a wrong key", get(token.id(), &other, &target, NOW)),
        ("nobody", get(nobody, &other, &target, NOW)),
        ("nobody, of an own vault", get(nobody, &other, "/v1/vaults/-/bundle", NOW)),
        ("another vault", get(token.id(), &key, &elsewhere, NOW)),
        ("no vault", get(token.id(), &key, "/v1/vaults/none/bundle", NOW)),
        (
            "a vault in capitals",
            get(
                token.id(),
                &key,
                &target
                    .to_uppercase()
                    .replace("/V1/VAULTS", "/v1/vaults")
                    .replace("BUNDLE", "bundle"),
                NOW,
            ),
        ),
        ("too late", get(token.id(), &key, &target, NOW - 2 * LIFETIME - 1)),
        ("too early", get(token.id(), &key, &target, NOW + LIFETIME + 1)),
        ("another method", Sent { method: "HEAD", ..good() }),
        ("another path", Sent { target: target.replace("bundle", "changes"), ..good() }),
        ("another query", Sent { target: format!("{target}?past=1"), ..good() }),
        ("an empty query", Sent { target: format!("{target}?past=1"), ..good() }),
        ("a bearer", Sent { headers: vec![], ..good() }.with("authorization", "Bearer x")),
        ("a cookie", Sent { headers: vec![], ..good() }.with("cookie", "zms=x")),
        (
            "a token in the query",
            Sent { headers: vec![], target: format!("{target}?token=x"), ..good() },
        ),
    ];
    for name in ["content-digest", "signature-input", "signature"] {
        let mut twice = good();
        let held = twice.headers.iter().find(|(held, _)| held == name).cloned().unwrap();
        twice.headers.push(held);
        refused.push(("twice", twice));
        let mut none = good();
        none.headers.retain(|(held, _)| held != name);
        refused.push(("without", none));
        refused.push(("another", good().with(name, "x")));
    }
    assert_ne!(stranger.id(), nobody);
    let mut faces = Vec::new();
    for (what, sent) in refused {
        let head = sent.method == "HEAD";
        let answer = sent.to(&world.router).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{what}");
        if !head {
            faces.push((what, face(&answer)));
        }
    }
    for (what, one) in &faces {
        assert_eq!(*one, faces[0].1, "{what}");
    }
    assert_eq!(good().to(&world.router).await.status, StatusCode::OK);
}

#[tokio::test]
async fn attack_a_body_that_was_changed() {
    let world = World::made().await;
    let target = path::audit(world.named());
    let body = b"\x80";
    let mut sent = world.request_with(&world.vault.owner, "POST", &target, body);
    sent.body = b"\x81".to_vec();
    assert_eq!(sent.to(&world.router).await.code(), "unauthenticated");
    let sent = world.request_with(&world.vault.owner, "POST", &target, body);
    assert_eq!(sent.to(&world.router).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn attack_a_name_that_is_not_ours() {
    let world = World::made().await;
    let target = path::bundle(world.named());
    for host in ["evil.example.com", "zms.example.com.evil.com", "zms.example.com:3030", ""] {
        let sent = world.request(&world.vault.owner, "GET", &target);
        let answer = Sent { host: host.to_owned(), ..sent }.to(&world.router).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::MISDIRECTED_REQUEST, "misdirected".into())
        );
    }
    let sent = world.request(&world.vault.owner, "GET", &target);
    let same = Sent { host: "ZMS.example.com:443".to_owned(), ..sent }.to(&world.router).await;
    assert_eq!(same.status, StatusCode::OK);
    // An absolute form is a request to a proxy, and two hosts are two requests.
    let sent = world.request(&world.vault.owner, "GET", &target);
    let absolute = Sent { target: format!("http://zms.example.com{target}"), ..sent };
    assert_eq!(absolute.to(&world.router).await.code(), "malformed");
    let two = world.request(&world.vault.owner, "GET", &target).with("host", "zms.example.com");
    assert_eq!(two.to(&world.router).await.code(), "malformed");
}

#[tokio::test]
async fn attack_bodies_in_another_dress() {
    let world = World::made().await;
    let target = path::audit(world.named());
    let sent = || world.request_with(&world.vault.owner, "POST", &target, b"\x80");
    let answer = sent().with("content-encoding", "gzip").to(&world.router).await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported".into())
    );
    let answer = sent().with("transfer-encoding", "chunked").to(&world.router).await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::LENGTH_REQUIRED, "length-required".into())
    );
    let mut other = sent();
    other.headers.push(("content-type".to_owned(), "application/json".to_owned()));
    let mut json = other;
    json.body.clear();
    assert_eq!(json.to(&world.router).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn nothing_that_was_sent_comes_back() {
    let world = World::made().await;
    let marks = ["kanarie7", "%6banarie7"];
    for mark in marks {
        for target in [
            format!("/{mark}"),
            format!("/v1/vaults/{mark}/bundle"),
            format!("/v1/vaults/{}/bundle?{mark}=1", world.vault.id),
        ] {
            for method in ["GET", "POST", "DELETE"] {
                let mut sent = world.request(&world.vault.owner, "GET", &target);
                sent.method = method;
                let sent = sent.with("x-request-id", mark).with("x-forwarded-for", mark);
                let answer = sent.to(&world.router).await;
                let shown = format!("{:?}{:?}", answer.headers, answer.body);
                assert!(!shown.contains("anarie7"), "{shown}");
                assert!(answer.status.is_client_error());
                assert_eq!(answer.headers["cache-control"], "no-store");
                assert_eq!(answer.headers["x-content-type-options"], "nosniff");
                assert_eq!(answer.headers["x-request-id"].len(), 36);
            }
        }
    }
}

#[tokio::test]
async fn attack_who_asks_too_much_waits() {
    let limits = Limits { per_principal: 3, failures: 2, per_address: 0, ..Limits::default() };
    let secret = zms_core::engine::register_key(crate::asked::SECRET);
    let mut world = World::with(zms_server::Register::Secret(secret), limits);
    world.make().await;
    let owner = world.vault.owner.duplicate();
    let mut limited = 0;
    for _ in 0..12 {
        let answer = world.bundle(&owner, "records=none").await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            assert_eq!(
                (answer.code(), &answer.headers["retry-after"]),
                ("limited".into(), &"1".parse().unwrap())
            );
            limited += 1;
        }
    }
    assert!(limited >= 3, "{limited}");
    let nobody = zms_core::id::PrincipalId([9; 16]);
    let key = Key::from_bytes(&[1; 32]);
    let mut codes = Vec::new();
    for _ in 0..6 {
        let sent = signed(nobody, &key, "GET", "/v1/vaults/-/bundle", &[], NOW, 1);
        codes.push(sent.to(&world.router).await.code());
    }
    assert_eq!(codes[0], "unauthenticated");
    assert_eq!(codes[5], "limited");
}

#[tokio::test]
async fn health_is_told_to_anybody_and_tells_nothing() {
    let world = World::made().await;
    for (target, kind) in [
        ("/healthz", "text/plain"),
        ("/readyz", "text/plain"),
        ("/metrics", "application/openmetrics-text"),
    ] {
        let mut sent = world.request(&world.vault.owner, "GET", target);
        sent.headers.clear();
        if target != "/metrics" {
            sent.host = "10.0.0.7:3030".to_owned();
        }
        let answer = sent.to(&world.router).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.headers["content-type"].to_str().unwrap().starts_with(kind));
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(!text.contains(&world.vault.id.to_string()), "{text}");
        if target == "/metrics" {
            assert!(
                text.contains(
                    "zms_requests_total{method=\"POST\",route=\"/v1/vaults\",status=\"201\"} 1"
                ),
                "{text}"
            );
        }
    }
    world.engine.stop();
    let mut sent = world.request(&world.vault.owner, "GET", "/readyz");
    sent.headers.clear();
    assert_eq!(sent.to(&world.router).await.code(), "stopping");
}

#[tokio::test]
async fn attack_other_spellings_of_a_path() {
    let world = World::made().await;
    let (id, good) = (world.vault.id, path::bundle(world.named()));
    for target in [
        format!("/v1/vaults/{id}/bundle/"),
        format!("/v1/vaults//{id}/bundle"),
        format!("//v1/vaults/{id}/bundle"),
        format!("/v1/vaults/./{id}/bundle"),
        format!("/v1/vaults/x/../{id}/bundle"),
        format!("/v1/vaults/x/%2e%2e/{id}/bundle"),
        format!("/v1/vaults/{id}/%62undle"),
        format!("/v1/vaults/{id}%2fbundle"),
        format!("/v1/vaults/{id}%00/bundle"),
        format!("/v1/vaults/{id}%0d%0a/bundle"),
        format!("/V1/vaults/{id}/bundle"),
    ] {
        let answer = world.get(&world.vault.owner, &target).await;
        let refused = [StatusCode::UNAUTHORIZED, StatusCode::NOT_FOUND].contains(&answer.status);
        assert!(refused, "{target}: {}", answer.status);
    }
    assert_eq!(world.get(&world.vault.owner, &good).await.status, StatusCode::OK);
}

/// Naming a scope is no right to it: what is there and what is not are told alike.
#[tokio::test]
async fn attack_a_scope_that_the_token_does_not_hold_is_named() {
    let mut world = World::made().await;
    let token = world.token("deploy").await;
    let hidden = world.vault.scope(&world.twin, "shop/staging").id();
    let absent = zms_core::id::ScopeId([9; 16]);
    for part in ["scopes", "of"] {
        let [there, none] = [hidden, absent].map(|scope| format!("{part}={scope}"));
        let there = world.bundle(&token, &there).await;
        let none = world.bundle(&token, &none).await;
        assert_eq!((there.status, &there.body), (none.status, &none.body), "{part}");
        assert_eq!(there.packed().head(hidden).unwrap(), None, "{part}");
    }
}
