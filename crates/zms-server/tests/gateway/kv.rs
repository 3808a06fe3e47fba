//! Paths as wholes: versions, marks, values of any kind.

use serde_json::{Value, json};

use crate::world::World;

const DATA: &str = "/v1/secret/data/shop/production";
const METADATA: &str = "/v1/secret/metadata/shop/production";

async fn put(world: &World, token: &str, body: &str) -> u64 {
    let (status, answer) = world.call("POST", DATA, token, body).await;
    assert_eq!(status, 200, "{answer}");
    answer["data"]["version"].as_u64().expect("a version")
}

async fn held(world: &World, at: &str, token: &str) -> (u16, Value) {
    let (status, answer) = world.call("GET", at, token, "").await;
    (status, answer["data"]["data"].clone())
}

#[tokio::test]
async fn values_that_are_no_strings_keep_their_exact_text() {
    let world = World::new();
    let root = world.root();
    let values = r#"{"big":12345678901234567890123,"exp":1e400,"f":1.10,"list":[1, 2,{"a":null}],
        "none":null,"yes":true,"text":"\u00e9\n\"","empty":""}"#;
    put(&world, &root, &format!("{{\"data\":{values}}}")).await;
    let request = axum::http::Request::get(DATA).header("host", "localhost");
    let request = request.header("x-vault-token", &root).body(axum::body::Body::empty());
    let answer = world.send(request.expect("a request")).await;
    let bytes = http_body_util::BodyExt::collect(answer.into_body()).await.expect("a body");
    let text = String::from_utf8(bytes.to_bytes().to_vec()).expect("text");
    for exact in
        ["12345678901234567890123", "1e400", "1.10", "[1, 2,{\"a\":null}]", "\"none\":null"]
    {
        assert!(text.contains(exact), "{exact}: {text}");
    }
    put(&world, &root, r#"{"data":{"text":"\u00e9\n\"","empty":""}}"#).await;
    assert_eq!(held(&world, DATA, &root).await, (200, json!({"text":"é\n\"","empty":""})));
}

#[tokio::test]
async fn what_can_not_be_kept_exactly_is_refused() {
    let world = World::new();
    let root = world.root();
    for body in [
        r#"{"data":{"a":"1","a":"2"}}"#,
        r#"{"data":{"a":{"b":1,"b":2}}}"#,
        r#"{"data":{"a":"\ud800"}}"#,
        "{\"data\":{\"a\":\"1\"}} x",
        r#"{"data":{"a=b":"1"}}"#,
        r#"{"data":{"":"1"}}"#,
        "{\"data\":{\"e\u{301}\":\"1\"}}",
        "{\"data\":{\"a\u{202e}\":\"1\"}}",
        &format!("{{\"data\":{{\"a\":{}{}}}}}", "[".repeat(10_000), "]".repeat(10_000)),
        &format!("{{\"data\":{{\"a\":\"{}\"}}}}", "x".repeat((1 << 20) + 1)),
    ] {
        let (status, answer) = world.call("POST", DATA, &root, body).await;
        assert_eq!(status, 400, "{answer}");
    }
    let (status, _) = world.call("GET", DATA, &root, "").await;
    assert_eq!(status, 404, "nothing was written");
    let request = axum::http::Request::post(DATA).header("host", "localhost");
    let bytes = axum::body::Body::from(&b"{\"data\":{\"a\":\"\xff\"}}"[..]);
    let request = request.header("x-vault-token", &root).body(bytes).expect("a request");
    assert_eq!(world.send(request).await.status(), 400);
}

