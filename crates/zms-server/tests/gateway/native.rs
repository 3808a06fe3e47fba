//! The gateway's own surface.

use axum::{body::Body, http::Request};
use http_body_util::BodyExt;

use crate::world::World;

async fn call(
    world: &World,
    method: &str,
    at: &str,
    token: &str,
    extra: &[(&str, &str)],
    body: &str,
) -> (u16, String) {
    let mut request = Request::builder().method(method).uri(at).header("host", "127.0.0.1:3030");
    request = request.header("x-zms-token", token);
    for (name, value) in extra {
        request = request.header(*name, *value);
    }
    let answer = world.send(request.body(Body::from(body.to_owned())).expect("a request")).await;
    let status = answer.status().as_u16();
    let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8(bytes.to_vec()).expect("text"))
}

#[tokio::test]
async fn secrets_are_read_as_json_and_dotenv_and_written() {
    let world = World::new();
    let root = world.root();
    world.call("POST", "/v1/secret/data/shop", &root, r#"{"data":{"REGION":"eu","A":"0"}}"#).await;
    let body = r#"{"data":{"A":"it's","B":"two\nlines"}}"#;
    world.call("POST", "/v1/secret/data/shop/production", &root, body).await;
    let token = world.token("shop/production", true);
    let (status, json) = call(&world, "GET", "/v1/secrets", &token, &[], "").await;
    assert_eq!(status, 200);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        json,
        serde_json::json!({"A":"it's","B":"two\nlines","REGION":"eu"}),
        "inherited too"
    );
    let dotenv = [("accept", "text/x-dotenv")];
    let (_, text) = call(&world, "GET", "/v1/secrets", &token, &dotenv, "").await;
    assert!(text.contains("A=\"it's\"") || text.contains("A=`it's`"), "{text}");
    let (status, _) =
        call(&world, "GET", "/v1/secrets", &token, &[("accept", "image/png")], "").await;
    assert_eq!(status, 406);
    let plain = [("accept", "text/plain")];
    let one = call(&world, "GET", "/v1/secrets/REGION", &token, &plain, "").await;
    assert_eq!(one, (200, "eu".to_owned()));
    assert_eq!(call(&world, "PUT", "/v1/secrets/NEW", &token, &[], "raw value").await.0, 204);
    let body = r#"{"value":"json value"}"#;
    let sent = [("content-type", "application/json")];
    assert_eq!(call(&world, "PUT", "/v1/secrets/NEW2", &token, &sent, body).await.0, 204);
    assert_eq!(call(&world, "GET", "/v1/secrets/NEW", &token, &plain, "").await.1, "raw value");
    assert_eq!(call(&world, "GET", "/v1/secrets/NEW2", &token, &plain, "").await.1, "json value");
    assert_eq!(call(&world, "DELETE", "/v1/secrets/NEW", &token, &[], "").await.0, 204);
    assert_eq!(call(&world, "GET", "/v1/secrets/NEW", &token, &plain, "").await.0, 404);
    let elsewhere = call(&world, "GET", "/v1/secrets?path=other", &token, &[], "").await;
    assert_eq!(elsewhere.0, 403);
    let (status, text) = call(&world, "GET", "/v1/secrets", &root, &[], "").await;
    assert!(status == 200 || status == 400, "{text}");
}
