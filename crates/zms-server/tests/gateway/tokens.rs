//! What a token may do, making others, and logging in with one.

use serde_json::json;

use crate::world::{World, now, text};

#[tokio::test]
async fn a_token_reaches_its_own_paths_alone() {
    let world = World::new();
    let root = world.root();
    for at in ["shop/production", "shop/staging", "other/x"] {
        let data = format!("/v1/secret/data/{at}");
        world.call("POST", &data, &root, r#"{"data":{"A":"1"}}"#).await;
    }
    let (reader, writer) =
        (world.token("shop/production", false), world.token("shop/staging", true));
    let body = r#"{"data":{"A":"2"}}"#;
    for (at, get, post) in
        [("shop/production", 200, 403), ("shop/staging", 403, 403), ("nope", 403, 403)]
    {
        let data = format!("/v1/secret/data/{at}");
        assert_eq!(world.call("GET", &data, &reader, "").await.0, get, "{at}");
        assert_eq!(world.call("POST", &data, &reader, body).await.0, post, "{at}");
    }
    assert_eq!(world.call("POST", "/v1/secret/data/shop/staging/a/b", &writer, body).await.0, 200);
    assert_eq!(world.call("GET", "/v1/shop/data/staging/a/b", &writer, "").await.0, 200, "a mount");
    assert_eq!(world.call("LIST", "/v1/secret/metadata/", &reader, "").await.0, 403);
    let paths = r#"{"paths":["secret/data/shop/production","secret/data/other/x"]}"#;
    let (_, found) = world.call("POST", "/v1/sys/capabilities-self", &reader, paths).await;
    assert_eq!(found["data"]["secret/data/shop/production"], json!(["list", "read"]));
    assert_eq!(found["secret/data/other/x"], json!(["deny"]));
    for (mount, status) in [("secret/x/y", 200), ("shop/production", 200), ("other/x", 403)] {
        let at = format!("/v1/sys/internal/ui/mounts/{mount}");
        assert_eq!(world.call("GET", &at, &reader, "").await.0, status, "{mount}");
    }
}

#[tokio::test]
async fn an_administrator_makes_and_revokes_tokens() {
    let world = World::new();
    let root = world.root();
    world.call("POST", "/v1/secret/data/app", &root, r#"{"data":{"A":"1"}}"#).await;
    let body = r#"{"policies":["read:app","nonsense","default"],"ttl":"1h","display_name":"ci"}"#;
    let (status, made) = world.call("POST", "/v1/auth/token/create", &root, body).await;
    assert_eq!((status, &made["auth"]["policies"]), (200, &json!(["read:app"])), "{made}");
    assert_eq!(made["warnings"].as_array().map(Vec::len), Some(1));
    let child = made["auth"]["client_token"].as_str().expect("a token").to_owned();
    assert_eq!(world.call("GET", "/v1/secret/data/app", &child, "").await.0, 200);
    let (_, own) = world.call("GET", "/v1/auth/token/lookup-self", &child, "").await;
    assert_eq!(own["data"]["id"], child.as_str());
    assert!(own["data"]["ttl"].as_u64().is_some_and(|ttl| (3500..=3600).contains(&ttl)), "{own}");
    assert_eq!(world.call("POST", "/v1/auth/token/create", &child, body).await.0, 403);
    let accessor = json!({"accessor": own["data"]["accessor"]}).to_string();
    let (status, seen) =
        world.call("POST", "/v1/auth/token/lookup-accessor", &root, &accessor).await;
    assert_eq!((status, &seen["data"]["id"]), (200, &json!("")));
    assert_eq!(world.call("POST", "/v1/auth/token/revoke-self", &child, "").await.0, 400);
    let named = json!({"token": child}).to_string();
    assert_eq!(world.call("POST", "/v1/auth/token/revoke", &root, &named).await.0, 204);
    assert_eq!(world.call("GET", "/v1/secret/data/app", &child, "").await.0, 403);
    assert_eq!(world.call("GET", "/v1/secret/data/app", &root, "").await.0, 200, "re-keyed");
    let (status, all) =
        world.call("POST", "/v1/auth/token/create", &root, r#"{"ttl":"20m"}"#).await;
    assert_eq!((status, &all["auth"]["policies"]), (200, &json!(["write:*"])), "not root itself");
}

#[tokio::test]
async fn a_token_logs_in_as_its_own_secret_id() {
    let world = World::new();
    world.call("POST", "/v1/secret/data/app", &world.root(), r#"{"data":{"A":"1"}}"#).await;
    let who = world.made("app", false, Some(now() + 600), 0);
    let login =
        |role: &str, secret: &str| json!({"role_id": role, "secret_id": secret}).to_string();
    let good = login(&who.id().to_string(), &text(&who));
    let (status, answer) = world.call("PUT", "/v1/auth/approle/login", "", &good).await;
    assert_eq!((status, &answer["auth"]["client_token"]), (200, &json!(text(&who))), "{answer}");
    assert_eq!(answer["auth"]["renewable"], false);
    let unknown = crate::world::stranger();
    for bad in [
        login("nobody", &text(&who)),
        login(&who.id().to_string(), "bad"),
        login(&unknown.id().to_string(), &text(&unknown)),
    ] {
        let (status, answer) = world.call("PUT", "/v1/auth/approle/login", "", &bad).await;
        assert_eq!((status, &answer["errors"][0]), (400, &json!("invalid role or secret ID")));
    }
}