#[tokio::test]
async fn check_and_set_names_the_version_before() {
    let world = World::new();
    let root = world.root();
    assert_eq!(put(&world, &root, r#"{"data":{"a":"1"},"options":{"cas":0}}"#).await, 1);
    assert_eq!(put(&world, &root, r#"{"data":{"a":"2"},"options":{"cas":"1"}}"#).await, 2);
    for cas in ["0", "1", "3", "-1", "\"1\""] {
        let body = format!("{{\"data\":{{\"a\":\"x\"}},\"options\":{{\"cas\":{cas}}}}}");
        let (status, answer) = world.call("PUT", DATA, &root, &body).await;
        assert_eq!(status, 400);
        assert_eq!(
            answer["errors"][0],
            "check-and-set parameter did not match the current version"
        );
    }
    assert_eq!(put(&world, &root, r#"{"data":{"a":"2"}}"#).await, 3, "the same again is a version");
    assert_eq!(put(&world, &root, r#"{"data":{}}"#).await, 4);
    assert_eq!(put(&world, &root, r#"{"data":{}}"#).await, 5, "nothing again is a version");
    assert_eq!(held(&world, DATA, &root).await, (200, json!({})));
}

#[tokio::test]
async fn versions_are_deleted_brought_back_and_destroyed() {
    let world = World::new();
    let root = world.root();
    for number in 1..=3 {
        put(&world, &root, &format!("{{\"data\":{{\"n\":\"{number}\"}}}}")).await;
    }
    assert_eq!(world.call("DELETE", DATA, &root, "").await.0, 204);
    let (status, answer) = world.call("GET", DATA, &root, "").await;
    assert_eq!((status, &answer["data"]["data"]), (404, &Value::Null));
    assert_eq!(answer["data"]["metadata"]["version"], 3);
    assert_ne!(answer["data"]["metadata"]["deletion_time"], "");
    assert_eq!(held(&world, &format!("{DATA}?version=2"), &root).await, (200, json!({"n":"2"})));
    let undelete = "/v1/secret/undelete/shop/production";
    assert_eq!(world.call("PUT", undelete, &root, r#"{"versions":["3"]}"#).await.0, 204);
    assert_eq!(held(&world, DATA, &root).await, (200, json!({"n":"3"})));
    let (_, metadata) = world.call("GET", METADATA, &root, "").await;
    assert_eq!(metadata["data"]["current_version"], 3, "marks are no versions");
    let destroy = "/v1/secret/destroy/shop/production";
    assert_eq!(world.call("PUT", destroy, &root, r#"{"versions":[1,3,77]}"#).await.0, 204);
    assert_eq!(world.call("PUT", undelete, &root, r#"{"versions":[1,3]}"#).await.0, 204);
    for gone in [1, 3] {
        let (status, answer) =
            world.call("GET", &format!("{DATA}?version={gone}"), &root, "").await;
        assert_eq!((status, &answer["data"]["metadata"]["destroyed"]), (404, &json!(true)));
    }
    let body = r#"{"data":{"n":"next"},"options":{"cas":3}}"#;
    let next = put(&world, &root, body).await;
    assert!(next > 3, "a deleted version is still the one before");
    assert_eq!(held(&world, DATA, &root).await, (200, json!({"n":"next"})));
}

#[tokio::test]
async fn a_path_can_be_forgotten_and_begun_anew() {
    let world = World::new();
    let root = world.root();
    put(&world, &root, r#"{"data":{"a":"1"}}"#).await;
    world.call("POST", "/v1/secret/data/shop/production/api", &root, r#"{"data":{"b":"1"}}"#).await;
    assert_eq!(world.call("DELETE", METADATA, &root, "").await.0, 204);
    assert_eq!(world.call("GET", METADATA, &root, "").await.0, 404);
    assert_eq!(world.call("GET", DATA, &root, "").await.0, 404);
    assert_eq!(world.call("GET", &format!("{DATA}?version=1"), &root, "").await.0, 404);
    let (_, list) = world.call("LIST", "/v1/secret/metadata/shop", &root, "").await;
    assert_eq!(list["data"]["keys"], json!(["production/"]), "what lies below it stays");
    put(&world, &root, r#"{"data":{"a":"2"},"options":{"cas":0}}"#).await;
    assert_eq!(held(&world, DATA, &root).await, (200, json!({"a":"2"})));
    let (_, metadata) = world.call("GET", METADATA, &root, "").await;
    assert_eq!(metadata["data"]["versions"].as_object().expect("a map").len(), 1);
}

#[tokio::test]
async fn what_is_said_of_a_path_and_of_its_mount_holds() {
    let world = World::new();
    let root = world.root();
    assert_eq!(
        world
            .call("POST", "/v1/sys/mounts/kv3", &root, r#"{"type":"kv","description":"d"}"#)
            .await
            .0,
        204
    );
    let at = "/v1/kv3/data/app";
    let config = r#"{"max_versions":2,"cas_required":true}"#;
    assert_eq!(world.call("POST", "/v1/kv3/config", &root, config).await.0, 204);
    let (status, answer) = world.call("POST", at, &root, r#"{"data":{"a":"0"}}"#).await;
    assert_eq!(
        (status, &answer["errors"][0]),
        (400, &json!("check-and-set parameter required for this call"))
    );
    for cas in 0..4 {
        let body = format!("{{\"data\":{{\"a\":\"{cas}\"}},\"options\":{{\"cas\":{cas}}}}}");
        assert_eq!(world.call("POST", at, &root, &body).await.0, 200);
    }
    assert_eq!(
        world.call("GET", &format!("{at}?version=2"), &root, "").await.0,
        404,
        "two are shown"
    );
    assert_eq!(world.call("GET", &format!("{at}?version=3"), &root, "").await.0, 200);
    let said = r#"{"custom_metadata":{"owner":"me","x":"y"},"delete_version_after":"2s"}"#;
    assert_eq!(world.call("PUT", "/v1/kv3/metadata/app", &root, said).await.0, 204);
    let patch = r#"{"custom_metadata":{"x":null}}"#;
    assert_eq!(world.call("PATCH", "/v1/kv3/metadata/app", &root, patch).await.0, 204);
    let body = r#"{"data":{"a":"brief"},"options":{"cas":4}}"#;
    let (status, answer) = world.call("POST", at, &root, body).await;
    assert_eq!((status, &answer["data"]["custom_metadata"]), (200, &json!({"owner":"me"})));
    assert_eq!(world.call("GET", at, &root, "").await.0, 200);
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(world.call("GET", at, &root, "").await.0, 404, "its time has come");
    let (status, answer) = world.call("GET", "/v1/nope/data/x", &root, "").await;
    assert_eq!((status, answer["errors"].as_array().map(Vec::len)), (404, Some(1)));
    assert_eq!(world.call("POST", "/v1/nope/data/x", &root, r#"{"data":{}}"#).await.0, 404);
    assert_eq!(world.call("DELETE", "/v1/sys/mounts/kv3", &root, "").await.0, 204);
    assert_eq!(world.call("GET", at, &root, "").await.0, 404);
}

#[tokio::test]
async fn a_merge_patch_changes_what_it_names() {
    let world = World::new();
    let root = world.root();
    let body = r#"{"data":{"a":"1","b":"2","o":{"x":1.50,"y":[1]}}}"#;
    put(&world, &root, body).await;
    let patch = r#"{"data":{"a":null,"o":{"y":null,"z":"new"},"c":{"d":null,"e":2}}}"#;
    let (status, answer) = world.call("PATCH", DATA, &root, patch).await;
    assert_eq!((status, &answer["data"]["version"]), (200, &json!(2)));
    let expected = json!({"b":"2","o":{"x":1.50,"z":"new"},"c":{"e":2}});
    assert_eq!(held(&world, DATA, &root).await, (200, expected));
    let (_, answer) = world.call("GET", "/v1/secret/subkeys/shop/production", &root, "").await;
    let names = json!({"b":null,"c":{"e":null},"o":{"x":null,"z":null}});
    assert_eq!(answer["data"]["subkeys"], names);
    let (_, answer) =
        world.call("GET", "/v1/secret/subkeys/shop/production?depth=1", &root, "").await;
    assert_eq!(answer["data"]["subkeys"], json!({"b":null,"c":null,"o":null}));
}
