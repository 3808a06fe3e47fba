//! What clients that are not run here send, in their order and spelling.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use crate::world::{World, now, read, text};

async fn send(world: &World, token: &str, method: &str, at: &str, body: &str) -> (u16, Value) {
    let mut request = Request::builder().method(method).uri(at).header("host", "localhost");
    request = request.header("x-vault-token", token).header("x-vault-request", "true");
    if !body.is_empty() {
        request = request.header("content-length", body.len());
    }
    let request = request.body(Body::from(body.to_owned())).expect("a request");
    read(world.send(request).await).await
}

/// Validates its token, reads, pushes with check-and-set, and finds by what is said of paths.
#[tokio::test]
async fn external_secrets() {
    let world = World::new();
    let root = world.root();
    send(&world, &root, "PUT", "/v1/secret/data/app", r#"{"data":{"a":"1"}}"#).await;
    let token = text(&world.made("app", true, Some(now() + 3600), 0));
    let (_, own) = send(&world, &token, "GET", "/v1/auth/token/lookup-self", "").await;
    let own = &own["data"];
    assert!(own["type"].is_string() && own["ttl"].as_u64() > Some(60), "{own}");
    assert!(own["expire_time"].as_str().is_some_and(|time| time.ends_with('Z')), "{own}");
    let (_, lasting) = send(&world, &root, "GET", "/v1/auth/token/lookup-self", "").await;
    assert!(lasting["data"].as_object().is_some_and(|own| own.contains_key("expire_time")));
    assert_eq!(send(&world, &token, "GET", "/v1/secret/data/app/pushed", "").await.0, 404);
    assert_eq!(send(&world, &token, "GET", "/v1/secret/metadata/app/pushed", "").await.0, 404);
    let said = r#"{"custom_metadata":{"managed-by":"external-secrets"}}"#;
    let at = "/v1/secret/metadata/app/pushed";
    assert_eq!(send(&world, &token, "PUT", at, said).await.0, 204);
    let (_, metadata) = send(&world, &token, "GET", at, "").await;
    assert_eq!(metadata["data"]["current_version"], 0);
    let push = r#"{"data":{"k":"v"},"options":{"cas":0}}"#;
    assert_eq!(send(&world, &token, "PUT", "/v1/secret/data/app/pushed", push).await.0, 200);
    let (_, metadata) = send(&world, &token, "GET", at, "").await;
    let data = &metadata["data"];
    assert!(data["current_version"].as_u64() > Some(0) && data["created_time"].is_string());
    assert!(data["delete_version_after"].is_string(), "{data}");
    let cas = json!({"data":{"k":"w"},"options":{"cas":data["current_version"]}}).to_string();
    assert_eq!(send(&world, &token, "PUT", "/v1/secret/data/app/pushed", &cas).await.0, 200);
    let (_, list) = send(&world, &token, "GET", "/v1/secret/metadata/app?list=true", "").await;
    assert_eq!(list["data"]["keys"], json!(["pushed"]));
    assert_eq!(send(&world, &token, "DELETE", "/v1/secret/data/app/pushed", "").await.0, 204);
    assert_eq!(send(&world, &token, "DELETE", at, "").await.0, 204);
    assert_eq!(send(&world, &token, "GET", at, "").await.0, 404);
}

/// Makes a child token before anything else, compares versions, and asks which mount it is.
#[tokio::test]
async fn terraform() {
    let world = World::new();
    let root = world.root();
    let (_, status) = send(&world, "", "GET", "/v1/sys/seal-status", "").await;
    let version = status["version"].as_str().expect("text").split('+').next().expect("a version");
    assert_eq!(version.split('.').filter(|part| part.parse::<u32>().is_ok()).count(), 3);
    let child = r#"{"renewable":false,"ttl":"1200s","explicit_max_ttl":"1200s","display_name":"terraform"}"#;
    let (status, made) = send(&world, &root, "POST", "/v1/auth/token/create", child).await;
    assert_eq!((status, &made["auth"]["lease_duration"]), (200, &json!(1200)));
    let child = made["auth"]["client_token"].as_str().expect("a token");
    let (_, mount) = send(&world, child, "GET", "/v1/sys/internal/ui/mounts/secret/app", "").await;
    assert_eq!(mount["data"]["options"]["version"], "2");
    assert_eq!(mount["data"]["path"], "secret/");
    let put = send(&world, child, "PUT", "/v1/secret/data/app", r#"{"data":{"a":"1"}}"#).await;
    assert_eq!(put.0, 200);
}
